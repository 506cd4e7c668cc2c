"""Buses and lorries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.synth.arrays import Rng, pick
from models.synth.scene.bodies import Body, running_gear, shell
from models.synth.scene.cars import PAINTS
from models.synth.scene.mesh import Mesh, box, ellipsoid, join, tube
from models.synth.scene.skins import (
    BLACK,
    CHROME,
    GLASS,
    GLASS_COLOUR,
    LENS,
    LIT,
    MATTE,
    PAINT,
    Canvas,
    Colour,
    Point,
    Sheet,
)
from models.synth.scene.vehicles import Order, Vehicle, mount

_BUS = Body(
    "bus", 8.4, 2.3, ((4.0, 2.78), (3.9, 2.86), (3.6, 2.9), (-3.9, 2.9), (-4.08, 2.8)), ((4.0, 1.3), (-4.1, 1.3)),
    0.32, (2.6, -2.3), 0.45, nose=0.22, tail=0.12, roof_share=0.94, taper=0.04, boxy=5.0, cowl_z=1.25,
)  # fmt: skip
_CAB = Body(
    "cab", 1.9, 2.0, ((0.72, 1.95), (0.6, 2.12), (0.4, 2.2), (-0.7, 2.22), (-0.8, 2.2)), ((0.8, 1.25), (-0.8, 1.3)),
    0.42, (0.05,), 0.42, nose=0.22, tail=0.05, roof_share=0.9, taper=0.05, boxy=4.5, cowl_z=1.22,
)  # fmt: skip
_CARGO = Body(
    "cargo", 4.4, 2.14, ((2.15, 2.88), (2.1, 2.9), (-2.1, 2.9), (-2.15, 2.88)), ((2.2, 1.2), (-2.2, 1.2)),
    0.82, (), 0.42, nose=0.04, tail=0.04, roof_share=0.99, taper=0.0, boxy=12.0,
)  # fmt: skip
_ROUTES = ("ENVIGADO", "LAURELES", "BELEN", "POBLADO", "ROBLEDO", "MANRIQUE", "CENTRO")
_LIVERIES: tuple[tuple[Colour, Colour], ...] = (
    ((214, 216, 214), (60, 130, 40)),
    ((40, 120, 50), (210, 214, 210)),
    ((206, 206, 206), (40, 40, 170)),
    ((190, 120, 30), (220, 220, 220)),
)


def _blank(sheet: Sheet, prefix: str, body: Body, colour: Colour, px_per_m: float) -> dict[str, Canvas]:
    half_w, half_l = body.width / 2 + 0.1, body.length / 2 + 0.2
    sizes = {
        "front": (half_w, (2 * half_w, body.height + 0.1), 0.0, 1.0),
        "rear": (half_w, (2 * half_w, body.height + 0.1), 0.0, 1.0),
        "side": (half_l, (2 * half_l, body.height + 0.1), 0.0, 0.6),
        "top": (half_w, (2 * half_w, 2 * half_l), -half_l, 0.3),
    }
    made = {}
    for name, (left, size, bottom, share) in sizes.items():
        made[name] = sheet.canvases[prefix + name] = Canvas.blank(
            -left, bottom, size, px_per_m * share, colour
        )
    return made


def _face(canvas: Canvas, body: Body, *, lamps_on: bool, lamp_z: float) -> None:
    """What the fronts of buses and lorries share: windscreen, lamps, bumper."""
    half = body.width / 2
    top = body.height - (0.42 if body.style == "bus" else 0.28)
    canvas.rectangle((-half * 0.9, body.cowl_z), (half * 0.9, top), BLACK, GLASS)
    canvas.rectangle((-half * 0.86, body.cowl_z + 0.05), (half * 0.86, top - 0.04), GLASS_COLOUR, GLASS)
    canvas.line([(0, body.cowl_z), (0, top)], BLACK, 0.03, GLASS)
    canvas.polygon(
        [(half * 0.3, body.cowl_z + 0.05), (half * 0.75, body.cowl_z + 0.05), (half * 0.62, top - 0.4),
         (half * 0.42, top - 0.4)],
        (110, 90, 70), GLASS,
    )  # fmt: skip
    canvas.disc((half * 0.52, top - 0.3), 0.11, (58, 78, 104), GLASS)
    for x in (-half * 0.6, half * 0.1):
        canvas.line([(x, body.cowl_z + 0.02), (x + half * 0.5, body.cowl_z + 0.2)], BLACK, 0.025)
    for side in (-1, 1):
        canvas.rectangle(
            (side * half * 0.78 - 0.2, lamp_z - 0.11),
            (side * half * 0.78 + 0.2, lamp_z + 0.11),
            (50, 50, 50),
            LENS,
        )
        for shift in (-0.09, 0.09):
            finish = LIT if lamps_on else CHROME
            canvas.disc((side * half * 0.78 + shift, lamp_z), 0.075, (235, 238, 238), finish)
        canvas.rectangle(
            (side * half * 0.95 - 0.05, lamp_z - 0.1),
            (side * half * 0.95 + 0.05, lamp_z + 0.1),
            (40, 120, 220),
            LENS,
        )
    canvas.rectangle((-half, 0.0), (half, lamp_z - 0.18), (60, 60, 62), MATTE)
    canvas.rectangle((-half * 0.6, body.sill + 0.02), (half * 0.6, body.sill + 0.1), (30, 30, 30), MATTE)


def _stern(canvas: Canvas, body: Body, low: float) -> None:
    """Tail lamps and bumper."""
    half = body.width / 2
    for side in (-1, 1):
        for index, colour in enumerate(((28, 24, 165), (40, 120, 220), (200, 204, 210))):
            z = low + 0.12 + 0.16 * index
            canvas.rectangle(
                (side * half * 0.85 - 0.09, z), (side * half * 0.85 + 0.09, z + 0.13), colour, LENS
            )
    canvas.rectangle((-half, 0), (half, low), (44, 44, 46), MATTE)


def build_bus(order: Order, rng: Rng) -> Vehicle:
    """Builds a city bus."""
    sheet = Sheet()
    paint, stripe = pick(rng, _LIVERIES)
    faces = _blank(sheet, "", _BUS, paint, 150.0)
    half = _BUS.width / 2
    _face(faces["front"], _BUS, lamps_on=order.lamps_on, lamp_z=0.72)
    faces["front"].rectangle((-half * 0.72, 2.52), (half * 0.72, 2.78), (14, 14, 14), GLASS)
    faces["front"].text(pick(rng, _ROUTES), (0, 2.65), 0.15, (40, 170, 255))
    faces["front"].rectangle((-half, 0.9), (half, 1.12), stripe)
    _stern(faces["rear"], _BUS, 0.6)
    faces["rear"].rectangle((-half * 0.75, 1.6), (half * 0.75, 2.5), GLASS_COLOUR, GLASS)
    faces["rear"].rectangle((-half, 1.15), (half, 1.35), stripe)
    side = faces["side"]
    side.rectangle((-4.3, 0.85), (4.3, 1.12), stripe)
    for index in range(8):
        y = -3.85 + index * 0.98
        side.rectangle((y, 1.42), (y + 0.88, 2.42), GLASS_COLOUR, GLASS)
        side.line([(y, 2.1), (y + 0.88, 2.1)], BLACK, 0.02)
    side.rectangle((-4.4, 0), (4.4, 0.4), (40, 40, 40), MATTE)
    side.rectangle((3.1, 0.4), (3.75, 2.5), (40, 42, 40), GLASS)
    for axle in _BUS.axles:
        side.disc((axle, _BUS.wheel_radius), 0.56, (26, 26, 26), MATTE)
    faces["top"].rectangle((-0.5, -1.2), (0.5, 0.4), (170, 172, 172), PAINT)
    mirror = sheet.swatch((24, 24, 24), MATTE)
    parts = [running_gear(_BUS, sheet, track=half - 0.2, tyre_width=0.28), shell(_BUS, sheet)]
    parts += _arms(_BUS.front_y - 0.12, half, 2.15, mirror)
    named = replace(order, style="bus", colour="white" if paint[0] > 200 else "green")
    return _finish(named, parts, sheet, (_BUS, 0.0), (_BUS, 0.0))


def build_truck(order: Order, rng: Rng) -> Vehicle:
    """Builds a lorry with a box body.

    Raises:
        KeyError: no such colour.
    """
    sheet = Sheet()
    cab = _blank(sheet, "cab-", _CAB, PAINTS[order.colour], 170.0)
    cargo = _blank(
        sheet, "cargo-", _CARGO, pick(rng, ((205, 205, 203), (188, 186, 182), (150, 130, 110))), 120.0
    )
    half = _CAB.width / 2
    _face(cab["front"], _CAB, lamps_on=order.lamps_on, lamp_z=0.78)
    cab["front"].rectangle((-half * 0.6, 0.95), (half * 0.6, 1.12), (40, 40, 40), MATTE)
    cab["front"].text(pick(rng, ("ANDINO", "CORDILLERA", "SIERRA")), (0, 1.035), 0.09, (190, 190, 190))
    cab["side"].polygon([(0.6, 1.3), (-0.45, 1.34), (-0.45, 2.0), (0.3, 2.0)], GLASS_COLOUR, GLASS)
    cab["side"].disc((0.05, 0.42), 0.52, (26, 26, 26), MATTE)
    _stern(cargo["rear"], _CARGO, 0.95)
    for x in (-0.03, 0.03):
        cargo["rear"].line([(x, 1.0), (x, 2.85)], (70, 70, 70), 0.015)
    for x in (-0.55, -0.35, 0.35, 0.55):
        cargo["rear"].line([(x, 1.0), (x, 2.85)], (120, 120, 120), 0.03, CHROME)
    cargo["rear"].text(pick(rng, ("TRASTEOS", "LACTEOS", "FRUTAS")), (0, 2.3), 0.2, (60, 60, 140))
    for index in range(11):
        y = -2.1 + index * 0.42
        cargo["side"].line([(y, 0.85), (y, 2.88)], (140, 140, 140), 0.02, PAINT)
    under = sheet.swatch((16, 16, 16), MATTE)
    chassis = Body(
        "chassis", 6.4, 2.1, ((2.9, 0.7), (-3.1, 0.7)), ((3, 0.6), (-3, 0.6)), 0.42, (2.35, -1.6), 0.42
    )
    parts = [
        running_gear(chassis, sheet, track=0.86, tyre_width=0.3, under_width=0.9),
        shell(_CAB, sheet, "cab-").moved(y=2.3),
        shell(_CARGO, sheet, "cargo-").moved(y=-0.95),
        box((-0.95, -3.12, 0.56), (0.95, -3.04, 0.68), under),
        *(box((side * 0.86 - 0.2, -2.2, 0.2), (side * 0.86 + 0.2, -2.18, 0.75), under) for side in (-1, 1)),
        *_arms(2.3 + _CAB.front_y - 0.25, half, 1.7, under),
    ]
    return _finish(replace(order, style="truck"), parts, sheet, (_CAB, 2.3), (_CARGO, -0.95))


def _arms(y: float, half: float, z: float, place: Point) -> list[Mesh]:
    """Mirrors on arms."""
    parts = []
    for side in (-1, 1):
        tip = (side * (half + 0.22), y + 0.1, z)
        parts.append(
            tube(
                [(side * half * 0.95, y, z + 0.2), (side * (half + 0.15), y + 0.12, z + 0.2), tip],
                [0.02] * 3,
                place,
                sides=5,
            )
        )
        parts.append(ellipsoid((tip[0], tip[1], z - 0.12), (0.1, 0.05, 0.2), place, rows=6, columns=8))
    return parts


def _finish(
    order: Order, parts: list[Mesh], sheet: Sheet, bow: tuple[Body, float], stern: tuple[Body, float]
) -> Vehicle:
    """Puts plates and lamps at bow and stern (a body and where its middle lies); the style is the kind."""
    front, rear = bow[0].front_y + bow[1], stern[0].rear_y + stern[1]
    width = max(bow[0].width, stern[0].width)
    mesh = join(parts)
    return Vehicle(
        order.ident,
        order.style,
        order.colour,
        mesh,
        sheet.pack(),
        (
            mount(order.plate, (0.0, front + 0.02, bow[0].sill + 0.2), rear=False),
            mount(order.plate, (0.0, rear - 0.05, 0.76 if order.style == "bus" else 0.72), rear=True),
        ),
        np.array([[side * width * 0.39, front, 0.75] for side in (-1, 1)]),
        np.array([[side * width * 0.42, rear, 0.9] for side in (-1, 1)]),
        front - rear,
        width,
        mesh.corners[::3].reshape(-1, 3),
    )
