"""The trail of an alert: a further read joins it, or proves that two alerts are of one vehicle."""

from datetime import datetime

import structlog
from sqlalchemy import Connection, insert, update

from central.alert.life import State
from central.alert.log import Act, note
from central.alert.rules import in_words
from central.alert.vehicle import Choice, Known
from central.db import alert, alert_trail, to_us
from central.types import EventKind, Hit
from edge.contract.read import PlateRead

_log = structlog.get_logger(__name__)


def join(connection: Connection, hit: Hit, choice: Choice, at: datetime) -> None:
    """Add a read to an alert, which takes others in that have proved to be the same one."""
    kept, read = choice.joins, hit.read
    for other in choice.takes_in:
        _take_in(connection, kept, other, at)
    note(connection, kept.alert_id, Act(EventKind.JOINED, at, detail=sighted(hit)))
    add_to_trail(connection, kept.alert_id, read)
    alerts = (kept, *choice.takes_in)
    begun_at, camera_id = min(
        (read.best_at, read.camera_id), *((each.first_at, each.camera_id) for each in alerts)
    )
    last_at = max(read.best_at, *(each.last_at for each in alerts))
    values = {
        "captured_us": to_us(begun_at),
        "camera_id": camera_id,
        "passage_first_us": to_us(begun_at),
        "passage_last_us": to_us(last_at),
    }
    connection.execute(update(alert).where(alert.c.alert_id == kept.alert_id).values(values))


def _take_in(connection: Connection, kept: Known, other: Known, at: datetime) -> None:
    """Make two alerts one. Somebody may know the other by its number: it stays, and both name one another."""
    is_passage = kept.in_passage and other.in_passage
    said = (
        f"Alert #{other.alert_id} was raised for this same {'passage' if is_passage else 'vehicle'}, before the reads "
        "between them came.",
        f"La alerta #{other.alert_id} surgió por este mismo {'paso' if is_passage else 'vehículo'}, antes de que "
        "llegaran las lecturas intermedias.",
    )
    told = f" {in_words(said, 'both')}"
    connection.execute(
        update(alert_trail).where(alert_trail.c.alert_id == other.alert_id).values(alert_id=kept.alert_id)
    )
    into = {"state": str(State.MERGED), "merged_into": kept.alert_id}
    connection.execute(update(alert).where(alert.c.alert_id == other.alert_id).values(into))
    connection.execute(
        update(alert).where(alert.c.alert_id == kept.alert_id).values(explanation=alert.c.explanation + told)
    )
    note(connection, kept.alert_id, Act(EventKind.MERGED, at, detail={"took_in": other.alert_id}))
    note(connection, other.alert_id, Act(EventKind.MERGED, at, detail={"into": kept.alert_id}))
    _log.info("two alerts were of one vehicle", alert_id=kept.alert_id, taken_in=other.alert_id)


def sighted(hit: Hit) -> dict[str, object]:
    """Which read it was, and how likely it is of the vehicle that is looked for."""
    return {**named(hit.read), "likelihood": round(hit.likelihood, 3)}


def named(read: PlateRead) -> dict[str, object]:
    """Which read it was, without its plate."""
    at = read.best_at.isoformat()
    return {**read.id._asdict(), "camera_id": read.camera_id, "captured_at": at}


def add_to_trail(connection: Connection, alert_id: int, read: PlateRead) -> None:
    """Note where and when a read of its vehicle was made."""
    connection.execute(
        insert(alert_trail).values(
            alert_id=alert_id,
            edge_id=read.edge_id,
            epoch=read.epoch,
            seq=read.seq,
            captured_us=to_us(read.best_at),
            camera_id=read.camera_id,
        )
    )
