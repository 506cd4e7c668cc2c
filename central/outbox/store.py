"""Deliveries in the database: planned as events are settled, tried when they are due, in order for each alert."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from central.access.key import AuditKey
from central.alert.trail import LAST_FIRST
from central.alert.vehicle import is_confirmed
from central.db import alert, alert_event, alert_trail, delivery, from_us, subscriber, to_us
from central.outbox.event import Happening, Notice, Seen, Subject
from central.outbox.follow import happening, with_alert
from central.outbox.rules import Interest, State, latest_due_us, wants
from central.types import EventKind

_KEPT_US: Final = 90 * 86_400 * 1_000_000
"""How long what became of a delivery is kept once it is over."""

PORTION: Final = 500
"""Rows that are removed at a time: on SQLite nobody else writes meanwhile."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose turn it is.

    Attributes:
        tries: made so far.
        since_us: from when on its patience counts: when it happened, or was asked for again.
    """

    event_id: int
    alert_id: int
    number: int
    key: str
    tries: int
    since_us: int


def enrol(connection: Connection, name: str, *, newest: int, now_us: int) -> int:
    """Up to which event a subscriber has been planned for; one that is new is told what happens from now on.

    Args:
        connection: in a transaction that writes.
        name: of the subscriber.
        newest: event that is settled.
        now_us: now.
    """
    known = connection.scalar(select(subscriber.c.after_event_id).where(subscriber.c.name == name))
    if known is not None:
        return int(known)
    row = {"name": name, "after_event_id": newest, "since_us": now_us}
    connection.execute(insert(subscriber).values(row))
    return newest


def plan(
    connection: Connection, interest: Interest, events: Sequence[Happening], *, key: AuditKey, now_us: int
) -> int:
    """Plan the deliveries of events which follow what was planned before, and note that they are; how many.

    Args:
        connection: in a transaction that writes.
        interest: the subscriber's.
        events: settled, in order; not empty.
        key: makes the deliveries' own keys.
        now_us: now.
    """
    name = interest.name
    rows = [
        {
            "subscriber": name,
            "event_id": event.event_id,
            "alert_id": event.alert_id,
            "number": event.number,
            "key": delivery_key(key, name, event),
            "state": State.WAITING,
            "tries": 0,
            "since_us": min(to_us(event.at), now_us),
            "next_us": now_us,
            "said": "",
        }
        for event in events
        if wants(interest, event)
    ]
    if rows:
        connection.execute(insert(delivery), rows)
    cursor = update(subscriber).where(subscriber.c.name == name)
    connection.execute(cursor.values(after_event_id=events[-1].event_id))
    return len(rows)


def delivery_key(key: AuditKey, name: str, event: Happening) -> str:
    """By which a receiver knows that it has been told before: 64 hexadecimal digits.

    The same however often it is told. Not that of any other event, not even of one that bears the same number after
    a restore from a backup that lacks this one: the moment goes into it.
    """
    told = json.dumps([name, event.alert_id, event.number, event.kind, event.at.isoformat()])
    return hmac.new(key.derived("deliveries"), told.encode(), hashlib.sha256).hexdigest()


def due(connection: Connection, name: str, *, now_us: int, limit: int) -> list[Due]:
    """The deliveries to try now: of each alert the first that waits, what happened first first."""
    each = delivery.c
    is_time = or_(each.next_us <= now_us, each.next_us > latest_due_us(now_us))
    query = (
        select(each.event_id, each.alert_id, each.number, each.key, each.tries, each.since_us)
        .where(*_first(name), is_time)
        .order_by(each.event_id)
        .limit(limit)
    )
    return [Due(*row) for row in connection.execute(query)]


def next_us(connection: Connection, name: str) -> int | None:
    """When the next delivery is due; None: none waits."""
    found: int | None = connection.scalar(select(func.min(delivery.c.next_us)).where(*_first(name)))
    return found


def notice_of(connection: Connection, one: Due) -> Notice | None:
    """All that is to be told; None where the event or its alert is there no more."""
    more = (alert_event.c.detail, alert.c.plate, alert.c.likelihood)
    query = with_alert().add_columns(*more).where(alert_event.c.event_id == one.event_id)
    row = connection.execute(query).mappings().first()
    if row is None or row["plate"] is None:
        return None
    event = happening(row)
    if event.subject is None:
        return None
    return Notice(
        key=one.key,
        happening=event,
        subject=event.subject,
        seen=_seen(connection, event, event.subject),
        plate=row["plate"],
        likelihood=row["likelihood"],
        detail=_detail(row["detail"]),
    )


def note(connection: Connection, name: str, one: Due, **values: Any) -> None:  # noqa: ANN401  # columns
    """Say what came of a try."""
    this = (*_waiting(name), delivery.c.event_id == one.event_id)
    connection.execute(update(delivery).where(*this).values(tries=one.tries + 1, **values))


def give_up_old(connection: Connection, name: str, *, since_us: int, now_us: int) -> int:
    """Give up what has waited since then or longer, tried or not: nobody answers; how many."""
    old = (*_waiting(name), delivery.c.since_us <= since_us)
    over = {"state": State.GIVEN_UP, "done_us": now_us}
    return connection.execute(update(delivery).where(*old).values(over)).rowcount


def drop(connection: Connection, name: str, one: Due) -> None:
    """Forget a delivery of which nothing is left to tell: its alert was erased, or taken into another."""
    connection.execute(delete(delivery).where(*_waiting(name), delivery.c.event_id == one.event_id))


def long_over(connection: Connection, *, now_us: int) -> list[tuple[str, int]]:
    """What became of these is old enough to be forgotten: their keys, a portion of them."""
    keys = select(delivery.c.subscriber, delivery.c.event_id).where(*_is_old(now_us)).limit(PORTION)
    return [(name, event_id) for name, event_id in connection.execute(keys)]


def forget(connection: Connection, keys: Sequence[tuple[str, int]], *, now_us: int) -> int:
    """Remove what is long over, and was not asked for again meanwhile; how many."""
    these = tuple_(delivery.c.subscriber, delivery.c.event_id).in_(keys)
    return connection.execute(delete(delivery).where(these, *_is_old(now_us))).rowcount


def ask_again(connection: Connection, names: Iterable[str], *, number: int | None, now_us: int) -> int:
    """Let what was given up be tried again, of an alert or of all; how many.

    Args:
        connection: in a transaction that writes.
        names: of subscribers.
        number: of the alert; None: of all.
        now_us: now.
    """
    these = [delivery.c.subscriber.in_(list(names)), delivery.c.state == State.GIVEN_UP]
    if number is not None:
        these.append(delivery.c.alert_id == number)
    fresh = {"state": State.WAITING, "tries": 0, "since_us": now_us, "next_us": now_us, "done_us": None}
    return connection.execute(update(delivery).where(and_(*these)).values(fresh)).rowcount


def _seen(connection: Connection, event: Happening, subject: Subject) -> Seen | None:
    """The sighting that an event is told with; of an alert that another has taken in, the one that raised it."""
    trail, log = alert_trail.c, alert_event.c
    home = _home(connection, event.alert_id)
    terms = [trail.alert_id == home]
    if event.kind == EventKind.RAISED or home != event.alert_id:
        terms += [trail.edge_id == subject.edge_id, trail.epoch == subject.epoch, trail.seq == subject.seq]
    row = connection.execute(select(alert_trail).where(*terms).order_by(*LAST_FIRST).limit(1)).first()
    if row is None:
        return None
    confirmed = select(func.max(log.number)).where(log.alert_id == home, log.kind == EventKind.CONFIRMED)
    told = is_confirmed(row.number, connection.scalar(confirmed), refuted=row.refuted)
    return Seen(row.edge_id, row.camera_id, from_us(row.captured_us), told)


def _home(connection: Connection, alert_id: int) -> int:
    """The alert that has an alert's trail: itself, or the one that took it in, or that one's own."""
    into = connection.scalar(select(alert.c.merged_into).where(alert.c.alert_id == alert_id))
    return alert_id if into is None else _home(connection, into)


def _first(name: str) -> tuple[ColumnElement[bool], ...]:
    """Those that wait for nothing but their time: an alert's later events go after its earlier ones."""
    each, earlier = delivery.c, delivery.alias("earlier").c
    behind = exists().where(
        earlier.subscriber == each.subscriber,
        earlier.alert_id == each.alert_id,
        earlier.state == State.WAITING,
        earlier.number < each.number,
    )
    return (*_waiting(name), ~behind)


def _is_old(now_us: int) -> tuple[ColumnElement[bool], ...]:
    return delivery.c.state != State.WAITING, delivery.c.done_us < now_us - _KEPT_US


def _waiting(name: str) -> tuple[ColumnElement[bool], ...]:
    return delivery.c.subscriber == name, delivery.c.state == State.WAITING


def _detail(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
