"""The plan of a street: its cross section, and where its trees and poles stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth.arrays import Rng, pick, stream


@dataclass(frozen=True, slots=True)
class Road:
    """The cross section of a street; x in metres.

    Attributes:
        lanes: centres of the lanes, left to right.
        lane_width: width of a lane.
        half_width: from the middle to the kerb.
        pavement: width of the pavement.
        two_way: whether the middle line is a double yellow one (else a dashed white one).
        tone: brightness of the asphalt, 0-255.
        verge: whether a strip of grass lies between kerb and pavement.
        towards: whether a one-way road leads towards the camera.
    """

    lanes: tuple[float, ...]
    lane_width: float
    half_width: float
    pavement: float
    two_way: bool
    tone: float = 92.0
    verge: bool = False
    towards: bool = False

    @property
    def edge(self) -> float:
        """Distance of the house fronts from the middle."""
        return self.half_width + self.pavement


@dataclass(frozen=True, slots=True)
class StreetSpec:
    """A street.

    Attributes:
        seed: of everything in it.
        road: its cross section.
        kind: "barrio" (houses on the pavement's edge) or "avenue" (trees and far buildings).
        zenith: colour of the sky above.
        horizon: colour of the sky low down, also of the haze.
        clouds: 0 = blue ... 1 = closed.
        sunny_side: brightness of the house fronts on the left and on the right.
        ground_light: brightness of the ground.
        shadows: how dark the trees' shadows are, 0-1.
        shade_m: how far a house of two floors throws its shade on the street, from the left (positive) or the
            right (negative).
        tint: factors on blue, green and red: the colour of the hour.
    """

    seed: int
    road: Road
    kind: str = "barrio"
    zenith: tuple[int, int, int] = (206, 150, 96)
    horizon: tuple[int, int, int] = (226, 216, 204)
    clouds: float = 0.45
    sunny_side: tuple[float, float] = (0.72, 1.05)
    ground_light: float = 1.2
    shadows: float = 0.45
    shade_m: float = 2.3
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def tree_places(self) -> list[tuple[float, float, float]]:
        """x, y and height of the street's trees, metres."""
        rng = stream(self.seed, "trees")
        step = 13.0 if self.kind == "barrio" else 8.0
        inset = self.road.half_width + (0.7 if self.kind == "barrio" else 2.0)
        return [
            (
                side * (inset + float(rng.uniform(0, 0.3))),
                float(y + rng.uniform(0, step * 0.6)),
                float(rng.uniform(4.6, 7.0)),
            )
            for side in (-1, 1)
            for y in np.arange(18.0, 100.0, step)
        ]

    def pole_places(self) -> list[tuple[int, float]]:
        """Side (-1 or 1) and y of the poles, near to far."""
        return [(-1 if self.seed % 2 else 1, float(y)) for y in np.arange(21.0, 100.0, 19.0)]


def random_road(rng: Rng) -> Road:
    """A cross section for training scenes."""
    width = float(rng.uniform(2.9, 3.5))
    tone = float(rng.uniform(74, 112))
    if rng.random() < 0.6:
        return Road((-width / 2, width / 2), width, width + 0.4, float(rng.uniform(1.4, 2.4)), True, tone)
    lanes = pick(rng, ((-width / 2, width / 2), (-width, 0.0, width)))
    pavement = float(rng.uniform(2.0, 4.0))
    towards = bool(rng.random() < 0.5)
    return Road(lanes, width, width * len(lanes) / 2 + 0.5, pavement, False, tone, True, towards)
