"""The log of alerts: all that happened to each, numbered, in the transaction that changes the alert."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, insert, select, update

from central.db import alert, alert_event, from_us, to_us
from central.types import EventKind

_INSERTED: Final = insert(alert_event)

ATALAYA: Final = "atalaya"
"""The actor of what no person did."""


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to an alert.

    Attributes:
        at: when; of the centre's clock.
        actor: a person's name, or `ATALAYA`.
        detail: what else is to be kept, as JSON takes it. Plates and what people typed stand in `saw` and `note`
            alone, so that who hands events out knows what to leave away.
    """

    kind: EventKind
    at: datetime
    actor: str = ATALAYA
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One row of the log.

    Attributes:
        event_id: over all alerts; on PostgreSQL a lower one may be committed after a higher one.
        number: 1, 2, 3 ... within its alert, in the order of commits.
    """

    event_id: int
    alert_id: int
    number: int
    act: Act


def note(connection: Connection, alert_id: int, act: Act) -> int:
    """Write an event; its number within the alert.

    Whoever else changes this alert waits from here to the end of the transaction, so no number is given twice.

    Raises:
        LookupError: there is no such alert.
    """
    counted = update(alert).where(alert.c.alert_id == alert_id).values(events=alert.c.events + 1)
    number = connection.execute(counted.returning(alert.c.events)).scalar()
    if number is None:
        raise LookupError(f"no alert {alert_id}")
    connection.execute(_INSERTED, _row(alert_id, number, act))
    return int(number)


def begin(connection: Connection, alert_id: int, acts: Sequence[Act]) -> None:
    """Write the events of a new alert, whose row counts them already."""
    connection.execute(_INSERTED, [_row(alert_id, number, act) for number, act in enumerate(acts, start=1)])


def _row(alert_id: int, number: int, act: Act) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "number": number,
        "at_us": to_us(act.at),
        "kind": str(act.kind),
        "actor": act.actor,
        "detail": json.dumps(act.detail, ensure_ascii=False, sort_keys=True),
    }


def events(connection: Connection, alert_id: int) -> Sequence[AlertEvent]:
    """All that happened to an alert, in order."""
    query = select(alert_event).where(alert_event.c.alert_id == alert_id).order_by(alert_event.c.number)
    return [to_event(row) for row in connection.execute(query).mappings()]


def to_event(row: RowMapping) -> AlertEvent:
    """An event as its row says it; ValueError where nothing of ours wrote the row."""
    act = Act(EventKind(row["kind"]), from_us(row["at_us"]), row["actor"], json.loads(row["detail"]))
    return AlertEvent(row["event_id"], row["alert_id"], row["number"], act)
