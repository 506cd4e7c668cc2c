"""Rows of houses along a street, with balconies, awnings, eaves and the shade that they throw."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.synth.arrays import stream
from models.synth.scene.camera import Camera
from models.synth.scene.facades import Front, draw_front
from models.synth.scene.plan import StreetSpec
from models.synth.scene.stage import Stage, between, facing, flat, upright
from models.synth.scene.texture import plaster, to_image

_SLAB = np.full((8, 40, 3), (156, 160, 162), np.uint8)


@lru_cache(maxsize=8)
def row(spec: StreetSpec, side: int, camera: Camera) -> tuple[tuple[float, Front], ...]:
    """The houses of one side (-1 left, 1 right), near to far: y of the near edge, and the front.

    The camera only decides how finely they are drawn.
    """
    rng = stream(spec.seed, "row", side)
    houses = []
    y = 3.0 + float(rng.uniform(0, 3))
    while y < 104.0:
        width = float(rng.uniform(4.8, 8.5))
        px_per_m = float(np.clip(camera.focal_px / (y + width) * 0.7, 24.0, 120.0))
        houses.append((y, draw_front(rng, width, int(rng.integers(1, 4)), px_per_m)))
        y += width
    return tuple(houses)


def hang_house(stage: Stage, spec: StreetSpec, side: int, start: float, front: Front) -> None:
    """Paints a house."""
    x = side * spec.road.edge
    light = spec.sunny_side[0 if side < 0 else 1]
    end = start + front.width_m
    top = front.height_m
    rng = stream(spec.seed, "house", side, round(start * 100))
    gable = to_image(plaster(rng, (round(top * 30), 210), front.wall, 30.0))
    stage.hang(gable, facing(between(x, x + side * 7.0), start, (0, top)), brightness=0.80)
    stage.hang(front.picture, upright(x, (start, end), (0.0, top)), brightness=light)
    eave = np.full((20, 80, 3), (62, 84, 136), np.uint8)
    eave[:, ::4] = (44, 60, 100)
    out = x - side * 0.55
    stage.hang(eave // 2, flat(between(x, out), (start, end), top), brightness=0.8)
    stage.hang(eave, upright(out, (start, end), (top, top + 0.14)), brightness=light)
    for left, right, base in front.balconies:
        _balcony(stage, (x, side), _span(start, end, (left, right), side), base, light)
    if front.awning is not None:
        left, right, height, colour = front.awning
        _awning(stage, (x, side), _span(start, end, (left, right), side), height, _cloth(colour, light))


def _span(start: float, end: float, part: tuple[float, float], side: int) -> tuple[float, float]:
    """Y of a part of a front: fronts of the right side are seen the other way round."""
    return (start + part[0], start + part[1]) if side < 0 else (end - part[1], end - part[0])


def _balcony(
    stage: Stage, wall: tuple[float, int], y: tuple[float, float], base: float, light: float
) -> None:
    x, side = wall
    out = x - side * 0.75
    rail = np.zeros((60, 120, 4), np.uint8)
    rail[..., :3] = (50, 52, 54)
    rail[:, ::8, 3] = rail[:, 1::8, 3] = 255
    rail[:5, :, 3] = rail[-4:, :, 3] = 255
    depth = between(x, out)
    stage.hang(_SLAB // 2, flat(depth, y, base), brightness=0.75)
    stage.hang(_SLAB, facing(depth, y[0], (base, base + 0.14)), brightness=0.8)
    stage.hang(rail, facing(depth, y[0], (base + 0.14, base + 1.05)), brightness=0.8)
    stage.hang(_SLAB, upright(out, y, (base, base + 0.14)), brightness=light)
    stage.hang(rail, upright(out, y, (base + 0.14, base + 1.05)), brightness=light)


def _cloth(colour: tuple[int, int, int], light: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    cloth = np.empty((24, 160, 3), np.uint8)
    cloth[:] = colour
    cloth[:, (np.arange(160) // 14) % 2 == 0] = (206, 210, 210)
    return np.asarray(np.clip(cloth * light, 0, 255), np.uint8)


def _awning(
    stage: Stage,
    wall: tuple[float, int],
    y: tuple[float, float],
    height: float,
    cloth: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> None:
    x, side = wall
    out = x - side * 1.0
    first, second = y if side < 0 else (y[1], y[0])
    low = height - 0.42
    slope = np.array([[x, first, height], [x, second, height], [out, second, low], [out, first, low]])
    stage.hang(cloth, slope)
    stage.hang(cloth, upright(out, y, (low - 0.16, low)), brightness=0.85)


def shade_of_houses(stage: Stage, spec: StreetSpec) -> None:
    """The houses on the sun's side throw their shade on pavement and kerb, each as far as it is high."""
    if spec.kind != "barrio" or not spec.shade_m:
        return
    side = -1 if spec.shade_m > 0 else 1
    for start, front in row(spec, side, stage.camera):
        reach = abs(spec.shade_m) * front.height_m / 5.6
        picture = np.zeros((8, 64, 4), np.uint8)
        picture[..., :3] = (40, 32, 28)
        ramp = np.clip((1 - np.linspace(0, 1, 64)) * 9, 0, 1) * 118
        picture[..., 3] = (ramp if side < 0 else ramp[::-1]).astype(np.uint8)
        x = side * spec.road.edge
        stage.hang(picture, flat(between(x, x - side * reach), (start, start + front.width_m), 0.002))
