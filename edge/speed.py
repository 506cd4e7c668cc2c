"""How fast a vehicle goes, from where its plate was in many frames. Pure.

A straight line at a steady speed is laid through the places, each weighed by how well its place is known (a far plate
stands for many metres a pixel) and by how well it fits: a box that caught something else is left out. Two points
alone would say as much as their errors do.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.ground import GroundSettings

LEAST_FRAMES: Final = 5
LEAST_M: Final = 3.0
LEAST_S: Final = 0.4
MOST_ERROR: Final = 0.05
"""Of the speed: twice the fit's own standard error, which does not know that errors of neighbouring frames go
together, must be below it."""
FASTEST_MPS: Final = 100.0
_ROUNDS: Final = 8
_OUTLIER: Final = 4.685
"""Standard deviations at which a place is left out (Tukey's biweight, 95 % as good as least squares without any)."""
_DEVIATIONS: Final = 1.4826  # in a median absolute deviation


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed.

    Attributes:
        mps: metres a second.
        error_mps: its standard deviation as far as the fit knows.
    """

    mps: float
    error_mps: float

    @property
    def error(self) -> float:
        """Share of the speed."""
        return self.error_mps / max(self.mps, 1e-9)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a plate goes.

    Attributes:
        over_ground: the point of the ground that it is seen before.
        ground: how high above it cameras and plates are.
        rear: whether it is the plate behind.
    """

    over_ground: Speed
    ground: GroundSettings
    rear: bool

    def mps(self, vehicle: str | None) -> float:
        """Metres a second of such a vehicle."""
        return self.over_ground.mps * self.ground.slower(vehicle, rear=self.rear)


def fit(
    times_s: NDArray[np.float64], places_m: NDArray[np.float64], noise_m: NDArray[np.float64]
) -> Speed | None:
    """The speed of something that goes straight on.

    Args:
        times_s: (n,) ascending, from anywhere.
        places_m: (n, 2); those that are not finite are left out.
        noise_m: (n,) how far each may be off, to one another.

    Returns:
        None where the places are too few, too near to one another, or fit too badly.
    """
    known = np.isfinite(places_m).all(axis=1) & np.isfinite(noise_m)
    times, places, noise = times_s[known], places_m[known], np.maximum(noise_m[known], 1e-6)
    if len(times) < LEAST_FRAMES or times[-1] - times[0] < LEAST_S:
        return None
    weights = 1 / noise**2
    line = _steady(times, places)
    kept = np.ones(len(times))
    for _ in range(_ROUNDS):
        away = _away(line, times, places) / noise
        spread = _DEVIATIONS * float(np.median(away)) + 1e-9
        kept = np.square(np.clip(1 - np.square(away / (_OUTLIER * spread)), 0.0, None))
        if np.count_nonzero(kept) < LEAST_FRAMES:
            return None
        line = _least_squares(times, places, weights * kept)
    return _judged(line, times, places, weights * kept)


def _judged(
    line: NDArray[np.float64],
    times: NDArray[np.float64],
    places: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Speed | None:
    taken = weights > 0
    span_s = float(np.ptp(times[taken]))
    mps = float(np.hypot(*line[1]))
    if span_s < LEAST_S or mps * span_s < LEAST_M or mps > FASTEST_MPS:
        return None
    middle = float(np.average(times, weights=weights))
    freedom = max(int(taken.sum()) - 2, 1)
    share = weights / weights.sum()
    variance = float((share * np.square(_away(line, times, places))).sum()) * taken.sum() / freedom
    spread_s2 = float((share * np.square(times - middle)).sum()) * taken.sum()
    found = Speed(mps, float(np.sqrt(variance / spread_s2)))
    return found if 2 * found.error <= MOST_ERROR else None


def _steady(times: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 2) where it was at time 0 and its velocity, by the median over all pairs of frames."""
    first, second = np.triu_indices(len(times), k=1)
    ways = (places[second] - places[first]) / (times[second] - times[first])[:, None]
    velocity = np.median(ways, axis=0)
    return np.stack([np.median(places - times[:, None] * velocity, axis=0), velocity])


def _least_squares(
    times: NDArray[np.float64], places: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    middle, mean = np.average(times, weights=weights), np.average(places, axis=0, weights=weights)
    since = times - middle
    velocity = (weights * since) @ (places - mean) / (weights @ np.square(since))
    return np.stack([mean - middle * velocity, velocity])


def _away(
    line: NDArray[np.float64], times: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    gap = places - line[0] - times[:, None] * line[1]
    return np.asarray(np.hypot(gap[:, 0], gap[:, 1]))
