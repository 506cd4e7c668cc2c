"""The data set of rendered pictures alone: `python -m models.detector.alone --work DIR`.

Wants what render.py drew below WORK/synth. With --data the main stage learns from real pictures (prepare.py) and only
the fold is written here, to measure on beside the real one:

    fold/              scenes, windows of them, streets and lettering of seeds that nothing is trained on; labels.csv
    data/              as prepare.py writes it: windows and close-ups of scenes, plates that fill the picture, streets
                       and lettering without a plate
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import cv2
from rich.progress import track

from edge.types import Bgr
from models.detector.prepare import (
    Picture,
    Writer,
    closeup_window,
    picture_of,
    read_labels,
    visible,
    write_list,
    write_names,
)
from models.detector.recipe import recipe_of
from models.detector.rendered import check, windows
from models.detector.streets import LETTERED, lettered_streets, without_plates
from models.synth.labels import write_labels


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the fold's labels.csv: the columns of the labelled pictures that are read, and the vehicle."""

    path: str
    set: str
    x: str = ""
    y: str = ""
    w: str = ""
    h: str = ""
    vehicle: str = ""
    split: str = "train"
    kind: str = "scene"
    label: str = "rendered"


def vehicles(folder: Path) -> dict[str, list[str]]:
    """What bears each plate of rendered scenes, by the scene's path (a taxi is a car)."""
    found: dict[str, list[str]] = {}
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "scene" and row["w"]:
                kind = "car" if row["vehicle"] == "taxi" else row["vehicle"]
                found.setdefault(row["path"], []).append(kind)
    return found


class FoldWriter:
    """Writes the fold's pictures and their rows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[Row] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, bgr: Bgr, rows: list[Row]) -> None:
        """Write a picture; the rows' paths are filled in here."""
        cv2.imwrite(str(self._folder / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
        self._rows += [replace(row, path=name) for row in rows]

    def close(self) -> None:
        """Write labels.csv: the fold is whole."""
        write_labels(self._folder / "labels.csv", Row, self._rows)


def row_of(set_name: str, box: tuple[float, float, float, float], vehicle: str) -> Row:
    """A plate's row."""
    x, y, w, h = (f"{value:.1f}" for value in box)
    return Row("", set_name, x, y, w, h, vehicle)


def scene_parts(
    picture: Picture, bgr: Bgr, kinds: list[str], rules: dict[str, Any], rng: random.Random
) -> Iterator[tuple[Bgr, list[Row]]]:
    """A scene of the fold as it is, then windows of it; plates that are too narrow are not asked for."""
    wide = [i for i, box in enumerate(picture.boxes) if box[2] >= rules["smallest_plate_px"]]
    if not wide:
        return
    yield bgr, [row_of(picture.set_name, picture.boxes[i], kinds[i]) for i in wide]
    size, widths = (bgr.shape[1], bgr.shape[0]), tuple(rules["widths"])
    for chosen in rng.sample(wide, min(rules["windows_a_scene"], len(wide))):
        left, top, w, h = closeup_window(picture.boxes[chosen], size=size, widths=widths, rng=rng)
        moved = [(x - left, y - top, bw, bh) for x, y, bw, bh in picture.boxes]
        shown = [i for i in wide if visible(moved[i], w, h) >= 0.5]
        rows = [row_of(f"{picture.set_name}_window", moved[i], kinds[i]) for i in shown]
        yield bgr[top : top + h, left : left + w], rows


def write_fold(work: Path, recipe: dict[str, Any]) -> dict[str, int]:
    """Write WORK/fold; returns its counts.

    Raises:
        FileNotFoundError: render.py has not run.
    """
    synth, rules = work / "synth", recipe["alone"]["fold"]
    rules = {"widths": recipe["alone"]["widths"]} | rules
    rng = random.Random(recipe["seed"])  # noqa: S311 - chooses windows, keeps no secret
    writer, plates, scenes = FoldWriter(work / "fold"), 0, synth / "fold-scenes"
    kinds = vehicles(scenes)
    listed = [p for p in read_labels(scenes, split="train") if p.kind == "scene"]
    for picture in track(listed, description="fold"):
        stem, bgr = Path(picture.path).stem, picture_of(scenes / picture.path)
        parts = scene_parts(picture, bgr, kinds[picture.path], rules, rng)
        for number, (part, rows) in enumerate(parts):
            writer.add(f"{stem}-{number}.jpg", part, rows)
            plates += len(rows)
    streets = [synth / "fold-streets" / p.path for p in read_labels(synth / "fold-streets", split="train")]
    for path in streets:
        writer.add(path.name, picture_of(path), [Row("", "synth_street", label="negative")])
    words = synth / "fold-lettering"
    made = lettered_streets(streets, words, recipe, count=rules["lettered"], seed=recipe["seed"] + 1)
    for number, bgr in enumerate(made):
        writer.add(f"lettered-{number}.jpg", bgr, [Row("", LETTERED, label="negative")])
    writer.close()
    return {"fold_plates": plates, "fold_negatives": len(streets) + rules["lettered"]}


def with_plates(work: Path, recipe: dict[str, Any]) -> list[Path]:
    """Windows, close-ups and pictures that a plate fills, written below WORK/data."""
    rules, out = recipe["alone"], work / "data"
    rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    made: list[Path] = []
    near: list[tuple[Path, Picture, int]] = []
    for seed in track(recipe["render"]["scenes"]["seeds"], description="windows"):
        folder = work / "synth" / str(seed)
        check(folder)
        made += windows(folder, out, rules, rng)
        writer = Writer(folder, out)
        for picture in read_labels(folder, split="train"):
            if picture.kind == "crop":
                made.append(writer.link(picture))
            near += [
                (folder, picture, i)
                for i, box in enumerate(picture.boxes)
                if box[2] >= rules["closeups"]["smallest_plate_px"]
            ]
    for folder, picture, plate in rng.sample(near, min(rules["closeups"]["count"], len(near))):
        widths = tuple(rules["closeups"]["widths"])
        made.append(Writer(folder, out).closeup(picture, widths=widths, rng=rng, plate=plate, prefix="near"))
    return made


def write_dataset(work: Path, recipe: dict[str, Any]) -> dict[str, int]:
    """Write WORK/data; returns the counts of what an epoch shows.

    Raises:
        FileNotFoundError: render.py has not run, or the fold is not written.
        ValueError: scenes share a plate, vehicle or street with the sample clips.
    """
    rules, out = recipe["alone"], work / "data"
    plates = with_plates(work, recipe)
    others = without_plates(
        work, recipe, streets=None, lettered_count=rules["lettered"], words=rules["words"]
    )
    write_list(out / "train.txt", (plates + others) * rules.get("repeats", 1))
    writer = Writer(work / "fold", out)
    fold = [writer.link(picture) for picture in read_labels(work / "fold", split="train")]
    write_list(out / "fold.txt", fold)
    write_names(out, "data.yaml", train="train.txt")
    return {"with_plates": len(plates), "without": len(others), "fold": len(fold)}


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--fold-only", is_flag=True, help="Real pictures are what the main stage learns from.")
def main(work: Path, fold_only: bool) -> None:
    """Write WORK/fold and WORK/data from rendered pictures."""
    cv2.setNumThreads(1)
    rules = recipe_of(work, alone=not fold_only)
    counts = write_fold(work, rules)
    if not fold_only:
        counts |= write_dataset(work, rules)
    click.echo(" ".join(f"{key}={value}" for key, value in counts.items()))


if __name__ == "__main__":
    main()
