"""Letterings besides the project's own, for variety in training, and small type for bands and signs."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from models.synth import glyphs
from models.synth.arrays import Image

FE_FONT = Path("../shared/data/fonts/gl-nummernschild-eng.ttf")
"""A free FE-Schrift, used by training when it lies there; it is no part of the project."""
FONTS = ("stroke", "stroke-light", "stroke-bold", "sans", "sans-heavy", "fe")
"""Every lettering; "fe" falls back to "sans" where its file is absent."""


def fe_font_path() -> Path | None:
    """Where the FE-Schrift lies: the variable ATALAYA_FE_FONT, or beside the checkout; None if nowhere."""
    path = Path(os.environ.get("ATALAYA_FE_FONT", str(FE_FONT)))
    return path if path.is_file() else None


@lru_cache(maxsize=4096)
def glyph(character: str, height_px: int, width_px: int, font: str) -> Image:
    """Draws a character to fill its cell.

    Returns:
        (height_px, width_px) uint8, 255 = ink. Shared: do not write to it.

    Raises:
        ValueError: no such lettering.
    """
    if font not in FONTS:
        raise ValueError(f"no lettering {font!r}, only {', '.join(FONTS)}")
    weights = {"stroke": 1.0, "stroke-light": 0.82, "stroke-bold": 1.18}
    if font in weights:
        return glyphs.draw(character, height_px, width_px=width_px, weight=weights[font])
    return _typeset(character, height_px, width_px, font)


def _typeset(character: str, height_px: int, width_px: int, font: str) -> Image:
    size = 200
    sheet = np.zeros((size * 2, size * 2), np.uint8)
    cv2.putText(
        sheet,
        character,
        (size // 2, size * 3 // 2),
        (255,),
        _face(font),
        size,
        800 if "heavy" in font else 600,
    )
    columns, rows = np.flatnonzero(sheet.any(axis=0)), np.flatnonzero(sheet.any(axis=1))
    if columns.size == 0:
        return np.zeros((height_px, width_px), np.uint8)
    tight = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # A narrow character (I, 1) keeps its shape in the middle of the cell.
    width = min(width_px, max(2, round(tight.shape[1] * height_px / tight.shape[0])))
    if width > 0.6 * width_px:
        width = max(2, width_px - 2)
    cell = np.zeros((height_px, width_px), np.uint8)
    left = (width_px - width) // 2
    cell[:, left : left + width] = cv2.resize(tight, (width, height_px), interpolation=cv2.INTER_AREA)
    return cell


@lru_cache(maxsize=4)
def _face(font: str) -> cv2.FontFace:
    path = fe_font_path()
    return cv2.FontFace(str(path)) if font == "fe" and path is not None else cv2.FontFace("sans")


def write(
    canvas: Image,
    text: str,
    centre: tuple[int, int],
    height_px: int,
    colour: tuple[int, int, int],
    weight: int = 600,
) -> None:
    """Writes small type, centred, squeezed to the canvas where it would not fit.

    Args:
        canvas: (h, w, 3) uint8, written to.
        text: what to write.
        centre: middle of the text in px.
        height_px: height of a capital letter.
        colour: BGR.
        weight: 100 (thin) to 800 (heavy).
    """
    size = max(6, round(height_px * 1.38))
    sheet = np.zeros((size * 2, size * (len(text) + 2), 1), np.uint8)
    cv2.putText(sheet, text, (size // 2, size * 3 // 2), (255,), _face("sans"), size, weight)
    columns, rows = np.flatnonzero(sheet.any(axis=0)), np.flatnonzero(sheet.any(axis=1))
    if columns.size == 0:
        return
    mask = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0]
    room = canvas.shape[1] - 4
    if mask.shape[1] > room:
        mask = np.asarray(cv2.resize(mask, (room, mask.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    height, width = mask.shape
    left, top = centre[0] - width // 2, centre[1] - height // 2
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(canvas.shape[1], left + width), min(canvas.shape[0], top + height)
    if x1 <= x0 or y1 <= y0:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.float32) / 255.0
    region = canvas[y0:y1, x0:x1]
    region[:] = np.round(region * (1 - alpha) + np.array(colour, np.float32) * alpha).astype(np.uint8)
