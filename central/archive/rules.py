"""The rules that say what may be shown, as they are in force: how long reads are kept, and the holds on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    and_,
    exists,
    or_,
    select,
)

from central.archive.visible import Erased, Term, Visible
from central.db import Clock, alert, alert_trail, erased_read, from_us, legal_hold, to_us
from edge.contract.read import ReadId

_MOST_MOVED_US: Final = 3_600_000_000  # the time of capture, by an update: a passage is shorter


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be shown, asked anew for each question.

    Attributes:
        keep: how long a read is shown after its capture.
        clock: now, UTC-aware.
    """

    keep: timedelta
    clock: Clock

    def in_force(self, connection: Connection) -> Visible:
        """As of now, with the holds and the orders of a court in this connection's snapshot."""
        since = (self.clock() - self.keep).astimezone(UTC)
        return Visible(since, kept=_holds(connection), erased=_erased(connection))


def shown(rows: FromClause, visible: Visible) -> ColumnElement[bool]:
    """What may be shown of rows of the database: what `Visible.condition` is over the archive.

    Args:
        rows: with the columns edge_id, epoch, seq, camera_id, plate and captured_us; of `alert` itself each
            sighting counts, for they may lie hours and cameras apart.
        visible: asked for in the same snapshot.
    """
    young = rows.c.captured_us >= to_us(visible.since)
    if not visible.kept:
        return young
    return or_(young, _held_alert() if rows is alert else _held(rows))


def _holds(connection: Connection) -> Sequence[Term]:
    """Those that were not lifted."""
    query = select(legal_hold).where(legal_hold.c.lifted_us.is_(None)).order_by(legal_hold.c.hold_id)
    return tuple(to_term(row) for row in connection.execute(query).mappings())


def _erased(connection: Connection) -> Erased:
    """Of the database itself they were deleted in the transaction that names them."""
    read = erased_read.c
    rows = connection.execute(select(read.edge_id, read.epoch, read.seq, read.captured_us)).all()
    days = {
        from_us(row.captured_us + shift_us).date()
        for row in rows
        for shift_us in (-_MOST_MOVED_US, _MOST_MOVED_US)
    }
    return Erased(tuple(ReadId(*row[:3]) for row in rows), frozenset(days))


def to_term(row: RowMapping) -> Term:
    """The reads that a hold is on."""
    named = (row["edge_id"], row["epoch"], row["seq"])
    since_us, until_us = row["since_us"], row["until_us"]
    return Term(
        plate=row["plate"],
        camera_id=row["camera_id"],
        read=None if named[0] is None else ReadId(*named),
        since=None if since_us is None else from_us(since_us),
        until=None if until_us is None else from_us(until_us),
    )


def _held(rows: FromClause) -> ColumnElement[bool]:
    """Whether a hold is on a read."""
    row, hold = rows.c, legal_hold.c
    return exists().where(_stands(row.captured_us), or_(hold.plate == row.plate, _named(rows)))


def _held_alert() -> ColumnElement[bool]:
    """Whether a hold is on an alert: on its plate while it was seen, or on one of its sightings."""
    row, hold, trail = alert.c, legal_hold.c, alert_trail.c
    of_plate = and_(hold.plate == row.plate, _stands(row.passage_first_us, row.passage_last_us))
    sighting = and_(_named(alert_trail), _stands(trail.captured_us))
    seen = exists().where(trail.alert_id == row.alert_id, sighting).correlate(alert, legal_hold)
    return exists().where(or_(of_plate, and_(_named(alert), _stands(row.captured_us)), seen)).correlate(alert)


def _named(rows: FromClause) -> ColumnElement[bool]:
    """Whether a hold names the camera, or the read itself."""
    row, hold = rows.c, legal_hold.c
    same = and_(hold.edge_id == row.edge_id, hold.epoch == row.epoch, hold.seq == row.seq)
    return or_(hold.camera_id == row.camera_id, same)


def _stands(first_us: ColumnElement[int], last_us: ColumnElement[int] | None = None) -> ColumnElement[bool]:
    """Whether a hold was not lifted and is on a time, or on some of a span."""
    hold = legal_hold.c
    return and_(
        hold.lifted_us.is_(None),
        or_(hold.since_us.is_(None), hold.since_us <= (first_us if last_us is None else last_us)),
        or_(hold.until_us.is_(None), hold.until_us > first_us),
    )
