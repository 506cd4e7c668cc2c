"""The pace of work that nobody waits for: whatever wakes it, half of any long time is rested."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from central.query.pace import Pace


@dataclass
class Clock:
    """A clock that waits set on, and work.

    Attributes:
        over_s: from then on a wait says that it is over.
    """

    now_s: float = 5.0
    over_s: float = 1e9
    waits: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now_s += seconds
        return self.now_s >= self.over_s


def pace_of(clock: Clock) -> Pace:
    return Pace(clock.wait, lambda: clock.now_s)


def test_it_rests_as_long_as_it_worked_or_longer() -> None:
    clock = Clock()
    pace = pace_of(clock)
    clock.now_s += 5.0
    assert not pace.rest(until=lambda: False)
    assert clock.waits == [2.0, 2.0, 1.0]
    assert not pace.rest(until=lambda: True)
    assert not pace.rest(1.0, until=lambda: False)
    assert clock.waits[3:] == [1.0], "nothing is owed"


def test_it_says_when_it_is_over() -> None:
    clock = Clock(over_s=8.0)
    pace = pace_of(clock)
    assert pace.rest(60.0, until=lambda: False)
    assert clock.waits == [2.0, 2.0]


def test_what_is_not_rested_is_owed() -> None:
    clock = Clock()
    pace = pace_of(clock)
    clock.now_s += 10.0
    assert not pace.rest(until=lambda: True)
    assert clock.waits == [2.0]
    clock.now_s += 1.0
    assert not pace.rest(until=lambda: False)
    assert sum(clock.waits) == 11.0


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 9), st.booleans()), max_size=40))
def test_half_of_any_long_time_is_rested_however_often_it_is_woken(
    turns: list[tuple[float, float, bool]],
) -> None:
    clock, worked_s = Clock(), 0.0
    pace = pace_of(clock)
    for work_s, least_s, is_woken in turns:
        clock.now_s += work_s
        worked_s += work_s
        assert not pace.rest(least_s, until=lambda is_woken=is_woken: is_woken)  # type: ignore[misc]
        assert sum(clock.waits) >= worked_s - 60.001
    assert max(clock.waits, default=0.0) <= 2.0
    assert not pace.rest(until=lambda: False)
    assert sum(clock.waits) >= worked_s - 0.001, "in the end all of it"
