"""A folder of labelled pictures: `labels.csv` beside `scenes/` and `crops/`, one row a plate.

Columns used: path, split, set, kind (scene, or crop: the whole picture is the plate), country, plate (as
written; empty where nobody read it), x y w h (px of the picture; empty where it has no plate); and, where they are
known, class (car, motorcycle, ...) and light (day, night).
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from edge.bench.record import Kind
from edge.contract.spelling import normalise
from edge.errors import ConfigError, SourceError
from edge.types import Bgr, Box

NEGATIVES: Final = "negative"
"""The set whose pictures bear no plate. (Elsewhere a picture without a box only has none marked.)"""

_COLUMNS: Final = ("path", "split", "set", "kind", "country", "plate", "x", "y", "w", "h")


@dataclass(frozen=True, slots=True)
class Label:
    """One plate.

    Attributes:
        box: where it is in the picture; None: the whole, or not marked.
        plate: what it says; None: unknown.
        country: whence it is.
        vehicle, light: what bears it, and by what light; empty where unknown.
    """

    box: Box | None
    plate: str | None
    country: str
    vehicle: str = ""
    light: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the folder and its plates.

    Attributes:
        is_crop: the whole picture is the plate.
    """

    path: Path
    set_name: str
    is_crop: bool
    labels: tuple[Label, ...]

    @property
    def kind(self) -> Kind:
        """Scene or crop."""
        return "crop" if self.is_crop else "scene"

    @property
    def boxes(self) -> list[Box]:
        """The labelled boxes."""
        return [label.box for label in self.labels if label.box is not None]

    def load(self) -> Bgr:
        """The pixels.

        Raises:
            SourceError: there is no such picture, or it is damaged.
        """
        bgr = cv2.imread(str(self.path)) if self.path.is_file() else None
        if bgr is None:
            raise SourceError(f"{self.path}: labelled, but no readable picture")
        return np.asarray(bgr, dtype=np.uint8)


def country_code(country: str) -> str | None:
    """The country that a label names, without its state; None where it names none (INT, or nothing)."""
    code = country.partition("-")[0]
    return code if len(code) == 2 else None


def load_pictures(folder: Path, *, split: str = "valid") -> list[Picture]:
    """The pictures of one split, by path.

    Raises:
        ConfigError: labels.csv is missing or wrong: names the line, the column and what was expected.
    """
    path = folder / "labels.csv"
    try:
        rows = [row for row in _rows(path) if row[1]["split"] == split]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise ConfigError(f"{path}: no row with split {split}")
    rows.sort(key=lambda row: (row[1]["path"], row[0]))
    grouped = [list(group) for _, group in groupby(rows, key=lambda row: row[1]["path"])]
    return [_picture(folder, path, group) for group in grouped]


def sample(pictures: Sequence[Picture], *, most: int) -> list[Picture]:
    """At most so many pictures of each set, evenly spread over it, in their order."""
    sets: defaultdict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        sets[picture.set_name].append(picture)
    kept = set()
    for among in sets.values():
        count = min(most, len(among))
        kept |= {among[k * len(among) // count].path for k in range(count)}
    return [p for p in pictures if p.path in kept]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise ConfigError(f"{path}: line 1: no column {', '.join(missing)}")
        for row in reader:
            if None in row.values():
                raise ConfigError(f"{path}: line {reader.line_num}: fewer fields than line 1 has")
            yield reader.line_num, row


def _picture(folder: Path, path: Path, rows: list[tuple[int, dict[str, str]]]) -> Picture:
    line, first = rows[0]
    if first["kind"] not in ("scene", "crop"):
        raise ConfigError(f"{path}: line {line}: kind: expected scene or crop, found {first['kind']!r}")
    labels = tuple(
        Label(
            _box(row, where=f"{path}: line {number}"),
            normalise(row["plate"]) or None,
            row["country"],
            row.get("class", ""),
            row.get("light", ""),
        )
        for number, row in rows
    )
    return Picture(folder / first["path"], first["set"], first["kind"] == "crop", labels)


def _box(row: Mapping[str, str], *, where: str) -> Box | None:
    if not row["w"]:
        return None
    try:
        box = Box(*(float(row[side]) for side in "xywh"))
    except ValueError as error:
        raise ConfigError(f"{where}: x, y, w, h: expected numbers: {error}") from error
    if box.width <= 0 or box.height <= 0:
        raise ConfigError(f"{where}: w, h: expected sizes above 0, found {box.width} x {box.height}")
    return box
