"""Whether anybody may still be stopped for an alert: asked anew when it is confirmed, claimed and dispatched.

Between the read and the unit its entry may end (the vehicle was found), go with its list, or be suppressed after
somebody was stopped without reason. Who ends or suppresses it, or takes that back, tells the open alerts, for a unit
may be under way; what ends by its own time is told by the escalator.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, exists, or_, select

from central.alert.life import OVER, State
from central.alert.log import Act, events, note
from central.db import (
    alert,
    alert_trail,
    from_us,
    hot_read,
    hotlist,
    hotlist_entry,
    reading,
    suppression,
    to_us,
)
from central.lock import take_turns
from central.types import EventKind

_INSTEAD: Final = "reject it as stale-entry, or say what came of it"


@dataclass(frozen=True, slots=True)
class SeenAs:
    """One read of an alert's trail.

    Attributes:
        plate: as it was spelt; None once the read has gone to the archive.
    """

    edge_id: str
    camera_id: str
    plate: str | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A suppression that stands, of the entry's country and list.

    Attributes:
        plate: of the entry, or as one of the alert's reads was spelt.
        edge_id: None: any.
        camera_id: None: everywhere.
    """

    number: int
    plate: str
    edge_id: str | None
    camera_id: str | None
    until: datetime


def against(connection: Connection, of_alert: RowMapping, at: datetime) -> str:
    """What speaks against stopping anybody for an alert; empty where nothing does.

    Args:
        connection: in a transaction.
        of_alert: its row.
        at: now, UTC-aware.
    """
    kept = hotlist_entry.outerjoin(hotlist, hotlist.c.name == hotlist_entry.c.list_name)
    its = select(hotlist_entry, hotlist.c.purge_us).select_from(kept)
    found = connection.execute(its.where(hotlist_entry.c.id == of_alert["hotlist_entry_id"]))
    entry = found.mappings().first()
    if entry is None:
        return f"its entry is deleted: {_INSTEAD}"
    until = from_us(min(entry["valid_until_us"], entry["purge_us"] or entry["valid_until_us"]))
    if until <= at:
        return f"its vehicle is looked for no longer, since {until:%Y-%m-%d %H:%M} UTC: {_INSTEAD}"
    sightings = _sightings(connection, of_alert["alert_id"])
    stays = _stays(connection, entry, {entry["plate"], *(s.plate for s in sightings if s.plate)}, at)
    stay = held_back(sightings, stays, plate=entry["plate"])
    if stay is None:
        return ""
    return (
        f"suppression #{stay.number} stands until {stay.until:%Y-%m-%d %H:%M} UTC, nobody is to be stopped: "
        "reject it as wrong-vehicle, say what came of it, or have the suppression lifted"
    )


def held_back(sightings: Sequence[SeenAs], stays: Sequence[Stay], *, plate: str) -> Stay | None:
    """The suppression that holds an alert back: each of its sightings is under one (pure).

    One sighting that is under none is a vehicle that may be stopped. A read whose spelling is not known any more is
    taken for the one that is suppressed.

    Args:
        sightings: the alert's.
        stays: that stand.
        plate: of its entry.
    """
    found = [next((stay for stay in stays if _covers(stay, sighting, plate)), None) for sighting in sightings]
    return found[0] if found and all(found) else None


def tell_listed(connection: Connection, at: datetime, which: ColumnElement[bool]) -> int:
    """Note on their open alerts that entries have ended, or are looked for again; how many alerts.

    A file may say that an entry was over long ago, so what counts is when that was written.

    Args:
        connection: in the transaction that changes them.
        at: when that is written.
        which: entries; of these those that were changed now.
    """
    entry = hotlist_entry.c
    changed = select(entry.id).where(which, entry.entered_us == to_us(at))
    return _tell(connection, at, alert.c.hotlist_entry_id.in_(changed))


