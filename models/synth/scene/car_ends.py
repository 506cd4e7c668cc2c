"""Paints the two ends of a car: windscreen, lamps, grille and bumper; rear window, tail lamps and plate recess."""

from __future__ import annotations

from dataclasses import dataclass

from models.synth.arrays import Rng
from models.synth.scene.bodies import Body
from models.synth.scene.skins import BLACK, CHROME, GLASS, GLASS_COLOUR, LENS, LIT, MATTE, Canvas, Colour

SEAM: Colour = (26, 26, 26)


@dataclass(frozen=True, slots=True)
class Style:
    """The paint and the small differences between two cars of the same body.

    Attributes:
        paint: BGR.
        lamps_on: whether head and tail lamps shine.
        brake: whether the brake lamps shine.
        grille: 0-2, the shape of the grille.
        lamp_height: m, height of the headlamps' glass.
        taxi_number: on doors and roof of a taxi; "" for others.
    """

    paint: Colour
    lamps_on: bool = False
    brake: bool = False
    grille: int = 0
    lamp_height: float = 0.16
    taxi_number: str = ""


def _windscreen(canvas: Canvas, low: tuple[float, float], high: tuple[float, float], rng: Rng) -> None:
    """Glass between (half width, height) ``low`` and ``high``, with seats and a driver behind it."""
    (wide, bottom), (narrow, top) = low, high
    canvas.polygon([(-wide, bottom), (wide, bottom), (narrow, top), (-narrow, top)], BLACK, GLASS)
    inset = 0.03
    glass = [(-wide + 0.05, bottom + inset), (wide - 0.05, bottom + inset), (narrow - 0.03, top - inset)]
    canvas.polygon([*glass, (-narrow + 0.03, top - inset)], GLASS_COLOUR, GLASS)
    rise = top - bottom
    for seat in (-0.36, 0.36):
        canvas.disc((seat * wide / 0.7, bottom + 0.55 * rise), 0.13, (30, 30, 32), GLASS)
        canvas.rectangle(
            (seat * wide / 0.7 - 0.2, bottom + 0.06),
            (seat * wide / 0.7 + 0.2, bottom + 0.42 * rise),
            (30, 30, 32),
            GLASS,
        )
    # The driver sits on the left: from the front that is the right half of the drawing.
    shirt = tuple(int(value) for value in rng.integers(40, 120, 3))
    x = 0.36 * wide / 0.7
    canvas.polygon(
        [
            (x - 0.2, bottom + 0.05),
            (x + 0.2, bottom + 0.05),
            (x + 0.12, bottom + 0.42 * rise),
            (x - 0.12, bottom + 0.42 * rise),
        ],
        (shirt[0], shirt[1], shirt[2]),
        GLASS,
    )
    canvas.disc((x, bottom + 0.58 * rise), 0.085, (58, 78, 104), GLASS)
    canvas.rectangle((-wide + 0.07, bottom + 0.02), (wide - 0.07, bottom + 0.1), (24, 24, 24), GLASS)
    canvas.rectangle((-0.1, top - 0.1), (0.1, top - 0.05), (14, 14, 14), GLASS)
    canvas.line([(-wide * 0.75, bottom + 0.01), (wide * 0.02, bottom + 0.07)], BLACK, 0.018)
    canvas.line([(wide * 0.02, bottom + 0.01), (wide * 0.72, bottom + 0.07)], BLACK, 0.018)


