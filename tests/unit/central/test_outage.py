"""What fails again and again is told at once, with each new reason, and once a minute."""

import pytest
from structlog.testing import capture_logs

from central.consume import outage
from central.consume.outage import AGAIN_S, MOST, Outage


class Time:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(outage, "time", clock)
    return clock


def test_a_fault_that_lasts_is_told_once_a_minute(time: Time) -> None:
    fault = Outage("batch not committed")
    with capture_logs() as said:
        for _ in range(24):  # two minutes
            fault.tell("disk is full")
            time.now_s += 5.0
    assert [line["error"] for line in said] == ["disk is full"] * 2
    assert {line["event"] for line in said} == {"batch not committed, trying again"}


def test_another_reason_is_told_at_once(time: Time) -> None:
    fault = Outage("batch not committed")
    with capture_logs() as said:
        for reason in ("disk is full", "disk is full", "read-only"):
            fault.tell(reason)
            time.now_s += 0.1
    assert [line["error"] for line in said] == ["disk is full", "read-only"]


def test_of_two_reasons_by_turns_each_is_told_once_a_minute(time: Time) -> None:
    fault = Outage("batch not committed")
    with capture_logs() as said:
        for _ in range(12):  # two minutes
            for reason in ("disk is full", "refused"):
                fault.tell(reason)
                time.now_s += 5.0
    assert [line["error"] for line in said] == ["disk is full", "refused"] * 2


def test_reasons_that_are_new_with_each_try_are_told_a_few_a_minute(time: Time) -> None:
    fault = Outage("batch not committed")
    with capture_logs() as said:
        for process in range(120):
            fault.tell(f"process {process} holds a lock")
            time.now_s += 1.0
    assert len(said) == 2 * MOST


def test_its_end_is_told_with_how_long_it_was_and_the_next_one_is_new(time: Time) -> None:
    fault = Outage("batch not committed")
    with capture_logs() as said:
        fault.end()
        fault.tell("disk is full")
        time.now_s += AGAIN_S / 2
        fault.end()
        fault.end()
        fault.tell("disk is full")
    assert [line["log_level"] for line in said] == ["error", "info", "error"]
    assert (said[1]["after"], said[1]["outage_s"]) == ("batch not committed", 30.0)
