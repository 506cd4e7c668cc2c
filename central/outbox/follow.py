"""The log of alerts read in order: up to where nothing can appear any more in between.

An event's number is drawn when it is written and seen when its transaction commits, and on PostgreSQL a later
number may commit first. Who had gone on to it would never see the earlier one. So an event is handed out once every
transaction is over that may still write a smaller number: one that has the table locked for writing now (it is
locked before a number is drawn, and until its transaction ends). None of them is kept waiting. Who tidies the table up
(VACUUM, ANALYZE) takes another lock, writes no event and may be at it for hours.

SQLite has one writer at a time, and no such question.
"""

from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, exists, func, select, text

from central.db import alert, alert_event, from_us
from central.outbox.event import Happening, Subject
from central.types import EventKind

PAGE: Final = 500
"""Events that are held at a time."""

_WRITERS: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted"
    " AND mode = 'RowExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND relation = CAST(:name AS regclass)"
)


class Horizon:
    """Up to which event the log is settled; one thread's.

    Attributes:
        event_id: that one; 0: none is.
    """

    def __init__(self) -> None:
        self.event_id = 0
        self._next = 0  # settled, once these are over:
        self._writers: frozenset[str] = frozenset()

    def look(self, connection: Connection) -> int:
        """Move on as far as it is certain; what is read by a later transaction is whole up to there.

        Args:
            connection: in a transaction that reads.
        """
        if self._next > self.event_id:
            self._writers &= _writers(connection)
            self._settle()
        if self._next <= self.event_id:
            # In this order: who writes a number up to the newest has the lock by now, or is over.
            self._next = connection.scalar(select(func.max(alert_event.c.event_id))) or 0
            self._writers = _writers(connection) if self._next > self.event_id else frozenset()
            self._settle()
        return self.event_id

    def _settle(self) -> None:
        if not self._writers:
            self.event_id = max(self.event_id, self._next)


def happenings(connection: Connection, *, after: int, until: int, limit: int = PAGE) -> list[Happening]:
    """Events after one and up to another, in order.

    Args:
        connection: in a transaction that was begun after `until` was settled.
        after: exclusive.
        until: inclusive, settled.
        limit: at most so many.
    """
    number = alert_event.c.event_id
    query = with_alert().where(number > after, number <= until).order_by(number).limit(limit)
    return [happening(row) for row in connection.execute(query).mappings()]


def happening(row: RowMapping) -> Happening:
    """A row of `with_alert`."""
    return Happening(
        event_id=row["event_id"],
        alert_id=row["alert_id"],
        number=row["number"],
        at=from_us(row["at_us"]),
        kind=row["kind"],
        actor=row["actor"],
        subject=None if row["raised_us"] is None else _subject(row),
        is_sent=row["is_sent"],
    )


def _subject(row: RowMapping) -> Subject:
    return Subject(
        list_name=row["list_name"],
        reason=row["reason"],
        priority=row["priority"],
        edge_id=row["edge_id"],
        epoch=row["epoch"],
        seq=row["seq"],
        station=row["station"],
        raised_at=from_us(row["raised_us"]),
        late=row["late"],
    )


def with_alert() -> Select[Any]:
    """Events, each beside its alert where that is there."""
    event, of = alert_event.c, alert.c
    told = (event.event_id, event.alert_id, event.number, event.at_us, event.kind, event.actor)
    about = (of.list_name, of.reason, of.priority, of.edge_id, of.epoch, of.seq, of.station)
    earlier = alert_event.alias("earlier").c
    sent = exists().where(
        earlier.alert_id == event.alert_id,
        earlier.number <= event.number,
        earlier.kind == EventKind.DISPATCHED,
    )
    joined = alert_event.outerjoin(alert, of.alert_id == event.alert_id)
    return select(*told, *about, of.raised_us, of.late, sent.label("is_sent")).select_from(joined)


def _writers(connection: Connection) -> frozenset[str]:
    if connection.dialect.name != "postgresql":
        return frozenset()
    return frozenset(connection.execute(_WRITERS, {"name": alert_event.name}).scalars())
