"""Legal holds: what is named in one outlives its time, until the hold is lifted.

A hold is entered in turn with the removal of reads: what was not removed before stays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.archive.rules import to_term
from central.archive.visible import Term
from central.db import from_us, held_read, legal_hold, reading, to_us
from central.errors import HoldError, StoreError
from central.lock import exclusive

LONGEST: Final = 500
"""Characters of a legal basis, or of why a hold is lifted."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold.

    Attributes:
        term: what is held.
        legal_basis: who ordered it, and by which law.
        lifted_at, lifted_by, why: None while it stands.
    """

    number: int
    term: Term
    case_number: str
    legal_basis: str
    entered_by: str
    entered_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """What to hold, for which case, by which law, on whose word, when."""

    term: Term
    case_number: str
    legal_basis: str
    by: str
    at: datetime


Log = Callable[[Connection, Hold], object]
"""Writes a change down, in its own transaction."""


def enter(engine: Engine, order: Order, *, log: Log) -> Hold:
    """Hold reads; those too that are over and were not removed yet, which are shown again.

    Raises:
        HoldError: it is not said what is held, or why.
        StoreError: the database cannot be written; nothing is held.
    """
    _check(order)
    term = order.term
    edge_id, epoch, seq = term.read or (None, None, None)
    row: dict[str, Any] = {
        "plate": term.plate,
        "camera_id": term.camera_id,
        "edge_id": edge_id,
        "epoch": epoch,
        "seq": seq,
        "since_us": None if term.since is None else to_us(term.since),
        "until_us": None if term.until is None else to_us(term.until),
        "case_number": order.case_number,
        "legal_basis": order.legal_basis,
        "entered_by": order.by,
        "entered_us": to_us(order.at),
    }
    try:
        with exclusive(engine, "sealing", wait=True) as alone, alone.begin() as connection:
            entered = insert(legal_hold).values(row).returning(legal_hold.c.hold_id)
            hold = _one(connection, connection.execute(entered).scalar_one())
            log(connection, hold)
    except SQLAlchemyError as error:
        raise _unwritten(error) from error
    return hold


def lift(engine: Engine, number: int, *, by: str, at: datetime, why: str, log: Log) -> Hold:
    """End a hold; it stays on record. What it alone kept goes with the next maintenance.

    Raises:
        HoldError: there is no such hold, it was lifted already, or nobody says why.
        StoreError: the database cannot be written; the hold stands.
    """
    _said("why it is lifted", why)
    this = legal_hold.c.hold_id == number
    ends = {"lifted_us": to_us(at), "lifted_by": by, "lifted_why": why}
    try:
        with engine.begin() as connection:
            ended = connection.execute(
                update(legal_hold).where(this, legal_hold.c.lifted_us.is_(None)).values(ends)
            )
            if not ended.rowcount:
                raise HoldError(f"no hold #{number} stands; `hold list --all` shows the lifted ones too")
            connection.execute(delete(held_read).where(held_read.c.hold_id == number))
            hold = _one(connection, number)
            log(connection, hold)
    except SQLAlchemyError as error:
        raise _unwritten(error) from error
    return hold


def holds(engine: Engine, *, lifted: bool = False) -> list[Hold]:
    """Those that stand, oldest first; the lifted ones too where they are asked for."""
    query = select(legal_hold).order_by(legal_hold.c.hold_id)
    if not lifted:
        query = query.where(legal_hold.c.lifted_us.is_(None))
    with reading(engine) as connection:
        return [_hold(row) for row in connection.execute(query).mappings()]


def _check(order: Order) -> None:
    term = order.term
    _said("the legal basis (--basis)", order.legal_basis)
    if term.since is not None and term.until is not None and term.since >= term.until:
        raise HoldError("an empty time span: it ends before it begins")
    if term.camera_id is not None and (term.since is None or term.until is None):
        raise HoldError("a camera is held for a time: give --from and --to")


def _said(what: str, text: str) -> None:
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise HoldError(f"{what}: expected 1 to {LONGEST} characters that can be printed")


def _one(connection: Connection, number: int) -> Hold:
    query = select(legal_hold).where(legal_hold.c.hold_id == number)
    return _hold(connection.execute(query).mappings().one())


def _hold(row: RowMapping) -> Hold:
    lifted_us = row["lifted_us"]
    return Hold(
        number=row["hold_id"],
        term=to_term(row),
        case_number=row["case_number"],
        legal_basis=row["legal_basis"],
        entered_by=row["entered_by"],
        entered_at=from_us(row["entered_us"]),
        lifted_at=None if lifted_us is None else from_us(lifted_us),
        lifted_by=row["lifted_by"],
        why=row["lifted_why"],
    )


def _unwritten(error: SQLAlchemyError) -> StoreError:
    return StoreError(f"holds cannot be written: {getattr(error, 'orig', None) or error}")
