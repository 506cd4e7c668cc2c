"""Asphalt, lane marks, tyre wear, kerbs and pavement, drawn from above."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from models.synth.arrays import Floats, Image, Rng, stream
from models.synth.scene.plan import Road, StreetSpec
from models.synth.scene.stage import Stage, between, flat, upright
from models.synth.scene.texture import noise, to_image

_Number = TypeVar("_Number", np.uint8, np.floating[Any])
NEAR_PX_PER_M = 110.0
FAR_PX_PER_M = 28.0
_HALF_M = 14.0
_MARK_WHITE = np.array([206, 210, 210], np.float32)
_MARK_YELLOW = np.array([60, 176, 216], np.float32)


class _Sheet:
    """A drawing of the ground seen from above: column = x, rows run from far to near."""

    def __init__(self, half_m: float, y: tuple[float, float], px_per_m: float) -> None:
        self.half_m, self.y, self.px_per_m = half_m, y, px_per_m
        self.shape = (round((y[1] - y[0]) * px_per_m), round(2 * half_m * px_per_m))

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        return round((x + self.half_m) * self.px_per_m), round((self.y[1] - y) * self.px_per_m)

    def columns(self) -> Floats:
        return (np.arange(self.shape[1], dtype=np.float32) + 0.5) / self.px_per_m - self.half_m

    def strip(
        self, picture: NDArray[_Number], x: tuple[float, float], y: tuple[float, float]
    ) -> NDArray[_Number]:
        """The part of a picture between two x and two y."""
        (left, top), (right, bottom) = self.pixel(x[0], y[1]), self.pixel(x[1], y[0])
        return picture[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]


def lay(stage: Stage, spec: StreetSpec) -> None:
    """Paints the ground from 140 m to the camera."""
    # A camera that sees little detail gets a coarser drawing: the same street in less time.
    focal = stage.camera.focal_px
    for name, span, px_per_m, piece in (
        ("far", (60.0, 140.0), min(FAR_PX_PER_M, 0.01 * focal), 10.0),
        ("near", (2.0, 62.0), min(NEAR_PX_PER_M, 0.04 * focal), 3.0),
    ):
        sheet = _Sheet(_HALF_M, span, px_per_m)
        picture = _draw(spec.road, spec.seed, name, span, px_per_m)
        far = span[1]
        while far > span[0] + 1e-6:
            near = max(span[0], far - piece)
            for left in np.arange(-_HALF_M, _HALF_M, 7.0):
                x = (float(left), float(left) + 7.0)
                part = sheet.strip(picture, x, (near, far))
                if part.size:
                    # A little overlap hides the joints.
                    stage.hang(
                        part, flat((x[0], x[1] + 0.02), (near - 0.02, far)), brightness=spec.ground_light
                    )
            far = near
    _kerbs(stage, spec.road, stream(spec.seed, "kerbs"), spec.ground_light)


@lru_cache(maxsize=2)
def _draw(road: Road, seed: int, name: str, span: tuple[float, float], px_per_m: float) -> Image:
    """The ground seen from above; shared by the views of a turning camera."""
    rng = stream(seed, name)
    sheet = _Sheet(_HALF_M, span, px_per_m)
    picture = _asphalt(sheet, road, rng)
    _marks(picture, sheet, road, rng)
    _pavement(picture, sheet, road, rng)
    return to_image(picture)


def _asphalt(sheet: _Sheet, road: Road, rng: Rng) -> Floats:
    shape, scale = sheet.shape, sheet.px_per_m
    grain = rng.normal(0, 1, shape).astype(np.float32)
    tone = road.tone * (
        1 + 0.05 * noise(rng, shape, scale * 5, 3) + 0.035 * noise(rng, shape, scale * 0.3, 2)
    )
    tone += grain * (6.5 if scale > 60 else 2.5)
    x = sheet.columns()
    for lane in road.lanes:
        for track in (-0.75, 0.75):
            tone += (5.0 * np.exp(-(((x - lane - track) / 0.24) ** 2)))[None, :]
        tone -= (9.0 * np.exp(-(((x - lane) / 0.28) ** 2)))[None, :] * (
            0.8 + 0.5 * noise(rng, shape, scale * 3, 2)
        )
    gutter = np.exp(-((np.abs(x) - road.half_width) ** 2) / 0.05)
    tone -= (16.0 * gutter)[None, :]
    picture = tone[..., None] * np.array([0.99, 1.0, 1.0], np.float32)
    _repairs(picture, sheet, road, rng)
    return np.asarray(picture, np.float32)


def _repairs(picture: Floats, sheet: _Sheet, road: Road, rng: Rng) -> None:
    """Patches, cracks, manholes, oil."""
    length = sheet.y[1] - sheet.y[0]
    for _ in range(int(length / 9)):
        x, y = float(rng.uniform(-road.half_width, road.half_width - 1)), float(rng.uniform(*sheet.y))
        patch = sheet.strip(
            picture, (x, x + float(rng.uniform(0.6, 2.0))), (y, y + float(rng.uniform(0.8, 4.0)))
        )
        patch *= float(rng.uniform(0.80, 0.95))
    for _ in range(int(length / 3)):
        point = np.array([rng.uniform(-road.half_width, road.half_width), rng.uniform(*sheet.y)])
        heading = float(rng.uniform(0, 2 * np.pi))
        line = [sheet.pixel(*point)]
        for _ in range(int(rng.integers(6, 22))):
            heading += float(rng.normal(0, 0.5))
            point = point + 0.22 * np.array([np.cos(heading), np.sin(heading)])
            line.append(sheet.pixel(*point))
        dark = float(picture.mean()) * 0.55
        cv2.polylines(
            picture,
            [np.array(line)],
            False,
            (dark, dark, dark),
            max(1, round(0.012 * sheet.px_per_m)),
            cv2.LINE_AA,
        )
    for _ in range(int(length / 22)):
        centre = sheet.pixel(
            float(rng.uniform(-road.half_width * 0.6, road.half_width * 0.6)), float(rng.uniform(*sheet.y))
        )
        radius = round(0.32 * sheet.px_per_m)
        cv2.circle(picture, centre, radius, (58, 60, 62), -1, cv2.LINE_AA)
        cv2.circle(picture, centre, radius, (110, 112, 112), max(1, radius // 9), cv2.LINE_AA)
        for step in range(-3, 4):
            row = centre[1] + step * radius // 4
            cv2.line(
                picture,
                (centre[0] - radius // 2, row),
                (centre[0] + radius // 2, row),
                (84, 86, 88),
                max(1, radius // 12),
            )
    stains = np.clip(noise(rng, sheet.shape, sheet.px_per_m * 0.9, 3) - 0.5, 0, 1)
    picture *= (1 - 0.5 * stains)[..., None]


def _marks(picture: Floats, sheet: _Sheet, road: Road, rng: Rng) -> None:
    """Lane marks, worn away in places."""
    paint = np.zeros(sheet.shape, np.uint8)
    yellow = np.zeros(sheet.shape, np.uint8)
    far, near = sheet.y[1], sheet.y[0]
    edge = road.half_width - 0.28
    for x in (-edge, edge):
        cv2.rectangle(paint, sheet.pixel(x - 0.05, far), sheet.pixel(x + 0.05, near), 255, -1)
    if road.two_way:
        for x in (-0.1, 0.1):
            cv2.rectangle(yellow, sheet.pixel(x - 0.05, far), sheet.pixel(x + 0.05, near), 255, -1)
    borders = [(a + b) / 2 for a, b in zip(road.lanes, road.lanes[1:], strict=False)]
    for x in [border for border in borders if not (road.two_way and abs(border) < 0.5)]:
        for start in np.arange(np.floor(near / 6) * 6, far, 6.0):
            cv2.rectangle(paint, sheet.pixel(x - 0.06, start + 2.6), sheet.pixel(x + 0.06, start), 255, -1)
    for row in (46.0,) if road.two_way else ():  # a zebra crossing before the junction
        for x in np.arange(-road.half_width + 0.5, road.half_width - 0.4, 0.9):
            cv2.rectangle(paint, sheet.pixel(float(x), row + 3.2), sheet.pixel(float(x) + 0.45, row), 255, -1)
    for lane in road.lanes:
        _arrow(paint, sheet, lane, 30.0, away=lane > 0 if road.two_way else not road.towards)
    worn = np.clip(0.92 - 0.55 * np.clip(noise(rng, sheet.shape, sheet.px_per_m * 0.6, 4) + 0.15, 0, 1), 0, 1)
    for mask, colour in ((paint, _MARK_WHITE), (yellow, _MARK_YELLOW)):
        alpha = (mask.astype(np.float32) / 255.0 * worn * 0.85)[..., None]
        picture[:] = picture * (1 - alpha) + colour * alpha


def _arrow(paint: Image, sheet: _Sheet, x: float, y: float, *, away: bool) -> None:
    sign = 1.0 if away else -1.0
    shape = [(-0.09, -1.2), (0.09, -1.2), (0.09, 0.4), (0.32, 0.4), (0.0, 1.4), (-0.32, 0.4), (-0.09, 0.4)]
    points = np.array([sheet.pixel(x + dx, y + sign * dy) for dx, dy in shape])
    cv2.fillPoly(paint, [points], 255, cv2.LINE_AA)


def _pavement(picture: Floats, sheet: _Sheet, road: Road, rng: Rng) -> None:
    shape, scale = sheet.shape, sheet.px_per_m
    tone = 138 * (1 + 0.05 * noise(rng, shape, scale * 2, 3)) + rng.normal(0, 3, shape).astype(np.float32)
    x = sheet.columns()
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] / scale) % 0.8
    joints = (rows < 0.025) | ((x[None, :] % 0.8) < 0.025)
    tone = np.where(joints, tone * 0.78, tone)
    slabs = (
        np.floor(np.arange(shape[0])[:, None] / scale / 0.8) * 31 + np.floor(x[None, :] / 0.8) * 17
    ).astype(int)
    tone *= 0.94 + 0.1 * rng.random(211, dtype=np.float32)[slabs % 211]
    stone = tone[..., None] * np.array([0.95, 0.99, 1.0], np.float32)
    outside = np.abs(x) > road.half_width
    picture[:, outside] = stone[:, outside]
    if road.verge:
        grass = np.array([56, 92, 84], np.float32) * (
            1
            + 0.30 * noise(rng, shape, scale * 0.5, 3)[..., None]
            + 0.13 * rng.normal(0, 1, (*shape, 1)).astype(np.float32)
        )
        strip = (np.abs(x) > road.half_width + 0.25) & (
            np.abs(x) < road.half_width + 0.25 + road.pavement * 0.5
        )
        picture[:, strip] = grass[:, strip]
    wall = np.exp(-np.clip(road.edge - np.abs(x), 0, 9) / 0.5)
    picture *= (1 - 0.35 * wall * outside)[None, :, None]


def _kerbs(stage: Stage, road: Road, rng: Rng, brightness: float) -> None:
    """A kerb 14 cm high, painted yellow where no one may stop."""
    for side in (-1.0, 1.0):
        x = side * road.half_width
        far = 130.0
        while far > 2.5:
            near = max(2.5, far - (2.0 if far < 40 else 8.0))
            length = max(8, round((far - near) * 60))
            painted = road.two_way and (int(near) // 12) % 3 == 1
            base = np.array([50, 160, 196] if painted else [150, 156, 158], np.float32)
            face = base * (0.86 + 0.08 * rng.standard_normal((12, length, 1)).astype(np.float32))
            face[-4:] *= 0.7
            picture = to_image(face)
            stage.hang(picture, upright(x, (near, far), (0.0, 0.14)), brightness=brightness * 0.72)
            stage.hang(
                picture[:8], flat(between(x, x + side * 0.16), (near, far), 0.14), brightness=brightness
            )
            far = near
