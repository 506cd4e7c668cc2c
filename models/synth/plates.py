"""Renders a number plate as it leaves the stamping press, or after some years on the road."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from models.synth import glyphs, lettering
from models.synth.arrays import Floats, Image, Rng, pick
from models.synth.patterns import Look, PlateClass, find

PX_PER_MM = 2.0
"""Resolution of a rendered plate."""
MUNICIPALITIES = (
    "MEDELLIN", "BELLO", "ENVIGADO", "ITAGUI", "SABANETA", "LA ESTRELLA", "RIONEGRO", "GIRARDOTA", "BOGOTA D.C.",
    "CALI", "PEREIRA", "MANIZALES", "CALDAS", "COPACABANA", "GUARNE", "BARBOSA", "APARTADO", "MARINILLA",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlateSpec:
    """What is to be rendered.

    Attributes:
        text: the characters, without separators.
        country: ISO code, or "XX".
        plate_class: name of the class.
        font: a lettering of ``lettering.FONTS``.
        wear: 0 = new ... 1 = dirty, scratched and faded.
        frame: whether a dealer's dark frame surrounds the plate.
        look: which of the class's looks.
    """

    text: str
    country: str = "CO"
    plate_class: str = "particular"
    font: str = "stroke"
    wear: float = 0.15
    frame: bool = False
    look: int = 0


@dataclass(frozen=True, slots=True)
class CharBox:
    """One character and its box in px of the plate picture."""

    character: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class PlateImage:
    """A rendered plate.

    Attributes:
        bgr: (height, width, 3) uint8.
        quad: (4, 2) float64, px: top left, top right, bottom right, bottom left of the plate in ``bgr``.
        chars: the characters in reading order.
        text: what is written.
        country: ISO code, or "XX".
        plate_class: name of the class.
        size_mm: width and height of the plate.
    """

    bgr: Image
    quad: Floats
    chars: tuple[CharBox, ...]
    text: str
    country: str
    plate_class: str
    size_mm: tuple[int, int] = field(default=(330, 160))


def render_plate(spec: PlateSpec, rng: Rng) -> PlateImage:
    """Renders a plate.

    Raises:
        KeyError: the country has no such class.
        ValueError: the text does not match the class.
    """
    plate_class = find(spec.country, spec.plate_class)
    if not plate_class.matches(spec.text):
        raise ValueError(f"{spec.text!r} is no plate of class {spec.country} {spec.plate_class}")
    look = plate_class.looks[spec.look % len(plate_class.looks)]
    width, height = (round(side * PX_PER_MM) for side in plate_class.size_mm)
    canvas = np.full((height, width, 3), look.ground, np.uint8)
    area = _furniture(canvas, look, plate_class, rng)
    ink, chars = _characters(spec, plate_class, area, (height, width))
    canvas = _emboss(canvas, ink, look)
    _border(canvas, look)
    _bolts(canvas, plate_class, rng)
    canvas = _age(canvas, spec.wear, rng)
    if spec.frame:
        cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), (32, 30, 30), round(10 * PX_PER_MM / 2))
    quad = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    return PlateImage(canvas, quad, chars, spec.text, spec.country, spec.plate_class, plate_class.size_mm)


def _furniture(canvas: Image, look: Look, plate_class: PlateClass, rng: Rng) -> tuple[int, int, int, int]:
    """Draws bands and small type; returns the area left for the characters (x, y, w, h) in px."""
    height, width = canvas.shape[:2]
    margin = round(0.055 * min(width, height * 2))
    x, y, w, h = margin, margin, width - 2 * margin, height - 2 * margin
    two_lines = bool(plate_class.lines)
    if look.band == "top":
        band = round(height * 0.2)
        cv2.rectangle(canvas, (0, 0), (width, band), look.band_colour, -1)
        lettering.write(
            canvas, look.caption, (width // 2, round(band * 0.58)), round(band * 0.55), (245, 245, 245)
        )
        y, h = band + margin // 2, height - band - margin
    elif look.band == "left":
        band = round(height * 0.38)
        cv2.rectangle(canvas, (0, 0), (band, height), look.band_colour, -1)
        code = pick(rng, ("D", "E", "F", "I", "PL", "RO", "NL", "B"))
        lettering.write(canvas, code, (band // 2, round(height * 0.78)), round(height * 0.2), (245, 245, 245))
        x, w = band + margin // 2, width - band - margin
    else:
        if look.band == "sides":
            stripe = round(width * 0.045)
            cv2.rectangle(canvas, (0, 0), (stripe, height), look.band_colour, -1)
            cv2.rectangle(canvas, (width - stripe, 0), (width, height), look.band_colour, -1)
            x, w = x + stripe // 2, w - stripe
        if look.caption:
            small = round(height * (0.1 if two_lines else 0.115))
            below = look.caption == "municipality"
            caption = pick(rng, MUNICIPALITIES) if below else look.caption
            centre = height - margin - small // 3 if below else margin + small // 2
            lettering.write(canvas, caption, (width // 2, centre), small, look.ink)
            h -= small + 2
            y += 0 if below else small + 2
    return x, y, w, h


def _characters(
    spec: PlateSpec, plate_class: PlateClass, area: tuple[int, int, int, int], shape: tuple[int, int]
) -> tuple[Image, tuple[CharBox, ...]]:
    """Sets the characters into the area; returns the ink mask and the boxes."""
    x, y, w, h = area
    first = plate_class.lines[0] if plate_class.lines else len(spec.text)
    lines = [line for line in (spec.text[:first], spec.text[first:]) if line]
    gap = round(0.05 * h) if len(lines) > 1 else 0
    line_height = (h - gap * (len(lines) - 1)) // len(lines)
    ink = np.zeros(shape, np.uint8)
    boxes: list[CharBox] = []
    for number, line in enumerate(lines):
        top = y + number * (line_height + gap)
        boxes.extend(_line(ink, line, spec.font, (x, top, w, line_height)))
    return ink, tuple(boxes)


def _line(ink: Image, line: str, font: str, area: tuple[int, int, int, int]) -> list[CharBox]:
    x, y, w, h = area
    height = min(h, round(w * 0.34)) if len(line) > 3 else h
    height = round(height * 0.94)
    advances = [glyphs.advance(character) / 100.0 for character in line]
    breaks = [_is_break(before, after) for before, after in pairwise(line)]
    # Units of the letter height; the gap between letters and digits is wider than that between letters.
    natural = sum(advances) + 0.11 * len(breaks) + 0.14 * sum(breaks)
    stretch = min(1.35, w / (natural * height)) if len(line) > 3 else min(2.0, w * 0.88 / (natural * height))
    cursor = x + (w - natural * height * stretch) / 2
    top = y + (h - height) // 2
    boxes: list[CharBox] = []
    for index, character in enumerate(line):
        width = max(2, round(advances[index] * height * stretch))
        left = round(cursor)
        mask = lettering.glyph(character, height, width, font)
        region = ink[top : top + height, left : left + width]
        np.maximum(region, mask[: region.shape[0], : region.shape[1]], out=region)
        boxes.append(CharBox(character, float(left), float(top), float(width), float(height)))
        space = 0.11 + (0.14 if index < len(breaks) and breaks[index] else 0.0)
        cursor += (advances[index] + space) * height * stretch
    return boxes


def _is_break(before: str, after: str) -> bool:
    return before.isalpha() != after.isalpha()


def _emboss(canvas: Image, ink: Image, look: Look) -> Image:
    """Lays the ink on, with the light and dark rims of pressed metal."""
    alpha = (ink.astype(np.float32) / 255.0)[..., None]
    painted = canvas * (1 - alpha) + np.array(look.ink, np.float32) * alpha
    raised = cv2.GaussianBlur(ink.astype(np.float32) / 255.0, (0, 0), 2.2)
    slope = cv2.Sobel(raised, cv2.CV_32F, 0, 1, ksize=3) + 0.5 * cv2.Sobel(raised, cv2.CV_32F, 1, 0, ksize=3)
    return np.asarray(np.clip(painted + (slope * 26.0)[..., None], 0, 255), np.uint8)


def _border(canvas: Image, look: Look) -> None:
    height, width = canvas.shape[:2]
    inset = max(3, round(0.018 * width))
    cv2.rectangle(
        canvas, (inset, inset), (width - inset, height - inset), look.ink, max(2, inset // 2), cv2.LINE_AA
    )


def _bolts(canvas: Image, plate_class: PlateClass, rng: Rng) -> None:
    height, width = canvas.shape[:2]
    radius = max(3, round(height * 0.026))
    row = round(height * float(rng.uniform(0.09, 0.13)))
    if plate_class.lines:
        row = round(height * float(rng.uniform(0.1, 0.5)))
    for column in (
        (round(width * 0.22), round(width * 0.78))
        if not plate_class.lines
        else (radius * 4, width - radius * 4)
    ):
        shade = int(rng.integers(70, 190))
        cv2.circle(canvas, (column, row), radius, (shade, shade, shade), -1, cv2.LINE_AA)
        cv2.circle(canvas, (column, row + 1), radius, (40, 40, 40), 1, cv2.LINE_AA)


def _age(canvas: Image, wear: float, rng: Rng) -> Image:
    """Dust from below, blotches, scratches and fading."""
    height, width = canvas.shape[:2]
    picture = canvas.astype(np.float32)
    blotches = cv2.resize(
        rng.random((6, 12), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    rising = np.linspace(0.3, 1.0, height, dtype=np.float32)[:, None]
    dirt = np.clip((blotches - 0.45) * 1.6, 0, 1) * rising * wear * 0.75
    dust = np.array([70, 88, 100], np.float32)
    picture = picture * (1 - dirt[..., None]) + dust * dirt[..., None]
    for _ in range(int(wear * 9)):
        start = rng.integers(0, [width, height])
        end = start + rng.integers(-60, 60, 2)
        tone = float(rng.uniform(60, 200))
        cv2.line(picture, start.tolist(), end.tolist(), (tone, tone, tone), 1, cv2.LINE_AA)
    grain = rng.normal(0, 2.0, (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(picture * (1 - 0.08 * wear) + 10 * wear + grain, 0, 255), np.uint8)