def paint_front(canvas: Canvas, body: Body, style: Style, rng: Rng) -> None:
    """Paints the front."""
    half = body.width / 2
    edge = body.profile[0][1]
    _windscreen(
        canvas, (half * 0.84, body.cowl_z + 0.02), (half * body.roof_share * 0.93, body.height - 0.085), rng
    )
    canvas.line([(-half * 0.8, edge - 0.015), (half * 0.8, edge - 0.015)], SEAM, 0.012)
    lamp = style.lamp_height
    outline = [
        (half * 0.5, edge - 0.1),
        (half * 0.74, edge - 0.055),
        (half * 0.93, edge + 0.0),
        (half * 0.95, edge - lamp * 0.6),
        (half * 0.86, edge - 0.06 - lamp),
        (half * 0.6, edge - 0.07 - lamp),
    ]
    canvas.mirrored(outline, (52, 52, 52), LENS)
    middle_x = half * 0.77
    for x in (middle_x, -middle_x):
        canvas.disc((x, edge - 0.04 - lamp * 0.5), lamp * 0.42, (120, 122, 122), LENS)
        canvas.disc(
            (x, edge - 0.04 - lamp * 0.5), lamp * 0.3, (235, 240, 240), LIT if style.lamps_on else CHROME
        )
    canvas.mirrored(
        [(half * 0.53, edge - 0.115), (half * 0.64, edge - 0.095), (half * 0.66, edge - 0.05 - lamp * 0.9),
         (half * 0.61, edge - 0.06 - lamp * 0.9)],
        (40, 110, 200), LENS,
    )  # fmt: skip
    _grille(canvas, half, edge, style)
    low = body.sill
    intake = [
        (half * 0.66, low + 0.05),
        (half * 0.58, low + 0.19),
        (-half * 0.58, low + 0.19),
        (-half * 0.66, low + 0.05),
    ]
    canvas.polygon(intake, (22, 22, 22), MATTE)
    for step in range(3):
        z = low + 0.08 + 0.035 * step
        canvas.line([(-half * 0.62, z), (half * 0.62, z)], (44, 44, 44), 0.01)
    canvas.mirrored(
        [(half * 0.7, low + 0.08), (half * 0.9, low + 0.12), (half * 0.88, low + 0.22), (half * 0.72, low + 0.19)],
        (24, 24, 24), MATTE,
    )  # fmt: skip
    for x in (half * 0.8, -half * 0.8):
        canvas.disc((x, low + 0.15), 0.045, (200, 200, 200), LENS)
    canvas.rectangle((-half, 0.0), (half, low + 0.025), (24, 24, 24), MATTE)


def _grille(canvas: Canvas, half: float, edge: float, style: Style) -> None:
    top, bottom = edge - 0.06, edge - 0.06 - (0.11 if style.grille != 2 else 0.2)
    wide = half * 0.52
    canvas.polygon(
        [(-wide, top), (wide, top), (wide * 0.86, bottom), (-wide * 0.86, bottom)], (24, 24, 24), MATTE
    )
    lines = 3 if style.grille == 0 else 5
    for index in range(lines):
        z = top + (bottom - top) * (index + 0.5) / lines
        shine = style.grille == 1
        canvas.line(
            [(-wide * 0.92, z), (wide * 0.92, z)],
            (170, 170, 170) if shine else (58, 58, 58),
            0.012,
            CHROME if shine else MATTE,
        )
    canvas.line([(-wide, top), (wide, top)], (190, 190, 190), 0.016, CHROME)
    canvas.disc((0, (top + bottom) / 2), 0.055, (200, 200, 200), CHROME)
    canvas.disc((0, (top + bottom) / 2), 0.038, (70, 66, 60), CHROME)


