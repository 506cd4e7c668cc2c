"""Letterings for training the reader: those of the project, and typefaces that are installed on the machine.

A reader that has seen one lettering reads one lettering. Debian's font packages (models/reader/recipe.yaml names
those used) bring some two hundred plain faces; where they are absent only the project's own strokes are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from models.synth import glyphs, lettering
from models.synth.arrays import Image, Rng, pick

CAP_PX = 96
"""Height of a capital H as it is drawn."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
FOLDERS = (Path("/usr/share/fonts"),)
OWN = ("stroke", "stroke-light", "stroke-bold")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character as drawn: ink (h, w) uint8, and the rows of its top above and bottom below a capital's."""

    ink: Image
    above: int
    below: int


def installed(names: Sequence[str], folders: Sequence[Path] = FOLDERS) -> tuple[str, ...]:
    """Files of the typefaces whose file name begins with one of `names`, upright and not decorative."""
    wanted = tuple(name.lower() for name in names)
    unwanted = (
        "italic",
        "oblique",
        "thin",
        "hairline",
        "extralight",
        "ultralight",
        "-it.",
        "lightit",
        "bolditalic",
    )
    found = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in (".ttf", ".otf")
        and path.name.lower().startswith(wanted)
        and not any(word in path.name.lower() for word in unwanted)
    ]
    return tuple(sorted(str(path) for path in found if _is_plain(str(path))))


def _is_plain(face: str) -> bool:
    """Whether the typeface has every character of a plate, each of its own."""
    try:
        font = ImageFont.truetype(face, 64)
        masks = [bytes(font.getmask(c)) for c in ALPHABET]
    except (OSError, ValueError):
        return False
    return all(masks) and len(set(masks)) >= len(ALPHABET) - 1  # an O may well be its 0


@lru_cache(maxsize=60_000)
def glyph(character: str, face: str) -> Glyph:
    """Draw a character, its capital height `CAP_PX`.

    Args:
        character: of `ALPHABET`, or any other that the typeface has.
        face: a file, or one of `OWN`, or "fe" (the free FE-Schrift, where it lies).
    """
    if face in OWN:
        wide = max(8, round(glyphs.advance(character) / 100 * CAP_PX))
        weight = {"stroke": 1.0, "stroke-light": 0.8, "stroke-bold": 1.22}[face]
        return Glyph(_tight(glyphs.draw(character, CAP_PX, width_px=wide, weight=weight)), 0, 0)
    path = str(lettering.fe_font_path()) if face == "fe" else face
    font, top, bottom = _font(path)
    left, upper, right, lower = font.getbbox(character, anchor="ls")
    sheet = Pillow.new("L", (max(1, int(right - left)) + 8, max(1, int(lower - upper)) + 8))
    ImageDraw.Draw(sheet).text((4 - left, 4 - upper), character, font=font, fill=255, anchor="ls")
    ink = np.asarray(sheet, np.uint8)
    rows, columns = np.flatnonzero(ink.max(axis=1) > 60), np.flatnonzero(ink.max(axis=0) > 60)
    if not rows.size:
        return Glyph(np.zeros((CAP_PX, CAP_PX // 3), np.uint8), 0, 0)
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    baseline = 4 - upper
    return Glyph(
        np.ascontiguousarray(ink),
        above=round(baseline - rows[0] - (bottom - top)),
        below=round(rows[-1] + 1 - baseline),
    )


@lru_cache(maxsize=600)
def _font(path: str) -> tuple[ImageFont.FreeTypeFont, float, float]:
    """The font at the size at which an H is `CAP_PX` high, and that H's top and bottom from the baseline."""
    probe = ImageFont.truetype(path, 200)
    _, upper, _, lower = probe.getbbox("H", anchor="ls")
    font = ImageFont.truetype(path, max(8, round(200 * CAP_PX / (lower - upper))))
    _, upper, _, lower = font.getbbox("H", anchor="ls")
    return font, upper, lower


def _tight(ink: Image) -> Image:
    columns = np.flatnonzero(ink.max(axis=0) > 60)
    return np.ascontiguousarray(ink[:, columns[0] : columns[-1] + 1]) if columns.size else ink


def weighted(ink: Image, weight: int) -> Image:
    """Thicken (positive) or thin (negative) strokes by so many px of the drawing."""
    if weight == 0:
        return ink
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(weight) + 1,) * 2)
    if weight > 0:
        wider = cv2.copyMakeBorder(ink, *(weight,) * 4, cv2.BORDER_CONSTANT, value=0)
        return np.asarray(cv2.dilate(wider, kernel), np.uint8)
    return np.asarray(cv2.erode(ink, kernel), np.uint8)


def draw_face(rng: Rng, faces: Sequence[str]) -> str:
    """A lettering by chance: one in four the project's own or the FE-Schrift, else an installed typeface."""
    own = (*OWN, *(("fe", "fe") if lettering.fe_font_path() else ()))
    return pick(rng, own) if not faces or rng.random() < 0.25 else pick(rng, faces)
