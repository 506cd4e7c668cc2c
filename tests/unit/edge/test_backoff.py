"""Trying again: when, how often, and how it ends; of whatever connects."""

import threading
import time

import numpy as np
import pytest

from edge.capture.backoff import Backoff, persist
from edge.errors import LostError, RefusedError, SourceError

QUICK = Backoff(first_s=0.05, longest_s=0.2, refused_s=0.4)


def attempted_at(
    *outcomes: SourceError | None, backoff: Backoff = QUICK, stop_at: int | None = None
) -> list[float]:
    """When each attempt began, seconds; the one after the last outcome stops it."""
    stopped, began_s, last = threading.Event(), list[float](), len(outcomes) if stop_at is None else stop_at

    def attempt() -> None:
        began_s.append(time.monotonic())
        number = len(began_s) - 1
        if number >= last:
            stopped.set()
        if number < len(outcomes) and (failure := outcomes[number]) is not None:
            raise failure

    persist(attempt, backoff=backoff, stopped=stopped)
    return began_s


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    waits = np.diff(attempted_at(*[LostError("gone")] * 5))
    for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.2, 0.2), strict=True):
        assert wait >= least
    assert waits.max() < 2


def test_a_refusal_is_waited_out_however_often_it_failed_before() -> None:
    waits = np.diff(attempted_at(LostError("gone"), RefusedError("no"), RefusedError("no")))
    assert waits[0] < 0.3
    assert (waits[1:] >= 0.4).all()


def test_what_was_stable_is_tried_again_at_once_and_the_count_begins_anew() -> None:
    gone = LostError("gone")
    waits = np.diff(attempted_at(gone, gone, gone, None, gone))
    assert waits[3] < 0.05
    assert 0.05 <= waits[4] < 0.2


def test_it_ends_in_the_middle_of_a_wait() -> None:
    stopped = threading.Event()

    def attempt() -> None:
        threading.Timer(0.05, stopped.set).start()
        raise RefusedError("no")

    began_s = time.monotonic()
    persist(attempt, backoff=Backoff(refused_s=60), stopped=stopped)
    assert time.monotonic() - began_s < 2


def test_nothing_is_attempted_once_it_is_stopped() -> None:
    stopped = threading.Event()
    stopped.set()
    persist(lambda: pytest.fail("attempted"), backoff=QUICK, stopped=stopped)


def test_any_other_fault_is_the_callers() -> None:
    def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        persist(attempt, backoff=QUICK, stopped=threading.Event())
