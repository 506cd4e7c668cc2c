"""House fronts: bare brick and painted plaster, shops with shutters and signs, barred windows, balconies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.synth import lettering
from models.synth.arrays import Image, Rng, pick
from models.synth.scene.texture import Colour, brick, plaster, to_image

FLOOR_M = 2.8
_SIGNS = (
    "PANADERIA", "DROGUERIA", "TIENDA", "MISCELANEA", "PELUQUERIA", "REPUESTOS", "FERRETERIA", "CAFETERIA",
    "PAPELERIA", "LLANTAS", "MODAS", "CALZADO", "ASADERO", "FRUTERIA", "CELULARES", "LAVANDERIA",
)  # fmt: skip
_SIGN_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((40, 40, 190), (240, 240, 240)), ((150, 80, 20), (240, 240, 240)), ((40, 190, 235), (30, 30, 30)),
    ((60, 120, 40), (240, 240, 240)), ((225, 225, 222), (40, 40, 160)), ((36, 34, 34), (60, 200, 240)),
)  # fmt: skip
_WALLS: tuple[Colour, ...] = (
    (196, 208, 214), (206, 210, 208), (150, 190, 214), (110, 160, 200), (178, 186, 150), (190, 170, 140),
    (140, 150, 196), (170, 200, 190),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Front:
    """A painted house front.

    Attributes:
        picture: (h, w, 3) uint8.
        width_m: along the street.
        height_m: up to the eaves.
        balconies: (left, right, floor height) in metres of the balconies that stick out.
        awning: (left, right, height, colour) of an awning, or None.
        wall: mean colour, for the side walls.
    """

    picture: Image
    width_m: float
    height_m: float
    balconies: tuple[tuple[float, float, float], ...]
    awning: tuple[float, float, float, Colour] | None
    wall: Colour


class _Wall:
    """A canvas in metres, origin at the lower left."""

    def __init__(self, picture: Image, px_per_m: float) -> None:
        self.picture, self.scale = picture, px_per_m

    def px(self, x: float, z: float) -> tuple[int, int]:
        return round(x * self.scale), self.picture.shape[0] - round(z * self.scale)

    def block(self, low: tuple[float, float], high: tuple[float, float], colour: Colour) -> None:
        (left, bottom), (right, top) = self.px(*low), self.px(*high)
        cv2.rectangle(self.picture, (left, top), (right, bottom), colour, -1)

    def rule(
        self, start: tuple[float, float], end: tuple[float, float], colour: Colour, width_m: float
    ) -> None:
        cv2.line(
            self.picture,
            self.px(*start),
            self.px(*end),
            colour,
            max(1, round(width_m * self.scale)),
            cv2.LINE_AA,
        )

    def veil(self, low: tuple[float, float], high: tuple[float, float], top: float, bottom: float) -> None:
        """Multiplies a rectangle by a brightness that changes from its upper to its lower edge."""
        (left, foot), (right, head) = self.px(*low), self.px(*high)
        region = self.picture[max(0, head) : foot, max(0, left) : right]
        if region.size:
            factor = np.linspace(top, bottom, region.shape[0], dtype=np.float32)[:, None, None]
            region[:] = np.clip(region * factor, 0, 255).astype(np.uint8)


def draw_front(rng: Rng, width_m: float, floors: int, px_per_m: float) -> Front:
    """Paints a house front: the same one, finer or coarser, whatever the resolution."""
    grit = np.random.default_rng(int(rng.integers(2**32)))
    height_m = floors * FLOOR_M + float(rng.uniform(0.2, 0.7))
    shape = (round(height_m * px_per_m), round(width_m * px_per_m))
    bare = rng.random() < 0.4
    colour = pick(rng, _WALLS)
    surface = brick(grit, shape, px_per_m) if bare else plaster(grit, shape, colour, px_per_m)
    wall = _Wall(to_image(surface), px_per_m)
    if not bare and rng.random() < 0.7:
        _socle(wall, width_m, rng)
    awning = _ground_floor(wall, width_m, rng)
    balconies = []
    for floor in range(1, floors):
        base = floor * FLOOR_M
        wall.block((0, base - 0.14), (width_m, base + 0.04), (150, 154, 156))
        wall.veil((0, base - 0.3), (width_m, base - 0.14), 0.62, 0.95)
        balconies += _upper_floor(wall, width_m, base, rng)
    wall.veil((0, height_m - 0.45), (width_m, height_m), 0.55, 1.0)
    wall.rule((0.02, 0), (0.02, height_m), (90, 92, 94), 0.04)
    for _ in range(int(rng.integers(1, 4))):  # meters and pipes
        x = float(rng.uniform(0.2, width_m - 0.2))
        wall.rule((x, 0.4), (x, height_m - 0.2), (130, 132, 134), 0.04)
        wall.block((x - 0.16, 1.3), (x + 0.16, 1.75), (146, 148, 148))
    side = tuple(
        int(value) for value in (wall.picture.reshape(-1, 3).mean(axis=0) if bare else np.array(colour))
    )
    return Front(wall.picture, width_m, height_m, tuple(balconies), awning, (side[0], side[1], side[2]))


def _socle(wall: _Wall, width_m: float, rng: Rng) -> None:
    tone = pick(rng, ((60, 70, 120), (110, 80, 50), (70, 100, 60), (90, 90, 94), (50, 90, 150)))
    wall.block((0, 0), (width_m, float(rng.uniform(0.7, 1.1))), tone)
    wall.veil((0, 0), (width_m, 0.5), 1.0, 0.65)


def _ground_floor(wall: _Wall, width_m: float, rng: Rng) -> tuple[float, float, float, Colour] | None:
    kind = pick(rng, ("shop", "shop", "shutter", "home", "garage"))
    if kind in ("shop", "shutter"):
        left, right = 0.35, width_m - float(rng.uniform(0.35, 1.5))
        if kind == "shop":
            _shop_window(wall, (left, right), rng)
        else:
            _shutter(wall, (left, right), rng)
        ground, ink = pick(rng, _SIGN_COLOURS)
        wall.block((left, 2.28), (right, 2.72), ground)
        wall.veil((left, 2.20), (right, 2.28), 0.5, 0.7)
        middle = wall.px((left + right) / 2, 2.5)
        lettering.write(wall.picture, pick(rng, _SIGNS), middle, max(6, round(0.24 * wall.scale)), ink, 800)
        if rng.random() < 0.55:
            return left, right, 2.22, pick(rng, ((40, 50, 170), (60, 120, 60), (150, 90, 40), (60, 150, 220)))
        return None
    if kind == "garage":
        _shutter(wall, (0.4, min(3.2, width_m * 0.55)), rng)
    door = width_m * 0.62 if kind == "garage" else 0.5
    _door(wall, door, rng)
    _window(wall, (door + 1.3, min(width_m - 0.3, door + 2.9)), (0.95, 2.15), rng, bars=True)
    return None


def _shop_window(wall: _Wall, span: tuple[float, float], rng: Rng) -> None:
    wall.block((span[0], 0.06), (span[1], 2.25), (34, 34, 36))
    tones = [rng.integers(45, 135, 3) + int(rng.integers(0, 50)) for _ in range(4)]
    for shelf in (0.55, 1.05, 1.55):
        x = span[0] + 0.1
        while x < span[1] - 0.25:
            width, height = float(rng.uniform(0.12, 0.5)), float(rng.uniform(0.12, 0.36))
            goods = (pick(rng, tones) * float(rng.uniform(0.7, 1.1))).astype(int).tolist()
            if rng.random() < 0.7:
                wall.block((x, shelf), (x + width * 0.9, shelf + height), (goods[0], goods[1], goods[2]))
            x += width
        wall.rule((span[0], shelf), (span[1], shelf), (88, 92, 96), 0.03)
    door = float(rng.uniform(span[0] + 0.2, max(span[0] + 0.3, span[1] - 1.4)))
    wall.block((door, 0.02), (door + 1.1, 2.2), (30, 32, 34))
    wall.veil((door, 0.02), (door + 1.1, 0.8), 1.0, 2.2)
    wall.veil((span[0], 0.06), (span[1], 2.25), 0.55, 0.8)
    for x in np.linspace(span[0], span[1], max(2, round((span[1] - span[0]) / 1.4))):
        wall.rule((float(x), 0.06), (float(x), 2.25), (150, 152, 154), 0.06)
    low, high = wall.px(span[0] + 0.2, 0.2), wall.px(span[0] + 1.1, 2.2)
    glare = wall.picture.copy()
    cv2.fillConvexPoly(
        glare, np.array([low, (low[0] + 30, low[1]), (high[0] + 40, high[1]), high]), (200, 204, 204)
    )
    wall.picture[:] = cv2.addWeighted(wall.picture, 0.86, glare, 0.14, 0)


def _shutter(wall: _Wall, span: tuple[float, float], rng: Rng) -> None:
    tone = pick(rng, ((150, 152, 152), (110, 116, 120), (120, 96, 60), (60, 80, 130), (90, 120, 100)))
    wall.block((span[0], 0.02), (span[1], 2.25), tone)
    for z in np.arange(0.05, 2.25, 0.1):
        shade = tuple(int(value * 0.78) for value in tone)
        wall.rule((span[0], float(z)), (span[1], float(z)), (shade[0], shade[1], shade[2]), 0.025)
    wall.veil((span[0], 1.7), (span[1], 2.25), 0.6, 1.0)
    if rng.random() < 0.4:
        for _ in range(5):  # a scrawl
            points = rng.uniform([span[0] + 0.3, 0.5], [span[1] - 0.3, 1.4], (5, 2))
            line = np.array([wall.px(float(x), float(z)) for x, z in points])
            ink = tuple(int(value) for value in rng.integers(20, 200, 3))
            cv2.polylines(wall.picture, [line], False, ink, max(1, round(0.05 * wall.scale)), cv2.LINE_AA)


def _door(wall: _Wall, left: float, rng: Rng) -> None:
    tone = pick(rng, ((40, 60, 96), (60, 64, 70), (96, 70, 40), (140, 144, 146), (50, 80, 60)))
    wall.block((left - 0.07, 0), (left + 0.97, 2.15), (170, 174, 176))
    wall.block((left, 0.02), (left + 0.9, 2.08), tone)
    for low, high in ((0.2, 0.95), (1.15, 1.9)):
        wall.block(
            (left + 0.14, low),
            (left + 0.76, high),
            (int(tone[0] * 0.8), int(tone[1] * 0.8), int(tone[2] * 0.8)),
        )
    wall.veil((left, 1.6), (left + 0.9, 2.08), 0.55, 1.0)


def _window(wall: _Wall, x: tuple[float, float], z: tuple[float, float], rng: Rng, *, bars: bool) -> None:
    if x[1] - x[0] < 0.5:
        return
    wall.block(
        (x[0] - 0.07, z[0] - 0.07),
        (x[1] + 0.07, z[1] + 0.07),
        pick(rng, ((212, 214, 214), (90, 92, 94), (60, 80, 110))),
    )
    wall.block((x[0], z[0]), (x[1], z[1]), (64, 60, 52))
    if rng.random() < 0.6:
        wall.block(
            (x[0], z[0]),
            (x[0] + (x[1] - x[0]) * float(rng.uniform(0.2, 0.6)), z[1]),
            pick(rng, ((150, 160, 166), (130, 120, 140), (120, 140, 130))),
        )
    wall.veil((x[0], z[0]), (x[1], z[1]), 0.62, 1.25)
    wall.rule(((x[0] + x[1]) / 2, z[0]), ((x[0] + x[1]) / 2, z[1]), (186, 188, 188), 0.05)
    wall.block((x[0] - 0.12, z[0] - 0.14), (x[1] + 0.12, z[0] - 0.06), (168, 172, 172))
    if bars:
        for column in np.arange(x[0], x[1] + 0.01, 0.14):
            wall.rule((float(column), z[0]), (float(column), z[1]), (40, 42, 44), 0.02)


def _upper_floor(wall: _Wall, width_m: float, base: float, rng: Rng) -> list[tuple[float, float, float]]:
    count = max(1, round(width_m / 2.6))
    pitch = width_m / count
    balconies = []
    for index in range(count):
        middle = (index + 0.5) * pitch
        if rng.random() < 0.4:
            _window(wall, (middle - 0.55, middle + 0.55), (base + 0.1, base + 2.15), rng, bars=False)
            balconies.append((middle - 0.95, middle + 0.95, base))
        else:
            _window(
                wall, (middle - 0.6, middle + 0.6), (base + 0.9, base + 2.1), rng, bars=rng.random() < 0.3
            )
    return balconies
