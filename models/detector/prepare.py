"""Turn the labelled pictures into YOLO folders: `python -m models.detector.prepare --data ../shared/data --work DIR`.

Reads `labels.csv` (rows of split=train), writes under the work folder, never into the repository:

    data/images/*.jpg   links to the scenes and crops, and the close-ups cut here
    data/labels/*.txt   one line a plate: `0 cx cy w h`, all relative to the picture; empty for a negative
    data/train.txt      the pictures of an epoch; negatives are listed several times
    data/fold.txt       the held-out fold: it chooses checkpoint and threshold, and is never trained on
    data/data.yaml      what ultralytics wants
"""

import csv
import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import yaml

from edge.types import Bgr
from models.detector.recipe import recipe_of


@dataclass(slots=True)
class Picture:
    """One labelled picture.

    Attributes:
        path: Path relative to the data folder, as in labels.csv.
        set_name: Source set (`gatecam`, `ro`, ...).
        kind: `scene` or `crop`.
        boxes: Plates as (x, y, w, h) in px of the file, top left origin; empty for a negative.
    """

    path: str
    set_name: str
    kind: str
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)


def read_labels(data: Path, *, split: str) -> list[Picture]:
    """Read the pictures of one split, in the order of labels.csv, their rows gathered by path.

    A scene whose plate is named but not boxed teaches neither a plate nor its absence: it is left out.

    Raises:
        FileNotFoundError: when `data` has no labels.csv.
    """
    pictures: dict[str, Picture] = {}
    unboxed: set[str] = set()
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] != split:
                continue
            picture = pictures.setdefault(row["path"], Picture(row["path"], row["set"], row["kind"]))
            if row["w"]:
                x, y, w, h = (float(row[key]) for key in "xywh")
                picture.boxes.append((x, y, w, h))
            elif row["kind"] == "scene" and row["label"] != "negative":
                unboxed.add(row["path"])
    return [picture for path, picture in pictures.items() if path not in unboxed]


def usable(pictures: list[Picture], rules: dict[str, Any]) -> list[Picture]:
    """Keep the pictures of the recipe's sources; without a plate only those of sets whose negatives were looked at."""
    return [p for p in pictures if p.set_name in rules["sources"] and (p.boxes or _may_lack_boxes(p, rules))]


def _may_lack_boxes(picture: Picture, rules: dict[str, Any]) -> bool:
    return picture.kind == "crop" or picture.set_name in rules["negatives"]


def share(path: str) -> float:
    """Map a path to [0, 1) by its SHA-256: the same picture falls into the same fold on every machine."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "big") / 2**64


def is_held_out(picture: Picture, holdout: dict[str, float]) -> bool:
    """Say whether a scene belongs to the held-out fold; crops never do."""
    if picture.kind != "scene":
        return False
    return share(picture.path) < holdout["scenes" if picture.boxes else "negatives"]


def yolo_line(box: tuple[float, float, float, float], *, width: int, height: int) -> str:
    """Write one box (x, y, w, h in px) as a YOLO label line, clipped to the picture of width x height px."""
    x, y, w, h = box
    x1, y1 = max(0.0, x), max(0.0, y)
    x2, y2 = min(float(width), x + w), min(float(height), y + h)
    cx, cy = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height
    return f"0 {cx:.6f} {cy:.6f} {(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}"


def closeup_window(
    box: tuple[float, float, float, float],
    *,
    size: tuple[int, int],
    widths: tuple[float, float],
    rng: random.Random,
) -> tuple[int, int, int, int]:
    """Choose a window (x, y, w, h in px) around a plate, `widths` plate widths wide, inside a picture of `size`."""
    x, y, w, h = box
    side = w * rng.uniform(*widths)
    width, height = min(size[0], round(side)), min(size[1], round(max(side * rng.uniform(0.5, 1.0), h * 1.1)))
    left = x + w / 2 - width * rng.uniform(0.4, 0.6)
    top = y + h / 2 - height * rng.uniform(0.35, 0.65)
    left, top = min(max(0, round(left)), size[0] - width), min(max(0, round(top)), size[1] - height)
    return left, top, width, height


def picture_of(path: Path) -> Bgr:
    """Read a picture.

    Raises:
        ValueError: it cannot be read.
    """
    bgr = cv2.imread(str(path))
    if bgr is None:
        raise ValueError(f"{path}: not a readable picture")
    return np.asarray(bgr, np.uint8)


class Writer:
    """Writes pictures and labels of one data set folder."""

    def __init__(self, data: Path, out: Path) -> None:
        """Write to `out`, reading pictures below `data`."""
        self._data = data
        self._images, self._labels = out / "images", out / "labels"
        for folder in (self._images, self._labels):
            folder.mkdir(parents=True, exist_ok=True)

    def link(self, picture: Picture) -> Path:
        """Link one picture and write its labels; returns the link."""
        source = (self._data / picture.path).resolve()
        link = self._images / f"{picture.set_name}-{source.name}"
        if not link.exists():
            link.symlink_to(source)
        height, width = picture_of(source).shape[:2]
        boxes = [(0.0, 0.0, float(width), float(height))] if picture.kind == "crop" else picture.boxes
        self._write_labels(link, [yolo_line(box, width=width, height=height) for box in boxes])
        return link

    def closeup(
        self,
        picture: Picture,
        *,
        widths: tuple[float, float],
        rng: random.Random,
        plate: int | None = None,
        prefix: str = "closeup",
    ) -> Path:
        """Cut a window around a plate, the widest if none is named; others are kept where half of them shows."""
        image = picture_of(self._data / picture.path)
        size = (image.shape[1], image.shape[0])
        middle = max(picture.boxes, key=lambda box: box[2]) if plate is None else picture.boxes[plate]
        left, top, width, height = closeup_window(middle, size=size, widths=widths, rng=rng)
        path = self._images / f"{prefix}{'' if plate is None else plate}-{Path(picture.path).name}"
        cv2.imwrite(str(path), image[top : top + height, left : left + width], [cv2.IMWRITE_JPEG_QUALITY, 92])
        moved = [(x - left, y - top, w, h) for x, y, w, h in picture.boxes]
        kept = [box for box in moved if visible(box, width, height) >= 0.5]
        self._write_labels(path, [yolo_line(box, width=width, height=height) for box in kept])
        return path

    def negative(self, bgr: Bgr, name: str) -> Path:
        """Write a picture without a plate."""
        path = self._images / name
        cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])
        self._write_labels(path, [])
        return path

    def _write_labels(self, image: Path, lines: list[str]) -> None:
        (self._labels / f"{image.stem}.txt").write_text(
            "".join(f"{line}\n" for line in lines), encoding="utf-8"
        )


def visible(box: tuple[float, float, float, float], width: int, height: int) -> float:
    """Return the share of a box's area inside a picture of width x height px."""
    x, y, w, h = box
    inside_w = max(0.0, min(x + w, width) - max(x, 0.0))
    inside_h = max(0.0, min(y + h, height) - max(y, 0.0))
    return inside_w * inside_h / (w * h)


