"""Train the reader: `python -m models.reader.train --work DIR`. Goes on where it was stopped.

It begins with the shipped weights, grown where the recipe's net is wider, or with none, as the recipe says.

WORK/last.pt     everything that a further step needs, every few minutes
WORK/best.pt     the averaged weights that read the held-out fold best
WORK/curve.csv   loss and fold accuracy by step; curve.png draws it
"""

import csv
import json
import math
import time
from pathlib import Path
from typing import Any

import click
import torch
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from models.reader import curve
from models.reader.atalaya_plate import Model
from models.reader.data import Stream, fold, lettering_fold, rendered_fold, scaled
from models.reader.grow import grown
from models.reader.measure import accuracy
from models.reader.prepare import KINDS, RECIPE

CLASSES = 37
SHIPPED = Path(__file__).with_name("atalaya_plate.pth")


def build(recipe: dict[str, Any]) -> Model:
    """The net as the recipe wants it, untrained."""
    return Model(CLASSES, **network_params(recipe))


def network_params(recipe: dict[str, Any]) -> dict[str, Any]:
    """What `Model` takes beside the number of characters."""
    return {
        "widths": tuple(recipe["net"]["widths"]),
        "depth": tuple(recipe["net"]["depth"]),
        "kinds": len(KINDS),
    }


def shipped(recipe: dict[str, Any]) -> dict[str, Tensor]:
    """The shipped weights, grown to the recipe's net where that is wider.

    Raises:
        click.ClickException: the recipe's is narrower, or differs in more than its widths.
    """
    facts = yaml.safe_load(SHIPPED.with_suffix(".yaml").read_text(encoding="utf-8"))
    kept = torch.load(SHIPPED, weights_only=True)
    state = {name.removeprefix("module."): value for name, value in kept.items()}
    try:
        return grown(state, facts["network_params"], network_params(recipe), seed=recipe["seed"])
    except ValueError as why:
        raise click.ClickException(
            f"the shipped net can't become the recipe's ({why}): set begin: nothing"
        ) from why


def loss_of(model: Model, batch: tuple[Tensor, ...], rules: dict[str, Any]) -> Tensor:
    """CTC of each look with its line where the parting is known, of both together where not, and the kind."""
    pictures, targets, lengths, parted, kinds = batch
    features, whole = model.features(pictures)
    logits = model.looks(features).float()
    looks = logits.log_softmax(dim=3)
    total = torch.zeros((), device=logits.device)
    if parted.any():
        for place in range(2):
            total = total + _ctc(looks[parted, place], targets[parted, place], lengths[parted, place])
    if not parted.all():
        together = model.joined(logits[~parted]).log_softmax(dim=2)
        total = total + _ctc(together, targets[~parted, 2], lengths[~parted, 2])
    known = kinds >= 0
    if known.any():
        guess = model.kind(whole[known]).float()
        total = total + rules["kind_weight"] * functional.cross_entropy(guess, kinds[known], reduction="sum")
    return total / len(pictures)


