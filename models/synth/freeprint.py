"""What stands on a plate of no country beside its number: ground, pictures, small print, stickers, bolts, dirt."""

from __future__ import annotations

import string

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng, pick
from models.synth.emblems import emblem
from models.synth.plates import MUNICIPALITIES
from models.synth.typefaces import CAP_PX

_WORDS = (
    "STATE", "DEALER", "Motors", "www.autos.com", "Land of Plenty", "REPUBLICA", "MEDELLIN", "BOGOTA D.C.", "TEXAS",
    "Sunshine", "EMPIRE", "AUTO", "TAXI", "Servicio", "PUBLICO", "NORTE", "The Great", "10-26", "MAR", "Garden",
    "EXPLORE", "Centro", "SP",
)  # fmt: skip


def smooth(rng: Rng, shape: tuple[int, int], cells: int) -> Floats:
    """(h, w) float32 noise of so many cells across, about 0..1."""
    coarse = rng.random((max(2, cells * shape[0] // max(shape[1], 1) + 2), cells + 2), dtype=np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def printed(ink: Image, area: tuple[int, int, int, int], rng: Rng, *, town: bool) -> Image:
    """A plate with its characters, ground, small print, dirt and bolts, in grey.

    Args:
        ink: (h, w) uint8, how much of each pixel the characters cover.
        area: top, bottom, left, right of the characters, px.
        rng: chance.
        town: laid out as Colombia's plates are: dark on light, above a town's name.

    Returns:
        (h, w) uint8.
    """
    high, wide = ink.shape
    dark_on_light = town or rng.random() < 0.74
    contrast = float(rng.uniform(55, 215))
    low = float(rng.uniform(10, 245 - contrast))
    ground, letter = (low + contrast, low) if dark_on_light else (low, low + contrast)
    picture = np.full((high, wide), ground, np.float32)
    if rng.random() < 0.25:  # a printed picture, as on American plates
        picture += (smooth(rng, (high, wide), int(rng.integers(2, 14))) - 0.5) * float(
            rng.uniform(10, 0.7 * contrast)
        )
    if rng.random() < 0.15:
        picture += (
            np.linspace(-1, 1, high, dtype=np.float32)[:, None] * float(rng.uniform(-0.25, 0.25)) * contrast
        )
    sheet = np.asarray(np.clip(picture, 0, 255), np.uint8)
    if rng.random() < 0.2:
        _scenery(sheet, ground, contrast, rng)
    _small_print(sheet, area, letter, rng, town=town)
    if rng.random() < 0.6:
        inset, thick = int(rng.integers(2, 14)), int(rng.integers(2, 8))
        tone = letter if rng.random() < 0.7 else float(rng.uniform(0, 255))
        cv2.rectangle(sheet, (inset, inset), (wide - inset, high - inset), tone, thick, cv2.LINE_AA)
    picture = sheet.astype(np.float32)
    alpha = ink.astype(np.float32) / 255.0
    if rng.random() < 0.6:
        raised = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(1.5, 4)))
        slope = cv2.Sobel(raised, cv2.CV_32F, 1, 0, ksize=3) * float(rng.uniform(-1, 1))
        slope += cv2.Sobel(raised, cv2.CV_32F, 0, 1, ksize=3) * float(rng.uniform(-1, 1))
        picture += slope * float(rng.uniform(5, 45))
    if rng.random() < 0.25:  # worn or unevenly lit ink
        alpha = alpha * np.clip(0.5 + smooth(rng, (high, wide), 8), 0.35, 1)
    picture = picture * (1 - alpha) + letter * alpha
    _bolts(picture, rng)
    if rng.random() < 0.35:
        dirt = np.clip((smooth(rng, (high, wide), int(rng.integers(3, 16))) - 0.5) * 2, 0, 1)
        picture += (float(rng.uniform(40, 170)) - picture) * dirt * float(rng.uniform(0.1, 0.75))
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _scenery(picture: Image, ground: float, contrast: float, rng: Rng) -> None:
    """Hills, a rising sun or a large pale emblem behind the number; paler than the number is."""
    high, wide = picture.shape
    tone = ground + float(rng.uniform(-0.45, 0.45)) * contrast
    kind = int(rng.integers(3))
    if kind == 0:
        count = int(rng.integers(5, 20))
        tops = high * (float(rng.uniform(0.3, 0.9)) + rng.normal(0, 0.08, count))
        points = [(0, high), *zip(np.linspace(0, wide, count), tops, strict=True), (wide, high)]
        cv2.fillPoly(picture, [np.asarray(points, np.int32)], tone, cv2.LINE_AA)
    elif kind == 1:
        middle = (int(rng.uniform(0, wide)), int(rng.uniform(0, high)))
        cv2.circle(picture, middle, int(high * rng.uniform(0.2, 0.7)), tone, -1, cv2.LINE_AA)
    else:
        side = int(high * rng.uniform(0.4, 0.95))
        x, y = int(rng.uniform(0, max(1, wide - side))), int(rng.uniform(0, high - side))
        alpha = emblem(rng, side).astype(np.float32) / 255
        part = picture[y : y + side, x : x + side]
        alpha = alpha[:, : part.shape[1]]
        part[:] = np.clip(part * (1 - alpha) + tone * alpha, 0, 255).astype(np.uint8)


def _small_print(
    picture: Image, area: tuple[int, int, int, int], letter: float, rng: Rng, *, town: bool
) -> None:
    """Names, mottos, bands and stickers, which are no part of the number."""
    high, wide = picture.shape
    top, bottom, left, _ = area
    if top > 14 and rng.random() < 0.3:
        cv2.rectangle(
            picture, (0, 0), (wide, int(top * float(rng.uniform(0.5, 0.95)))), float(rng.uniform(0, 255)), -1
        )
    for upper in (True, False):
        room = top if upper else high - bottom
        if room > 12 and (rng.random() < 0.65 or (town and not upper)):
            size = min(room * float(rng.uniform(0.45, 0.8)), CAP_PX * float(rng.uniform(0.12, 0.36)))
            tone = letter if rng.random() < 0.6 else float(rng.uniform(0, 255))
            words = pick(rng, _WORDS) if rng.random() < 0.7 else _gibberish(rng)
            if town:
                words = pick(rng, MUNICIPALITIES)
            x = wide * float(rng.uniform(0.08, 0.4))
            y = room * 0.5 + size * 0.35 if upper else bottom + room * 0.5 + size * 0.35
            cv2.putText(
                picture,
                words,
                (int(x), int(y)),
                int(rng.integers(0, 5)),
                size / 24,
                tone,
                max(1, round(size / 12)),
                cv2.LINE_AA,
            )
    if left > 26 and rng.random() < 0.4:
        _band(picture, left, rng)
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.25 else 0):
        _sticker(picture, area, rng)


