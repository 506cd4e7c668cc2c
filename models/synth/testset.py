"""The rendered test set: crops whose glyphs, cameras, seeds and plates no training saw, and all that is legible.

Plates come from those that the hash of `reserved` keeps from every training; the seed must lie in `TEST_SEEDS`,
which training refuses; glyphs and cameras are modules that training does not import.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import yaml

from edge.read.crop import cut
from edge.types import Bgr, Box
from models.synth.arrays import Floats, Rng, pick, stream
from models.synth.labels import LabelRow
from models.synth.patterns import PlateClass, find
from models.synth.reserved import check_test_seed
from models.synth.testcamera import random_pose, shoot
from models.synth.testplates import surface
from models.synth.texts import sample_text
from models.synth.training import LICENCE

LEAST_HIGH_PX: Final = 9.0
"""No character is lower."""
LEAST_WIDE_PX: Final = 3.6
"""Nor narrower (an I aside)."""
LEAST_CONTRAST: Final = 36.0
"""Nor are there fewer grey levels between any character and its ground."""
LEAST_FIDELITY: Final = 0.8
"""Nor is any character less like what a perfect lens, sensor and encoder would show (correlation)."""
SMALL_PX: Final = 13.0
LEAST_SMALL_FIDELITY: Final = 0.86
"""The same for plates with characters lower than `SMALL_PX`: where 3, 8 and B are a few pixels apart, blur decides."""
LEAST_TRUTH: Final = 0.6
"""Nor less like itself without any light: no glare takes away the upper half of an O."""
WIDTHS_PX: Final = (30.0, 220.0)
NIGHT_SHARE: Final = 0.35
_GROUPS: Final[tuple[tuple[float, tuple[tuple[str, str], ...]], ...]] = (
    (0.26, (("CO", "particular"),)),
    (0.14, (("CO", "publico"),)),
    (0.36, (("CO", "motocicleta"),)),
    (
        0.24,
        (
            ("VE", "particular"), ("EC", "particular"), ("PE", "particular"), ("PE", "motocicleta"),
            ("BR", "particular"), ("BR", "motocicleta"), ("PA", "particular"), ("CL", "particular"),
            ("AR", "particular"), ("CO", "carga"),
        ),
    ),
)  # fmt: skip
"""Shares of what is drawn: Colombian cars, taxis and buses, motorcycles, and some of the neighbours."""


@dataclass(frozen=True, slots=True)
class CropLabel(LabelRow):
    """One row of labels.csv: the columns of the labelled pictures, then the strata and what only rendering knows.

    Attributes:
        class_: the vehicle's kind (written as the column "class").
        light: "day" or "night".
        lines: 1 or 2.
        width_px, height_px: the plate's and its lowest character's, in the crop.
        tilt_deg: the angle between the plate's normal and the camera.
        contrast: grey levels of the character that has least.
        fidelity: correlation of the worst character with what a perfect camera would show.
        quad: the plate's corners in the crop.
    """

    class_: str
    plate_class: str
    light: str
    lines: int
    width_px: float
    height_px: float
    tilt_deg: float
    contrast: float
    fidelity: float
    quad: str


@dataclass(frozen=True, slots=True)
class Legible:
    """A crop and what is known of it."""

    crop: Bgr
    facts: dict[str, object]


def draw(seed: int, number: int) -> Legible:
    """The test picture of a number: tried anew until a person could read every character.

    Raises:
        ValueError: the seed is none of the test's.
    """
    check_test_seed(seed)
    rng = stream(seed, "test", number)
    while True:
        which = int(np.searchsorted(np.cumsum([weight for weight, _ in _GROUPS]), rng.random()))
        plate_class = find(*pick(rng, _GROUPS[min(which, len(_GROUPS) - 1)][1]))
        night = bool(rng.random() < NIGHT_SHARE)
        # One plate and light, several cameras: steep and small ones are refused more often than others.
        text = sample_text(plate_class, rng, reserved=True)
        for _ in range(6):
            found = _try(text, plate_class, night=night, rng=rng)
            if found is not None:
                return Legible(found.crop, {**found.facts, "source": f"models/synth@{seed}"})


def _try(text: str, plate_class: PlateClass, *, night: bool, rng: Rng) -> Legible | None:
    pose = random_pose(rng, float(np.exp(rng.uniform(*np.log(WIDTHS_PX)))))
    drawn = surface(text, plate_class, round(np.clip(2.5 * pose.wide_px, 90, 420)), rng)
    scale = pose.wide_px / drawn.plate[2]
    # Worth the camera's work only if the characters are large enough even before it tilts them away.
    if scale * float(drawn.chars[:, 3].min()) < LEAST_HIGH_PX:
        return None
    shot = shoot(drawn, pose, night=night, rng=rng)
    high = float(_sides(shot.chars, 1).min())
    across = _sides(shot.chars, 0)
    wide = float(min(w for w, c in zip(across, text, strict=True) if c not in "I1"))
    if high < LEAST_HIGH_PX or wide < LEAST_WIDE_PX:
        return None
    least = LEAST_SMALL_FIDELITY if high < SMALL_PX else LEAST_FIDELITY
    if shot.contrast < LEAST_CONTRAST or shot.fidelity < least or shot.truth < LEAST_TRUTH:
        return None
    low, far = shot.quad.min(axis=0), shot.quad.max(axis=0)
    box = _jittered(Box(low[0], low[1], far[0] - low[0], far[1] - low[1]), rng)
    crop = cut(shot.bgr, box)
    offset = np.array([max(int(box.x - 0.03 * box.width), 0), max(int(box.y), 0)])
    if not _shows(crop, shot.chars - offset):
        return None
    quad = shot.quad - offset
    tilt = np.degrees(np.arccos(np.cos(np.radians(pose.yaw_deg)) * np.cos(np.radians(pose.pitch_deg))))
    facts: dict[str, object] = {
        "country": plate_class.country,
        "plate": text,
        "class_": pick(rng, plate_class.vehicles).replace("taxi", "car"),
        "plate_class": plate_class.name,
        "light": "night" if night else "day",
        "lines": 2 if plate_class.lines else 1,
        "width_px": round(float(np.linalg.norm(shot.quad[1] - shot.quad[0])), 1),
        "height_px": round(high, 1),
        "tilt_deg": round(float(tilt), 1),
        "contrast": round(shot.contrast, 1),
        "fidelity": round(shot.fidelity, 3),
        "quad": " ".join(f"{v:.1f}" for v in quad.ravel()),
    }
    return Legible(crop, facts)


def _shows(crop: Bgr, chars: Floats) -> bool:
    """Whether no character (n, 4, 2) px is cut off by the crop's edge."""
    high, wide = crop.shape[:2]
    return bool(chars.min() > -0.5 and (chars.max(axis=(0, 1)) < [wide + 0.5, high + 0.5]).all())


