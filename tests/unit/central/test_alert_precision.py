"""How often alerts were right, as people have judged them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.alert.life import Outcome, RejectedAs, State
from central.alert.precision import Judged, precisions, wilson


def judged(state: State, outcome: str | None, alerts: int = 1, of: str = "stolen") -> Judged:
    return Judged(of, str(state), outcome, alerts)


def test_what_people_said_is_counted() -> None:
    rows = [
        judged(State.RAISED, None, 5),
        judged(State.SEEN, None, 2),
        judged(State.CONFIRMED, None, 3),
        judged(State.DISPATCHED, None, 1),
        judged(State.CLOSED, Outcome.RECOVERED, 4),
        judged(State.CLOSED, Outcome.NOT_FOUND, 1),
        judged(State.CLOSED, Outcome.FALSE, 2),
        judged(State.CLOSED, Outcome.TEST, 9),
        judged(State.REJECTED, RejectedAs.MISREAD, 6),
        judged(State.REJECTED, RejectedAs.WRONG_VEHICLE, 2),
        judged(State.REJECTED, RejectedAs.STALE_ENTRY, 1),
        judged(State.CONFIRMED, None, 1, of="bolo"),
    ]
    bolo, stolen = precisions(rows)
    assert (bolo.of, bolo.judged, bolo.precision) == ("bolo", 1, 1.0)
    assert (stolen.judged, stolen.right, stolen.waiting) == (20, 9, 7)
    assert (stolen.misread, stolen.wrong_vehicle, stolen.stale_entry, stolen.false) == (6, 2, 1, 2)
    assert stolen.precision == 0.45
    assert stolen.low < 0.45 < stolen.high


def test_where_nobody_has_judged_nothing_is_claimed() -> None:
    (found,) = precisions([judged(State.RAISED, None), judged(State.CLOSED, None)])
    assert (found.precision, found.low, found.high, found.judged) == (None, 0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 2, 0.0945, 0.9055), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilsons(right: int, of: int, low: float, high: float) -> None:
    assert wilson(right, of) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_the_interval_holds_the_share(right: int, more: int) -> None:
    of = right + more
    low, high = wilson(right, of)
    assert 0 <= low <= right / of <= high <= 1


@given(
    st.lists(
        st.builds(
            judged,
            st.sampled_from(State),
            st.none() | st.sampled_from([str(each) for each in (*Outcome, *RejectedAs)]),
            st.integers(1, 50),
        )
    )
)
def test_no_alert_counts_twice(rows: list[Judged]) -> None:
    for found in precisions(rows):
        parts = (found.right, found.misread, found.wrong_vehicle, found.stale_entry, found.false)
        assert found.judged == sum(parts)
        assert found.judged + found.waiting <= sum(row.alerts for row in rows)
