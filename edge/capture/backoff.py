"""Trying again what a camera did not give: soon at first, then ever more rarely; the same for all that connects."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_exponential,
    wait_random,
)

from edge.errors import RefusedError, SourceError


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next connection.

    Attributes:
        first_s: after the first failure; doubles with each one that follows; a random share of it is added.
        longest_s: the cap of the doubling.
        refused_s: after a refused password: trying soon is no use and locks accounts.
        stable_s: a connection that was of use for this long makes the count start anew.
    """

    first_s: float = 1.0
    longest_s: float = 30.0
    refused_s: float = 60.0
    stable_s: float = 10.0


def persist(attempt: Callable[[], None], *, backoff: Backoff, stopped: threading.Event) -> None:
    """Attempt a connection again and again until `stopped` is set.

    Args:
        attempt: one connection, from making it to losing it. It raises SourceError where it failed before it was
            stable, and returns where the next may follow at once.
        backoff: how long to wait after a failure.
        stopped: ends the waiting too; what is being attempted must end by itself.
    """

    def wait_s(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, RefusedError):
            return backoff.refused_s * random.uniform(1.0, 1.2)  # noqa: S311  # jitter, no secret
        grow = wait_exponential(multiplier=backoff.first_s, max=backoff.longest_s)
        return (grow + wait_random(0, backoff.first_s))(state)

    while not stopped.is_set():
        attempts = Retrying(
            retry=retry_if_exception_type(SourceError),
            wait=wait_s,
            stop=stop_when_event_set(stopped),
            sleep=sleep_using_event(stopped),
            reraise=True,
        )
        try:
            attempts(attempt)
        except SourceError:
            return  # only once stopped: until then every failure is tried again
