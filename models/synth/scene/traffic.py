"""Who drives when: passages of vehicles along lanes, on a clock that runs in a circle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.synth.scene.raster import Pose
from models.synth.scene.vehicles import Vehicle

NEAREST_M, FARTHEST_M = -6.0, 112.0
_FADE_M = 12.0


@dataclass(frozen=True, slots=True)
class Present:
    """Someone in the street at a moment.

    Attributes:
        vehicle: who.
        pose: where.
        velocity: m/s along x and y.
        passage: number of the passage; -1 for who has no plate to be read (people on foot).
        strength: 1 = wholly there ... 0 = not yet come out of the far junction, or of a door.
    """

    vehicle: Vehicle
    pose: Pose
    velocity: tuple[float, float] = (0.0, 0.0)
    passage: int = -1
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle passing the camera.

    Attributes:
        number: of the passage in its clip.
        vehicle: who passes.
        lane_x: where the middle of its path lies, metres.
        lane: name of the lane.
        away: whether it drives away from the camera.
        at_s: when its middle is at ``at_y``.
        at_y: metres.
        speed: m/s at that place.
        weave_m: how far it swings from side to side.
    """

    number: int
    vehicle: Vehicle
    lane_x: float
    lane: str
    away: bool
    at_s: float
    at_y: float
    speed: float
    weave_m: float = 0.0

    def pose(self, time_s: float) -> Pose | None:
        """Where the vehicle is, or None while it is out of the street."""
        since = time_s - self.at_s
        way = self.speed * since
        y = self.at_y + (way if self.away else -way)
        if not NEAREST_M < y < FARTHEST_M:
            return None
        phase = 2 * np.pi * y / 31.0 + self.number
        x = self.lane_x + self.weave_m * float(np.sin(phase))
        drift = self.weave_m * float(np.cos(phase)) * 2 * np.pi / 31.0
        heading = -np.degrees(np.arctan(drift)) + (0.0 if self.away else 180.0)
        lean = (
            float(np.degrees(self.weave_m * 0.12 * np.sin(phase)))
            if self.vehicle.kind == "motorcycle"
            else 0.0
        )
        return Pose(x, y, float(heading), lean)

    def present(self, time_s: float, period_s: float) -> list[Present]:
        """Where it is on a clock that runs in a circle of ``period_s``: it may drive across midnight."""
        turns = 1 + int((FARTHEST_M - NEAREST_M) / self.speed / period_s)
        found = [self.pose(time_s + turn * period_s) for turn in range(-turns, turns + 1)]
        return [self.at(pose) for pose in found if pose is not None]

    def at(self, pose: Pose) -> Present:
        """The vehicle in a pose of its passage; it fades in and out at the far junction."""
        strength = float(np.clip((FARTHEST_M - pose.y) / _FADE_M, 0.0, 1.0))
        velocity = (0.0, self.speed if self.away else -self.speed)
        return Present(self.vehicle, pose, velocity, self.number, strength)
