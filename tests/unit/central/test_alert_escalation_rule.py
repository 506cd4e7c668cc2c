"""When an alert that waits is escalated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.alert.escalate import MOST, Patience
from central.alert.life import State

PATIENCE = Patience(unseen_s=60, unconfirmed_s=300)


@pytest.mark.parametrize(
    ("state", "priority", "waited_s", "level"),
    [
        (State.RAISED, 1, 59.9, 0),
        (State.RAISED, 1, 60, 1),
        (State.RAISED, 1, 120, 2),
        (State.RAISED, 1, 240, 3),
        (State.RAISED, 1, 1e9, 3),
        (State.RAISED, 5, 299, 0),
        (State.RAISED, 5, 300, 1),
        (State.SEEN, 1, 299, 0),
        (State.SEEN, 1, 300, 1),
        (State.SEEN, 2, 1200, 2),
    ],
)
def test_after_its_time_and_twice_and_four_times_that(
    state: State, priority: int, waited_s: float, level: int
) -> None:
    assert PATIENCE.level(state, priority, waited_s=waited_s) == level


@given(st.sampled_from(State), st.integers(1, 9), st.floats(0, 1e9), st.floats(0, 1e9))
def test_waiting_longer_is_never_less_urgent(
    state: State, priority: int, one_s: float, more_s: float
) -> None:
    level = PATIENCE.level(state, priority, waited_s=one_s)
    assert 0 <= level <= PATIENCE.level(state, priority, waited_s=one_s + more_s) <= MOST
    assert level <= PATIENCE.level(state, 1, waited_s=one_s)
    assert not level or state in {State.RAISED, State.SEEN}
