"""Plates and the vehicles around them for the rendered test set: paint, press, coating, dirt, what is in the way.

Everything is in shares of light that comes back: what a surface reflects by day, and what its coating throws back
into a lamp beside the camera by night.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from models.synth import testglyphs
from models.synth.arrays import Floats, Image, Rng, pick
from models.synth.patterns import Look, PlateClass
from models.synth.testglyphs import Style

AROUND: Final = (0.7, 1.0)
"""How much of the vehicle is drawn beyond the plate, shares of its width and height."""
_TOWNS: Final = (
    "MEDELLIN",
    "CALI",
    "BUCARAMANGA",
    "FLORIDABLANCA",
    "CHIA",
    "PASTO",
    "NEIVA",
    "TUNJA",
    "COTA",
    "FUNZA",
)
_MOST_HIDDEN: Final = 0.3
"""No more than this share of a character's box is ever covered."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A vehicle's end with its plate, from straight ahead.

    Attributes:
        day: (h, w, 3) float32 BGR, linear reflectance 0..1.
        night: (h, w) float32, what returns of infrared light; a plate's coating more than one.
        plate: (x, y, w, h) of the plate, px.
        chars: (n, 4) float64 boxes of the characters, px.
    """

    day: Floats
    night: Floats
    plate: tuple[int, int, int, int]
    chars: Floats


def linear(colour: tuple[int, int, int]) -> Floats:
    """(3,) float32 reflectance of a colour as a picture shows it, BGR 0..255."""
    return np.asarray((np.array(colour, np.float32) / 255) ** 2.2, np.float32)


def surface(text: str, plate_class: PlateClass, wide_px: int, rng: Rng) -> Surface:
    """Draw a plate on its vehicle.

    Args:
        text: a plate of that class.
        plate_class: how it looks, by the grammar.
        wide_px: width of the plate.
        rng: chance.
    """
    size = plate_class.size_mm
    high_px = max(8, round(wide_px * size[1] / size[0]))
    look = pick(rng, plate_class.looks)
    ink, small, chars = _lettering(text, plate_class, look, (high_px, wide_px), rng)
    day, night = _paint(look, ink, small, rng)
    _dirt(day, night, chars, rng)
    _fixings(day, night, chars, rng)
    around = tuple(round(share * side) for share, side in zip(AROUND, (wide_px, high_px), strict=True))
    scene = _vehicle((high_px + 2 * around[1], wide_px + 2 * around[0]), plate_class, rng)
    dark = scene.mean(axis=2) * float(rng.uniform(0.3, 0.8))
    x, y = around
    place = (slice(y, y + high_px), slice(x, x + wide_px))
    _shade(scene, dark, (x, y, wide_px, high_px), rng)
    scene[place], dark[place] = day, night
    whole = Surface(scene, dark, (x, y, wide_px, high_px), chars + np.array([x, y, 0, 0]))
    _in_the_way(whole, rng)
    return whole


def _lettering(
    text: str, plate_class: PlateClass, look: Look, shape: tuple[int, int], rng: Rng
) -> tuple[Image, Image, Floats]:
    """The ink of the characters, that of the small print, and the characters' boxes (n, 4)."""
    high, wide = shape
    style = testglyphs.random_style(rng)
    if plate_class.lines:  # small plates are pressed with pens nearly as thick as large ones
        style = replace(style, pen=1.15 * style.pen)
    ink, small = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    top, bottom = float(rng.uniform(0.07, 0.11)), float(rng.uniform(0.88, 0.93))
    if look.band == "top":
        top = 0.25
    elif look.caption:
        row = 0.075 if plate_class.lines else 0.095
        town = look.caption == "municipality"
        words = pick(rng, _TOWNS) if town else look.caption
        centre = bottom - row / 2 + 0.01 if town else top + row / 2
        _small_print(small, words, centre * high, row * high, style)
        top, bottom = (top, bottom - row - 0.035) if town else (top + row + 0.03, bottom)
    first = plate_class.lines[0] if plate_class.lines else len(text)
    lines = [line for line in (text[:first], text[first:]) if line]
    left = 0.5 * high if look.band == "left" else 0.05 * wide
    room = (bottom - top) * high
    each = room / len(lines) * (0.9 if len(lines) == 2 else 0.97)
    boxes = []
    for number, line in enumerate(lines):
        y = top * high + number * (room - each)
        boxes += _line(
            ink, line, style, (left, y, wide * 0.95 - left, each), separated=len(lines) == 1, rng=rng
        )
    return ink, small, np.array(boxes, np.float64)


