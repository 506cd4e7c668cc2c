"""Pictures with a plate and a vehicle whose colour a person has named, made into windows."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.read.colour import background
from edge.read.crop import cut
from edge.read.paint import UNTOLD, Window, ground, window
from edge.types import Bgr, Box

LABELS: Final = Path(__file__).with_name("labels.csv")
MOTORCYCLE: Final = "motorcycle"
_ONE_CAMERA: Final = {"gatecam": 0, "cn": 1, "cl": 2}
"""Sets whose pictures are of few cameras and show vehicles again: each is one fold."""
FOLDS: Final = 7
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """One vehicle.

    Attributes:
        colours: what a person called it; two where either may be meant, none where no colour could be told.
        view, inside: as `edge.read.paint.window`.
        light: (3,) BGR linear, the light part of the plate.
        white: probability that the plate's ground is white.
        fold: pictures of one fold are never on both sides of a fit.
    """

    path: str
    origin: str
    split: str
    colours: tuple[str, ...]
    view: Window
    inside: NDArray[np.bool_]
    light: NDArray[np.float32]
    white: float
    fold: int


def load(data: Path) -> list[Sample]:
    """Every labelled vehicle but motorcycles, in the order of the labels.

    Args:
        data: the folder of labels.csv and the pictures.

    Raises:
        FileNotFoundError: a picture is missing.
    """
    plates = _plates(data / "labels.csv")
    rows = list(_rows())
    samples = []
    for number, (path, split, colours) in enumerate(rows):
        if colours == MOTORCYCLE:
            continue
        picture = cv2.imread(str(data / path))
        if picture is None:
            raise FileNotFoundError(f"{data / path}: no picture")
        origin, box = plates[path]
        fold = _ONE_CAMERA.get(origin, len(_ONE_CAMERA) + number % (FOLDS - len(_ONE_CAMERA)))
        known = () if colours == UNTOLD else tuple(colours.split("|"))
        samples.append(
            _sample(np.asarray(picture, np.uint8), box, row=(path, origin, split), colours=known, fold=fold)
        )
    return samples


def _sample(
    picture: Bgr, box: Box, *, row: tuple[str, str, str], colours: tuple[str, ...], fold: int
) -> Sample:
    path, origin, split = row
    view, inside = window(picture, box)
    crop = cut(picture, box)
    white = background(crop).get("white", 0.0)
    return Sample(path, origin, split, colours, view, inside, ground(crop), white, fold)


def _rows() -> Iterator[tuple[str, str, str]]:
    with LABELS.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield row["path"], row["split"], row["colours"]


def _plates(labels: Path) -> dict[str, tuple[str, Box]]:
    """The set and the largest plate of each picture."""
    plates: dict[str, tuple[str, Box]] = {}
    with labels.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["kind"] != "scene" or not row["w"]:
                continue
            box = Box(float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"]))
            if row["path"] not in plates or box.area > plates[row["path"]][1].area:
                plates[row["path"]] = (row["set"], box)
    return plates


def jittered(sample: Sample, random: np.random.Generator) -> Sample:
    """The same vehicle in other light, with the plate's box a little off."""
    gain = (2 ** random.uniform(-0.8, 0.5) * np.exp(random.normal(0, 0.1, 3))).astype(np.float32)
    gamma = random.uniform(0.85, 1.2)
    linear = np.clip((sample.view.astype(np.float32) / 255) ** 2.2 * gain, 0, 1)
    view = (linear ** (gamma / 2.2) * 255).astype(np.uint8)
    shift = (int(random.integers(-1, 2)), int(random.integers(-1, 2)))
    view, inside = np.roll(view, shift, (0, 1)), np.roll(sample.inside, shift, (0, 1))
    light = (np.clip(sample.light * gain, 0, 1) ** gamma).astype(np.float32)
    if random.uniform() < _HALF:
        view, inside = view[:, ::-1], inside[:, ::-1]
    return Sample(
        sample.path,
        sample.origin,
        sample.split,
        sample.colours,
        view,
        inside,
        light,
        sample.white,
        sample.fold,
    )


def of(samples: Sequence[Sample], split: str) -> list[Sample]:
    """Those of one split."""
    return [s for s in samples if s.split == split]
