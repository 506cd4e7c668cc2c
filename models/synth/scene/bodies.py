"""Bodies of cars, vans, buses and lorries: cross sections strung along the length, closed by rounded ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth.arrays import Floats
from models.synth.scene.mesh import Mesh, box, ellipsoid, grid, join, wheel
from models.synth.scene.skins import MATTE, RUBBER, TYRE, Point, Sheet, wheel_face

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Measures of a body; y forwards from the middle, z upwards, metres.

    Attributes:
        style: name of the body style.
        length: over all.
        width: without mirrors.
        profile: (y, z) of the roof line from the front to the rear, up to the rounded ends.
        belt: (y, z) of the line below the side windows.
        sill: height of the lower edge.
        axles: y of the wheels.
        wheel_radius: of the tyres.
        nose: depth of the rounded front end.
        tail: depth of the rounded rear end.
        roof_share: width of the roof as a share of the body's.
        taper: how much the plan narrows towards the ends.
        boxy: sharpness of the rounded ends (2 = round, 8 = a box).
        cowl_z: height of the windscreen's lower edge.
    """

    style: str
    length: float
    width: float
    profile: Curve
    belt: Curve
    sill: float
    axles: tuple[float, ...]
    wheel_radius: float
    nose: float = 0.2
    tail: float = 0.14
    roof_share: float = 0.7
    taper: float = 0.10
    boxy: float = 3.2
    cowl_z: float = 0.98

    @property
    def front_y(self) -> float:
        """The foremost point."""
        return self.profile[0][0] + self.nose

    @property
    def rear_y(self) -> float:
        """The rearmost point."""
        return self.profile[-1][0] - self.tail

    @property
    def height(self) -> float:
        """The highest point."""
        return max(z for _, z in self.profile)

    def roof_at(self, y: float) -> float:
        """Height of the roof line."""
        return float(_curve(self.profile, np.array([y]))[0])

    def belt_at(self, y: float) -> float:
        """Height of the line below the side windows."""
        return float(_curve(self.belt, np.array([y]))[0])

    def half_width(self, y: Floats) -> Floats:
        """Half the width at stations y."""
        towards_end = np.clip((np.abs(y) - self.length / 2 + 0.75) / 0.75, 0, 1)
        return np.asarray(self.width / 2 * (1 - self.taper * towards_end**2))


def _curve(points: Curve, y: Floats) -> Floats:
    """A softened line through points given from front to rear."""
    array = np.array(points)[::-1]
    offsets = np.linspace(-0.09, 0.09, 7)
    return np.asarray(
        np.mean([np.interp(y + offset, array[:, 0], array[:, 1]) for offset in offsets], axis=0)
    )


def _section(body: Body, y: float) -> Floats:
    """Right half of a cross section from the sill to the middle of the roof, (m, 2): x, z."""
    top = body.roof_at(y)
    belt = min(body.belt_at(y), top - 0.03)
    bottom = body.sill
    for axle in body.axles:
        reach = (body.wheel_radius + 0.06) ** 2 - (y - axle) ** 2
        if reach > 0:
            bottom = max(bottom, body.wheel_radius + float(np.sqrt(reach)))
    bottom = min(bottom, belt - 0.08)
    half = float(body.half_width(np.array(y)))
    house = max(0.0, top - belt - 0.03)
    share = 0.9 + (body.roof_share - 0.9) * min(1.0, house / 0.4)
    roof = half * share
    crown = 0.03
    shape = [
        (half * 0.95, bottom),
        (half * 0.985, bottom + 0.2 * (belt - bottom)),
        (half, bottom + 0.45 * (belt - bottom)),
        (half, bottom + 0.62 * (belt - bottom)),
        (half * 0.985, bottom + 0.85 * (belt - bottom)),
        (half * 0.965, belt),
        (half * 0.945, belt + 0.02),
        (half * 0.945 + (roof - half * 0.945) * 0.35, belt + 0.02 + 0.35 * house),
        (half * 0.945 + (roof - half * 0.945) * 0.75, belt + 0.02 + 0.72 * house),
        (roof, belt + 0.02 + 0.92 * house),
        (roof * 0.93, top - 0.006),
        (roof * 0.7, top + crown * 0.5),
        (roof * 0.35, top + crown * 0.88),
        (0.0, top + crown),
    ]
    return np.array(shape)


