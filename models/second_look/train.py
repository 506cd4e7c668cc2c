"""Train the second look: `python -m models.second_look.train --work DIR`. Goes on where it was stopped.

Needs WORK/bank, WORK/fold.npz (prepare.py) and what bears the plates (WORK/vehicles-*.json: teach.py for real
pictures, prepare.py for rendered ones). Writes:

    WORK/look/last.pt     everything that a further epoch needs
    WORK/look/curve.csv   by epoch: losses; on the held-out fold what tells plates from the rest, and vehicles;
                          curve.png draws it
    WORK/look/epochN.pt   the averaged weights after an epoch
"""

import csv
import math
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from edge.detect.second_look import VEHICLES
from models.detector import curve
from models.detector.train import has_bfloat16
from models.second_look.bank import Bank, Batch, taught_in
from models.second_look.fit import summary
from models.second_look.measure import Views
from models.second_look.net import SecondLook
from models.second_look.recipe import recipe_of


def loss_of(answers: Tensor, batch: Batch, rules: dict[str, Any], weights: Tensor) -> Tensor:
    """Plate or not, where it ends, what bears it.

    Args:
        answers: (n, 9), the net's.
        batch: what is right.
        rules: the recipe's `train`.
        weights: (4,) of the vehicles' classes.
    """
    plate = functional.binary_cross_entropy_with_logits(answers[:, 0], torch.from_numpy(batch.plate))
    total = plate
    exact = torch.from_numpy(batch.exact)
    if exact.any():
        change = torch.from_numpy(batch.change)[exact]
        total = total + rules["box_weight"] * functional.smooth_l1_loss(
            answers[exact, 1:5], change, beta=0.05
        )
    vehicle = torch.from_numpy(batch.vehicle)
    known = vehicle >= 0
    if known.any():
        total = total + rules["vehicle_weight"] * functional.cross_entropy(
            answers[known, 5:], vehicle[known], weight=weights
        )
    return total


def class_weights(vehicle: NDArray[np.int64]) -> Tensor:
    """Rarer vehicles weigh more: by the inverse root of how many there are."""
    counts = np.array([max(1, int((vehicle == kind).sum())) for kind in range(len(VEHICLES))])
    weights = np.sqrt(counts.max() / counts)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def answers_of(net: SecondLook, near: NDArray[np.uint8], far: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The net's answers on views (n, h, w) uint8, (n, 9) float32."""
    net.eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(near), 256):
            end = start + 256
            close, around = torch.from_numpy(near[start:end]), torch.from_numpy(far[start:end])
            parts.append(net(close[:, None].float(), around[:, None].float()).float().numpy())
    return np.concatenate(parts)


def load(path: Path) -> SecondLook:
    """The net with an epoch's averaged weights."""
    net = SecondLook()
    net.load_state_dict(torch.load(path, weights_only=True))
    net.eval()
    return net


class Run:
    """One training, from its files on."""

    def __init__(self, work: Path, recipe: dict[str, Any]) -> None:
        """Open the banks and go on from WORK/look/last.pt where it is."""
        self.rules, self.fit, self.folder = recipe["train"], recipe["fit"], work / "look"
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe["seed"])
        self.seed = recipe["seed"]
        self.taught = taught_in(work)
        self.bank, self.fold = Bank(work, self.taught), Views.load(work / "fold.npz")
        self.weights = class_weights(self.bank.vehicle)
        self.net = SecondLook(drop=self.rules["drop"])
        self.mean = SecondLook(drop=self.rules["drop"])
        self.mean.load_state_dict(self.net.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=self.rules["rate"], weight_decay=self.rules["weight_decay"]
        )
        self.plates = np.flatnonzero(self.bank.boxes["plate"])
        self.others = np.flatnonzero(~self.bank.boxes["plate"])
        self.of_others = round(self.rules["batch"] * self.rules["negatives"])
        self.steps_an_epoch = math.ceil(len(self.plates) / (self.rules["batch"] - self.of_others))
        self.epoch = self.steps = 0
        self.bfloat16 = has_bfloat16()
        if (self.folder / "last.pt").is_file():
            last = torch.load(self.folder / "last.pt", weights_only=True)
            self.net.load_state_dict(last["net"])
            self.mean.load_state_dict(last["mean"])
            self.optimiser.load_state_dict(last["optimiser"])
            self.epoch, self.steps = last["epoch"], last["epoch"] * self.steps_an_epoch

    def rate(self, step: int) -> float:
        """Learning rate: up in a straight line, down along a cosine."""
        whole = self.steps_an_epoch * self.rules["epochs"]
        if step < self.rules["warm"]:
            return float(self.rules["rate"] * (step + 1) / self.rules["warm"])
        return float(self.rules["rate"] * 0.5 * (1.01 + 0.99 * math.cos(math.pi * step / whole)))

    def learn(self) -> float:
        """One epoch; returns the mean loss."""
        torch.manual_seed(self.seed + self.epoch)  # of the dropout: the same where a run goes on
        rng = np.random.default_rng([self.seed, self.epoch])
        plates = rng.permutation(self.plates)
        losses = []
        self.net.train()
        words = f"epoch {self.epoch + 1} of {self.rules['epochs']}"
        for step in track(range(self.steps_an_epoch), description=words, transient=True):
            size = self.rules["batch"] - self.of_others
            chosen = np.concatenate(
                (plates[step * size : (step + 1) * size], rng.choice(self.others, self.of_others))
            )
            batch = self.bank.batch(chosen, rng)
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate(self.epoch * self.steps_an_epoch + step)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                near, far = torch.from_numpy(batch.near).float(), torch.from_numpy(batch.far).float()
                answers = self.net(
                    near.contiguous(memory_format=torch.channels_last),
                    far.contiguous(memory_format=torch.channels_last),
                )
            loss = loss_of(answers.float(), batch, self.rules, self.weights)
            self.optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimiser.step()
            self._average()
            losses.append(float(loss.detach()))
        self.epoch += 1
        return float(np.mean(losses))

    def _average(self) -> None:
        self.steps += 1
        keep = min(self.rules["average"], (1 + self.steps) / (10 + self.steps))
        theirs = self.net.state_dict()
        for name, value in self.mean.state_dict().items():
            if value.dtype.is_floating_point:
                value.mul_(keep).add_(theirs[name], alpha=1 - keep)
            else:
                value.copy_(theirs[name])

    def look(self, loss: float) -> dict[str, float]:
        """Measure the averaged weights on the fold."""
        answers = answers_of(self.mean, self.fold.near, self.fold.far)
        return {"epoch": self.epoch, "loss": loss, **summary(self.fold, answers, self.taught, self.fit)}

    def save(self, row: dict[str, float]) -> None:
        """Write what the module says."""
        torch.save(self.mean.state_dict(), self.folder / f"epoch{self.epoch}.pt")
        last = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
        }
        torch.save(last, self.folder / "last.tmp")
        (self.folder / "last.tmp").replace(self.folder / "last.pt")
        table = self.folder / "curve.csv"
        new = not table.is_file()
        with table.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow({key: round(value, 5) for key, value in row.items()})
        curve.draw(curve.load(table, curve.LOOK), self.folder / "curve.png", title="second look")


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(work: Path, threads: int) -> None:
    """Train the second look."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    run = Run(work, recipe_of(work))
    click.echo(f"{len(run.plates)} plates, {len(run.others)} others, {run.steps_an_epoch} steps an epoch")
    while run.epoch < run.rules["epochs"]:
        row = run.look(run.learn())
        run.save(row)
        click.echo(" ".join(f"{key} {value:.4g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
