"""Shares of few cases, and how far they can be trusted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """`right` of `n`, of which there is at least one."""

    right: int
    n: int

    @property
    def share(self) -> float:
        """0..1."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson(self.right, self.n)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return {"n": self.n, "right": self.right, "share": self.share, "interval": list(self.interval)}


def share_of(flags: Sequence[bool]) -> Share | None:
    """The share of true ones; None of nothing."""
    return Share(sum(flags), len(flags)) if flags else None


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of independent cases.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.

    Raises:
        ValueError: there are no cases, or more right ones than cases.
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"no share: {right} of {n}")
    p, z2 = right / n, _Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # The interval touches its end exactly there; rounding must not take it past.
    return (0.0 if right == 0 else max(middle - half, 0.0)), (1.0 if right == n else min(middle + half, 1.0))


def band(likelihoods: Sequence[float]) -> tuple[float, float]:
    """Between which shares right a perfect reader of these likelihoods lies in at least 95 of 100 cases.

    Exact: how many are right follows the Poisson binomial distribution. Each end leaves at most 2.5 % outside.

    Raises:
        ValueError: there are no likelihoods.
    """
    if not likelihoods:
        raise ValueError("no band of no reads")
    counts = np.ones(1)
    for p in likelihoods:
        counts = np.convolve(counts, (1 - p, p))
    below = np.cumsum(counts)
    above = np.cumsum(counts[::-1])[::-1]
    lowest = int(np.flatnonzero(below > 0.025)[0])
    highest = int(np.flatnonzero(above > 0.025)[-1])
    return lowest / len(likelihoods), highest / len(likelihoods)
