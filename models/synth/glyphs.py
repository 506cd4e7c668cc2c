"""Atalaya's own plate lettering: every glyph is a few strokes of the pen, written here.

A glyph lives in a cell 100 units high and ``advance`` units wide, y downwards. The strokes are the centre
lines of a round pen. A path is a string of the commands ``M x y`` (lift and move), ``L x y`` (line),
``C x1 y1 x2 y2 x y`` (cubic curve) and ``E cx cy rx ry a b`` (elliptic arc from angle a to b in degrees,
0 = right, 90 = down).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from models.synth.arrays import Floats, Image

_PATHS: dict[str, tuple[float, str]] = {
    "A": (52, "M 6 93 L 26 7 L 46 93 M 12 66 L 40 66"),
    "B": (
        50,
        "M 8 7 L 8 93 L 26 93 E 26 71 17 22 90 -90 L 8 49 M 8 7 L 25 7 E 25 28 15 21 -90 90",
    ),
    "C": (50, "M 43 34 L 43 27 E 25 27 18 20 0 -180 L 7 73 E 25 73 18 20 180 0 L 43 66"),
    "D": (50, "M 8 7 L 8 93 L 21 93 E 21 71 22 22 90 0 L 43 29 E 21 29 22 22 0 -90 L 8 7"),
    "E": (46, "M 41 7 L 8 7 L 8 93 L 41 93 M 8 49 L 36 49"),
    "F": (46, "M 41 7 L 8 7 L 8 93 M 8 50 L 36 50"),
    "G": (51, "M 44 31 L 44 27 E 25 27 19 20 0 -180 L 6 73 E 25 73 19 20 180 0 L 44 53 L 28 53"),
    "H": (50, "M 8 7 L 8 93 M 42 7 L 42 93 M 8 49 L 42 49"),
    "I": (32, "M 16 7 L 16 93 M 7 7 L 25 7 M 7 93 L 25 93"),
    "J": (48, "M 20 7 L 41 7 L 41 73 E 24 73 17 20 0 180 L 7 68"),
    "K": (51, "M 8 7 L 8 93 M 44 7 L 9 57 M 20 42 L 45 93"),
    "L": (46, "M 8 7 L 8 93 L 42 93"),
    "M": (60, "M 7 93 L 7 7 L 30 62 L 53 7 L 53 93"),
    "N": (52, "M 8 93 L 8 7 L 44 93 L 44 7"),
    "O": (61, "M 30.5 7 E 30.5 50 24 43 -90 270"),
    "P": (49, "M 8 93 L 8 7 L 26 7 E 26 31 17 24 -90 90 L 8 55"),
    "Q": (62, "M 30.5 7 E 30.5 50 24 43 -90 270 M 34 68 L 56 95"),
    "R": (51, "M 8 93 L 8 7 L 26 7 E 26 30 17 23 -90 90 L 8 53 M 24 53 L 44 93"),
    "S": (50, "M 42 29 E 25 27 17 20 0 -180 C 8 50 42 47 42 72 E 25 73 17 20 0 180"),
    "T": (48, "M 5 7 L 43 7 M 24 7 L 24 93"),
    "U": (50, "M 8 7 L 8 73 E 25 73 17 20 180 0 L 42 7"),
    "V": (52, "M 6 7 L 26 93 L 46 7"),
    "W": (66, "M 6 7 L 18 93 L 33 30 L 48 93 L 60 7"),
    "X": (51, "M 6 7 L 45 93 M 45 7 L 6 93"),
    "Y": (51, "M 6 7 L 25 50 L 45 7 M 25 50 L 25 93"),
    "Z": (48, "M 7 7 L 41 7 L 7 93 L 42 93"),
    "0": (48, "M 7 29 E 24 28 17 21 180 360 L 41 72 E 24 72 17 21 0 180 L 7 28"),
    "1": (40, "M 8 25 L 25 7 L 25 93"),
    "2": (48, "M 7 29 E 24 27 17 20 180 360 C 41 48 10 68 7 93 L 42 93"),
    "3": (48, "M 7 22 E 24 28 16 21 -160 90 L 17 49 M 24 49 E 24 71 17 22 -90 160"),
    "4": (50, "M 35 93 L 35 7 L 6 71 L 45 71"),
    "5": (48, "M 40 7 L 11 7 L 9 48 C 18 34 41 36 41 66 C 41 100 12 99 7 80"),
    "6": (48, "M 39 22 C 32 2 7 2 7 48 L 7 68 E 24 68 17 25 180 540"),
    "7": (47, "M 6 7 L 41 7 C 27 36 20 62 19 93"),
    "8": (49, "M 24.5 7 E 24.5 28 15 21 -90 270 M 24.5 49 E 24.5 71 17.5 22 -90 270"),
    "9": (48, "M 9 78 C 16 98 41 98 41 52 L 41 32 E 24 32 17 25 0 360"),
    "-": (36, "M 10 52 L 26 52"),
}
PEN = 13.5
"""Width of the pen in units of the cell."""


def advance(character: str) -> float:
    """Width of a character's cell in units of 1/100 of its height.

    Raises:
        KeyError: the lettering has no such character.
    """
    return _PATHS[character][0]


def alphabet() -> str:
    """Every character that can be drawn."""
    return "".join(_PATHS)


@lru_cache(maxsize=64)
def strokes(character: str) -> tuple[Floats, ...]:
    """The centre lines of a glyph, each (n, 2) float64 in units of the cell."""
    words = _PATHS[character][1].split()
    lines: list[list[tuple[float, float]]] = []
    position = 0
    while position < len(words):
        command = words[position]
        count = {"M": 2, "L": 2, "C": 6, "E": 6}[command]
        numbers = [float(word) for word in words[position + 1 : position + 1 + count]]
        position += 1 + count
        if command == "M":
            lines.append([(numbers[0], numbers[1])])
        else:
            lines[-1].extend(_points(command, numbers, lines[-1][-1]))
    return tuple(np.array(line) for line in lines)


def _points(command: str, numbers: list[float], start: tuple[float, float]) -> list[tuple[float, float]]:
    if command == "L":
        return [(numbers[0], numbers[1])]
    steps = np.linspace(0.0, 1.0, 33)[1:]
    if command == "C":
        control = np.array([start, numbers[0:2], numbers[2:4], numbers[4:6]])
        weights = np.stack(
            [(1 - steps) ** 3, 3 * (1 - steps) ** 2 * steps, 3 * (1 - steps) * steps**2, steps**3], axis=1
        )
        return [(float(x), float(y)) for x, y in weights @ control]
    centre_x, centre_y, radius_x, radius_y, first, last = numbers
    angles = np.radians(first + (last - first) * np.linspace(0.0, 1.0, 33))
    return [
        (float(centre_x + radius_x * np.cos(angle)), float(centre_y + radius_y * np.sin(angle)))
        for angle in angles
    ]


def draw(character: str, height_px: int, *, width_px: int | None = None, weight: float = 1.0) -> Image:
    """Draws one glyph.

    Args:
        character: one of ``alphabet()``.
        height_px: height of the cell.
        width_px: width of the cell; the glyph is squeezed or stretched to it. By default its own width.
        weight: width of the pen relative to the standard.

    Returns:
        (height_px, width_px) uint8 mask, 255 = ink.
    """
    own = advance(character)
    width = width_px if width_px is not None else max(1, round(own * height_px / 100.0))
    oversample = 4
    mask = np.zeros((height_px * oversample, width * oversample), np.uint8)
    scale = np.array([width * oversample / own, height_px * oversample / 100.0])
    pen = max(1, round(PEN * weight * float(scale.mean())))
    for line in strokes(character):
        points = np.round(line * scale * 16).astype(np.int32)
        cv2.polylines(mask, [points], False, 255, pen, cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(mask, (width, height_px), interpolation=cv2.INTER_AREA), np.uint8)