def _band(picture: Image, left: int, rng: Rng) -> None:
    """A band with a country's letters beside the number, which begins at `left`."""
    high = len(picture)
    band = int(left * float(rng.uniform(0.6, 0.95)))
    tone = float(rng.uniform(0, 255))
    cv2.rectangle(picture, (0, 0), (band, high), tone, -1)
    code = "".join(pick(rng, string.ascii_uppercase) for _ in range(int(rng.integers(1, 4))))
    cv2.putText(
        picture,
        code,
        (2, int(high * float(rng.uniform(0.6, 0.92)))),
        0,
        band / 60,
        255 - tone if abs(tone - 128) > 40 else 255,
        2,
        cv2.LINE_AA,
    )


def _sticker(picture: Image, area: tuple[int, int, int, int], rng: Rng) -> None:
    """A sticker in a corner, unless it would cover characters."""
    high, wide = picture.shape
    top, bottom, left, right = area
    w, h = (int(CAP_PX * float(rng.uniform(0.2, 0.42))) for _ in range(2))
    x = (
        int(rng.integers(0, max(1, left)))
        if rng.random() < 0.5
        else int(rng.integers(max(0, right - 4), max(right, wide - w) + 1))
    )
    y = (
        int(rng.integers(0, max(1, top)))
        if rng.random() < 0.5
        else int(rng.integers(max(0, high - h - 4), high))
    )
    if x + w > left and x < right and y + h > top + 8 and y < bottom - 8:
        return
    tone = float(rng.uniform(0, 255))
    cv2.rectangle(picture, (x, y), (x + w, y + h), tone, -1)
    cv2.putText(
        picture, str(int(rng.integers(1, 99))), (x + 2, y + h - 4), 0, h / 40, 255 - tone, 1, cv2.LINE_AA
    )


def _gibberish(rng: Rng) -> str:
    letters = string.ascii_uppercase if rng.random() < 0.6 else string.ascii_lowercase
    return "".join(pick(rng, letters + " ") for _ in range(int(rng.integers(3, 16)))).strip() or "A"


def _bolts(picture: Floats, rng: Rng) -> None:
    if rng.random() < 0.4:
        return
    high, wide = picture.shape
    radius = max(2, round(min(high, wide) * float(rng.uniform(0.015, 0.045))))
    row = int(high * float(rng.uniform(0.06, 0.94)))
    column = int(wide * float(rng.uniform(0.04, 0.3)))
    tone = float(rng.uniform(0, 255))
    for x in (column, wide - column) if rng.random() < 0.8 else (column,):
        cv2.circle(picture, (x, row), radius, tone, -1, cv2.LINE_AA)
        cv2.circle(picture, (x, row + 1), radius, max(0.0, tone - 60), 1, cv2.LINE_AA)
