"""Who belongs to whom, at the least cost over all: `lap`, which is numpy alone. scipy's own costs a box 40 MB."""

from collections.abc import Sequence

import lap
import numpy as np
from numpy.typing import NDArray


def assigned(cost: NDArray[np.float64]) -> Sequence[tuple[int, int]]:
    """Pairs (row, column), as many as the shorter side has, whose costs sum to the least.

    Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
    Computing 38, 1987.

    Args:
        cost: (rows, columns), finite.
    """
    if not cost.size:
        return []
    # Padding for the longer side is dearer than any cost; what is negative would make it cheaper.
    _, columns, _ = lap.lapjv(np.ascontiguousarray(cost - cost.min()), extend_cost=True)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0]
