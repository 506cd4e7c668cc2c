"""Puts the background together: sky, hills, ground, house fronts, trees, poles and wires, far to near."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, stream
from models.synth.scene import ground, trees
from models.synth.scene.camera import Camera
from models.synth.scene.facades import draw_front
from models.synth.scene.houses import hang_house, row, shade_of_houses
from models.synth.scene.plan import StreetSpec
from models.synth.scene.stage import Stage, between, facing, flat, upright
from models.synth.scene.texture import noise, to_image

_END_M = 118.0


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A painted background.

    Attributes:
        bgr: (h, w, 3) uint8.
        inverse: (h, w) float32: 1/m along the optical axis, 0 = endlessly far.
        swaying: (h, w) uint8: 255 where leaves move.
        ground: (h, w) uint8: 255 where the ground is seen.
    """

    bgr: Image
    inverse: Floats
    swaying: Image
    ground: Image


def paint(spec: StreetSpec, camera: Camera, *, fineness: float = 2.0) -> Backdrop:
    """Paints the street as a camera sees it. The same street from another camera is the same street.

    Args:
        spec: the street.
        camera: the view.
        fineness: how much finer than the result it is painted, against jagged edges.
    """
    stage = Stage(camera.scaled(fineness))
    _sky(stage, spec)
    ground.lay(stage, spec)
    shade_of_houses(stage, spec)
    _shade_of_trees(stage, spec)
    _end_of_street(stage, spec)
    if spec.kind == "barrio":
        _barrio(stage, spec)
    else:
        _avenue(stage, spec)
    _wires(stage, spec)
    stage.tint(spec.tint)
    stage.haze(spec.horizon, 420.0)
    ground_seen = stage.ground()
    size = (camera.width_px, camera.height_px)
    return Backdrop(
        np.asarray(cv2.resize(stage.bgr, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(stage.inverse, size, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(stage.swaying, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(ground_seen, size, interpolation=cv2.INTER_AREA), np.uint8),
    )


def _sky(stage: Stage, spec: StreetSpec) -> None:
    rng = stream(spec.seed, "sky")
    picture = to_image(trees.sky(rng, (400, 1400), spec.zenith, spec.horizon, spec.clouds))
    stage.hang(picture, facing((-520, 520), 900.0, (-20.0, 330.0)))
    stage.hang(trees.hills(rng), facing((-330, 330), 700.0, (-8, 22.0)))
    stage.inverse[:] = 0.0


def _end_of_street(stage: Stage, spec: StreetSpec) -> None:
    """Houses across the junction."""
    rng = stream(spec.seed, "end")
    x = -26.0
    while x < 26.0:
        width = float(rng.uniform(6, 10))
        front = draw_front(rng, width, 1, 30.0)
        stage.hang(front.picture, facing((x, x + width), _END_M, (0.0, front.height_m)), brightness=0.92)
        x += width
    for _ in range(7):
        at = float(rng.uniform(-22, 22))
        size = float(rng.uniform(2.5, 4.0))
        stage.hang(
            trees.tree(rng, width_px=200, height_px=260),
            facing((at - size / 2, at + size / 2), _END_M - 3, (0, size * 1.2)),
            sways=True,
        )


def _barrio(stage: Stage, spec: StreetSpec) -> None:
    """Houses, trees and poles, far to near."""
    things: list[tuple[float, Callable[[], None]]] = []
    for side in (-1, 1):
        for start, front in row(spec, side, stage.camera):
            things.append((start + front.width_m / 2, partial(hang_house, stage, spec, side, start, front)))
    for x, y, height in spec.tree_places():
        things.append((y, partial(_tree, stage, spec, x, y, height)))
    for side, y in spec.pole_places():
        things.append((y, partial(_pole, stage, spec, side, y)))
    for _, hang in sorted(things, key=lambda thing: -thing[0]):
        hang()


def _tree(stage: Stage, spec: StreetSpec, x: float, y: float, height: float) -> None:
    picture = _tree_picture(spec.seed, round(x * 100), round(y * 100), y < 45)
    stage.hang(picture, facing((x - height * 0.38, x + height * 0.38), y, (0, height)), sways=True)


@lru_cache(maxsize=64)
def _tree_picture(seed: int, x_cm: int, y_cm: int, near: bool) -> Image:
    """A tree's picture, shared by the views of a turning camera."""
    rng = stream(seed, "tree", x_cm, y_cm)
    size = (520, 680) if near else (240, 320)
    return trees.tree(rng, width_px=size[0], height_px=size[1], trunk=float(rng.uniform(0.34, 0.46)))


def _shade_of_trees(stage: Stage, spec: StreetSpec) -> None:
    """Dappled shadows on kerb and pavement."""
    for x, y, height in spec.tree_places():
        rng = stream(spec.seed, "shade", round(y * 100))
        alpha = np.zeros((160, 160), np.uint8)
        cv2.ellipse(alpha, (80, 80), (58, 66), 0, 0, 360, 255, -1)
        dapple = np.clip(noise(rng, (160, 160), 14, 3) * 1.6 + 0.75, 0, 1)
        soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 6) * dapple * spec.shadows
        picture = np.dstack([np.full((160, 160, 3), (34, 30, 26), np.uint8), soft.astype(np.uint8)])
        reach = height * 0.36
        stage.hang(picture, flat((x + 0.9 - reach, x + 0.9 + reach), (y - reach, y + reach), 0.001))


def _pole(stage: Stage, spec: StreetSpec, side: int, y: float) -> None:
    x = side * (spec.road.half_width + 0.45)
    shade = np.sin(np.linspace(0.35, 2.9, 12))[None, :, None] * np.array([150, 156, 158])
    picture = np.repeat(shade, 40, axis=0).astype(np.uint8)
    stage.hang(picture, facing((x - 0.13, x + 0.13), y, (0.0, 8.5)))
    arm = np.full((4, 20, 3), (90, 94, 96), np.uint8)
    stage.hang(arm, facing(between(x, x - side * 1.6), y, (7.2, 7.28)))
    box_picture = np.full((20, 10, 3), (120, 124, 126), np.uint8)
    if int(y) % 2:
        stage.hang(box_picture, facing((x - 0.25, x + 0.25), y - 0.2, (5.6, 6.5)))


def _wires(stage: Stage, spec: StreetSpec) -> None:
    rng = stream(spec.seed, "wires")
    places = spec.pole_places()
    for _ in range(6):
        height, sag = float(rng.uniform(5.2, 7.9)), float(rng.uniform(0.2, 0.6))
        for (side, first), (_, second) in pairwise(places):
            share = np.linspace(0, 1, 16)
            x = side * (spec.road.half_width + 0.45) + np.zeros(16)
            z = height - 4 * sag * share * (1 - share)
            stage.line(np.column_stack([x, first + (second - first) * share, z]), (36, 36, 38), 0.02)


def _avenue(stage: Stage, spec: StreetSpec) -> None:
    """Grass, rows of trees, and high buildings behind them."""
    rng = stream(spec.seed, "avenue")
    things: list[tuple[float, Callable[[], None]]] = []
    for side in (-1, 1):
        y = 12.0
        while y < 110.0:
            width = float(rng.uniform(9, 15))
            front = draw_front(rng, width, int(rng.integers(3, 7)), 44.0)
            corners = upright(side * (spec.road.edge + 5.0), (y, y + width), (0, front.height_m))
            light = spec.sunny_side[0 if side < 0 else 1]
            things.append((y + width, partial(stage.hang, front.picture, corners, brightness=light)))
            y += width + float(rng.uniform(0, 4))
    for x, y, height in spec.tree_places():
        things.append((y, partial(_tree, stage, spec, x, y, height * 1.25)))
    for side, y in spec.pole_places():
        things.append((y, partial(_pole, stage, spec, side, y)))
    for _, hang in sorted(things, key=lambda thing: -thing[0]):
        hang()
