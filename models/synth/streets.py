"""Writes rendered streets without a plate, in the form of the labelled pictures: labels.csv with no box.

A scene of training.py labels the plates that can be read and leaves the others unmarked, so nothing in it is known
to be none. Here every plate is missing: whatever a detector finds is false.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import yaml

from models.synth.labels import LabelRow, write_labels
from models.synth.reserved import check_training_seed
from models.synth.training import LICENCE, Stage, street_seed, vehicle_seed

SET = "synth_street"
"""Source set of these pictures."""
_PICTURES_PER_STREET = 8
_EMPTY_EVERY = 4


def write_streets(
    folder: Path, *, count: int, seed: int, progress: Callable[[int], None], width_px: int = 1280
) -> list[LabelRow]:
    """Write scenes/, labels.csv and, last, manifest.yaml.

    Args:
        folder: made if it is not there.
        count: number of pictures; one in four shows no vehicle either.
        seed: of everything.
        progress: called with the number of pictures done.
        width_px: width of a picture, sixteen to nine.

    Raises:
        ValueError: the seed is kept for the clips or for tests.
    """
    check_training_seed(seed)
    cv2.setNumThreads(1)
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    labels: list[LabelRow] = []
    for number in range(count):
        if number % _PICTURES_PER_STREET == 0:
            stage = Stage(seed, number // _PICTURES_PER_STREET, width_px)
        picture = stage.without_plates(seed, number, empty=number % _EMPTY_EVERY == 0)
        path = f"scenes/street_{seed}_{number:06d}.jpg"
        cv2.imwrite(str(folder / path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        labels.append(
            LabelRow(
                path,
                "train",
                SET,
                "scene",
                "",
                "",
                "",
                "",
                "",
                "",
                "negative",
                f"models/synth@{seed}",
                LICENCE,
            )
        )
        progress(number + 1)
    write_labels(folder / "labels.csv", LabelRow, labels)
    manifest = {
        "generator": "models/synth",
        "seed": seed,
        "scenes": count,
        "licence": LICENCE,
        "street_seeds": [street_seed(seed, 0), street_seed(seed, -(-count // _PICTURES_PER_STREET))],
        "vehicle_seeds": [vehicle_seed(seed, 0), vehicle_seed(seed, count)],
        "plates": [],
    }
    (folder / "manifest.yaml").write_text(
        yaml.safe_dump(manifest, sort_keys=False, width=110), encoding="utf-8"
    )
    return labels
