"""Alerts in the database: raised, joined and annotated in the transaction that commits the read itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from central.alert.log import Act, note
from central.alert.rules import Passage, continues, explain, is_doubted, second_look
from central.db import alert, alert_trail, from_us, to_us
from central.types import Alert, EventKind, Hit, Reason
from edge.contract.read import PlateRead, ReadId

MERGED: Final = "merged"
"""The state of an alert that another one has taken in."""

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
    """Turns sightings into alerts: one for each passage and entry."""

    def __init__(self, *, within: timedelta) -> None:
        self._within: Final = within

    def record(self, connection: Connection, sighting: Sighting) -> list[Alert]:
        """Raise an alert for each hit that is not one more look at a passage; returns the new ones.

        Whatever the order in which sightings come, an alert tells of its passage from the first sighting on.
        An update that no longer fits an entry does not take the alert back, for somebody may be under way:
        the alert says so instead.
        """
        raised = [_raise(connection, hit, sighting) for hit in self.join(connection, sighting)]
        if sighting.is_update:
            _annotate(connection, sighting)
        return raised

    def join(self, connection: Connection, sighting: Sighting) -> list[Hit]:
        """Add a sighting to the passages that it continues; the hits that continue none."""
        return [hit for hit in sighting.hits if not self._is_joined(connection, hit, sighting.received_at)]

    def _is_joined(self, connection: Connection, hit: Hit, at: datetime) -> bool:
        if _is_told(connection, hit):
            return True
        passages = self._passages(connection, hit)
        if passages:
            _join(connection, hit, passages, at)
        return bool(passages)

    def _passages(self, connection: Connection, hit: Hit) -> list[Passage]:
        """The passages that a hit continues, first raised first: two where it closes the gap between them."""
        at_us, within_us = to_us(hit.read.best_at), self._within // timedelta(microseconds=1)
        rows = connection.execute(
            select(alert)
            .where(
                alert.c.hotlist_entry_id == hit.entry_id,
                alert.c.camera_id == hit.read.camera_id,
                alert.c.merged_into.is_(None),
                alert.c.passage_last_us >= at_us - within_us,
                alert.c.passage_first_us <= at_us + within_us,
            )
            .order_by(alert.c.alert_id)
        ).mappings()
        passages = (_to_passage(row) for row in rows)
        return [p for p in passages if continues(hit, p, within=self._within)]


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


def _to_passage(row: RowMapping) -> Passage:
    return Passage(
        alert_id=row["alert_id"],
        entry_id=row["hotlist_entry_id"],
        edge_id=row["edge_id"],
        camera_id=row["camera_id"],
        first_at=from_us(row["passage_first_us"]),
        last_at=from_us(row["passage_last_us"]),
    )


def _raise(connection: Connection, hit: Hit, sighting: Sighting) -> Alert:
    read, entry = hit.read, hit.entry
    late_by = sighting.received_at - read.best_at if sighting.late else None
    explanation = explain(hit, country_known=sighting.country_known, late_by=late_by)
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
            likelihood=read.likelihood,
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
    note(connection, alert_id, Act(EventKind.RAISED, sighting.received_at, detail=_named(read)))
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
        likelihood=read.likelihood,
        list_name=entry.list_name,
        reason=Reason(entry.reason),
        priority=entry.priority,
        explanation=explanation,
        late=sighting.late,
    )


def _join(connection: Connection, hit: Hit, passages: Sequence[Passage], at: datetime) -> None:
    """Add a read to the first of its passages, which takes the others in: they have proved to be the same one."""
    kept, *others = passages
    moments = [hit.read.best_at, *(p.first_at for p in passages), *(p.last_at for p in passages)]
    begun_us = to_us(min(moments))
    for other in others:
        _take_in(connection, kept, other, at)
    note(connection, kept.alert_id, Act(EventKind.JOINED, at, detail=_named(hit.read)))
    _add_to_trail(connection, kept.alert_id, hit.read)
    connection.execute(
        update(alert)
        .where(alert.c.alert_id == kept.alert_id)
        .values(captured_us=begun_us, passage_first_us=begun_us, passage_last_us=to_us(max(moments)))
    )


def _take_in(connection: Connection, kept: Passage, other: Passage, at: datetime) -> None:
    """Make two alerts one. Somebody may know the other by its number: it stays, and both name one another."""
    told = f" Alert #{other.alert_id} was raised for this same passage, before the reads between them came."
    connection.execute(
        update(alert_trail).where(alert_trail.c.alert_id == other.alert_id).values(alert_id=kept.alert_id)
    )
    into = {"state": MERGED, "merged_into": kept.alert_id}
    connection.execute(update(alert).where(alert.c.alert_id == other.alert_id).values(into))
    connection.execute(
        update(alert).where(alert.c.alert_id == kept.alert_id).values(explanation=alert.c.explanation + told)
    )
    note(connection, kept.alert_id, Act(EventKind.MERGED, at, detail={"took_in": other.alert_id}))
    note(connection, other.alert_id, Act(EventKind.MERGED, at, detail={"into": kept.alert_id}))
    _log.info("two alerts were one passage", alert_id=kept.alert_id, taken_in=other.alert_id)


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
