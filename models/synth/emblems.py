"""Pictures on plates that are no characters: arms, animals, fruit, wheels, hearts."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.synth.arrays import Image, Rng, pick

_SUPER = 4
"""Drawn so many times larger and shrunk, so that small emblems have soft edges."""


def emblem(rng: Rng, size: int) -> Image:
    """Draw one.

    Args:
        rng: chance.
        size: its side, px.

    Returns:
        (size, size) uint8, how much ink.
    """
    side = max(24, size * _SUPER)
    cell = np.zeros((side, side), np.uint8)
    pick(rng, _OUTLINES)(cell, rng)
    inside = cell > 0
    for _ in range(int(rng.integers(0, 5))):
        _detail(cell, rng)
    if rng.random() < 0.6:  # what is drawn inside stays inside
        cell[~inside] = 0
    small = cv2.resize(cell, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small * float(rng.uniform(0.45, 1.0)), np.uint8)


def _tone(rng: Rng) -> int:
    return int(rng.integers(40, 256))


def _round(cell: Image, rng: Rng) -> None:
    side = len(cell)
    axes = (int(side * rng.uniform(0.25, 0.5)), int(side * rng.uniform(0.25, 0.5)))
    thick = -1 if rng.random() < 0.6 else max(2, int(side * rng.uniform(0.05, 0.15)))
    cv2.ellipse(cell, (side // 2, side // 2), axes, 0, 0, 360, _tone(rng), thick, cv2.LINE_AA)


def _shield(cell: Image, rng: Rng) -> None:
    side, half = len(cell), float(rng.uniform(0.25, 0.48))
    points = [(-half, -0.45), (half, -0.45), (half, 0.1), (0.0, 0.48), (-half, 0.1)]
    cv2.fillPoly(cell, [_placed(points, side)], _tone(rng), cv2.LINE_AA)


def _star(cell: Image, rng: Rng) -> None:
    side, tips = len(cell), int(rng.integers(4, 9))
    inner = float(rng.uniform(0.15, 0.35))
    turn = float(rng.uniform(0, np.pi))
    angles = turn + np.arange(2 * tips) * np.pi / tips
    radii = np.where(np.arange(2 * tips) % 2, inner, 0.48)
    points = np.column_stack([np.cos(angles) * radii, np.sin(angles) * radii])
    cv2.fillPoly(cell, [_placed(points, side)], _tone(rng), cv2.LINE_AA)


def _blot(cell: Image, rng: Rng) -> None:
    """An outline without a name, like that of an animal or of a state on a map."""
    side, count = len(cell), int(rng.integers(6, 22))
    angles = np.arange(count) * 2 * np.pi / count
    radii = np.clip(rng.normal(0.33, 0.1, count), 0.08, 0.5)
    points = np.column_stack([np.cos(angles) * radii, np.sin(angles) * radii])
    cv2.fillPoly(cell, [_placed(points, side)], _tone(rng), cv2.LINE_AA)


def _figure(cell: Image, rng: Rng) -> None:
    """Strokes and a head: a wheelchair, a rider, a plant."""
    side = len(cell)
    for _ in range(int(rng.integers(3, 8))):
        start, end = rng.uniform(-0.42, 0.42, (2, 2))
        thick = max(2, int(side * rng.uniform(0.04, 0.13)))
        a, b = (tuple(int(v) for v in p) for p in _placed([start, end], side))
        cv2.line(cell, a, b, _tone(rng), thick, cv2.LINE_AA)
    middle = tuple(int(v) for v in _placed([rng.uniform(-0.25, 0.25, 2)], side)[0])
    thick = -1 if rng.random() < 0.5 else max(2, side // 12)
    cv2.circle(cell, middle, int(side * rng.uniform(0.08, 0.28)), _tone(rng), thick, cv2.LINE_AA)


def _heart(cell: Image, rng: Rng) -> None:
    t = np.linspace(0, 2 * np.pi, 40)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    points = np.column_stack([x, -y]) / 36
    cv2.fillPoly(cell, [_placed(points, len(cell))], _tone(rng), cv2.LINE_AA)


def _detail(cell: Image, rng: Rng) -> None:
    """Something in the emblem: a stripe, a spot, a line."""
    side = len(cell)
    kind = int(rng.integers(3))
    if kind == 0:
        y, high = int(rng.uniform(0, side)), int(side * rng.uniform(0.04, 0.2))
        cell[y : y + high] = np.minimum(cell[y : y + high], int(rng.integers(0, 200)))
    elif kind == 1:
        middle = (int(rng.uniform(0.2, 0.8) * side), int(rng.uniform(0.2, 0.8) * side))
        cv2.circle(
            cell, middle, int(side * rng.uniform(0.04, 0.2)), int(rng.integers(0, 256)), -1, cv2.LINE_AA
        )
    else:
        a, b = ((int(rng.uniform(0, side)), int(rng.uniform(0, side))) for _ in range(2))
        cv2.line(
            cell, a, b, int(rng.integers(0, 256)), max(2, int(side * rng.uniform(0.02, 0.1))), cv2.LINE_AA
        )


def _placed(points: ArrayLike, side: int) -> NDArray[np.int32]:
    """Points about the middle, in sides, to pixels."""
    return np.asarray(np.round((np.asarray(points) + 0.5) * side), np.int32)


_OUTLINES: tuple[Callable[[Image, Rng], None], ...] = (
    _round,
    _shield,
    _star,
    _blot,
    _blot,
    _figure,
    _figure,
    _heart,
)