def _ctc(log_probs: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    steps = torch.full((len(log_probs),), log_probs.shape[1], dtype=torch.long)
    return functional.ctc_loss(
        log_probs.transpose(0, 1), targets, steps, lengths, reduction="sum", zero_infinity=True
    )


def rate(step: int, rules: dict[str, Any]) -> float:
    """Learning rate: a short rise, then half a cosine down."""
    if step < rules["warm_up"]:
        return float(rules["rate"] * (step + 1) / rules["warm_up"])
    share = (step - rules["warm_up"]) / max(1, rules["steps"] - rules["warm_up"])
    return float(rules["rate"] * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6)


def differences(begun: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Rules that a run was begun with and that the recipe has otherwise now; its length may change."""
    return [
        f"{key} was {begun.get(key)}, is {now.get(key)}"
        for key in sorted({*begun, *now} - {"steps"})
        if begun.get(key) != now.get(key)
    ]


class Run:
    """A training that can be stopped and gone on with."""

    def __init__(self, work: Path, recipe: dict[str, Any], rules: dict[str, Any]) -> None:
        torch.manual_seed(recipe["seed"])
        self.work, self.rules = work, rules
        self.device = torch.device(rules["device"])
        self.model = build(recipe).to(self.device, memory_format=torch.channels_last)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.model,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(rules["average"]),
            use_buffers=True,
        )
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=rules["decay"])
        self.step, self.best = 0, -1.0
        self.sets = {**fold(work), "rendered": rendered_fold(work, 1000, seed=recipe["seed"])}
        if words := lettering_fold(work):
            self.sets["lettering"] = words
        if (last := work / "last.pt").exists():
            self._go_on(last)
        elif rules["begin"] == "shipped":
            self._begin_as(shipped(recipe))

    def _begin_as(self, state: dict[str, Tensor]) -> None:
        self.model.load_state_dict(state)
        self.average.module.load_state_dict(state)

    def _go_on(self, last: Path) -> None:
        """Take up what `save` kept.

        Raises:
            click.ClickException: it was begun by another recipe, or does not say by which.
        """
        state = torch.load(last, weights_only=True, map_location=self.device)
        if not {"rules", "sets"} <= set(state):
            raise click.ClickException(
                f"{last} does not say by which recipe it was begun: name another --work, or delete it to begin anew"
            )
        if found := differences(state["rules"], self.rules):
            raise click.ClickException(
                f"{last} was begun by another recipe ({'; '.join(found)}): name another --work, or delete it"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.best = state["step"], state["best"]
        if state["sets"] != sorted(self.sets):
            was, now = ", ".join(state["sets"]), ", ".join(sorted(self.sets))
            click.echo(f"held out were {was}, are {now}: the best is looked for anew")
            self.best = -1.0

    def learn(self, batch: tuple[Tensor, ...]) -> float:
        """One step; the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.step, self.rules)
        batch = tuple(part.to(self.device) for part in batch)
        pictures = scaled(batch[0]).to(memory_format=torch.channels_last)
        self.model.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            loss = self.loss((pictures, *batch[1:]))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return float(loss.detach())

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Of a batch whose pictures are scaled, nats a picture."""
        return loss_of(self.model, batch, self.rules)

    def look(self, loss: float) -> dict[str, float]:
        """Measure on the fold, write the curve, keep the best."""
        found = accuracy(self.average.module, self.sets)
        # Every set counts alike; a rendered plate that nobody could read is in all of them.
        mean = sum(found.values()) / len(found)
        with (self.work / "curve.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([self.step, round(loss, 4), json.dumps(found)])
        curve.draw(
            curve.load(self.work / "curve.csv"),
            {name: len(pairs) for name, pairs in self.sets.items()},
            self.work / "curve.png",
        )
        if mean > self.best:
            self.best = mean
            torch.save(self.average.module.state_dict(), self.work / "best.pt")
        return found

    def save(self) -> None:
        """Keep all that a further step needs; whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "best": self.best,
            "rules": self.rules,
            "sets": sorted(self.sets),
        }
        torch.save(state, self.work / "last.tmp")
        (self.work / "last.tmp").replace(self.work / "last.pt")


@click.command()
@click.option(
    "--work",
    type=click.Path(path_type=Path, exists=True),
    default=Path("../atalaya-work/reader"),
    show_default=True,
)
@click.option(
    "--section", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True, help="of the recipe"
)
@click.option(
    "--steps", type=int, help="end here instead of where the recipe does (the rate's schedule stays)"
)
@click.option("--threads", type=int, default=2, show_default=True)
def main(work: Path, section: str, steps: int | None, threads: int) -> None:
    """Train the reader on what prepare.py wrote into WORK."""
    torch.set_num_threads(threads)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    rules = recipe[section]
    run = Run(work, recipe, rules)
    stream = Stream(work, batch=rules["batch"], seed=recipe["seed"] + run.step, shares=rules["shares"])
    # A process of its own from the start: OpenCV hangs where a process that used its threads is forked.
    loader = DataLoader(
        stream,
        batch_size=None,
        num_workers=rules["workers"],
        prefetch_factor=8,
        multiprocessing_context="spawn",
    )
    batches = iter(loader)
    smooth, saved_at = 0.0, time.monotonic()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        refresh_per_second=0.2,
    )
    with bar:
        task = bar.add_task("training", total=steps or rules["steps"], completed=run.step)
        while run.step < (steps or rules["steps"]):
            loss = run.learn(next(batches))
            smooth = loss if smooth == 0.0 else 0.98 * smooth + 0.02 * loss
            bar.update(task, completed=run.step, description=f"loss {smooth:.3f}")
            if run.step % rules["look_every"] == 0 or run.step == rules["steps"]:
                found = run.look(smooth)
                words = "  ".join(f"{name} {share:.3f}" for name, share in found.items())
                bar.console.print(f"step {run.step}  loss {smooth:.3f}  {words}", soft_wrap=True)
            if time.monotonic() - saved_at > rules["save_every_s"]:
                run.save()
                saved_at = time.monotonic()
    run.save()


if __name__ == "__main__":
    main()
