"""Events as they are committed, for whoever follows: couriers, and what serves consoles.

One thread a process looks at the database; everybody else waits for it. The newest events are kept in memory, and
no listener has a queue of its own: one that is slow costs nothing, reads on from its own number, and is dropped
once it has fallen behind all that is kept. It comes back with the number of the last event that it had.
"""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.consume.outage import Outage
from central.db import reading
from central.errors import StoreError
from central.outbox.event import Happening
from central.outbox.follow import PAGE, Horizon, happenings

LOOK_S: Final = 0.05
"""Between two looks at the database: an event is handed out so soon, whichever process has written it."""
KEPT: Final = 2_000
"""Events in memory."""
_BEAT_S: Final = 15.0


class Stream:
    """The events of one database.

    Attributes:
        dropped: listeners that had fallen too far behind.
    """

    def __init__(self, engine: Engine, *, kept: int = KEPT) -> None:
        self.dropped = 0
        self._engine: Final = engine
        self._horizon: Final = Horizon()
        self._kept: Final[deque[Happening]] = deque(maxlen=kept)
        self._settled = 0
        self._floor = 0  # all events after it are kept
        self._has_looked = False
        self._news: Final = threading.Condition()

    @property
    def settled(self) -> int:
        """The last event that may be handed out."""
        return self._settled

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look until `wait`, which sleeps so many seconds, says that it is over; a thread's whole life."""
        outage = Outage("what happens to alerts cannot be followed")
        while True:
            try:
                self.look()
            except (SQLAlchemyError, StoreError) as error:
                outage.tell(type(error).__name__)
            else:
                outage.end()
            if wait(LOOK_S):
                break
        with self._news:
            self._news.notify_all()

    def look(self) -> None:
        """Take in what is new.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        with reading(self._engine) as connection:
            settled = self._horizon.look(connection)
        if not self._has_looked:  # what was before is read by whoever asks for it
            self._begin_at(settled)
        while self._settled < settled:
            with reading(self._engine) as connection:
                fresh = happenings(connection, after=self._settled, until=settled)
            self._add(fresh, settled if len(fresh) < PAGE else fresh[-1].event_id)

    def ready(self, timeout_s: float) -> bool:
        """Until the database has been looked at once, or so many seconds; whether it has."""
        return self._wait_for(lambda: self._has_looked, timeout_s)

    def wait(self, after: int, timeout_s: float) -> bool:
        """Until there is an event after this one, or so many seconds; whether there is."""
        return self._wait_for(lambda: self._settled > after, timeout_s)

    def listen(self, after: int | None = None, *, beat_s: float = _BEAT_S) -> Iterator[Happening | None]:
        """Events in order, each once; None after each `beat_s` without any, so that whoever listens can be given up.

        It ends where the listener has fallen behind all that is kept. Made for `text/event-stream`: the event's
        number is the id, and what a browser sends as `Last-Event-ID` is `after`.

        Args:
            after: the last event that the listener had, however long ago; None: from now on.
            beat_s: seconds.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        return self._listen(self._settled if after is None and self._has_looked else after, beat_s)

    def _listen(self, after: int | None, beat_s: float) -> Iterator[Happening | None]:
        while not self.ready(beat_s):
            yield None
        # A number that is not given yet is of a database that was restored since.
        at = self._settled if after is None else min(after, self._settled)
        while at < self._floor:
            until = self._settled
            with reading(self._engine) as connection:
                page = happenings(connection, after=at, until=until)
            yield from page
            at = until if len(page) < PAGE else page[-1].event_id
        while True:
            if not self.wait(at, beat_s):
                yield None
                continue
            with self._news:
                is_behind, until = at < self._floor, self._settled
                fresh = [] if is_behind else self._after(at)
            if is_behind:
                self.dropped += 1
                return
            yield from fresh
            at = until

    def _wait_for(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        with self._news:
            return self._news.wait_for(is_so, timeout_s)

    def _after(self, at: int) -> list[Happening]:
        start = bisect_right(self._kept, at, key=lambda event: event.event_id)
        return list(islice(self._kept, start, None))

    def _begin_at(self, settled: int) -> None:
        with self._news:
            self._settled = self._floor = settled
            self._has_looked = True
            self._news.notify_all()

    def _add(self, fresh: list[Happening], settled: int) -> None:
        with self._news:
            for event in fresh:
                if len(self._kept) == self._kept.maxlen:
                    self._floor = self._kept[0].event_id
                self._kept.append(event)
            self._settled = settled
            self._news.notify_all()
