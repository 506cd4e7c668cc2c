"""Faces of vehicles, painted flat in metres and packed into one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from models.synth import lettering
from models.synth.arrays import Floats, Image
from models.synth.scene.raster import Skin

Colour = tuple[int, int, int]
Point = tuple[float, float]
Finish = tuple[int, int, int]
"""Mirror, gloss, glow, each 0-255."""

PAINT: Finish = (11, 130, 0)
GLASS: Finish = (26, 255, 0)
CHROME: Finish = (150, 200, 0)
MATTE: Finish = (3, 8, 0)
RUBBER: Finish = (2, 4, 0)
LENS: Finish = (30, 220, 0)
LIT: Finish = (20, 200, 130)

BLACK: Colour = (20, 20, 20)
GLASS_COLOUR: Colour = (46, 44, 40)
TYRE: Colour = (38, 38, 38)
SILVER: Colour = (176, 176, 176)


@dataclass(slots=True)
class Canvas:
    """One face of a vehicle, seen straight on.

    Attributes:
        left_m: coordinate of the left edge.
        bottom_m: height of the lower edge.
        px_per_m: resolution.
        bgr: (h, w, 3) uint8.
        finish: (h, w, 3) uint8.
    """

    left_m: float
    bottom_m: float
    px_per_m: float
    bgr: Image
    finish: Image

    @classmethod
    def blank(
        cls, left_m: float, bottom_m: float, size_m: tuple[float, float], px_per_m: float, colour: Colour
    ) -> Canvas:
        """A face in one paint."""
        shape = (round(size_m[1] * px_per_m), round(size_m[0] * px_per_m), 3)
        bgr, finish = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        bgr[:], finish[:] = colour, PAINT
        return cls(left_m, bottom_m, px_per_m, bgr, finish)

    def pixels(self, points: Floats) -> Floats:
        """Points (..., 2) in metres as px of this canvas."""
        x = (points[..., 0] - self.left_m) * self.px_per_m
        y = self.bgr.shape[0] - (points[..., 1] - self.bottom_m) * self.px_per_m
        return np.stack([x, y], axis=-1)

    def polygon(self, points: Sequence[Point], colour: Colour, finish: Finish = PAINT) -> None:
        """Fills a polygon."""
        fixed = np.round(self.pixels(np.array(points)) * 16).astype(np.int32)
        cv2.fillPoly(self.bgr, [fixed], colour, cv2.LINE_AA, 4)
        cv2.fillPoly(self.finish, [fixed], finish, cv2.LINE_AA, 4)

    def mirrored(self, points: Sequence[Point], colour: Colour, finish: Finish = PAINT) -> None:
        """Fills a polygon and its mirror image."""
        self.polygon(points, colour, finish)
        self.polygon([(-x, z) for x, z in points], colour, finish)

    def line(self, points: Sequence[Point], colour: Colour, width_m: float, finish: Finish = MATTE) -> None:
        """Draws a line."""
        fixed = np.round(self.pixels(np.array(points)) * 16).astype(np.int32)
        width = max(1, round(width_m * self.px_per_m))
        cv2.polylines(self.bgr, [fixed], False, colour, width, cv2.LINE_AA, 4)
        cv2.polylines(self.finish, [fixed], False, finish, width, cv2.LINE_AA, 4)

    def disc(self, centre: Point, radius_m: float, colour: Colour, finish: Finish = PAINT) -> None:
        """Fills a circle."""
        at = self.pixels(np.array(centre))
        middle = (round(float(at[0])), round(float(at[1])))
        radius = max(1, round(radius_m * self.px_per_m))
        cv2.circle(self.bgr, middle, radius, colour, -1, cv2.LINE_AA)
        cv2.circle(self.finish, middle, radius, finish, -1, cv2.LINE_AA)

    def rectangle(self, low: Point, high: Point, colour: Colour, finish: Finish = PAINT) -> None:
        """Fills an upright rectangle."""
        self.polygon([low, (high[0], low[1]), high, (low[0], high[1])], colour, finish)

    def text(
        self, text: str, centre: Point, height_m: float, colour: Colour, *, flipped: bool = False
    ) -> None:
        """Writes on the face; ``flipped`` where the face is seen in a mirror."""
        at = self.pixels(np.array(centre))
        sheet = self.bgr[:, ::-1] if flipped else self.bgr
        column = self.bgr.shape[1] - 1 - round(float(at[0])) if flipped else round(float(at[0]))
        lettering.write(
            sheet, text, (column, round(float(at[1]))), round(height_m * self.px_per_m), colour, 700
        )


@dataclass(slots=True)
class Sheet:
    """Collects the canvases and plain colours of one vehicle."""

    canvases: dict[str, Canvas] = field(default_factory=dict)
    plain: list[tuple[Colour, Finish]] = field(default_factory=list)

    _SWATCH = 16

    def swatch(self, colour: Colour, finish: Finish) -> Point:
        """Reserves a plain colour; returns its place."""
        entry = (colour, finish)
        if entry not in self.plain:
            self.plain.append(entry)
        index = self.plain.index(entry)
        return (index + 0.5) * self._SWATCH, 0.5 * self._SWATCH

    def origin(self, name: str) -> tuple[int, int]:
        """Where a canvas lies in the packed picture, px."""
        top = self._SWATCH
        for other, canvas in self.canvases.items():
            if other == name:
                return 0, top
            top += canvas.bgr.shape[0] + 4
        raise KeyError(f"no canvas {name!r}")

    def places(self, name: str, points: Floats) -> Floats:
        """Points (..., 2) in metres of a canvas as places of the packed picture."""
        return np.asarray(self.canvases[name].pixels(points) + np.array(self.origin(name)))

    def pack(self) -> Skin:
        """Everything in one picture."""
        width = max(
            [canvas.bgr.shape[1] for canvas in self.canvases.values()] + [len(self.plain) * self._SWATCH]
        )
        height = self._SWATCH + sum(canvas.bgr.shape[0] + 4 for canvas in self.canvases.values())
        albedo, finish = np.zeros((height, width, 3), np.uint8), np.zeros((height, width, 3), np.uint8)
        for index, (colour, kind) in enumerate(self.plain):
            columns = slice(index * self._SWATCH, (index + 1) * self._SWATCH)
            albedo[: self._SWATCH, columns], finish[: self._SWATCH, columns] = colour, kind
        for name, canvas in self.canvases.items():
            left, top = self.origin(name)
            rows, columns_used = canvas.bgr.shape[:2]
            # The last column and rows are repeated so that smoothing does not bleed.
            albedo[top : top + rows + 4, left : left + columns_used] = _padded(canvas.bgr)
            finish[top : top + rows + 4, left : left + columns_used] = _padded(canvas.finish)
        densest = max((canvas.px_per_m for canvas in self.canvases.values()), default=200.0)
        return Skin(albedo, finish, densest)


def _padded(picture: Image) -> Image:
    return np.asarray(cv2.copyMakeBorder(picture, 0, 4, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def wheel_face(sheet: Sheet, radius_px: int = 60, spokes: int = 5) -> Point:
    """Draws a wheel's face; returns the place of its middle (radius ``radius_px``)."""
    size = radius_px * 2 + 8
    canvas = Canvas.blank(0, 0, (size, size), 1.0, TYRE)
    canvas.finish[:] = RUBBER
    middle = (size / 2, size / 2)
    canvas.disc(middle, radius_px * 0.68, (60, 60, 60), MATTE)
    canvas.disc(middle, radius_px * 0.64, (28, 28, 28), MATTE)
    for index in range(spokes):
        angle = 2 * np.pi * index / spokes
        for spread in (-0.16, 0.16):
            end = (
                middle[0] + radius_px * 0.64 * float(np.cos(angle + spread)),
                middle[1] + radius_px * 0.64 * float(np.sin(angle + spread)),
            )
            canvas.line([middle, end], SILVER, radius_px * 0.11, CHROME)
    canvas.disc(middle, radius_px * 0.16, (130, 130, 130), CHROME)
    sheet.canvases["wheel"] = canvas
    left, top = sheet.origin("wheel")
    return left + size / 2, top + size / 2
