"""The benchmark of alerts counts what no listener heard, and what one heard twice."""

import pytest

from central.bench.alerts import Load, judged
from central.errors import CentralError

LOAD = Load(rate=10, seconds=0.3, listeners=2, hotlist=3)
SENT = {("box-0", 1): 10.0, ("box-1", 1): 10.1, ("box-0", 2): 10.2}


def test_all_that_was_heard_in_time_is_neither_lost_nor_heard_twice() -> None:
    one = [("box-0", 1, 10.05), ("box-1", 1, 10.15), ("box-0", 2, 10.25)]
    found = judged(LOAD, SENT, [one, one])
    assert (found.alerts, found.lost, found.twice) == (3, 0, 0)
    assert found.p50_ms == pytest.approx(50)
    assert found.p99_ms == pytest.approx(50)


def test_each_listener_counts_for_itself_and_the_first_time_counts() -> None:
    one = [("box-0", 1, 10.1), ("box-0", 1, 99.0), ("box-1", 1, 10.2)]
    other = [("box-0", 2, 10.3), ("box-1", 1, 10.2), ("box-0", 1, 10.1)]
    found = judged(LOAD, SENT, [one, other])
    assert (found.lost, found.twice) == (1, 1)
    assert found.p99_ms == pytest.approx(100)


def test_where_nobody_heard_anything_there_is_no_figure() -> None:
    with pytest.raises(CentralError, match="nobody heard"):
        judged(LOAD, SENT, [[], []])


def test_there_is_one_alert_a_turn_at_least() -> None:
    assert (LOAD.alerts, Load(1, 0.1, 1, 1).alerts) == (3, 1)
