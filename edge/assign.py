"""Who belongs to whom, at the least cost over all: `lap`, which is numpy alone. scipy's own costs a box 40 MB."""

from collections.abc import Sequence
from typing import Final

import lap
import numpy as np
from numpy.typing import NDArray

_MOST: Final = 1e5


def assigned(cost: NDArray[np.float64]) -> Sequence[tuple[int, int]]:
    """Pairs (row, column), as many as the shorter side has, whose costs sum to the least.

    Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
    Computing 38, 1987.

    Args:
        cost: (rows, columns), finite.
    """
    if not cost.size:
        return []
    # lap takes a million for endless, and is wrong above; what is negative would be cheaper than its padding.
    least, span = cost.min(), np.ptp(cost)
    _, columns, _ = lap.lapjv((cost - least) * (_MOST / span if span else 0.0), extend_cost=True)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0]
