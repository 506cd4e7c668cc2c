"""Plates to paint over others: of a class or of no country, in paint without light, and where they go.

A plate of another shape than the old one is drawn a little wider or narrower than it is, and covers some of what
is around the old one; it never leaves any of that to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.types import Bgr
from models.synth.arrays import Floats, Rng, pick
from models.synth.freeplates import free_plate
from models.synth.patterns import find
from models.synth.plates import PlateSpec, render_plate
from models.synth.training import random_spec

_LEAST_CHARACTER_PX: Final = (4.6, 8.0)
"""Width and height below which nobody could read a character."""
_GROW: Final = 1.03
"""A painted plate is a little larger than what it covers, so that no rim is left."""
_STRETCH: Final = (1.18, 1.35)
"""A plate of one line and of two is drawn so much wider or narrower than it is; what is missing then is covered
beyond the old one. Two lines more: how wide the plates of motorcycles are, sources say differently."""
_REACH: Final = 1.5
"""A plate of another shape than the old one covers up to so many times its width or height."""
_FREE_SHARE: Final = 0.45
_TINTS: Final = (
    (255, 255, 255), (255, 255, 255), (250, 250, 244), (60, 205, 255), (90, 220, 250), (235, 245, 225), (225, 240, 255),
    (245, 225, 205),
)  # fmt: skip
_SQUARE: Final = 1.75
_LONG: Final = 2.9
"""Places narrower than the one get plates of two lines, wider than the other of one."""
_TWO_LINE_SHARE: Final = 0.4
"""Between them."""
_TRIES: Final = 12


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plate to paint: (h, w, 3) uint8 BGR, width over height as it is, its lines of text, country and class."""

    bgr: Bgr
    aspect: float
    lines: tuple[str, ...]
    country: str
    plate_class: str
    character: tuple[float, float]
    """Least width and height of a character, shares of the plate's width and height."""


def parted(spec: PlateSpec) -> tuple[str, ...]:
    """The text's lines as its class parts them."""
    first = (find(spec.country, spec.plate_class).lines or (len(spec.text),))[0]
    return tuple(line for line in (spec.text[:first], spec.text[first:]) if line)


def class_sheet(spec: PlateSpec, rng: Rng) -> Sheet:
    """A plate of a known class, in paint."""
    plate = render_plate(spec, rng)
    high, wide = plate.bgr.shape[:2]
    character = (min(c.w for c in plate.chars) / wide, min(c.h for c in plate.chars) / high)
    return Sheet(plate.bgr, wide / high, parted(spec), plate.country, plate.plate_class, character)


def free_sheet(rng: Rng, faces: Sequence[str]) -> Sheet:
    """A plate of no country, in paint; its own light is taken off, since that of a scene will be put on.

    Args:
        rng: chance.
        faces: typefaces; may be none.
    """
    free = free_plate(rng, faces)
    low, high = (float(v) for v in np.percentile(free.grey, (1, 99)))
    paint = (free.grey - low) / max(high - low, 1.0)
    black, white = float(rng.uniform(20, 70)), float(rng.uniform(180, 240))
    tint = np.array(pick(rng, _TINTS), np.float32) / 255
    bgr = np.asarray(np.clip((black + (white - black) * paint)[..., None] * tint, 0, 255), np.uint8)
    character = (0.8 / max(len(line) for line in free.lines), 0.62 / len(free.lines))
    return Sheet(bgr, bgr.shape[1] / bgr.shape[0], free.lines, "XX", "open", character)


def fitted(corners: Floats, aspect: float, *, lines: int = 1) -> Floats | None:
    """Corners for a plate of another shape that covers all of the old one; None where the shapes differ too much.

    Args:
        corners: (4, 2) px of the old plate.
        aspect: width over height of the new one.
        lines: its lines, 1 or 2.
    """
    ratio, stretch = aspect / _aspect(corners), _STRETCH[lines - 1]
    across, down = max(ratio / stretch, 1.0), max(1 / (ratio * stretch), 1.0)
    if max(across, down) > _REACH:
        return None
    half = np.array([across, down]) * _GROW / 2
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + 0.5
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    warp = cv2.getPerspectiveTransform(unit, corners.astype(np.float32))
    grown = cv2.perspectiveTransform(square[None].astype(np.float32), warp)[0]
    return np.asarray(grown, np.float64)


def sheet_for(
    corners: Floats, shape: tuple[int, int], rng: Rng, faces: Sequence[str]
) -> tuple[Sheet, Floats]:
    """A plate that suits a place, and its corners there.

    Args:
        corners: (4, 2) px of the old plate.
        shape: height and width of the scene, px.
        rng: chance.
        faces: typefaces for the plates of no country.

    Raises:
        LookupError: of many plates none could be read there.
    """
    for _ in range(_TRIES):
        sheet = _draw(corners, rng, faces)
        there = fitted(corners, sheet.aspect, lines=len(sheet.lines)) if sheet is not None else None
        if (
            sheet is None
            or there is None
            or there.min() < 2
            or (there.max(axis=0) > [shape[1] - 3, shape[0] - 3]).any()
        ):
            continue
        size = np.array(_sides(there)) * sheet.character
        if (size >= _LEAST_CHARACTER_PX).all():
            return sheet, there
    raise LookupError(f"no plate can be read on {np.round(corners).astype(int).tolist()}")


def _draw(corners: Floats, rng: Rng, faces: Sequence[str]) -> Sheet | None:
    """A plate whose shape and number of lines suit a place; None where chance brought none."""
    aspect = _aspect(corners)
    two_lines = (
        True if aspect < _SQUARE else False if aspect > _LONG else bool(rng.random() < _TWO_LINE_SHARE)
    )
    if rng.random() < _FREE_SHARE:
        sheet = free_sheet(rng, faces)
        unlike = aspect < _SQUARE and len(sheet.lines) == 1
        return None if unlike and rng.random() < 0.85 else sheet
    for _ in range(_TRIES):
        spec = random_spec(rng, two_line=two_lines)
        plate_class = find(spec.country, spec.plate_class)
        wide, high = plate_class.size_mm
        there = fitted(corners, wide / high, lines=2 if plate_class.lines else 1)
        # Narrower than this no character can become wide enough: not worth drawing.
        longest = max(plate_class.lines or (len(spec.text),))
        if there is not None and _sides(there)[0] > longest * _LEAST_CHARACTER_PX[0] * 1.25:
            return class_sheet(spec, rng)
    return None


def _sides(corners: Floats) -> tuple[float, float]:
    """Mean width and height along the sides, px."""
    top, right, bottom, left = (float(np.linalg.norm(corners[(k + 1) % 4] - corners[k])) for k in range(4))
    return (top + bottom) / 2, (left + right) / 2


def _aspect(corners: Floats) -> float:
    wide, high = _sides(corners)
    return wide / high