def paint_rear(canvas: Canvas, body: Body, style: Style) -> None:
    """Paints the rear."""
    half = body.width / 2
    tail_y, tail_z = body.profile[-1]
    belt = body.belt_at(tail_y + 0.35)
    glass_low = max(belt + 0.04, tail_z + 0.1)
    wide, narrow, top = half * 0.80, half * body.roof_share * 0.92, body.height - 0.12
    if body.style == "pickup":
        _pickup_rear(canvas, body)
    else:
        canvas.polygon([(-wide, glass_low), (wide, glass_low), (narrow, top), (-narrow, top)], BLACK, GLASS)
        canvas.polygon(
            [(0.04 - wide, glass_low + 0.03), (wide - 0.04, glass_low + 0.03), (narrow - 0.03, top - 0.03),
             (0.03 - narrow, top - 0.03)],
            GLASS_COLOUR, GLASS,
        )  # fmt: skip
        for seat in (-0.32, 0.32):
            canvas.disc((seat, glass_low + 0.12), 0.1, (26, 26, 28), GLASS)
        canvas.line([(0, glass_low + 0.01), (0.3, glass_low + 0.1)], BLACK, 0.016)
        canvas.rectangle(
            (-0.14, top - 0.005), (0.14, top + 0.02), (30, 30, 150 if not style.brake else 250), LENS
        )
    lamp_high = tail_z + (0.12 if body.style in ("hatch", "suv", "van") else 0.0)
    lamp_low = lamp_high - (0.3 if body.style in ("hatch", "suv", "van") else 0.17)
    red: Colour = (36, 30, 235) if style.brake or style.lamps_on else (30, 24, 150)
    inner = 0.74 if body.style in ("hatch", "suv", "van") else 0.6
    canvas.mirrored(
        [(half * inner, lamp_low + 0.03), (half * 0.97, lamp_low), (half * 0.98, lamp_high),
         (half * (inner + 0.08), lamp_high - 0.02)],
        red, LIT if style.brake else LENS,
    )  # fmt: skip
    canvas.mirrored(
        [(half * (inner + 0.05), lamp_low + 0.05), (half * 0.94, lamp_low + 0.04), (half * 0.94, lamp_low + 0.09),
         (half * (inner + 0.06), lamp_low + 0.1)],
        (200, 205, 215), LENS,
    )  # fmt: skip
    plate = plate_rear_height(body)
    dark: Colour = (int(style.paint[0] * 0.55), int(style.paint[1] * 0.55), int(style.paint[2] * 0.55))
    canvas.rectangle((-0.27, plate - 0.12), (0.27, plate + 0.12), dark, MATTE)
    canvas.rectangle((-0.24, plate + 0.12), (0.24, plate + 0.15), (180, 180, 180), CHROME)
    seam = max(body.sill + 0.2, plate - 0.2) if plate > 0.65 else lamp_low - 0.05
    canvas.line([(-half * 0.95, seam), (half * 0.95, seam)], SEAM, 0.012)
    canvas.line([(-half * 0.7, seam), (-half * 0.76, glass_low)], SEAM, 0.008)
    canvas.line([(half * 0.7, seam), (half * 0.76, glass_low)], SEAM, 0.008)
    canvas.mirrored(
        [
            (half * 0.7, body.sill + 0.1),
            (half * 0.88, body.sill + 0.1),
            (half * 0.88, body.sill + 0.14),
            (half * 0.7, body.sill + 0.14),
        ],
        (30, 24, 160),
        LENS,
    )
    canvas.rectangle((-half * 0.62, body.sill - 0.02), (half * 0.62, body.sill + 0.07), (26, 26, 26), MATTE)
    canvas.rectangle((-half, 0), (half, body.sill + 0.02), (24, 24, 24), MATTE)
    canvas.text(
        {"hatch": "1.0", "suv": "4x4", "van": "VAN"}.get(body.style, "1.6"),
        (half * 0.55, plate + 0.2),
        0.035,
        (190, 190, 190),
    )


def _pickup_rear(canvas: Canvas, body: Body) -> None:
    half = body.width / 2
    top = body.height - 0.12
    low = body.belt_at(0.0) + 0.05
    canvas.polygon(
        [(-half * 0.72, low), (half * 0.72, low), (half * 0.6, top), (-half * 0.6, top)], BLACK, GLASS
    )
    canvas.text("DIESEL", (0, body.profile[-1][1] - 0.12), 0.07, (60, 60, 60))


def plate_rear_height(body: Body) -> float:
    """Height of the middle of the rear plate."""
    return {"hatch": 0.74, "suv": 0.86, "van": 0.80, "pickup": 0.56}.get(body.style, 0.76)


def plate_front_height(body: Body) -> float:
    """Height of the middle of the front plate."""
    return body.sill + 0.27 if body.style not in ("suv", "pickup") else body.sill + 0.33
