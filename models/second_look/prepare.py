"""Cut what the second look is trained on: `python -m models.second_look.prepare PART --work DIR`.

Parts, each written below WORK:

    train      bank/real: patches around plates and around what is none, larger than the views (--data)
    written    bank/written: lettering written over real pictures (--data)
    rendered   bank/NAME: plates of rendered scenes (--scenes, as `python -m models.synth plates` wrote them)
    streets    bank/streets: what the detector proposes, and anything, in rendered streets without a plate
    lettering  bank/lettering: rendered lettering that is no plate, set into real and rendered streets
    fold       fold.npz: the detector's proposals on the held-out fold, as the edge would see them; of the rendered
               fold, fold-rendered.npz and vehicles-rendered.json; without --data that is fold.npz too
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from rich.progress import track

from edge.detect.nets import FirstNet
from edge.detect.proposer import Proposer
from edge.detect.second_look import VEHICLES
from edge.types import Box
from models.detector.alone import vehicles
from models.detector.engines import Exported
from models.detector.lettering import pieces, set_in
from models.detector.prepare import Picture, is_held_out, picture_of, read_labels, usable
from models.detector.recipe import recipe_of as detector_recipe_of
from models.detector.rendered import check
from models.second_look.folds import real_fold, rendered_fold, write_views
from models.second_look.mine import Miner
from models.second_look.recipe import recipe_of
from models.second_look.samples import Sample, nothing, write_bank
from models.second_look.written import over, proposed


@dataclass(frozen=True, slots=True)
class Job:
    """What a part is made with.

    Attributes:
        work: the work folder.
        data: labelled pictures; None where there are none.
        scenes: rendered ones, where the part wants them.
        first: the detector whose proposals are looked at.
        recipe, detector: both recipes.
    """

    work: Path
    data: Path | None
    scenes: Path | None
    first: FirstNet
    recipe: dict[str, Any]
    detector: dict[str, Any]

    @property
    def real(self) -> Path:
        """The labelled pictures.

        Raises:
            click.UsageError: there are none.
        """
        if self.data is None:
            raise click.UsageError("this part needs --data")
        return self.data

    def pictures(self) -> list[Picture]:
        """The labelled scenes that are not held out."""
        rules = self.detector["data"]
        return [
            p
            for p in usable(read_labels(self.real, split="train"), rules)
            if p.kind == "scene" and not is_held_out(p, rules["holdout"])
        ]

    def streets(self) -> list[tuple[Path, Picture]]:
        """Rendered streets without a plate, below WORK/synth, each with its folder."""
        folders = [self.work / "synth" / f"street-{s}" for s in self.detector["render"]["streets"]["seeds"]]
        return [(folder, picture) for folder in folders for picture in read_labels(folder, split="train")]


def rendered(folder: Path) -> tuple[list[Picture], dict[str, list[int]]]:
    """Scenes of a rendered folder, and the vehicle of each of their plates, as its place in `VEHICLES`."""
    known = {path: [VEHICLES.index(kind) for kind in kinds] for path, kinds in vehicles(folder).items()}
    return [p for p in read_labels(folder, split="train") if p.kind == "scene"], known


def real_samples(job: Job) -> Iterator[Sample]:
    """Samples of the labelled pictures that are not held out."""
    miner = Miner(job.first, job.recipe)
    for picture in track(job.pictures(), description="real pictures"):
        bgr = picture_of(job.real / picture.path)
        yield from miner.plates(picture, bgr)
        yield from miner.others(picture, bgr)
        yield from miner.street(picture, bgr)


def written_samples(job: Job) -> Iterator[Sample]:
    """Lettering written over the labelled pictures that are not held out."""
    counts = job.recipe["data"]["written"]
    rng = np.random.default_rng(job.recipe["seed"])
    chosen = [p for p in job.pictures() if p.set_name in counts]
    for picture in track(chosen, description="written over"):
        bgr, plates = picture_of(job.real / picture.path), [Box(*row) for row in picture.boxes]
        for written, box in over(bgr, plates, rng, counts[picture.set_name]):
            yield nothing(written, box, job.recipe["patches"], set_name="written")


def rendered_samples(job: Job) -> Iterator[Sample]:
    """Samples of rendered scenes: their plates alone, for what cannot be read there is not labelled."""
    if job.scenes is None:
        raise click.UsageError("rendered needs --scenes")
    check(job.scenes)
    miner = Miner(job.first, job.recipe)
    pictures, known = rendered(job.scenes)
    for picture in track(pictures, description=f"scenes {job.scenes.name}"):
        yield from miner.plates(picture, picture_of(job.scenes / picture.path), known[picture.path])


def street_samples(job: Job) -> Iterator[Sample]:
    """What is no plate in rendered streets without one."""
    miner = Miner(job.first, job.recipe)
    for folder, picture in track(job.streets(), description="streets"):
        yield from miner.others(picture, picture_of(folder / picture.path))


def lettering_samples(job: Job) -> Iterator[Sample]:
    """Rendered lettering set into scenes: a share into labelled ones where there are any, the rest into streets."""
    rules, widths = job.recipe["data"]["lettering"], tuple(job.detector["lettering"]["widths"])
    rng = np.random.default_rng(job.recipe["seed"] + 1)
    words = list(pieces(job.work / "synth" / "lettering"))
    streets = job.streets()
    real = [] if job.data is None else [(job.data, picture) for picture in job.pictures()]
    for number in track(range(rules["count"]), description="lettering"):
        places: Sequence[tuple[Path, Picture]] = real if real and rng.random() < rules["real"] else streets
        folder, picture = places[int(rng.integers(len(places)))]
        taken = [Box(*row) for row in picture.boxes]
        bgr = picture_of(folder / picture.path)
        one = set_in(bgr, words[number % len(words)], taken, rng, widths=widths)
        if one is not None:
            yield nothing(one.bgr, proposed(one.box, rng), job.recipe["patches"], set_name="lettering")


BANKS: dict[str, tuple[str, Callable[[Job], Iterator[Sample]]]] = {
    "train": ("real", real_samples),
    "written": ("written", written_samples),
    "rendered": ("", rendered_samples),
    "streets": ("streets", street_samples),
    "lettering": ("lettering", lettering_samples),
}
"""By part: the bank's name (that of the scenes' folder if empty) and where its samples come from."""


def write_part(part: str, job: Job) -> None:
    """Write a part's bank.

    Raises:
        click.ClickException: nothing was found for it.
    """
    name, make = BANKS[part]
    samples = list(make(job))
    if not samples:
        raise click.ClickException(f"part {part}: no sample found")
    folder = job.scenes.name if not name and job.scenes is not None else name
    write_bank(samples, job.work / "bank" / folder)
    click.echo(f"{sum(s.plate for s in samples)} plates, {sum(not s.plate for s in samples)} others")


def write_fold(job: Job) -> None:
    """Write the fold's views: of DATA, and of the rendered fold where that was written."""
    rng = random.Random(job.recipe["seed"])  # noqa: S311 - chooses parts, keeps no secret
    copies, work = job.recipe["data"]["variants"], job.work
    if job.data is not None:
        pictures = real_fold(job.data, job.detector, copies=copies["negative"], rng=rng)
        write_views(pictures, detector=job.first, out=work / "fold.npz")
    if job.data is None or (work / "fold" / "labels.csv").is_file():
        pictures = rendered_fold(work, copies=copies["synth_street"], rng=rng)
        write_views(pictures, detector=job.first, out=work / "fold-rendered.npz")
        kinds = {f"{path}#{i}": k for path, ks in vehicles(work / "fold").items() for i, k in enumerate(ks)}
        (work / "vehicles-rendered.json").write_text(json.dumps(kinds, indent=0), encoding="utf-8")
    if job.data is None:
        shutil.copy(work / "fold-rendered.npz", work / "fold.npz")


@click.command()
@click.argument("part", type=click.Choice([*BANKS, "fold"]))
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="labelled pictures; none: rendered alone"
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--scenes", type=click.Path(path_type=Path, exists=True), help="Rendered scenes.")
@click.option(
    "--detector",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of plate.json and its weights; the shipped ones if not given.",
)
def main(part: str, data: Path | None, work: Path, scenes: Path | None, detector: Path | None) -> None:
    """Write a bank of samples, or the views of a fold, below WORK."""
    cv2.setNumThreads(1)
    recipe = recipe_of(work)
    least = recipe["data"]["proposal"]
    first = Proposer(least_score=least) if detector is None else Exported(detector, least_score=least)
    job = Job(work, data, scenes, first, recipe, detector_recipe_of(work))
    if part == "fold":
        write_fold(job)
    else:
        write_part(part, job)


if __name__ == "__main__":
    main()
