"""How much can be read if only so many reads may be false: reads below a threshold are not made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from edge.bench.intervals import Share

FALSE_SHARES: Final = (0.04, 0.01, 0.005)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One plate: what was said of it is right or not, with what likelihood (0..1), or nothing was said."""

    right: bool
    likelihood: float
    said: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold gives: reads of at least this likelihood are accepted.

    Attributes:
        right: accepted and right.
        wrong: accepted and wrong.
        n: all plates, those that were not found or not read included.
    """

    threshold: float
    right: int
    wrong: int
    n: int

    @property
    def read_rate(self) -> Share:
        """Right and accepted, of all plates."""
        return Share(self.right, self.n)

    @property
    def false_share(self) -> float:
        """Wrong, of the accepted; 0 where none is."""
        return self.wrong / (self.right + self.wrong) if self.right + self.wrong else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {
            "threshold": self.threshold,
            "read_rate": self.read_rate.share,
            "interval": list(self.read_rate.interval),
            "false_share": self.false_share,
            "accepted": self.right + self.wrong,
            "wrong": self.wrong,
            "n": self.n,
        }


def at_threshold(outcomes: Sequence[Outcome], threshold: float) -> Point:
    """What this threshold gives on at least one plate."""
    accepted = [o.right for o in outcomes if o.said and o.likelihood >= threshold]
    return Point(threshold, sum(accepted), len(accepted) - sum(accepted), len(outcomes))


def curve(outcomes: Sequence[Outcome]) -> list[Point]:
    """The points of all thresholds, the highest first; plates of one likelihood come together."""
    said = sorted((o for o in outcomes if o.said), key=lambda o: -o.likelihood)
    right = wrong = 0
    points = []
    for threshold, among in groupby(said, key=lambda o: o.likelihood):
        for outcome in among:
            right += outcome.right
            wrong += not outcome.right
        points.append(Point(threshold, right, wrong, len(outcomes)))
    return points


def best_point(outcomes: Sequence[Outcome], *, false_share: float) -> Point:
    """The threshold that reads most with at most this share of false reads among the accepted.

    It is chosen on the very plates that it is measured on, as is usual for such a figure; so it flatters a little.
    Where no threshold does, nothing is accepted.
    """
    allowed = [p for p in curve(outcomes) if p.false_share <= false_share]
    nothing = Point(1.0, 0, 0, len(outcomes))
    return max(allowed, key=lambda p: (p.right, p.threshold), default=nothing)


def best_points(outcomes: Sequence[Outcome], shares: Iterable[float] = FALSE_SHARES) -> dict[float, Point]:
    """`best_point` for each share of false reads."""
    return {share: best_point(outcomes, false_share=share) for share in shares}