def _line(
    ink: Image, line: str, style: Style, area: tuple[float, float, float, float], *, separated: bool, rng: Rng
) -> list[tuple[int, int, int, int]]:
    """Set a line into an area (x, y, w, h), each character as wide as there is room, within reason."""
    x, y, w, h = area
    height = max(5, round(h))
    gap = float(rng.uniform(0.1, 0.17))
    breaks = [separated and a.isalpha() != b.isalpha() for a, b in pairwise(line)]
    split = float(rng.uniform(0.2, 0.34)) if any(breaks) else 0.0
    spaces = gap * len(breaks) + split * sum(breaks)
    natural = sum(testglyphs.advance(c, style) for c in line)
    pens = style.pen * len(line)
    stretch = float(
        np.clip((w / height - spaces - pens) / (natural - pens), 0.55, 1.3 if len(line) > 4 else 1.6)
    )
    taken = (natural - pens) * stretch + pens + spaces
    if taken * height > w:  # still too wide: lower characters
        height = max(5, round(w / taken))
        y += (h - height) / 2
    cursor = x + (w - taken * height) / 2
    boxes = []
    dot = bool(rng.random() < 0.7)
    for place, character in enumerate(line):
        drawn = testglyphs.draw(character, style, height, stretch=stretch)
        left, top = round(cursor), round(y)
        region = ink[top : top + height, left : left + drawn.shape[1]]
        np.maximum(region, drawn[: region.shape[0], : region.shape[1]], out=region)
        boxes.append((left, top, drawn.shape[1], height))
        cursor += drawn.shape[1] + gap * height
        if place < len(breaks) and breaks[place]:
            if dot:
                middle = (round(cursor + (split - gap) * height / 2), round(y + height * 0.52))
                cv2.circle(ink, middle, max(1, round(0.05 * height)), 190, -1, cv2.LINE_AA)
            cursor += split * height
    return boxes


