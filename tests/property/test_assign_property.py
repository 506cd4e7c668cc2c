"""No other way to pair rows with columns costs less."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.assign import assigned

_COSTS = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-1e6, 1e6).map(lambda x: round(x, 3)))
)


@example(np.array([[-500000.0, -936696, 0], [500001, 63304, 0], [0, 0, -500000]]))
@example(np.array([[3.0, 1e6], [1e6, 4.0], [6.0, 6.5]]))
@given(_COSTS)
def test_no_other_pairing_costs_less(cost: np.ndarray) -> None:
    rows, columns = cost.shape
    pairs = assigned(cost)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    short, wide = (cost, columns) if rows <= columns else (cost.T, rows)
    least = min(
        sum(short[row, column] for row, column in enumerate(chosen))
        for chosen in permutations(range(wide), min(rows, columns))
    )
    assert sum(cost[row, column] for row, column in pairs) == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_is_paired_with_nobody(shape: tuple[int, int]) -> None:
    assert assigned(np.zeros(shape)) == []