def shell(body: Body, sheet: Sheet, prefix: str = "") -> Mesh:
    """The body's skin, its faces placed on the canvases "front", "rear", "side" and "top" of the sheet.

    ``prefix`` stands before those names where a vehicle has several bodies.
    """
    stations = np.linspace(body.profile[0][0], body.profile[-1][0], max(24, round(body.length / 0.1)))
    rings = []
    for y in stations:
        half = _section(body, float(y))
        whole = np.concatenate([half, (half * np.array([-1, 1]))[::-1][1:]])
        rings.append(np.column_stack([whole[:, 0], np.full(len(whole), y), whole[:, 1]]))
    tube = np.stack(rings)
    middle = np.array([0.0, 0.0, body.height * 0.5])
    parts = [
        grid(tube, (0, 0), outward=middle),
        _cap(tube[0], body.nose, body.boxy),
        _cap(tube[-1], -body.tail, body.boxy),
    ]
    return _dress(join(parts), sheet, prefix)


def _cap(ring: Floats, bulge: float, boxy: float) -> Mesh:
    """Closes an end: the ring shrinks to its middle while it bulges out."""
    # It shrinks towards the middle of its open lower edge, so that the edge stays straight.
    centre = np.array([0.0, ring[0, 1], ring[:, 2].min()])
    shrink = np.array([1.0, 0.985, 0.955, 0.91, 0.84, 0.74, 0.55, 0.3, 0.02])
    out = bulge * (1 - shrink**boxy) ** (1 / boxy)
    rings = [centre + (ring - centre) * s + np.array([0, o, 0]) for s, o in zip(shrink, out, strict=True)]
    inside = centre - np.array([0, np.sign(bulge) * 1.5, -0.3])
    return grid(np.stack(rings), (0, 0), outward=inside)


def _dress(mesh: Mesh, sheet: Sheet, prefix: str) -> Mesh:
    """Gives every patch its place on the canvas that it faces, and its share of the sky."""
    normal = mesh.normals.mean(axis=1)
    x, y, z = mesh.corners[..., 0], mesh.corners[..., 1], mesh.corners[..., 2]
    places = mesh.places.copy()
    sideways = np.abs(normal[:, 0]) > 0.62
    front = ~sideways & (normal[:, 1] > 0.3)
    rear = ~sideways & (normal[:, 1] < -0.3)
    right, left = sideways & (normal[:, 0] > 0), sideways & (normal[:, 0] <= 0)
    top = ~(sideways | front | rear)
    for chosen, name, across, upward in (
        (right, "side", y, z),
        (left, "left" if prefix + "left" in sheet.canvases else "side", y, z),
        (front, "front", -x, z),
        (rear, "rear", x, z),
        (top, "top", x, y),
    ):
        if chosen.any():
            points = np.stack([across[chosen], upward[chosen]], axis=-1)
            places[chosen] = sheet.places(prefix + name, points)
    occlusion = np.clip(0.34 + z * 0.62, 0.0, 1.0)
    return Mesh(mesh.corners, mesh.normals, places.astype(np.float32), occlusion.astype(np.float32))


def running_gear(
    body: Body,
    sheet: Sheet,
    track: float | None = None,
    tyre_width: float = 0.2,
    under_width: float | None = None,
) -> Mesh:
    """Wheels and the dark underside."""
    face = wheel_face(sheet)
    rubber = sheet.swatch(TYRE, RUBBER)
    under = sheet.swatch((14, 14, 14), MATTE)
    half = track if track is not None else body.width * 0.5 - tyre_width * 0.5 - 0.02
    belly = half if under_width is None else under_width / 2
    parts = [
        box(
            (-belly, body.rear_y + 0.25, body.sill * 0.8),
            (half, body.front_y - 0.25, body.sill + 0.32),
            under,
        )
    ]
    parts += [
        _shaded(
            wheel((side * half, axle, body.wheel_radius), body.wheel_radius, tyre_width, (rubber, face), 60.0)
        )
        for axle in body.axles
        for side in (-1.0, 1.0)
    ]
    return join(parts)


def _shaded(mesh: Mesh) -> Mesh:
    dark = np.clip(0.25 + mesh.corners[..., 2] * 0.5, 0, 0.7).astype(np.float32)
    return Mesh(mesh.corners, mesh.normals, mesh.places, dark)


def door_mirrors(body: Body, y: float, z: float, place: Point) -> Mesh:
    """Two wing mirrors."""
    half = body.width / 2
    return join(
        [
            ellipsoid((side * (half + 0.045), y, z), (0.095, 0.05, 0.062), place, rows=6, columns=9)
            for side in (-1, 1)
        ]
    )
