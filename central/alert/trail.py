"""The trail of an alert: a further read joins it, or proves that two alerts are of one vehicle."""

from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection, and_, case, func, insert, update

from central.alert.escalate import MOST
from central.alert.life import State
from central.alert.log import Act, events, note
from central.alert.rules import in_words
from central.alert.vehicle import Choice, Known
from central.db import alert, alert_trail, to_us
from central.types import EventKind, Hit
from central.words import Words
from edge.contract.read import PlateRead

_SPANISH: Final = Words("es")
_FULL: Final = 8_000
"""Characters of an explanation that takes in no more passages: the log tells them all."""

_INSERTED: Final = insert(alert_trail)

LAST_FIRST: Final = (alert_trail.c.refuted, alert_trail.c.captured_us.desc(), alert_trail.c.seq.desc())
"""Order of a trail, the last sighting first, and before all others one that no better look refuted."""

_log = structlog.get_logger(__name__)


def join(connection: Connection, hit: Hit, choice: Choice, at: datetime, *, words: str) -> None:
    """Add a read to an alert, which takes others in that have proved to be the same one.

    Args:
        connection: in a transaction that writes.
        hit: the read.
        choice: where it goes.
        at: now.
        words: what there is to say of it, where it is of a passage that nobody can have looked at.
    """
    kept, read = choice.joins, hit.read
    for other in choice.takes_in:
        _take_in(connection, kept, other, at)
    for other in choice.beside:
        _stand_beside(connection, kept, other, at)
    if choice.is_new_passage:
        passage = _see_again(connection, hit, kept, at, words)
    else:
        number = note(connection, kept.alert_id, Act(EventKind.JOINED, at, detail=sighted(hit)))
        passage = number if kept.passage is None else kept.passage
    add_to_trail(connection, kept.alert_id, hit, number=passage)
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


def _see_again(connection: Connection, hit: Hit, kept: Known, at: datetime, words: str) -> int:
    """Say of an alert that its vehicle came by once more; the number of the event.

    The explanation names the event and neither time nor place, so that a read that is erased is told by neither.
    Where nobody has looked at the alert although it was escalated as often as it may be, that begins anew.
    """
    detail = {**sighted(hit), **unwanted(hit, at), "passage": "new", "note": words}
    number = note(connection, kept.alert_id, Act(EventKind.NOTED, at, detail=detail))
    told = alert.c.explanation
    is_full = func.length(told) >= _FULL
    is_forgotten = and_(alert.c.state.in_((State.RAISED, State.SEEN)), alert.c.escalation >= MOST)
    values = {
        "explanation": case((is_full, told), else_=told + f" [{number}] {words}"),
        "escalation": case((is_forgotten, 0), else_=alert.c.escalation),
    }
    connection.execute(update(alert).where(alert.c.alert_id == kept.alert_id).values(values))
    return number


def _stand_beside(connection: Connection, one: Known, other: Known, at: datetime) -> None:
    """Let each of two alerts that somebody has claimed name the other, once."""
    for each, its in ((one, other), (other, one)):
        if any(
            event.act.detail.get("same_vehicle") == its.alert_id
            for event in events(connection, each.alert_id)
        ):
            continue
        said = (
            f"Alert #{its.alert_id}, which is {its.state}, is of this same vehicle; each goes on by itself.",
            f"La alerta #{its.alert_id}, ya {_SPANISH(f'alert.{its.state}')}, es de este mismo vehículo; cada una "
            "sigue por su lado.",
        )
        told = f" {in_words(said, 'both')}"
        connection.execute(
            update(alert)
            .where(alert.c.alert_id == each.alert_id)
            .values(explanation=alert.c.explanation + told)
        )
        note(connection, each.alert_id, Act(EventKind.NOTED, at, detail={"same_vehicle": its.alert_id}))


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
    number = note(connection, kept.alert_id, Act(EventKind.MERGED, at, detail={"took_in": other.alert_id}))
    its = update(alert_trail).where(alert_trail.c.alert_id == other.alert_id)
    connection.execute(its.values(alert_id=kept.alert_id, number=number))
    into = {"state": str(State.MERGED), "merged_into": kept.alert_id}
    connection.execute(update(alert).where(alert.c.alert_id == other.alert_id).values(into))
    connection.execute(
        update(alert).where(alert.c.alert_id == kept.alert_id).values(explanation=alert.c.explanation + told)
    )
    note(connection, other.alert_id, Act(EventKind.MERGED, at, detail={"into": kept.alert_id}))
    _log.info("two alerts were of one vehicle", alert_id=kept.alert_id, taken_in=other.alert_id)


def sighted(hit: Hit) -> dict[str, object]:
    """Which read it was, and how likely it is of the vehicle that is looked for."""
    return {**named(hit.read), "likelihood": round(hit.likelihood, 3)}


def unwanted(hit: Hit, at: datetime) -> dict[str, object]:
    """What an event says where a read came so late that its entry is over."""
    return {"wanted": False} if hit.entry.valid_until <= at else {}


def named(read: PlateRead) -> dict[str, object]:
    """Which read it was, without its plate."""
    at = read.best_at.isoformat()
    return {**read.id._asdict(), "camera_id": read.camera_id, "captured_at": at}


def add_to_trail(connection: Connection, alert_id: int, hit: Hit, *, number: int) -> None:
    """Note where and when a read of its vehicle was made, and with which event its passage came."""
    read = hit.read
    row = {
        **read.id._asdict(),
        "alert_id": alert_id,
        "captured_us": to_us(read.best_at),
        "camera_id": read.camera_id,
        "number": number,
        "alike": not hit.is_exact,
    }
    connection.execute(_INSERTED, row)
