"""Paints the four faces of a car's body."""

from __future__ import annotations

from models.synth.arrays import Rng
from models.synth.scene.bodies import Body
from models.synth.scene.car_ends import SEAM, Style, paint_front, paint_rear
from models.synth.scene.skins import BLACK, CHROME, GLASS, GLASS_COLOUR, MATTE, Canvas, Sheet

PX_PER_M = 260.0


def paint_faces(sheet: Sheet, body: Body, style: Style, rng: Rng) -> None:
    """Adds the canvases "front", "rear", "side" and "top" of a car to the sheet."""
    margin = 0.1
    across = (body.width + 2 * margin, body.height + margin)
    along = (body.length + 2 * margin, body.height + margin)
    sheet.canvases["front"] = front = Canvas.blank(-body.width / 2 - margin, 0, across, PX_PER_M, style.paint)
    sheet.canvases["rear"] = rear = Canvas.blank(-body.width / 2 - margin, 0, across, PX_PER_M, style.paint)
    sheet.canvases["side"] = side = Canvas.blank(
        -body.length / 2 - margin, 0, along, PX_PER_M * 0.7, style.paint
    )
    sheet.canvases["top"] = top = Canvas.blank(
        -body.width / 2 - margin,
        -body.length / 2 - margin,
        (body.width + 2 * margin, body.length + 2 * margin),
        PX_PER_M * 0.5,
        style.paint,
    )
    paint_front(front, body, style, rng)
    paint_rear(rear, body, style)
    _side(side, body, style)
    if style.taxi_number:
        # Only writing needs a side of its own: the rest is symmetrical.
        left = Canvas(side.left_m, side.bottom_m, side.px_per_m, side.bgr.copy(), side.finish.copy())
        sheet.canvases["left"] = left
        for canvas, flipped in ((side, False), (left, True)):
            canvas.text(style.taxi_number, (0.25, body.sill + 0.42), 0.14, BLACK, flipped=flipped)
    _top(top, body, style)


def _side(canvas: Canvas, body: Body, style: Style) -> None:
    glass_from, glass_to = _glass_span(body)
    steps = 24
    ys = [glass_from + (glass_to - glass_from) * index / steps for index in range(steps + 1)]
    upper = [(y, max(body.belt_at(y) + 0.03, body.roof_at(y) - 0.075)) for y in ys]
    lower = [(y, body.belt_at(y) + 0.025) for y in reversed(ys)]
    canvas.polygon([*upper, *lower], BLACK, GLASS)
    inner = [(y, z - 0.02) for y, z in upper[1:-1]] + [(y, z + 0.02) for y, z in lower[1:-1]]
    canvas.polygon(inner, GLASS_COLOUR, GLASS)
    pillars = [glass_from + (glass_to - glass_from) * share for share in (0.47, 0.80)]
    for index, y in enumerate(pillars):
        canvas.line(
            [(y, body.belt_at(y)), (y, body.roof_at(y) - 0.05)], style.paint if index else BLACK, 0.07, GLASS
        )
    for y in (glass_from - 0.12, pillars[0], pillars[1] - 0.05):
        canvas.line([(y, body.sill + 0.08), (y, body.belt_at(y))], SEAM, 0.012)
    canvas.line([(glass_from - 0.12, body.sill + 0.08), (pillars[1] - 0.05, body.sill + 0.08)], SEAM, 0.012)
    for y in (pillars[0] + 0.14, pillars[1] + 0.1):
        canvas.line(
            [(y - 0.09, body.belt_at(y) - 0.1), (y + 0.09, body.belt_at(y) - 0.1)], (40, 40, 40), 0.03, CHROME
        )
    canvas.rectangle((-body.length / 2, 0), (body.length / 2, body.sill + 0.05), (28, 28, 28), MATTE)
    for axle in body.axles:
        canvas.disc((axle, body.wheel_radius), body.wheel_radius + 0.09, (24, 24, 24), MATTE)


def _glass_span(body: Body) -> tuple[float, float]:
    """Where the side windows begin (front) and end."""
    inside = [y for y, z in body.profile if z > body.belt_at(y) + 0.2]
    return inside[0] + 0.15, inside[-1] - (0.0 if body.style != "pickup" else -0.05)


def _top(canvas: Canvas, body: Body, style: Style) -> None:
    half = body.width / 2
    for side in (-1, 1):
        canvas.line(
            [(side * half * 0.56, body.front_y * 0.78), (side * half * 0.62, body.length * 0.22)], SEAM, 0.01
        )
    if body.style in ("suv", "van"):
        for side in (-1, 1):
            canvas.line([(side * half * 0.62, 0.3), (side * half * 0.62, -1.4)], (60, 60, 60), 0.04)
    if body.style == "pickup":
        canvas.rectangle(
            (-half * 0.86, body.rear_y + 0.12), (half * 0.86, -body.length * 0.17), (40, 40, 42), MATTE
        )
    if style.taxi_number:
        canvas.text(style.taxi_number, (0, -0.5), 0.3, BLACK)
