"""Motorcycles and scooters with their riders. A Colombian motorcycle carries a plate at the rear only."""

from __future__ import annotations

import numpy as np

from models.synth.arrays import Rng, pick
from models.synth.scene.cars import PAINTS
from models.synth.scene.mesh import Mesh, box, ellipsoid, join, tube, wheel
from models.synth.scene.skins import (
    CHROME,
    LENS,
    LIT,
    MATTE,
    PAINT,
    RUBBER,
    TYRE,
    Colour,
    Point,
    Sheet,
    wheel_face,
)
from models.synth.scene.vehicles import Order, Vehicle, mount

_SKIN_TONES: tuple[Colour, ...] = ((92, 128, 178), (70, 104, 150), (46, 70, 104))
_JACKETS: tuple[Colour, ...] = (
    (40, 40, 42), (90, 60, 30), (34, 34, 120), (120, 120, 118), (60, 80, 50), (60, 220, 200), (30, 120, 225),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((80, 58, 40), (44, 42, 42), (96, 100, 104), (60, 70, 84))


def build_motorcycle(order: Order, rng: Rng) -> Vehicle:
    """Builds a motorcycle with its rider; ``rng`` chooses clothes and small differences.

    Its tail lamp shines where ``lamps_on`` says so, its head lamp always, as the law demands.

    Raises:
        KeyError: no such colour.
    """
    sheet = Sheet()
    paint = sheet.swatch(PAINTS[order.colour], PAINT)
    parts = [
        *_wheels(sheet),
        *_frame(sheet, paint, order.style, lamps_on=order.lamps_on),
        *_rider(sheet, rng),
    ]
    if order.box_on_tail:
        crate = sheet.swatch(pick(rng, ((30, 90, 235), (60, 60, 60), (40, 150, 60))), MATTE)
        parts.append(box((-0.22, -0.86, 0.9), (0.22, -0.42, 1.32), crate))
    mesh = _grounded(join(parts))
    return Vehicle(
        order.ident,
        "motorcycle",
        order.colour,
        mesh,
        sheet.pack(),
        (mount(order.plate, (0.0, -0.965, 0.60), rear=True, tilt_deg=float(rng.uniform(8, 18))),),
        np.array([[0.0, 0.68, 0.9]]),
        np.array([[0.0, -0.84, 0.76]]),
        2.0,
        0.75,
        mesh.corners[::3].reshape(-1, 3),
    )


def _grounded(mesh: Mesh) -> Mesh:
    shade = np.clip(0.42 + mesh.corners[..., 2] * 0.5, 0, 1).astype(np.float32)
    return Mesh(mesh.corners, mesh.normals, mesh.places, shade)


def _wheels(sheet: Sheet) -> list[Mesh]:
    face = wheel_face(sheet, spokes=6)
    rubber = sheet.swatch(TYRE, RUBBER)
    return [wheel((0.0, y, 0.30), 0.30, 0.11, (rubber, face), 60.0) for y in (0.68, -0.62)]


def _frame(sheet: Sheet, paint: Point, style: str, *, lamps_on: bool) -> list[Mesh]:
    black, metal = sheet.swatch((28, 28, 28), MATTE), sheet.swatch((120, 122, 124), CHROME)
    seat = sheet.swatch((24, 24, 26), RUBBER)
    red = sheet.swatch((30, 26, 235) if lamps_on else (28, 22, 150), LIT if lamps_on else LENS)
    amber, lamp = sheet.swatch((30, 120, 235), LENS), sheet.swatch((240, 244, 244), LIT)
    parts = [
        box((-0.14, -0.2, 0.25), (0.14, 0.25, 0.58), black),
        ellipsoid((0, -0.32, 0.80), (0.14, 0.46, 0.075), seat),
        ellipsoid((0, -0.66, 0.80), (0.125, 0.24, 0.07), paint),
        tube([(0, -0.6, 0.76), (0, -0.84, 0.68), (0, -0.94, 0.55)], [0.09, 0.06, 0.05], black),
        box((-0.115, -0.955, 0.54), (0.115, -0.945, 0.66), black),
        ellipsoid((0, -0.84, 0.755), (0.085, 0.05, 0.042), red),
        *(
            ellipsoid((side * 0.19, -0.80, 0.70), (0.045, 0.03, 0.025), amber, rows=5, columns=7)
            for side in (-1, 1)
        ),
        *(
            tube([(side * 0.19, -0.8, 0.70), (side * 0.04, -0.78, 0.71)], [0.01, 0.01], black, sides=5)
            for side in (-1, 1)
        ),
        tube(
            [(-0.37, 0.38, 1.03), (-0.15, 0.46, 0.99), (0.15, 0.46, 0.99), (0.37, 0.38, 1.03)],
            [0.018] * 4,
            black,
        ),
        *(
            tube([(s * 0.24, 0.43, 1.0), (s * 0.36, 0.46, 1.2)], [0.009, 0.009], black, sides=5)
            for s in (-1, 1)
        ),
        *(ellipsoid((s * 0.38, 0.46, 1.21), (0.07, 0.02, 0.045), black, rows=6, columns=8) for s in (-1, 1)),
        tube([(0.17, 0.1, 0.34), (0.19, -0.3, 0.33), (0.2, -0.78, 0.42)], [0.03, 0.05, 0.055], metal),
        *(
            tube([(s * 0.1, -0.25, 0.7), (s * 0.1, -0.62, 0.32)], [0.03, 0.03], metal, sides=6)
            for s in (-1, 1)
        ),
        ellipsoid((0, 0.62, 0.92), (0.1, 0.08, 0.1), paint),
        ellipsoid((0, 0.67, 0.91), (0.08, 0.05, 0.08), lamp),
    ]
    if style == "scooter":
        parts += [
            ellipsoid((0, 0.48, 0.68), (0.2, 0.14, 0.36), paint),
            box((-0.2, -0.1, 0.27), (0.2, 0.36, 0.33), black),
            ellipsoid((0, -0.5, 0.6), (0.18, 0.4, 0.22), paint),
        ]
    else:
        parts += [
            ellipsoid((0, 0.2, 0.87), (0.15, 0.29, 0.13), paint),
            *(
                tube([(s * 0.09, 0.44, 0.95), (s * 0.09, 0.68, 0.3)], [0.025, 0.025], metal, sides=6)
                for s in (-1, 1)
            ),
            tube(
                [(0, 0.45, 0.57), (0, 0.62, 0.645), (0, 0.8, 0.62), (0, 0.95, 0.5)],
                [0.05, 0.07, 0.07, 0.04],
                paint,
            ),
        ]
    return parts


def _rider(sheet: Sheet, rng: Rng) -> list[Mesh]:
    jacket = sheet.swatch(pick(rng, _JACKETS), MATTE)
    trousers = sheet.swatch(pick(rng, _TROUSERS), MATTE)
    hand = sheet.swatch(pick(rng, _SKIN_TONES), MATTE)
    shoe = sheet.swatch((30, 30, 34), MATTE)
    helmet = sheet.swatch(pick(rng, tuple(PAINTS.values())), PAINT)
    visor = sheet.swatch((30, 28, 26), (40, 255, 0))
    lean = float(rng.uniform(0.0, 0.1))
    bulk = float(rng.uniform(0.92, 1.12))
    parts = [
        ellipsoid((0, -0.14, 0.88), (0.165 * bulk, 0.15, 0.12), trousers),
        tube(
            [
                (0, -0.18, 0.88), (0, -0.15 + lean * 0.3, 1.02), (0, -0.08 + lean * 0.6, 1.2), (0, lean, 1.38),
                (0, 0.02 + lean, 1.44),
            ],
            [0.155 * bulk, 0.17 * bulk, 0.195 * bulk, 0.17 * bulk, 0.07], jacket, sides=14,
        ),
        *(ellipsoid((s * 0.19 * bulk, lean, 1.35), (0.085, 0.085, 0.085), jacket, rows=7, columns=9) for s in (-1, 1)),
        ellipsoid((0, 0.06 + lean, 1.57), (0.135, 0.165, 0.15), helmet, rows=12, columns=18),
        ellipsoid((0, 0.155 + lean, 1.565), (0.118, 0.095, 0.062), visor, rows=8, columns=12),
    ]  # fmt: skip
    for s in (-1.0, 1.0):
        parts += [
            tube(
                [(s * 0.2 * bulk, lean, 1.35), (s * 0.34, 0.14, 1.12), (s * 0.32, 0.36, 1.04)],
                [0.07, 0.055, 0.042],
                jacket,
            ),
            ellipsoid((s * 0.32, 0.39, 1.03), (0.045, 0.06, 0.04), hand, rows=6, columns=8),
            tube(
                [(s * 0.1, -0.16, 0.9), (s * 0.24, 0.22, 0.78), (s * 0.22, 0.04, 0.42)],
                [0.1, 0.075, 0.055],
                trousers,
            ),
            ellipsoid((s * 0.22, 0.08, 0.33), (0.05, 0.13, 0.05), shoe, rows=6, columns=8),
        ]
    return parts
