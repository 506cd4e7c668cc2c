"""Cars, taxis, vans and pickups."""

from __future__ import annotations

import numpy as np

from models.synth.arrays import Rng, pick
from models.synth.scene.bodies import Body, door_mirrors, running_gear, shell
from models.synth.scene.car_ends import Style, plate_front_height, plate_rear_height
from models.synth.scene.car_faces import paint_faces
from models.synth.scene.mesh import Mesh, box, join
from models.synth.scene.skins import LIT, MATTE, PAINT, Colour, Sheet
from models.synth.scene.vehicles import Order, Vehicle, mount

HATCH = Body(
    "hatch", 3.66, 1.64,
    ((1.62, 0.74), (1.5, 0.84), (1.2, 0.93), (0.85, 1.0), (0.3, 1.31), (0.05, 1.42), (-0.5, 1.48), (-1.1, 1.45),
     (-1.4, 1.38), (-1.62, 1.02), (-1.68, 0.9)),
    ((1.7, 0.86), (0.8, 0.95), (-0.6, 0.98), (-1.7, 1.04)), 0.22, (1.14, -1.2), 0.29, cowl_z=0.97,
)  # fmt: skip
SEDAN = Body(
    "sedan", 4.4, 1.72,
    ((1.98, 0.7), (1.8, 0.8), (1.4, 0.88), (0.95, 0.96), (0.3, 1.29), (0.05, 1.39), (-0.5, 1.45), (-1.0, 1.38),
     (-1.5, 1.08), (-1.7, 1.03), (-1.95, 1.0), (-2.04, 0.88)),
    ((2.0, 0.8), (0.9, 0.9), (-1.0, 0.96), (-2.0, 0.98)), 0.22, (1.36, -1.28), 0.31, cowl_z=0.94,
)  # fmt: skip
SUV = Body(
    "suv", 4.35, 1.8,
    ((1.95, 0.9), (1.8, 0.99), (1.4, 1.05), (0.95, 1.11), (0.35, 1.46), (0.1, 1.57), (-0.5, 1.66), (-1.4, 1.63),
     (-1.7, 1.54), (-1.97, 1.18), (-2.03, 1.02)),
    ((2.0, 1.0), (0.9, 1.08), (-1.0, 1.12), (-2.1, 1.2)), 0.27, (1.32, -1.32), 0.36, cowl_z=1.1,
)  # fmt: skip
VAN = Body(
    "van", 4.6, 1.74,
    ((2.1, 0.86), (1.95, 1.0), (1.55, 1.16), (0.85, 1.68), (0.6, 1.8), (0.0, 1.87), (-1.8, 1.85), (-2.05, 1.72),
     (-2.17, 1.1)),
    ((2.1, 0.98), (1.4, 1.08), (-2.2, 1.12)), 0.23, (1.42, -1.45), 0.31, roof_share=0.8, cowl_z=1.15,
)  # fmt: skip
PICKUP = Body(
    "pickup", 5.15, 1.84,
    ((2.35, 0.92), (2.2, 1.02), (1.8, 1.08), (1.25, 1.14), (0.65, 1.56), (0.4, 1.68), (-0.2, 1.76), (-0.62, 1.72),
     (-0.86, 1.14), (-1.0, 1.1), (-2.3, 1.1), (-2.42, 1.04)),
    ((2.4, 1.02), (1.2, 1.1), (-0.6, 1.14), (-2.5, 1.13)), 0.3, (1.55, -1.5), 0.38, roof_share=0.76, cowl_z=1.13,
)  # fmt: skip
STYLES = {body.style: body for body in (HATCH, SEDAN, SUV, VAN, PICKUP)}

PAINTS: dict[str, Colour] = {
    "white": (206, 208, 206),
    "silver": (150, 152, 152),
    "grey": (84, 84, 82),
    "black": (26, 25, 24),
    "red": (28, 22, 150),
    "wine": (38, 24, 76),
    "blue": (118, 60, 22),
    "beige": (120, 156, 172),
    "green": (48, 70, 34),
    "orange": (22, 84, 206),
}
TAXI_YELLOW: Colour = (10, 176, 240)


def build_car(order: Order, rng: Rng) -> Vehicle:
    """Builds a car; ``rng`` makes the small differences between cars.

    Raises:
        KeyError: no such style or colour.
    """
    plate, taxi = order.plate, order.taxi
    body = _varied(STYLES[order.style], rng)
    paint = TAXI_YELLOW if taxi else _tinted(PAINTS[order.colour], rng)
    sheet = Sheet()
    look = Style(
        paint,
        lamps_on=order.lamps_on,
        brake=bool(rng.random() < 0.2),
        grille=int(rng.integers(3)),
        lamp_height=float(rng.uniform(0.13, 0.2)),
        taxi_number=plate.text if taxi else "",
    )
    paint_faces(sheet, body, look, rng)
    cover = sheet.swatch(pick(rng, (paint, (24, 24, 24))), PAINT)
    parts: list[Mesh] = [running_gear(body, sheet), shell(body, sheet)]
    parts.append(door_mirrors(body, body.length * 0.17, body.belt_at(0.6) + 0.06, cover))
    if taxi:
        sign = sheet.swatch((30, 200, 250), LIT if order.lamps_on else PAINT)
        foot = sheet.swatch((30, 30, 30), MATTE)
        height = body.roof_at(-0.1) + 0.03
        parts.append(box((-0.28, -0.2, height), (0.28, 0.0, height + 0.03), foot))
        parts.append(box((-0.25, -0.18, height + 0.03), (0.25, -0.02, height + 0.15), sign))
    half = body.width / 2
    front_z, rear_z = plate_front_height(body), plate_rear_height(body)
    lamp_z, tail_z = body.profile[0][1] - 0.12, body.profile[-1][1]
    mesh = join(parts)
    return Vehicle(
        order.ident,
        "taxi" if taxi else "car",
        "yellow" if taxi else order.colour,
        mesh,
        sheet.pack(),
        (
            mount(plate, (0.0, body.front_y + 0.02, front_z), rear=False),
            mount(plate, (0.0, body.rear_y - 0.02, rear_z), rear=True, tilt_deg=2.0),
        ),
        np.array([[side * half * 0.77, body.front_y - 0.1, lamp_z] for side in (-1, 1)]),
        np.array([[side * half * 0.85, body.rear_y + 0.05, tail_z] for side in (-1, 1)]),
        body.length,
        body.width,
        mesh.corners[::3].reshape(-1, 3),
    )


def _varied(body: Body, rng: Rng) -> Body:
    """The same body, a little longer, wider and higher: no two models are alike."""
    longer, wider, higher = (float(value) for value in rng.uniform(0.96, 1.05, 3))
    return Body(
        body.style,
        body.length * longer,
        body.width * wider,
        tuple((y * longer, z * higher) for y, z in body.profile),
        tuple((y * longer, z * higher) for y, z in body.belt),
        body.sill,
        tuple(y * longer for y in body.axles),
        body.wheel_radius * float(rng.uniform(0.97, 1.04)),
        body.nose,
        body.tail,
        body.roof_share,
        body.taper * float(rng.uniform(0.8, 1.5)),
        body.boxy * float(rng.uniform(0.85, 1.25)),
        body.cowl_z * higher,
    )


def _tinted(colour: Colour, rng: Rng) -> Colour:
    shift = rng.integers(-8, 9, 3)
    blue, green, red = (
        int(np.clip(value + change, 8, 245)) for value, change in zip(colour, shift, strict=True)
    )
    return blue, green, red
