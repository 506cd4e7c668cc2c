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
from central.db import Clock, erased_read, from_us, legal_hold, to_us
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
        rows: with the columns edge_id, epoch, seq, camera_id, plate and captured_us.
        visible: asked for in the same snapshot.
    """
    row = rows.c
    young = row.captured_us >= to_us(visible.since)
    return or_(young, _held(rows)) if visible.kept else young


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
    row, hold = rows.c, legal_hold.c
    return exists().where(
        hold.lifted_us.is_(None),
        or_(
            hold.plate == row.plate,
            hold.camera_id == row.camera_id,
            and_(hold.edge_id == row.edge_id, hold.epoch == row.epoch, hold.seq == row.seq),
        ),
        or_(hold.since_us.is_(None), hold.since_us <= row.captured_us),
        or_(hold.until_us.is_(None), hold.until_us > row.captured_us),
    )
