"""Writes pictures of lettering that is no plate, in the form of the labelled pictures: labels.csv with no plate.

On windows of real train scenes, where these are given, what is written holds real pictures: it goes into a
folder outside the repository and is never committed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from edge.types import Box
from models.synth.arrays import Image, Rng, stream
from models.synth.labels import write_labels
from models.synth.reserved import check_training_seed
from models.synth.signs import draw_sign
from models.synth.training import LICENCE, Label

_WINDOWS = 600
"""Real windows that are drawn from: more would only take memory."""


@dataclass(frozen=True, slots=True)
class Lettering(Label):
    """A label without a plate, what is written instead, and what kind of lettering it is."""

    says: str = ""
    lettering: str = ""


def windows(data: Path, count: int, *, seed: int) -> Iterator[Image]:
    """Parts of vehicles around labelled plates of split train, that show no labelled plate.

    Args:
        data: a folder of labelled pictures.
        count: about how many.
        seed: of the choice.
    """
    with (data / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "train" and r["kind"] == "scene" and r["w"]]
    rows.sort(key=lambda row: row["path"])
    scenes = [list(group) for _, group in groupby(rows, key=lambda row: row["path"])]
    rng = stream(seed, "windows")
    for number in rng.permutation(len(scenes))[:count]:
        picture = cv2.imread(str(data / scenes[number][0]["path"]))
        if picture is None:
            continue
        boxes = [Box(*(float(row[side]) for side in "xywh")) for row in scenes[number]]
        window = _beside(rng, boxes, (picture.shape[0], picture.shape[1]))
        if window is not None:
            x, y, w, h = window
            yield np.asarray(picture[y : y + h, x : x + w], np.uint8)


def _beside(rng: Rng, boxes: Sequence[Box], shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """A window (x, y, w, h) near the first plate that overlaps none; None where chance found none."""
    plate = boxes[0]
    for _ in range(12):
        w = int(np.clip(plate.width * rng.uniform(0.8, 3.0), 100, 420))
        h = int(w * rng.uniform(0.3, 0.8))
        x = int(plate.centre[0] - w / 2 + rng.normal(0, 1.0) * plate.width)
        y = int(plate.centre[1] - h / 2 - rng.uniform(-1.0, 2.5) * plate.width)
        if x < 0 or y < 0 or x + w > shape[1] or y + h > shape[0]:
            continue
        if all(Box(x, y, w, h).iou(box) == 0 for box in boxes):
            return x, y, w, h
    return None


def write_lettering(
    out: Path,
    *,
    count: int,
    seed: int,
    faces: Sequence[str],
    data: Path | None,
    progress: Callable[[int], None],
) -> list[Lettering]:
    """Write crops/ and labels.csv.

    Args:
        out: made if it is not there.
        count: number of pictures.
        seed: of everything.
        faces: files of typefaces; may be none.
        data: real pictures for the background; None = drawn ones alone.
        progress: called with the number of pictures done.

    Raises:
        ValueError: the seed is kept for tests.
    """
    check_training_seed(seed)
    cv2.setNumThreads(1)
    (out / "crops").mkdir(parents=True, exist_ok=True)
    behind = list(windows(data, _WINDOWS, seed=seed)) if data is not None else []
    labels = []
    for number in range(count):
        sign = draw_sign(stream(seed, "sign", number), faces, behind)
        path = f"crops/lettering_{seed}_{number:05d}.png"
        cv2.imwrite(str(out / path), sign.bgr)
        labels.append(
            Lettering(
                path, "train", "lettering", "crop", "", "", "", "", "", "", "rendered", f"models/synth@{seed}", LICENCE,
                plate_class="", quad="", says=sign.says, lettering=sign.kind,
            )
        )  # fmt: skip
        progress(number + 1)
    write_labels(out / "labels.csv", Lettering, labels)
    return labels
