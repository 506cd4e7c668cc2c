"""Whether likelihoods can be trusted: of the reads at .9, are nine in ten right?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge.bench.intervals import band
from edge.bench.read_rate import Outcome

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Reads of likelihood `low` up to `high`.

    Attributes:
        mean: their mean likelihood.
        right: share of them that are right.
        band: between which shares a perfect reader of these very likelihoods lies in 95 of 100 cases.
    """

    low: float
    high: float
    n: int
    mean: float
    right: float
    band: tuple[float, float]

    @property
    def inside(self) -> bool:
        """Whether a perfect reader could have done just so."""
        return self.band[0] <= self.right <= self.band[1]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "mean": self.mean,
            "right": self.right,
            "band": list(self.band),
            "inside": self.inside,
        }


@dataclass(frozen=True, slots=True)
class Reliability:
    """Likelihoods against outcomes.

    Attributes:
        n: reads.
        bins: those ten that have a read.
        error: expected calibration error: the mean distance of share right from mean likelihood, over the reads.
    """

    n: int
    bins: tuple[Bin, ...]
    error: float

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "n": self.n,
            "expected_calibration_error": self.error,
            "bins_outside": sum(not b.inside for b in self.bins),
            "bins": [b.as_json() for b in self.bins],
        }


def reliability(outcomes: Sequence[Outcome]) -> Reliability:
    """Sort what was said into ten bins of likelihood; plates of which nothing was said do not count."""
    binned: list[list[Outcome]] = [[] for _ in range(BINS)]
    for outcome in outcomes:
        if outcome.said:
            binned[min(int(outcome.likelihood * BINS), BINS - 1)].append(outcome)
    bins = tuple(_bin(k, among) for k, among in enumerate(binned) if among)
    n = sum(b.n for b in bins)
    return Reliability(n, bins, sum(b.n * abs(b.right - b.mean) for b in bins) / n if n else 0.0)


def _bin(place: int, among: Sequence[Outcome]) -> Bin:
    likelihoods = [min(max(o.likelihood, 0.0), 1.0) for o in among]
    return Bin(
        low=place / BINS,
        high=(place + 1) / BINS,
        n=len(among),
        mean=sum(likelihoods) / len(among),
        right=sum(o.right for o in among) / len(among),
        band=band(likelihoods),
    )
