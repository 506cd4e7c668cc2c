"""Alerts and what happens to them, written straight into the database; notices; a channel that a test speaks for."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from central.access.key import AuditKey
from central.alert.log import Act, note
from central.db import alert, alert_trail, delivery, reading, to_us
from central.outbox.event import Happening, Notice, Seen, Subject
from central.outbox.follow import happenings
from central.outbox.rules import Answer, Verdict
from central.outbox.store import enrol, plan
from central.types import EventKind
from edge.contract.config import Section

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLATE = "ABC123"
TAKEN = Answer(Verdict.TAKEN, "200")
REFUSED = Answer(Verdict.REFUSED, "500")
AWAY = Answer(Verdict.AWAY, "ConnectionRefusedError: Connection refused")


def an_alert(connection: Connection, seq: int, **more: Any) -> int:
    """An alert without any event yet; its number."""
    read = {"edge_id": "edge-1", "epoch": 7, "seq": seq, "camera_id": "cam-1", "captured_us": to_us(AT)}
    row = {
        **read,
        "raised_us": to_us(AT + timedelta(seconds=1)),
        "plate": PLATE,
        "likelihood": 0.97,
        "hotlist_entry_id": 1,
        "list_name": "medellin",
        "reason": "stolen",
        "priority": 1,
        "explanation": f"{PLATE} is listed",
        "late": False,
        "passage_first_us": to_us(AT),
        "passage_last_us": to_us(AT),
        **more,
    }
    number = connection.execute(insert(alert).values(row).returning(alert.c.alert_id)).scalar_one()
    connection.execute(insert(alert_trail).values(alert_id=number, number=1, **read))
    return int(number)


def seen_at(
    connection: Connection, alert_id: int, seq: int, *, minutes: float, number: int, **more: Any
) -> None:
    """One more read of an alert's vehicle, so long after the first, which came with this event."""
    read = {"edge_id": "edge-1", "epoch": 7, "seq": seq, "camera_id": f"cam-{seq}"}
    at_us = to_us(AT + timedelta(minutes=minutes))
    row = {**read, "alert_id": alert_id, "captured_us": at_us, "number": number, **more}
    connection.execute(insert(alert_trail).values(row))


def happens(connection: Connection, number: int, *kinds: EventKind, **detail: object) -> None:
    """Write events of an alert."""
    for kind in kinds:
        actor = "atalaya" if kind is EventKind.RAISED else "maria"
        note(connection, number, Act(kind, AT + timedelta(seconds=1), actor, detail))


def raised(engine: Engine, count: int = 1, *, first: int = 1, **more: Any) -> list[int]:
    """So many alerts, each in a transaction of its own, with the event that says so."""
    numbers = []
    for seq in range(first, first + count):
        with engine.begin() as connection:
            numbers.append(an_alert(connection, seq, **more))
            happens(connection, numbers[-1], EventKind.RAISED)
    return numbers


def a_subject(**more: Any) -> Subject:
    fields: dict[str, Any] = {
        "list_name": "medellin",
        "reason": "stolen",
        "priority": 3,
        "edge_id": "edge-1",
        "epoch": 7,
        "seq": 1,
        "station": "centro",
        "raised_at": AT + timedelta(seconds=1),
        "late": False,
    }
    return Subject(**{**fields, **more})


def a_happening(kind: str = "raised", *, subject: Subject | None = None, **more: Any) -> Happening:
    fields: dict[str, Any] = {
        "event_id": 4,
        "alert_id": 17,
        "number": 2,
        "at": AT,
        "kind": kind,
        "actor": "maria",
        "subject": subject or a_subject(),
    }
    return Happening(**{**fields, **more})


def a_notice(kind: str = "raised", **detail: object) -> Notice:
    event = a_happening(kind)
    assert event.subject is not None
    seen = Seen("edge-1", "cam-1", AT, is_confirmed=None)
    return Notice("ab" * 32, event, event.subject, seen, PLATE, 0.97, dict(detail))


def deliveries(engine: Engine) -> list[dict[str, Any]]:
    query = select(delivery).order_by(delivery.c.subscriber, delivery.c.event_id)
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


class Told:
    """A channel whose answers a test gives; what was sent through it."""

    def __init__(self, answer: Callable[[Notice], Answer] = lambda _: TAKEN) -> None:
        self.answer = answer
        self.notices: list[Notice] = []
        self.is_closed = False

    def send(self, notice: Notice) -> Answer:
        self.notices.append(notice)
        return self.answer(notice)

    def close(self) -> None:
        self.is_closed = True

    @property
    def sent(self) -> list[tuple[int, int]]:
        """Alert and event of each try, in order."""
        return [(n.happening.alert_id, n.happening.number) for n in self.notices]


class Interested(Section):
    """A subscriber without a channel."""

    name: str = "watch"
    events: tuple[str, ...] = ("raised", "confirmed", "dispatched", "outcome")
    lists: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    priority: int = 9
    only_sent: bool = False
    give_up_h: float = 24.0


def answers(*given: Answer) -> Callable[[Notice], Answer]:
    """These, one after another; the last one for ever."""
    left = list(given)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_alert(sent: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, event in sent:
        found.setdefault(number, []).append(event)
    return found


def plan_all(engine: Engine) -> int:
    """Plan a delivery of every event that there is; how many."""
    with engine.begin() as connection:
        enrol(connection, "watch", newest=0, now_us=to_us(AT))
        events = happenings(connection, after=0, until=1_000_000)
        everything = Interested(events=tuple(EventKind))
        return plan(connection, everything, events, key=AuditKey(b"k" * 32), now_us=to_us(AT))
