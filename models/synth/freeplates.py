"""Plates of no country: random lettering, spacing, grounds and small print, in grey, for the reader's training.

The classes of `patterns` look as their countries demand. A reader that has seen only these reads only these; the
plates drawn here differ in everything that may differ, so that what is left in common is the characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.synth import typefaces
from models.synth.arrays import Image, Rng, pick
from models.synth.emblems import emblem
from models.synth.freeprint import printed
from models.synth.patterns import CLASSES
from models.synth.reserved import is_reserved
from models.synth.texts import sample_pattern, sample_text
from models.synth.typefaces import CAP_PX

SHAPES = (
    "LLLDDD", "LLLDDDD", "LLDDDLL", "LLLDLDD", "LLDDDD", "LDDDLLL", "DDDLLL", "LLLLDD", "LLDDDL", "DLLLDDD", "DDDDLL",
    "LLDDLLL", "LDDDDD", "DDDDDD", "LLDDDDD", "DDLDDDDD", "LLLDDL", "DDLDDD", "LDDDDL", "DDDDD", "LLDLDDDD", "LLL",
    "DDDD", "LLLLL", "LLLLLL", "LLLLLLL", "LLD", "LLLLD", "LLDD", "LDDD", "LLDDD", "DDDLL", "DDDDL", "DLLLD",
)  # fmt: skip
"""Shapes of real plates the world over: L a letter, D a digit."""
_RANDOM_SHARE = 0.3
_KNOWN_SHARE = 0.25
_TOWN_SHARE = 0.15
"""Of plates laid out as Colombia's are, dark on light above a town's name, in any typeface."""


@dataclass(frozen=True, slots=True)
class FlatPlate:
    """A plate from straight ahead.

    Attributes:
        grey: (h, w) uint8.
        lines: its one or two lines of text.
        ink: where its characters are: left, top, right, bottom, shares of the plate.
    """

    grey: Image
    lines: tuple[str, ...]
    ink: tuple[float, float, float, float]


def free_text(rng: Rng, *, lines: int) -> tuple[str, ...]:
    """Characters of a plate; none that is kept for the sample clips."""
    while True:
        if rng.random() < _RANDOM_SHARE:
            length = int(rng.integers(2 if lines == 1 else 4, 9))
            text = "".join(pick(rng, typefaces.ALPHABET) for _ in range(length))
        else:
            shape = pick(rng, SHAPES) if lines == 1 else pick(rng, [s for s in SHAPES if len(s) >= 5])
            text = sample_pattern(shape.replace("L", "[A-Z]").replace("D", "[0-9]"), rng)
        if is_reserved(text):
            continue
        if lines == 1:
            return (text,)
        breaks = [
            k for k in range(2, len(text) - 1) if k == 3 or text[k - 1].isalpha() != text[k].isalpha()
        ] or [2]
        first = pick(rng, breaks)
        return text[:first], text[first:]


def class_text(rng: Rng, *, country: str | None = None) -> tuple[str, ...]:
    """Characters of a plate of one of the known classes, of one country if named, parted as that class is."""
    known = [c for c in CLASSES if c.country != "XX" and country in (None, c.country)]
    chosen = pick(rng, known)
    text = sample_text(chosen, rng)
    return (text[: chosen.lines[0]], text[chosen.lines[0] :]) if chosen.lines else (text,)


def _town_text(rng: Rng) -> tuple[str, ...]:
    """Characters of a Colombian car or motorcycle."""
    while True:
        lines = class_text(rng, country="CO")
        text = "".join(lines)
        if text[:3].isalpha() and text[3:5].isdigit() and not is_reserved(text):
            return lines


def free_plate(rng: Rng, faces: Sequence[str]) -> FlatPlate:
    """Draw one.

    Args:
        rng: chance.
        faces: typefaces as `typefaces.installed` finds them; may be none.
    """
    chance = rng.random()
    town = chance < _TOWN_SHARE
    if town:
        lines = _town_text(rng)
    elif chance < _TOWN_SHARE + _KNOWN_SHARE:
        lines = class_text(rng)
    else:
        lines = free_text(rng, lines=2 if rng.random() < 0.4 else 1)
    style = _style(rng, faces, town=town)
    inks = [_line(line, style, rng) for line in lines]
    if len(inks) == 2:
        # The two lines of a plate are often set to one width, or in different sizes.
        if rng.random() < 0.5:
            wide = max(i.shape[1] for i in inks)
            inks = [_spread(i, wide, rng) for i in inks]
        if rng.random() < 0.4:
            which = int(rng.integers(2))
            scale = float(rng.uniform(0.6, 1.0))
            high, wide = inks[which].shape
            inks[which] = np.asarray(
                cv2.resize(
                    inks[which],
                    (max(4, round(wide * scale)), round(high * scale)),
                    interpolation=cv2.INTER_AREA,
                ),
                np.uint8,
            )
    ink, area = _arrange(inks, rng, below=0.2 if town else -0.12)
    grey = printed(ink, area, rng, town=town)
    high, wide = grey.shape
    top, bottom, left, right = area
    return FlatPlate(grey, lines, (left / wide, top / high, right / wide, bottom / high))


@dataclass(frozen=True, slots=True)
class _Style:
    """How the lines of a plate are set: typeface, weight, gap between characters, width, what parts groups."""

    face: str
    weight: int
    gap: float
    narrow: float
    separators: tuple[str, ...]


def _style(rng: Rng, faces: Sequence[str], *, town: bool) -> _Style:
    return _Style(
        face=typefaces.draw_face(rng, faces),
        weight=int(np.clip(round(rng.normal(0.5, 2.2)), -3, 6)),
        gap=float(rng.uniform(0.03, 0.34)),
        narrow=float(rng.uniform(0.5, 0.95) if town else rng.uniform(0.6, 1.3)),
        separators=("·", ".", "*", " ", "-") if town else ("", "", "", "-", ".", "·", " ", "*", "*"),
    )


def _line(text: str, style: _Style, rng: Rng) -> Image:
    """The ink of a line: capital height `CAP_PX`, with room above and below for tails."""
    room = CAP_PX // 4
    parts: list[Image] = []
    jitter = float(rng.uniform(0, 2.5)) if rng.random() < 0.3 else 0.0
    separator = pick(rng, style.separators) if rng.random() < 0.85 else "any"
    wide_gap = float(rng.uniform(0.15, 1.0))
    for place, character in enumerate(text):
        if place:
            here = style.gap
            group = text[place - 1].isalpha() != character.isalpha() or (
                separator == "any" and rng.random() < 0.3
            )
            parts.append(np.zeros((CAP_PX + 2 * room, max(2, round(here * CAP_PX * 0.6))), np.uint8))
            if group and separator:
                parts.append(_separator(separator, wide_gap, room, rng))
        drawn = typefaces.glyph(character, style.face)
        ink = typefaces.weighted(drawn.ink, style.weight)
        extra = (ink.shape[0] - drawn.ink.shape[0]) // 2
        top = room - drawn.above - extra + round(rng.normal(0, jitter))
        cell = np.zeros((CAP_PX + 2 * room, ink.shape[1]), np.uint8)
        top = max(0, top)
        cell[top : top + ink.shape[0]] = ink[: cell.shape[0] - top]
        parts.append(cell)
    if rng.random() < 0.16:  # arms or a logo before or after the number
        beside = _separator("*", wide_gap, room, rng)
        parts = [beside, *parts] if rng.random() < 0.65 else [*parts, beside]
    line = np.hstack(parts)
    return np.asarray(
        cv2.resize(
            line, (max(6, round(line.shape[1] * style.narrow)), line.shape[0]), interpolation=cv2.INTER_AREA
        ),
        np.uint8,
    )


def _separator(kind: str, wide: float, room: int, rng: Rng) -> Image:
    width = max(6, round((wide + (0.8 if kind == "*" else 0.0)) * CAP_PX * 0.6))
    cell = np.zeros((CAP_PX + 2 * room, width), np.uint8)
    middle = (width // 2, room + CAP_PX // 2)
    if kind == "-":
        half, thick = round(width * 0.3), max(2, round(CAP_PX * float(rng.uniform(0.05, 0.14))))
        cv2.rectangle(
            cell,
            (middle[0] - half, middle[1] - thick // 2),
            (middle[0] + half, middle[1] + thick // 2),
            255,
            -1,
        )
    elif kind in ".·":
        y = middle[1] if kind == "·" else room + CAP_PX - 8
        cv2.circle(
            cell, (middle[0], y), max(3, round(CAP_PX * float(rng.uniform(0.03, 0.09)))), 255, -1, cv2.LINE_AA
        )
    elif kind == "*":
        side = min(round(CAP_PX * float(rng.uniform(0.4, 1.1))), width)
        drawn = emblem(rng, side)
        top = max(0, middle[1] - side // 2 + round(rng.normal(0, CAP_PX * 0.08)))
        left = middle[0] - side // 2
        part = cell[top : top + side, left : left + side]
        part[:] = drawn[: part.shape[0], : part.shape[1]]
    return cell


def _spread(ink: Image, wide: int, rng: Rng) -> Image:
    """Widen a line to a width, by stretching or by standing in the middle."""
    if rng.random() < 0.4 and ink.shape[1] * 1.6 > wide:
        return np.asarray(cv2.resize(ink, (wide, ink.shape[0])), np.uint8)
    left = (wide - ink.shape[1]) // 2
    return np.asarray(
        cv2.copyMakeBorder(ink, 0, 0, left, wide - ink.shape[1] - left, cv2.BORDER_CONSTANT, value=0),
        np.uint8,
    )


def _arrange(inks: list[Image], rng: Rng, *, below: float) -> tuple[Image, tuple[int, int, int, int]]:
    """Set the lines on a plate; its ink and the area (top, bottom, left, right) that the characters take."""
    room = CAP_PX // 4
    between = -2 * room + round(CAP_PX * float(rng.uniform(0.06, 0.3)))
    wide = max(i.shape[1] for i in inks)
    high = sum(i.shape[0] for i in inks) + between * (len(inks) - 1)
    above, under = (round(CAP_PX * float(rng.uniform(least, 0.5))) for least in (-0.12, below))
    left, right = (round(CAP_PX * float(rng.uniform(0.05, 0.75))) for _ in range(2))
    above, under = max(above, -room + 4), max(under, -room + 4)
    sheet = np.zeros((high + above + under, wide + left + right), np.uint8)
    top = above
    for ink in inks:
        x = left + (wide - ink.shape[1]) // 2
        y0, y1 = max(top, 0), min(top + ink.shape[0], sheet.shape[0])
        part = ink[y0 - top : y1 - top]
        region = sheet[y0:y1, x : x + ink.shape[1]]
        np.maximum(region, part, out=region)
        top += ink.shape[0] + between
    return sheet, (above + room, sheet.shape[0] - under - room, left, sheet.shape[1] - right)
