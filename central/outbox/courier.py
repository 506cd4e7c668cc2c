"""A courier: tells one subscriber what it wants to know, at least once and in order for each alert.

Of several centres that share a database one is each subscriber's courier. It says what came of a try after the try,
so one that is killed in between tells it once more, under the same key.
"""

import random
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from central.access.key import AuditKey
from central.consume.outage import Outage
from central.db import Clock, reading, to_us
from central.errors import CentralError, ConfigError, StoreError
from central.lock import exclusive
from central.outbox import store
from central.outbox.channel import Channel
from central.outbox.follow import happenings
from central.outbox.rules import Answer, State, Verdict, is_over, next_pause_s, oldest_us, pause_s
from central.outbox.stream import Stream
from central.subscribers import SubscriberSettings

AGAIN_S: Final = 2.0
"""Until a courier that could not begin, or was stopped by a fault, tries again."""
IDLE_S: Final = 1.0
"""At most between two looks for what is due: a person may have asked for something again."""
_AT_ONCE: Final = 50
_TIDY_S: Final = 3600.0

_log = structlog.get_logger(__name__)


class Stopping(Protocol):
    """Whether the centre is about to end."""

    def is_over(self) -> bool:
        """Whether it is time to stop."""
        ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Sleep until it is time to stop, at most so long; whether it is."""
        ...


class Courier:
    """One subscriber's; `run` is a thread's whole life."""

    def __init__(  # noqa: PLR0913  # what it stands between, wired once
        self,
        engine: Engine,
        stream: Stream,
        subscriber: SubscriberSettings,
        *,
        channel: Callable[[], Channel],
        key: AuditKey,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare.

        Args:
            engine: the database.
            stream: says what is settled.
            subscriber: whom to tell of what.
            channel: opens the way to it; may raise ConfigError.
            key: makes the deliveries' own keys.
            clock: now, UTC-aware.
            chance: 0 to 1.
        """
        self._engine: Final = engine
        self._stream: Final = stream
        self._subscriber: Final = subscriber
        self._open: Final = channel
        self._key: Final = key
        self._clock: Final = clock
        self._chance: Final = chance
        self._after = 0
        self._failures = 0  # in a row, in which nobody answered
        self._pause_until_s = 0.0  # of the machine's monotonic clock
        self._tidy_at_s = 0.0
        self._trouble: Final = Outage(f"subscriber {subscriber.name} is not told")

    def run(self, stopping: Stopping) -> None:
        """Tell until it is over; wait for a database that is away, and for another centre that does it."""
        outage = Outage(f"deliveries to {self._subscriber.name} cannot be worked on")
        while not stopping.is_over():
            try:
                name = f"notifying-{self._subscriber.name}"
                with exclusive(self._engine, name, wait=False) as engine, closing(self._open()) as channel:
                    outage.end()
                    self.begin(engine)
                    while not stopping.is_over():
                        self._wait(engine)
                        self.turn(engine, channel, stopping)
            except (StoreError, ConfigError, SQLAlchemyError) as error:
                outage.tell(_brief(error))
            stopping.wait(AGAIN_S)

    def begin(self, engine: Engine) -> None:
        """Find out up to where this subscriber has been planned for.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
            StoreError: it has not been read yet, or another centre has taken over.
        """
        if not self._stream.ready(IDLE_S):
            raise StoreError("the log of alerts has not been read yet")
        newest = self._stream.settled
        with engine.begin() as connection:
            self._after = store.enrol(
                connection, self._subscriber.name, newest=newest, now_us=to_us(self._clock())
            )

    def turn(self, engine: Engine, channel: Channel, stopping: Stopping) -> int:
        """Plan what is new, and try what is due; how many tries.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
            StoreError: another centre has taken over.
        """
        self._plan(engine)
        if time.monotonic() < self._pause_until_s:
            return 0
        now_us = to_us(self._clock())
        with reading(engine) as connection:
            due = store.due(connection, self._subscriber.name, now_us=now_us, limit=_AT_ONCE)
        for tries, one in enumerate(due):
            if stopping.is_over() or time.monotonic() < self._pause_until_s:
                return tries
            self._try(engine, channel, one)
        return len(due)

    def _plan(self, engine: Engine) -> None:
        while (settled := self._stream.settled) > self._after:
            with reading(engine) as connection:
                events = happenings(connection, after=self._after, until=settled)
            if not events:  # what was between has been erased
                self._after = settled
                return
            now_us = to_us(self._clock())
            with engine.begin() as connection:
                store.plan(connection, self._subscriber, events, key=self._key, now_us=now_us)
            self._after = events[-1].event_id

    def _try(self, engine: Engine, channel: Channel, one: store.Due) -> None:
        with reading(engine) as connection:
            notice = store.notice_of(connection, one)
        if notice is None:
            with engine.begin() as connection:
                store.drop(connection, self._subscriber.name, one)
            return
        try:
            answer = channel.send(notice)
        except ValueError as error:  # something in this one cannot be put into words; the others can
            answer = Answer(Verdict.REFUSED, f"cannot be told: {type(error).__name__}")
        self._heed(answer)
        with engine.begin() as connection:
            self._note(connection, one, answer)

    def _heed(self, answer: Answer) -> None:
        """Where nobody answers, ask nobody for a while: what waits would wait out a time-out each."""
        if answer.verdict is Verdict.AWAY:
            self._failures += 1
            self._pause_until_s = time.monotonic() + pause_s(self._failures, chance=self._chance())
        else:
            self._failures = 0
        if answer.verdict is Verdict.TAKEN:
            self._trouble.end()
        else:
            self._trouble.tell(answer.said)

    def _note(self, connection: Connection, one: store.Due, answer: Answer) -> None:
        name, now_us, tries = self._subscriber.name, to_us(self._clock()), one.tries + 1
        patience_h, said = self._subscriber.give_up_h, answer.said
        is_old = is_over(
            tries=max(tries, self._failures), since_us=one.since_us, now_us=now_us, give_up_h=patience_h
        )
        if answer.verdict is Verdict.TAKEN:
            store.note(connection, name, one, state=State.SENT, done_us=now_us, said=said)
            return
        if not is_old:
            next_us = now_us + round(1e6 * next_pause_s(answer, tries, chance=self._chance()))
            store.note(connection, name, one, next_us=next_us, said=said)
            return
        store.note(connection, name, one, state=State.GIVEN_UP, done_us=now_us, said=said)
        others = 0
        if answer.verdict is Verdict.AWAY:
            old_us = oldest_us(now_us, patience_h)
            others = store.give_up_old(connection, name, since_us=old_us, now_us=now_us)
        _log.error(
            "notifications are given up; `notify again` tries them anew",
            subscriber=name,
            number=1 + others,
            first_alert=one.alert_id,
            said=said,
        )

    def _wait(self, engine: Engine) -> None:
        """Until something is new or due, at most a while."""
        now_s = time.monotonic()
        if now_s >= self._tidy_at_s:
            self._tidy(engine, now_s)
        if now_s < self._pause_until_s:
            time.sleep(min(IDLE_S, self._pause_until_s - now_s))
            return
        with reading(engine) as connection:
            next_us = store.next_us(connection, self._subscriber.name)
        wait_s = IDLE_S if next_us is None else (next_us - to_us(self._clock())) / 1e6
        self._stream.wait(self._after, min(IDLE_S, max(0.0, wait_s)))

    def _tidy(self, engine: Engine, now_s: float) -> None:
        """Remove a portion of what is long over; where there is more, another soon."""
        now_us = to_us(self._clock())
        with reading(engine) as connection:  # looking through them all keeps no writer waiting
            old = store.long_over(connection, now_us=now_us)
        if len(old) < store.PORTION:
            self._tidy_at_s = now_s + _TIDY_S
        if old:
            with engine.begin() as connection:
                store.forget(connection, old, now_us=now_us)


def _brief(error: CentralError | SQLAlchemyError) -> str:
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