def _small_print(small: Image, words: str, middle: float, height: float, style: Style) -> None:
    size = max(3, round(height))
    cut = Style(style.width * 1.1, 0.17, style.arc)
    cells = [
        testglyphs.draw(c, cut, size)
        if c in testglyphs.ALPHABET
        else np.zeros((size, max(1, size // 2)), np.uint8)
        for c in words
    ]
    gap = np.zeros((size, max(1, round(0.16 * size))), np.uint8)
    line = np.hstack([part for cell in cells for part in (cell, gap)])
    wide = min(line.shape[1], int(small.shape[1] * 0.8))
    line = np.asarray(cv2.resize(line, (wide, size), interpolation=cv2.INTER_AREA), np.uint8)
    x, y = (small.shape[1] - wide) // 2, max(0, round(middle - size / 2))
    region = small[y : y + size, x : x + wide]
    region[:] = line[: region.shape[0]]


def _paint(look: Look, ink: Image, small: Image, rng: Rng) -> tuple[Floats, Floats]:
    """Reflectance by day and what returns by night, of the plate alone."""
    high, wide = ink.shape
    fade = float(rng.uniform(0.75, 1.05))
    ground, letter = linear(look.ground) * fade, linear(look.ink) + 0.02
    day = np.ones((high, wide, 3), np.float32) * ground
    if look.band == "top":
        day[: round(0.2 * high)] = linear(look.band_colour)
        _small_print(small, look.caption, 0.1 * high, 0.11 * high, Style(0.5, 0.15, 0.2))
    elif look.band == "left":
        day[:, : round(0.42 * high)] = linear(look.band_colour)
    elif look.band == "sides":
        day[:, : round(0.045 * wide)] = day[:, -round(0.045 * wide) :] = linear(look.band_colour)
    alpha = (np.maximum(ink, small).astype(np.float32) / 255)[..., None]
    worn = float(rng.uniform(0.8, 1.0))
    caption = linear((240, 240, 240)) if look.band == "top" else letter
    lettering = np.where(small[..., None] > ink[..., None], caption, letter)
    day = day * (1 - alpha * worn) + lettering * (alpha * worn)
    # The press lifts characters and rim: a slope turned to the light is brighter.
    rim = np.zeros((high, wide), np.float32)
    inset, thick = max(1, round(0.03 * high)), max(1, round(0.022 * high))
    cv2.rectangle(rim, (inset, inset), (wide - 1 - inset, high - 1 - inset), 1.0, thick, cv2.LINE_AA)
    if rng.random() < 0.7:
        day = day * (1 - rim[..., None] * 0.8) + letter * (rim[..., None] * 0.8)
    height_map = cv2.GaussianBlur(np.maximum(ink / np.float32(255), rim), (0, 0), max(0.5, 0.014 * high))
    angle = float(rng.uniform(-2.6, -0.5))
    slope = cv2.Scharr(height_map, cv2.CV_32F, 1, 0) * np.cos(angle) + cv2.Scharr(
        height_map, cv2.CV_32F, 0, 1
    ) * np.sin(angle)
    relief = 1 - np.clip(slope / 16 * high * 0.012, -1, 1) * float(rng.uniform(0.1, 0.5))
    day = np.clip(day * np.asarray(relief, np.float32)[..., None], 0.005, 1)
    # A coating of tiny prisms: the ground throws light back, ink does not; coloured grounds somewhat less.
    coat = 0.35 + 0.65 * float(ground.max())
    night = coat * (1 - alpha[..., 0] * worn * (1 - float(letter.max()) * 0.8))
    night = night * (1 + rng.standard_normal((high, wide), dtype=np.float32) * 0.04)
    return day.astype(np.float32), np.asarray(np.clip(night, 0.01, 1.2), np.float32)


def _dirt(day: Floats, night: Floats, chars: Floats, rng: Rng) -> None:
    """A film of dust from below, drops of mud, scratches; never over a whole character."""
    high, wide = night.shape
    if rng.random() < 0.5:
        coarse = rng.random((5, 9), dtype=np.float32)
        film = (
            cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
            * np.linspace(0.1, 1, high)[:, None]
        )
        film = np.asarray(np.clip(film - 0.25, 0, 1) * float(rng.uniform(0.1, 0.8)), np.float32)
        day[:] = day * (1 - film[..., None]) + np.array([0.11, 0.15, 0.19], np.float32) * film[..., None]
        night *= 1 - 0.7 * film
    for _ in range(int(rng.poisson(1.2))):
        radius = float(rng.uniform(0.015, 0.05)) * high
        middle = (float(rng.uniform(0, wide)), float(rng.uniform(0, high)))
        if _hides(chars, (middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius)):
            continue
        at, size = (round(middle[0]), round(middle[1])), max(1, round(radius))
        cv2.circle(day, at, size, (0.05, 0.07, 0.09), -1, cv2.LINE_AA)
        cv2.circle(night, at, size, 0.05, -1, cv2.LINE_AA)
    for _ in range(int(rng.poisson(0.7))):
        ends = rng.uniform(0, [wide, high], (2, 2))
        ends[1] = ends[0] + (ends[1] - ends[0]) * 0.3
        one, other = (tuple(int(v) for v in end) for end in ends)
        cv2.line(day, one, other, (0.4, 0.4, 0.4), 1, cv2.LINE_AA)


def _fixings(day: Floats, night: Floats, chars: Floats, rng: Rng) -> None:
    """Screws, and a holder's rim over the edge."""
    high, wide = night.shape
    if rng.random() < 0.75:
        size = max(1, round(high * float(rng.uniform(0.02, 0.042))))
        y = round(high * float(rng.uniform(0.06, 0.16)))
        tone = float(rng.uniform(0.02, 0.5))
        for share in (0.2, 0.8) if rng.random() < 0.7 else (0.12, 0.88):
            x = round(wide * share)
            if _hides(chars, (x - size, y - size, 2 * size, 2 * size)):
                continue
            cv2.circle(day, (x, y), size, (tone, tone, tone), -1, cv2.LINE_AA)
            cv2.circle(night, (x, y), size, 0.1, -1, cv2.LINE_AA)
            cv2.line(day, (x - size, y), (x + size, y), (tone * 0.3,) * 3, 1, cv2.LINE_AA)
    if rng.random() < 0.25:
        rim = max(1, round(0.035 * high))
        cv2.rectangle(day, (0, 0), (wide - 1, high - 1), (0.012, 0.012, 0.012), rim * 2)
        cv2.rectangle(night, (0, 0), (wide - 1, high - 1), 0.02, rim * 2)


def _hides(chars: Floats, box: tuple[float, float, float, float]) -> bool:
    """Whether a box (x, y, w, h) covers too much of any character."""
    x, y, w, h = box
    across = np.minimum(chars[:, 0] + chars[:, 2], x + w) - np.maximum(chars[:, 0], x)
    down = np.minimum(chars[:, 1] + chars[:, 3], y + h) - np.maximum(chars[:, 1], y)
    hidden = np.clip(across, 0, None) * np.clip(down, 0, None) / (chars[:, 2] * chars[:, 3])
    return bool(hidden.max() > _MOST_HIDDEN)


def _vehicle(shape: tuple[int, int], plate_class: PlateClass, rng: Rng) -> Floats:
    """(h, w, 3) linear reflectance of a vehicle's end: paint, seams, a grille or lamps; dark clutter on motorcycles."""
    high, wide = shape
    motorcycle = "motorcycle" in plate_class.vehicles
    tone = float(rng.uniform(0.01, 0.08)) if motorcycle else float(rng.choice([0.015, 0.05, 0.2, 0.6, 0.75]))
    tint = rng.uniform(0.6, 1.0, 3) if rng.random() < 0.7 else rng.dirichlet([0.6] * 3) * 2.2
    body = np.ones((high, wide, 3), np.float32) * np.clip(tone * tint, 0.005, 0.9).astype(np.float32)
    bend = np.linspace(float(rng.uniform(0.8, 1.5)), float(rng.uniform(0.4, 1.0)), high, dtype=np.float32)
    body *= bend[:, None, None]
    for _ in range(int(rng.integers(1, 6)) + 4 * motorcycle):
        x, y = (float(rng.uniform(0, side)) for side in (wide, high))
        w, h = float(rng.uniform(0.1, 0.9)) * wide, float(rng.uniform(0.03, 0.25)) * high
        shade = tuple(float(v) for v in np.clip(rng.uniform(0.005, 0.25) * rng.uniform(0.6, 1.2, 3), 0, 1))
        if rng.random() < 0.2:
            shade = (0.02, 0.02, float(rng.uniform(0.25, 0.7)))  # a rear lamp's glass
        corner, other = (round(x - w / 2), round(y - h / 2)), (round(x + w / 2), round(y + h / 2))
        if motorcycle and rng.random() < 0.5:
            cv2.ellipse(
                body, (round(x), round(y)), (round(w / 3), round(h)), 0, 0, 360, shade, -1, cv2.LINE_AA
            )
        else:
            cv2.rectangle(body, corner, other, shade, -1)
    if not motorcycle and rng.random() < 0.35:  # a grille
        top, step = (
            round(high * float(rng.uniform(0, 0.1))),
            max(2, round(high * float(rng.uniform(0.02, 0.05)))),
        )
        for y in range(top, round(top + high * 0.22), step):
            cv2.line(body, (0, y), (wide, y), (0.01, 0.01, 0.01), max(1, step // 2))
    return np.asarray(np.clip(body, 0.004, 1), np.float32)


def _shade(scene: Floats, dark: Floats, plate: tuple[int, int, int, int], rng: Rng) -> None:
    """The recess that a plate stands in, and its own shadow."""
    x, y, w, h = plate
    if rng.random() < 0.5:
        edge = round(h * float(rng.uniform(0.08, 0.3)))
        cv2.rectangle(
            scene, (x - edge * 2, y - edge), (x + w + edge * 2, y + h + edge), (0.02, 0.02, 0.02), -1
        )
        cv2.rectangle(dark, (x - edge * 2, y - edge), (x + w + edge * 2, y + h + edge), 0.01, -1)
    drop = max(1, round(0.05 * h))
    scene[y + h : y + h + drop, x : x + w] *= 0.4


def _in_the_way(whole: Surface, rng: Rng) -> None:
    """Sometimes a ball of a tow bar, a cable or a leaf before the plate, never over too much of a character."""
    if rng.random() > 0.12:
        return
    x, y, w, h = whole.plate
    for _ in range(8):
        wide, high = (0.08 * w, 0.5 * h) if rng.random() < 0.5 else (0.03 * w, 1.2 * h)
        left = float(rng.uniform(x - 0.1 * w, x + w))
        top = float(rng.uniform(y + 0.55 * h, y + 0.95 * h)) if high < h else y - 0.1 * h
        if _hides(whole.chars, (left, top, wide, high)):
            continue
        corner, other = (round(left), round(top)), (round(left + wide), round(top + high))
        tone = float(rng.uniform(0.01, 0.3))
        cv2.rectangle(whole.day, corner, other, (tone, tone, tone), -1)
        cv2.rectangle(whole.night, corner, other, 0.05, -1)
        return
