"""What more would buy: short trainings that differ in one thing. `python -m models.reader.sweep --work DIR`.

Each runs in WORK/sweep/NAME as train.py does, from the start, over the same few steps, and can be stopped and gone on
with. From labels alone nothing is read before some 100,000 pictures, whatever the net: so each is also told what
WORK/best.pt says of every column (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015). What counts is
the order, not the height. Writes WORK/sweep/table.md.
"""

import copy
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import torch
import yaml
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from models.reader.data import Stream
from models.reader.export import load
from models.reader.prepare import RECIPE
from models.reader.quantise import Heads, distance
from models.reader.train import Run

_LINKED: Final = ("bank", "crops.npz", "crops.json")
_SAVED: Final = 100  # steps


@dataclass(frozen=True, slots=True)
class Variant:
    """One training.

    Attributes:
        width: of the net's layers, in those of the recipe.
        scale: to which pictures are made smaller and back again: what a plate of fewer pixels shows.
        real: share of real crops; None: as the recipe has it.
    """

    name: str
    width: float = 1.0
    scale: float = 1.0
    real: float | None = None

    def recipe(self, whole: dict[str, Any], *, steps: int, batch: int) -> dict[str, Any]:
        """The recipe with this one thing otherwise."""
        changed = copy.deepcopy(whole)
        changed["net"]["widths"] = [round(self.width * width) for width in whole["net"]["widths"]]
        rules = changed["cpu"]
        rules |= {
            "batch": batch,
            "steps": steps,
            "warm_up": steps // 10,
            "look_every": steps,
            "average": 0.98,
            "begin": "nothing",
        }
        if self.real is not None:
            rules["shares"]["real"] = self.real
        return changed


VARIANTS: Final = (
    Variant("as shipped"),
    Variant("half as wide", width=0.5),
    Variant("pictures of 48x144", scale=0.75),
    Variant("rendered plates alone", real=0.0),
    Variant("half as wide again", width=1.5),
)


class Taught(Run):
    """A training that is told by another net, too.

    Args:
        teacher: sees the pictures as they are.
        scale: at which the net sees them.
    """

    def __init__(
        self, work: Path, recipe: dict[str, Any], rules: dict[str, Any], *, teacher: Heads, scale: float
    ) -> None:
        super().__init__(work, recipe, rules)
        self._teacher, self._scale = teacher.to(self.device).eval(), scale
        self.sets = {
            name: [(coarse(torch.from_numpy(p)[None, None], scale)[0, 0].numpy(), text) for p, text in pairs]
            for name, pairs in self.sets.items()
        }

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """Of the labels and of the teacher's word, nats a picture."""
        with torch.no_grad():
            right = self._teacher(batch[0])
        seen = coarse(batch[0], self._scale)
        told = distance(Heads(self.model)(seen), right, kind_weight=self.rules["kind_weight"])
        return super().loss((seen, *batch[1:])) + told


def coarse(pictures: Tensor, scale: float) -> Tensor:
    """(n, 1, h, w) uint8 or float: made smaller and back again."""
    if scale == 1.0:
        return pictures
    size = pictures.shape[-2:]
    small = functional.interpolate(pictures, scale_factor=scale, mode="bilinear", antialias=True)
    found: Tensor = functional.interpolate(small, size=size, mode="bilinear", antialias=True)
    return found


def train(
    variant: Variant, work: Path, recipe: dict[str, Any], *, steps: int, batch: int
) -> dict[str, float]:
    """Shares of each held-out set that are read exactly at the end."""
    folder = work / "sweep" / f"{variant.name.replace(' ', '-')}-{steps}x{batch}"
    ended = folder / "found.json"
    if ended.is_file():
        found: dict[str, float] = json.loads(ended.read_text(encoding="utf-8"))
        return found
    folder.mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        if (work / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to((work / name).resolve())
    changed = variant.recipe(recipe, steps=steps, batch=batch)
    rules = changed["cpu"]
    teacher = Heads(load(work / "best.pt", recipe))
    run = Taught(folder, changed, rules, teacher=teacher, scale=variant.scale)
    drawn = iter(Stream(folder, batch=rules["batch"], seed=recipe["seed"] + run.step, shares=rules["shares"]))
    loss = math.nan
    for _ in track(range(run.step, steps), description=variant.name):
        loss = run.learn(next(drawn))
        if run.step % _SAVED == 0:
            run.save()
    found = run.look(loss)
    ended.write_text(json.dumps(found), encoding="utf-8")
    return found


@click.command()
@click.option("--work", type=click.Path(path_type=Path, exists=True), default=Path("../atalaya-work/reader"))
@click.option("--steps", type=click.IntRange(10), default=400, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True)
@click.option("--threads", type=int, default=2, show_default=True)
def main(*, work: Path, steps: int, batch: int, threads: int) -> None:
    """Train every variant and print what each reads."""
    torch.set_num_threads(threads)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    rows = {variant.name: train(variant, work, recipe, steps=steps, batch=batch) for variant in VARIANTS}
    names = sorted({name for found in rows.values() for name in found})
    lines = ["| | " + " | ".join(names) + " | mean |", "|---" * (len(names) + 2) + "|"]
    for name, found in rows.items():
        mean = sum(found.values()) / len(found)
        lines.append(f"| {name} | " + " | ".join(f"{found[n]:.3f}" for n in names) + f" | {mean:.3f} |")
    (work / "sweep" / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
