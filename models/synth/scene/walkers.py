"""People on the pavement: they carry no plates, but a street without them is a stage set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from models.synth.arrays import Floats, pick, stream
from models.synth.scene.mesh import Mesh, ellipsoid, join, tube
from models.synth.scene.plan import StreetSpec
from models.synth.scene.raster import Pose, Skin
from models.synth.scene.skins import MATTE, Colour, Sheet
from models.synth.scene.traffic import Present
from models.synth.scene.vehicles import Vehicle

_PHASES = 12
_STRIDE_M = 1.35
_CLOTHES: tuple[Colour, ...] = (
    (60, 60, 66), (150, 148, 140), (70, 60, 150), (140, 96, 50), (70, 110, 60), (60, 130, 190), (190, 186, 180),
    (110, 70, 110),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((92, 66, 44), (48, 46, 46), (96, 106, 116), (70, 80, 96))
_SKINS: tuple[Colour, ...] = ((98, 134, 184), (74, 108, 156), (50, 74, 108))


@dataclass(frozen=True, slots=True)
class Walker:
    """Someone who comes out of a door, walks along the pavement and goes in at another one.

    Attributes:
        seed: of clothes and height.
        way: (n, 2) corners of the way, metres.
        start_s: when they come out.
        speed: m/s.
    """

    seed: int
    way: Floats
    start_s: float
    speed: float

    @property
    def seconds(self) -> float:
        """How long the walk takes."""
        return float(np.linalg.norm(np.diff(self.way, axis=0), axis=1).sum()) / self.speed

    def present(self, time_s: float) -> Present | None:
        """Their body in its step, and where it is; None while they are indoors."""
        since = time_s - self.start_s
        if not 0 <= since < self.seconds:
            return None
        legs = np.diff(self.way, axis=0)
        lengths = np.linalg.norm(legs, axis=1)
        walked = since * self.speed
        leg = int(np.searchsorted(np.cumsum(lengths), walked, side="right"))
        direction = legs[leg] / lengths[leg]
        x, y = self.way[leg] + direction * (walked - float(lengths[:leg].sum()))
        heading = float(np.degrees(np.arctan2(-direction[0], direction[1])))
        velocity = (float(direction[0] * self.speed), float(direction[1] * self.speed))
        fade = min(1.0, since / 0.5, (self.seconds - since) / 0.5)
        phase = int(walked / _STRIDE_M * _PHASES) % _PHASES
        return Present(body(self.seed, phase), Pose(float(x), float(y), heading), velocity, strength=fade)


@lru_cache(maxsize=256)
def body(seed: int, phase: int) -> Vehicle:
    """A person in one of the phases of a step."""
    rng = stream(seed, "walker")
    sheet = Sheet()
    shirt, trousers = sheet.swatch(pick(rng, _CLOTHES), MATTE), sheet.swatch(pick(rng, _TROUSERS), MATTE)
    skin, hair = sheet.swatch(pick(rng, _SKINS), MATTE), sheet.swatch((26, 24, 24), MATTE)
    swing = 0.30 * float(np.sin(2 * np.pi * phase / _PHASES))
    parts: list[Mesh] = [
        tube(
            [(0, 0, 0.86), (0, 0, 1.05), (0, 0.01, 1.28), (0, 0.01, 1.42), (0, 0.01, 1.47)],
            [0.14, 0.145, 0.17, 0.14, 0.05],
            shirt,
            sides=12,
        ),
        ellipsoid((0, 0.02, 1.60), (0.085, 0.1, 0.125), skin),
        ellipsoid((0, -0.01, 1.645), (0.092, 0.1, 0.105), hair),
    ]
    for side in (-1.0, 1.0):
        step = swing * side
        knee_y, lift = step * 0.55 + 0.04, max(0.0, -step) * 0.2
        parts += [
            tube(
                [(side * 0.09, 0, 0.9), (side * 0.1, knee_y, 0.5), (side * 0.1, step, 0.1 + lift)],
                [0.095, 0.07, 0.05],
                trousers,
            ),
            ellipsoid((side * 0.1, step + 0.05, 0.06 + lift), (0.05, 0.12, 0.05), hair, rows=6, columns=8),
            tube(
                [
                    (side * 0.19, 0, 1.38),
                    (side * 0.24, -step * 0.4, 1.12),
                    (side * 0.22, -step * 0.8 + 0.06, 0.9),
                ],
                [0.055, 0.045, 0.035],
                shirt,
            ),
            ellipsoid((side * 0.22, -step * 0.8 + 0.07, 0.86), (0.035, 0.045, 0.05), skin, rows=6, columns=8),
        ]
    mesh = _scaled(join(parts), float(rng.uniform(0.92, 1.06)))
    packed: Skin = sheet.pack()
    nothing = np.zeros((0, 3))
    outline = mesh.corners[::5].reshape(-1, 3)
    return Vehicle(f"walker-{seed}", "person", "", mesh, packed, (), nothing, nothing, 0.5, 0.45, outline)


def _scaled(mesh: Mesh, factor: float) -> Mesh:
    shade = np.clip(0.5 + mesh.corners[..., 2] * 0.5, 0, 1).astype(np.float32)
    return Mesh(mesh.corners * np.float32(factor), mesh.normals, mesh.places, shade)


def crowd(spec: StreetSpec, count: int, period_s: float) -> list[Walker]:
    """The people of a street: each comes and goes within one turn of the clock."""
    rng = stream(spec.seed, "crowd")
    inner, outer = spec.road.half_width + 0.95, spec.road.edge
    people = []
    for number in range(count):
        side = -1.0 if number % 2 else 1.0
        x = side * float(rng.uniform(inner, max(inner + 0.1, outer - 0.5)))
        speed = float(rng.uniform(1.0, 1.45))
        length = float(rng.uniform(7.0, max(7.5, speed * (period_s - 6.0))))
        first = float(rng.uniform(19, 58))
        last = first + length if rng.random() < 0.5 else max(15.0, first - length)
        turn = float(np.sign(last - first)) * 0.7
        way = np.array([[side * outer, first], [x, first + turn], [x, last - turn], [side * outer, last]])
        walker = Walker(spec.seed * 100 + number, way, 0.0, speed)
        people.append(
            replace(walker, start_s=float(rng.uniform(0.1, max(0.2, period_s - walker.seconds - 0.1))))
        )
    return people
