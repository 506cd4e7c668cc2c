"""Render what the detector learns from where pictures are few: `python -m models.detector.render --work DIR`.

Below WORK/synth, each folder with labels.csv and, when it is whole, manifest.yaml or (lettering) labels.csv last:

    SEED/, street-SEED/      street scenes whose plates are labelled; streets in which no vehicle bears a plate
    lettering/               words and numbers that are no plate
    fold-*/                  the same, from seeds that nothing is trained on

A folder that is whole is kept; one that was cut off is rendered anew.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Literal

import click
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.detector.recipe import recipe_of
from models.synth import typefaces
from models.synth.negatives import write_lettering
from models.synth.streets import write_streets
from models.synth.training import write_set

TYPEFACES: Final = Path(__file__).parents[1] / "reader" / "recipe.yaml"
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """One folder to render.

    Attributes:
        kind: what is drawn in it.
        folder: where it goes.
        count: pictures; of scenes, those of streets.
        seed: of everything in it.
        width_px: of a street.
        crops: plates that fill a picture, beside scenes.
    """

    kind: Literal["scenes", "streets", "lettering"]
    folder: Path
    count: int
    seed: int
    width_px: int
    crops: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether the last file that is written lies there."""
        last = "labels.csv" if self.kind == "lettering" else "manifest.yaml"
        return (self.folder / last).is_file()

    @property
    def done(self) -> int:
        """Pictures that lie there."""
        return sum(1 for _ in self.folder.glob("*/*.*"))


def jobs(work: Path, rules: dict[str, Any]) -> list[Job]:
    """What the recipe's `render` asks for."""
    out, wide, fold = work / "synth", rules["width_px"], rules["fold"]
    scenes, streets, words = rules["scenes"], rules["streets"], rules["lettering"]
    return [
        *(Job("scenes", out / f"{s}", scenes["each"], s, wide, scenes["crops"]) for s in scenes["seeds"]),
        *(Job("streets", out / f"street-{s}", streets["each"], s, wide) for s in streets["seeds"]),
        Job("lettering", out / "lettering", words["count"], words["seed"], wide),
        Job("scenes", out / "fold-scenes", fold["scenes"], fold["seed"], wide),
        Job("streets", out / "fold-streets", fold["streets"], fold["seed"] + 1, wide),
        Job("lettering", out / "fold-lettering", fold["lettering"], fold["seed"] + 2, wide),
    ]


def draw(job: Job) -> None:
    """Render one folder."""
    if job.kind == "scenes":
        write_set(
            job.folder,
            crops=job.crops,
            scenes=job.count,
            seed=job.seed,
            width_px=job.width_px,
            progress=_nobody,
        )
    elif job.kind == "streets":
        write_streets(job.folder, count=job.count, seed=job.seed, width_px=job.width_px, progress=_nobody)
    else:
        names = yaml.safe_load(TYPEFACES.read_text(encoding="utf-8"))["typefaces"]
        faces = typefaces.installed(names)
        write_lettering(job.folder, count=job.count, seed=job.seed, faces=faces, data=None, progress=_nobody)


def _nobody(_done: int) -> None:
    """The parent process counts files instead."""


def draw_all(wanted: Sequence[Job], *, workers: int) -> None:
    """Render folders side by side, with a bar.

    Raises:
        ValueError: a seed is kept for the clips or for tests.
    """
    left = [job for job in wanted if not job.is_whole]
    for job in left:
        for path in job.folder.glob("*/*.*"):  # of a run that was cut off: the bar counts files
            path.unlink()
    bar = Progress(TextColumn("rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, bar:
        task = bar.add_task("", total=sum(job.count + job.crops for job in left))
        running: list[Future[None]] = [pool.submit(draw, job) for job in left]
        while not all(each.done() for each in running):
            time.sleep(_LOOK_EVERY_S)
            bar.update(task, completed=sum(job.done for job in left))
        for each in running:
            each.result()


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--alone", is_flag=True, help="More of it: there are no real pictures.")
def main(work: Path, alone: bool) -> None:
    """Render scenes, streets and lettering below WORK/synth; what is whole there is kept."""
    rules = recipe_of(work, alone=alone)
    wanted = jobs(work, rules["render"])
    draw_all(wanted, workers=rules["machine"]["render"])
    click.echo(f"{sum(job.count + job.crops for job in wanted)} rendered pictures in {len(wanted)} folders")


if __name__ == "__main__":
    main()