def _sides(chars: Floats, first: int) -> Floats:
    """Lengths (n,) of the characters' upper (0) or right (1) sides, px: the shorter of the two opposite ones."""
    one = np.linalg.norm(chars[:, first + 1] - chars[:, first], axis=1)
    other = np.linalg.norm(chars[:, (first + 3) % 4] - chars[:, first + 2], axis=1)
    return np.asarray(np.minimum(one, other))


def _jittered(box: Box, rng: Rng) -> Box:
    """A detector's box: each side up to a few percent off, rather too large than too small."""
    left, right = (float(v) * box.width for v in np.clip(rng.normal(0.008, 0.018, 2), -0.025, 0.06))
    above, below = (float(v) * box.height for v in np.clip(rng.normal(0.015, 0.025, 2), -0.03, 0.08))
    return Box(box.x - left, box.y - above, box.width + left + right, box.height + above + below)


def write_testset(folder: Path, *, count: int, seed: int, progress: Callable[[int], None]) -> list[CropLabel]:
    """Write crops/, labels.csv, which grows as the pictures do, and manifest.yaml.

    Args:
        folder: made if it is not there.
        count: number of crops.
        seed: of everything, one of `reserved.TEST_SEEDS`.
        progress: called with the number of crops done.

    Raises:
        ValueError: the seed is none of the test's.
    """
    check_test_seed(seed)
    cv2.setNumThreads(1)
    (folder / "crops").mkdir(parents=True, exist_ok=True)
    labels = []
    names = [column.name.rstrip("_") for column in fields(CropLabel)]
    fixed = {"split": "valid", "set": "synth", "kind": "crop", "label": "rendered", "licence": LICENCE}
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for number in range(count):
            made = draw(seed, number)
            path = f"crops/test_{seed}_{number:05d}.png"
            cv2.imwrite(str(folder / path), made.crop)
            row = CropLabel(path=path, **fixed, **dict.fromkeys("xywh", ""), **made.facts)  # type: ignore[arg-type]
            labels.append(row)
            writer.writerow({key.rstrip("_"): value for key, value in asdict(row).items()})
            file.flush()
            progress(number + 1)
    manifest = {
        "generator": "models/synth/testset.py",
        "seed": seed,
        "crops": count,
        "licence": LICENCE,
        "glyphs": "models/synth/testglyphs.py",
        "cameras": "models/synth/testcamera.py",
        "least": {
            "height_px": LEAST_HIGH_PX,
            "width_px": LEAST_WIDE_PX,
            "contrast": LEAST_CONTRAST,
            "fidelity": LEAST_FIDELITY,
            "fidelity_small": LEAST_SMALL_FIDELITY,
            "truth": LEAST_TRUTH,
        },
        "plates": sorted({label.plate for label in labels}),
    }
    (folder / "manifest.yaml").write_text(
        yaml.safe_dump(manifest, sort_keys=False, width=110), encoding="utf-8"
    )
    return labels
