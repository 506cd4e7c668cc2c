"""Alerts in the database: raised, joined and annotated in the transaction that commits the read itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Connection, RowMapping, exists, func, insert, select, update

from central.alert.life import OVER, State
from central.alert.log import Act, note
from central.alert.rules import explain, is_doubted, second_look
from central.alert.vehicle import Choice, Known, choose, told_of_before
from central.db import alert, alert_trail, from_us, to_us
from central.types import Alert, EventKind, Hit, Reason
from edge.contract.read import PlateRead, ReadId

_LOCK: Final = 0x616C << 40
"""With an entry's number: what every process of ours takes for who raises alerts of it, and for nothing else."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One fresh read or update, and what it hit.

    Attributes:
        hits: of this read, the most urgent first; may be empty.
        country_known: whether a grammar recognised the plate's country.
        is_update: it is a better look at a read that came before.
    """

    read: PlateRead
    hits: Sequence[Hit]
    received_at: datetime
    late: bool
    country_known: bool
    is_update: bool


class Alerts:
    """Turns sightings into alerts: one for each vehicle and entry, as `central.alert.vehicle` says."""

    def __init__(
        self,
        *,
        within: timedelta,
        vehicle: timedelta = timedelta(0),
        station_of: Callable[[PlateRead], str | None] = lambda _: None,
    ) -> None:
        """Prepare.

        Args:
            within: a repeat at the same camera so soon, before or after, is the same passage.
            vehicle: an open alert takes what is seen elsewhere so soon; zero: each passage is an alert.
            station_of: which station an alert goes to that this read raises; None: to none.
        """
        self._station_of: Final = station_of
        self._within_us: Final = within // timedelta(microseconds=1)
        self._vehicle: Final = vehicle

    def record(self, connection: Connection, sighting: Sighting) -> list[Alert]:
        """Raise an alert for each hit that joins none; returns the new ones.

        Whatever the order in which sightings come, an alert tells of its vehicle from the first sighting on.
        An update that no longer fits an entry does not take the alert back, for somebody may be under way:
        the alert says so instead.
        """
        raised = [self._raise(connection, hit, sighting) for hit in self.join(connection, sighting)]
        if sighting.is_update:
            _annotate(connection, sighting)
        return raised

    def _raise(self, connection: Connection, hit: Hit, sighting: Sighting) -> Alert:
        raised = _raise(connection, hit, sighting)
        station = self._station_of(sighting.read)
        if station is None:
            return raised
        own = update(alert).where(alert.c.alert_id == raised.alert_id)
        connection.execute(own.values(station=station))
        assigned = Act(EventKind.ASSIGNED, sighting.received_at, detail={"station": station})
        number = note(connection, raised.alert_id, assigned)
        return replace(raised, station=station, events=number)

    def join(self, connection: Connection, sighting: Sighting) -> list[Hit]:
        """Add a sighting to the alerts that it joins; the hits that join none."""
        return [hit for hit in sighting.hits if not self._is_joined(connection, hit, sighting.received_at)]

    def _is_joined(self, connection: Connection, hit: Hit, at: datetime) -> bool:
        _alone_with(connection, hit.entry_id)
        if _is_told(connection, hit):
            return True
        choice = choose(hit.read.best_at, self._known(connection, hit), within=self._vehicle)
        if choice is not None:
            _join(connection, hit, choice, at)
        return choice is not None

    def _known(self, connection: Connection, hit: Hit) -> list[Known]:
        """The alerts that a hit may join. On PostgreSQL nobody ends one of them until our transaction ends."""
        read, trail = hit.read, alert_trail.c
        at_us = to_us(read.best_at)
        reach_us = max(self._within_us, self._vehicle // timedelta(microseconds=1))
        in_passage = exists().where(
            trail.alert_id == alert.c.alert_id,
            trail.edge_id == read.edge_id,  # a camera is named within its edge: two may both have a `cam-1`
            trail.camera_id == read.camera_id,
            trail.captured_us.between(at_us - self._within_us, at_us + self._within_us),
        )
        query = select(alert, in_passage.label("in_passage")).where(
            alert.c.hotlist_entry_id == hit.entry_id,
            alert.c.merged_into.is_(None),
            alert.c.passage_last_us >= at_us - reach_us,
            alert.c.passage_first_us <= at_us + reach_us,
        )
        rows = connection.execute(query.with_for_update(of=alert)).mappings()
        return [_to_known(row) for row in rows]


def _alone_with(connection: Connection, entry_id: int) -> None:
    """Nobody else raises an alert of this entry until our transaction ends: its vehicle may be before two consumers."""
    if connection.dialect.name == "postgresql":  # SQLite's transactions for writing wait for one another
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK + entry_id)))


def _is_told(connection: Connection, hit: Hit) -> bool:
    """Whether an alert of this entry has this very read in its trail (an update of the read says it again)."""
    told = (
        select(alert.c.alert_id)
        .join(alert_trail, alert_trail.c.alert_id == alert.c.alert_id)
        .where(alert.c.hotlist_entry_id == hit.entry_id, *_is_read(hit.read.id))
    )
    return connection.execute(told).first() is not None


def _is_read(read: ReadId) -> tuple[ColumnElement[bool], ...]:
    return (
        alert_trail.c.edge_id == read.edge_id,
        alert_trail.c.epoch == read.epoch,
        alert_trail.c.seq == read.seq,
    )


def _to_known(row: RowMapping) -> Known:
    return Known(
        alert_id=row["alert_id"],
        state=State(row["state"]),
        camera_id=row["camera_id"],
        first_at=from_us(row["passage_first_us"]),
        last_at=from_us(row["passage_last_us"]),
        in_passage=row["in_passage"],
    )


def _before(connection: Connection, hit: Hit) -> str:
    """What came of the last alert of this entry, in words; nothing where there was none, or nobody ended it."""
    ended = (
        select(alert.c.alert_id, alert.c.state, alert.c.outcome)
        .where(
            alert.c.hotlist_entry_id == hit.entry_id,
            alert.c.state.in_(OVER),
            alert.c.merged_into.is_(None),
            alert.c.passage_first_us <= to_us(hit.read.best_at),
        )
        .order_by(alert.c.passage_last_us.desc())
        .limit(1)
    )
    row = connection.execute(ended).first()
    return "" if row is None else told_of_before(row.alert_id, State(row.state), row.outcome)


def _raise(connection: Connection, hit: Hit, sighting: Sighting) -> Alert:
    read, entry = hit.read, hit.entry
    late_by = sighting.received_at - read.best_at if sighting.late else None
    why = explain(hit, country_known=sighting.country_known, late_by=late_by)
    explanation = " ".join(filter(None, (why, _before(connection, hit))))
    captured_us = to_us(read.best_at)
    alert_id = connection.execute(
        insert(alert)
        .values(
            raised_us=to_us(sighting.received_at),
            edge_id=read.edge_id,
            epoch=read.epoch,
            seq=read.seq,
            camera_id=read.camera_id,
            captured_us=captured_us,
            plate=entry.plate,
            likelihood=hit.likelihood,
            hotlist_entry_id=hit.entry_id,
            list_name=entry.list_name,
            reason=str(entry.reason),
            priority=entry.priority,
            explanation=explanation,
            late=sighting.late,
            passage_first_us=captured_us,
            passage_last_us=captured_us,
        )
        .returning(alert.c.alert_id)
    ).scalar_one()
    note(connection, alert_id, Act(EventKind.RAISED, sighting.received_at, detail=_sighted(hit)))
    _add_to_trail(connection, alert_id, read)
    return Alert(
        alert_id=alert_id,
        raised_at=sighting.received_at,
        edge_id=read.edge_id,
        epoch=read.epoch,
        seq=read.seq,
        camera_id=read.camera_id,
        captured_at=read.best_at,
        plate=entry.plate,
        likelihood=hit.likelihood,
        list_name=entry.list_name,
        reason=Reason(entry.reason),
        priority=entry.priority,
        explanation=explanation,
        late=sighting.late,
    )


def _join(connection: Connection, hit: Hit, choice: Choice, at: datetime) -> None:
    """Add a read to an alert, which takes others in that have proved to be the same one."""
    kept, read = choice.joins, hit.read
    for other in choice.takes_in:
        _take_in(connection, kept, other, at)
    note(connection, kept.alert_id, Act(EventKind.JOINED, at, detail=_sighted(hit)))
    _add_to_trail(connection, kept.alert_id, read)
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
    what = "this same passage" if kept.in_passage and other.in_passage else "this same vehicle"
    told = f" Alert #{other.alert_id} was raised for {what}, before the reads between them came."
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


def _sighted(hit: Hit) -> dict[str, object]:
    """Which read it was, and how likely it is of the vehicle that is looked for."""
    return {**_named(hit.read), "likelihood": round(hit.likelihood, 3)}


def _named(read: PlateRead) -> dict[str, object]:
    """Which read it was, without its plate."""
    at = read.best_at.isoformat()
    return {**read.id._asdict(), "camera_id": read.camera_id, "captured_at": at}


def _add_to_trail(connection: Connection, alert_id: int, read: PlateRead) -> None:
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


def _annotate(connection: Connection, sighting: Sighting) -> None:
    """Tell every alert that has this read in its trail what the better look says."""
    fitting = {hit.entry_id for hit in sighting.hits}
    alerts = connection.execute(
        select(alert.c.alert_id, alert.c.hotlist_entry_id, alert.c.explanation)
        .join(alert_trail, alert_trail.c.alert_id == alert.c.alert_id)
        .where(*_is_read(sighting.read.id))
    ).all()
    for alert_id, entry_id, explanation in alerts:
        fits = entry_id in fitting
        if fits and not is_doubted(explanation):
            continue
        told = second_look(sighting.read, fits=fits)
        connection.execute(
            update(alert).where(alert.c.alert_id == alert_id).values(explanation=f"{explanation} {told}")
        )
        detail = {**_named(sighting.read), "fits": fits}
        note(connection, alert_id, Act(EventKind.NOTED, sighting.received_at, detail=detail))