def write_dataset(data: Path, out: Path, recipe: dict[str, Any]) -> dict[str, int]:
    """Write the folders of the module docstring under `out`; returns the counts of what was written.

    Raises:
        FileNotFoundError: when the data folder has no labels.csv.
        ValueError: when a picture cannot be read.
    """
    rules = recipe["data"]
    rng = random.Random(recipe["seed"])  # noqa: S311 - chooses pictures, keeps no secret
    pictures = usable(read_labels(data, split="train"), rules)
    writer = Writer(data, out)
    fold = [p for p in pictures if is_held_out(p, rules["holdout"])]
    scenes = [p for p in pictures if p.kind == "scene" and not is_held_out(p, rules["holdout"])]
    epoch: list[Path] = []
    for picture in scenes:
        epoch += [writer.link(picture)] * (1 if picture.boxes else rules["negative_repeats"])
    crops = _choose_crops(pictures, rules["crops"], rng)
    epoch += [writer.link(picture) for picture in crops]
    closeups = _choose_closeups(scenes, rules["closeups"], rng)
    widths = tuple(rules["closeups"]["widths"])
    epoch += [writer.closeup(picture, widths=widths, rng=rng) for picture in closeups]
    write_list(out / "train.txt", epoch)
    write_list(out / "fold.txt", [writer.link(picture) for picture in fold])
    write_names(out, "data.yaml", train="train.txt")
    return {
        "scenes": sum(bool(p.boxes) for p in scenes),
        "negatives": sum(not p.boxes for p in scenes),
        "crops": len(crops),
        "closeups": len(closeups),
        "pictures_an_epoch": len(epoch),
        "fold_scenes": sum(bool(p.boxes) for p in fold),
        "fold_negatives": sum(not p.boxes for p in fold),
    }


def _choose_crops(pictures: list[Picture], counts: dict[str, int], rng: random.Random) -> list[Picture]:
    by_set: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.kind == "crop":
            by_set[picture.set_name].append(picture)
    return [
        picture
        for name, count in counts.items()
        for picture in rng.sample(by_set[name], min(count, len(by_set[name])))
    ]


def _choose_closeups(scenes: list[Picture], rules: dict[str, Any], rng: random.Random) -> list[Picture]:
    large = [
        p
        for p in scenes
        if p.set_name in rules["sets"] and any(box[2] >= rules["smallest_plate_px"] for box in p.boxes)
    ]
    return rng.sample(large, min(rules["count"], len(large)))


def write_names(out: Path, name: str, *, train: str) -> None:
    """Write what ultralytics wants to know of a data set folder: `train` is the list of an epoch's pictures."""
    names = {"path": str(out.resolve()), "train": train, "val": "fold.txt", "names": {0: "plate"}}
    (out / name).write_text(yaml.safe_dump(names), encoding="utf-8")


def write_list(path: Path, pictures: list[Path]) -> None:
    """Write the pictures of an epoch, one a line."""
    path.write_text("".join(f"{picture.absolute()}\n" for picture in pictures), encoding="utf-8")


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
def main(data: Path, work: Path) -> None:
    """Write the data set folders of the plate detector below WORK/data."""
    counts = write_dataset(data, work / "data", recipe_of(work))
    click.echo(" ".join(f"{key}={value}" for key, value in counts.items()))


if __name__ == "__main__":
    main()