def tell_suppressed(connection: Connection, at: datetime, plate: str) -> int:
    """Note on the open alerts of a plate, or of reads that were spelt so, that they are suppressed, or no longer.

    Args:
        connection: in the transaction that suppresses it, or lifts that.
        at: now, UTC-aware.
        plate: as the suppression has it.

    Returns:
        How many alerts.
    """
    trail, read = alert_trail.c, hot_read.c
    same = (read.edge_id == trail.edge_id, read.epoch == trail.epoch, read.seq == trail.seq)
    spelt = exists().where(trail.alert_id == alert.c.alert_id, read.plate == plate, *same)
    return _tell(connection, at, or_(alert.c.plate == plate, spelt))


def tell_late(connection: Connection, at: datetime, alerts: Collection[int]) -> int:
    """Note on alerts that a read raised, or was added to, that they were suppressed before it came; how many alerts."""
    return _tell(connection, at, alert.c.alert_id.in_(alerts))


def tell_under_way(engine: Engine, at: datetime) -> int:
    """Note on alerts that somebody has claimed that their time has run out, or has come; how many.

    Of an entry, of its event, of a suppression: nobody does anything at that moment, so nobody else tells it.
    """
    with reading(engine) as connection:
        claimed = select(alert).where(alert.c.state.in_((State.CLAIMED, State.DISPATCHED)))
        changed = [
            row["alert_id"]
            for row in connection.execute(claimed).mappings().all()
            if bool(against(connection, row, at)) is not _is_held(connection, row["alert_id"])
        ]
    if not changed:
        return 0
    with engine.begin() as connection:
        return _tell(connection, at, alert.c.alert_id.in_(changed))


def _tell(connection: Connection, at: datetime, which: ColumnElement[bool]) -> int:
    is_open = alert.c.state.in_([state for state in State if state not in OVER])
    # Before any alert, as a consumer does: or each would wait for an alert that the other has changed.
    take_turns(
        connection, "entry", connection.scalars(select(alert.c.hotlist_entry_id).where(is_open, which)).all()
    )
    query = select(alert).where(is_open, which).order_by(alert.c.alert_id)
    told = 0
    for row in connection.execute(query).mappings().all():
        words = against(connection, row, at)
        if bool(words) is _is_held(connection, row["alert_id"]):
            continue
        detail = {"wanted": False, "note": words} if words else {"wanted": True}
        note(connection, row["alert_id"], Act(EventKind.NOTED, at, detail=detail))
        told += 1
    return told


def _is_held(connection: Connection, alert_id: int) -> bool:
    """Whether the last that was told of an alert is that nobody is to be stopped."""
    said = (event.act.detail.get("wanted") for event in reversed(events(connection, alert_id)))
    return next((wanted for wanted in said if wanted is not None), True) is False


def _covers(stay: Stay, sighting: SeenAs, plate: str) -> bool:
    is_spelt = stay.plate == plate or sighting.plate in (None, stay.plate)
    is_there = stay.camera_id in (None, sighting.camera_id) and stay.edge_id in (None, sighting.edge_id)
    return is_spelt and is_there


def _sightings(connection: Connection, alert_id: int) -> list[SeenAs]:
    trail, read = alert_trail.c, hot_read.c
    same = and_(read.edge_id == trail.edge_id, read.epoch == trail.epoch, read.seq == trail.seq)
    query = (
        select(trail.edge_id, trail.camera_id, read.plate)
        .select_from(alert_trail.outerjoin(hot_read, same))
        .where(trail.alert_id == alert_id)
        .order_by(trail.captured_us)
    )
    return [SeenAs(*row) for row in connection.execute(query)]


def _stays(connection: Connection, entry: RowMapping, plates: set[str], at: datetime) -> list[Stay]:
    row, now_us = suppression.c, to_us(at)
    query = (
        select(row.suppression_id, row.plate, row.edge_id, row.camera_id, row.until_us)
        .where(
            row.plate.in_(plates),
            row.country == entry["country"],
            or_(row.list_name.is_(None), row.list_name == entry["list_name"]),
            row.from_us <= now_us,
            row.until_us > now_us,
            or_(row.lifted_us.is_(None), row.lifted_us > now_us),
        )
        .order_by(row.suppression_id)
    )
    return [
        Stay(number, plate, edge_id, camera_id, from_us(until_us))
        for number, plate, edge_id, camera_id, until_us in connection.execute(query)
    ]
