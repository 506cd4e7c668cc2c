"""Plates for which nobody is to be stopped: redress for who was stopped without reason, until a day that is said.

It hides no read. A hit that is suppressed raises nothing and joins nothing; which read it was is kept and counted,
so that whoever answers for a suppression sees what it holds back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from central.db import from_us, hotlist, reading, suppressed_read, suppression, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.grammar import load_grammar
from central.hotlist.row import known_country
from central.types import Hit, Look
from edge.contract.spelling import typed

LONGEST: Final = timedelta(days=366)
"""A suppression that is needed for longer is to be thought over, and entered anew."""

_MOST_SAID: Final = 500


@dataclass(frozen=True, slots=True)
class Term:
    """What is suppressed, and until when.

    Attributes:
        plate: of an entry, or as a camera spells another vehicle that is taken for it.
        country: of the entry.
        list_name: None: of every list.
        camera_id: None: everywhere.
        edge_id: whose camera that is, for each edge names its own; None with a camera: every edge's of that name, as
            suppressions of before have it.
    """

    plate: str
    country: str
    list_name: str | None
    camera_id: str | None
    since: datetime
    until: datetime
    edge_id: str | None = None


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppression on record: its `Term`, and what came of it.

    Attributes:
        hits: reads that would have raised or joined an alert, as far as they are still kept.
        last_at: when the last of them was captured; None where there is none.
        lifted_at, lifted_by, why: None while it was not ended before its time.
    """

    number: int
    plate: str
    country: str
    list_name: str | None
    edge_id: str | None
    camera_id: str | None
    since: datetime
    until: datetime
    reason: str
    case_number: str
    entered_by: str
    hits: int
    last_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    why: str | None


Log = Callable[[Connection, Suppression], object]
"""Writes a change down, in its own transaction."""


def applies(term: Term, hit: Hit, *, lifted_at: datetime | None = None) -> bool:
    """Whether a hit is suppressed: by what was captured then, not by when it arrives (pure)."""
    entry, read = hit.entry, hit.read
    ends = term.until if lifted_at is None else min(term.until, lifted_at)
    return (
        term.plate in (entry.plate, read.plate)
        and term.country == entry.country
        and term.list_name in (None, entry.list_name)
        and term.camera_id in (None, read.camera_id)
        and term.edge_id in (None, read.id.edge_id)
        and term.since <= read.best_at < ends
    )


def sift(
    connection: Connection, hits: Sequence[Hit], suppressions: Mapping[str, Sequence[RowMapping]]
) -> list[Hit]:
    """The hits that are not suppressed; those that are, are counted, each read once however often it comes.

    Args:
        connection: of the transaction that raises the alerts.
        hits: of one read or of several.
        suppressions: rows, by plate: of entries, and of what cameras read.
    """
    kept = []
    for hit in hits:
        known = (row for plate in (hit.entry.plate, hit.read.plate) for row in suppressions.get(plate, ()))
        row = next((row for row in known if applies(_term(row), hit, lifted_at=_lifted_at(row))), None)
        if row is None:
            kept.append(hit)
        else:
            _count(connection, row["suppression_id"], hit)
    return kept


def enter(engine: Engine, term: Term, look: Look, *, reason: str, log: Log) -> Suppression:
    """Suppress the hits of a plate from `term.since` on.

    Raises:
        HotlistError: it is no plate, no such country or list, too long, a camera of no edge, or nobody says why.
        StoreError: the database cannot be written; nothing is suppressed.
    """
    _said("the reason (--reason)", reason)
    if not timedelta(0) < term.until - term.since <= LONGEST:
        raise HotlistError(f"until: expected a time from now on, within {LONGEST.days} days")
    if (term.camera_id is None) is not (term.edge_id is None):
        raise HotlistError("a camera is named with its edge (--camera and --edge): each edge names its own")
    values = {
        "plate": _plate(term.plate),
        "country": _country(term.country),
        "list_name": term.list_name,
        "edge_id": term.edge_id,
        "camera_id": term.camera_id,
        "reason": reason,
        "case_number": look.case_number,
        "entered_by": look.actor,
        "from_us": to_us(term.since),
        "until_us": to_us(term.until),
    }
    try:
        with engine.begin() as connection:
            _check_list(connection, term.list_name)
            entered = insert(suppression).values(values).returning(suppression.c.suppression_id)
            told = _one(connection, connection.execute(entered).scalar_one())
            log(connection, told)
    except SQLAlchemyError as error:
        raise _unwritten(error) from error
    return told


def lift(engine: Engine, number: int, *, by: str, at: datetime, why: str, log: Log) -> Suppression:
    """End a suppression; it stays on record.

    Raises:
        HotlistError: there is no such one, it is over or lifted already, or nobody says why.
        StoreError: the database cannot be written; it stands.
    """
    _said("why it is lifted (--why)", why)
    row = suppression.c
    stands = (row.suppression_id == number, row.lifted_us.is_(None), row.until_us > to_us(at))
    try:
        with engine.begin() as connection:
            ends = {"lifted_us": to_us(at), "lifted_by": by, "lifted_why": why}
            if not connection.execute(update(suppression).where(*stands).values(ends)).rowcount:
                raise HotlistError(
                    f"no suppression #{number} stands; `suppress list --all` shows the others too"
                )
            told = _one(connection, number)
            log(connection, told)
    except SQLAlchemyError as error:
        raise _unwritten(error) from error
    return told


def suppressions(engine: Engine, *, at: datetime, ended: bool = False) -> list[Suppression]:
    """Those that stand, oldest first; those that are over or lifted too where they are asked for."""
    query = _select()
    if not ended:
        query = query.where(suppression.c.lifted_us.is_(None), suppression.c.until_us > to_us(at))
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(suppression.c.suppression_id)).mappings()
        return [_suppression(row) for row in rows]


def _count(connection: Connection, number: int, hit: Hit) -> None:
    read = hit.read.id
    row = {"suppression_id": number, "edge_id": read.edge_id, "epoch": read.epoch, "seq": read.seq}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    counted = dialect.insert(suppressed_read).on_conflict_do_nothing()
    connection.execute(counted, [{**row, "captured_us": to_us(hit.read.best_at)}])


def _plate(text: str) -> str:
    try:
        return typed(text)
    except ValueError as error:
        raise HotlistError(f"not a plate: {text[:40]!r}; {error}") from error


def _country(text: str) -> str:
    try:
        return known_country(text, load_grammar())
    except ValueError as error:
        raise HotlistError(str(error)) from error


def _said(what: str, text: str) -> None:
    if not text.strip() or len(text) > _MOST_SAID or not text.isprintable():
        raise HotlistError(f"{what}: expected 1 to {_MOST_SAID} characters that can be printed")


def _check_list(connection: Connection, name: str | None) -> None:
    known = connection.scalars(select(hotlist.c.name).order_by(hotlist.c.name)).all()
    if name is not None and name not in known:
        raise HotlistError(f"no list {name!r} is known; known are {', '.join(known) or 'none'}")


def _select() -> Select[tuple[object, ...]]:
    counted = (
        select(
            suppressed_read.c.suppression_id.label("of"),
            func.count().label("hits"),
            func.max(suppressed_read.c.captured_us).label("last_us"),
        )
        .group_by(suppressed_read.c.suppression_id)
        .subquery()
    )
    joined = suppression.outerjoin(counted, counted.c.of == suppression.c.suppression_id)
    return select(*suppression.c, counted.c.hits, counted.c.last_us).select_from(joined)


def _one(connection: Connection, number: int) -> Suppression:
    query = _select().where(suppression.c.suppression_id == number)
    return _suppression(connection.execute(query).mappings().one())


def _term(row: RowMapping) -> Term:
    since, until = from_us(row["from_us"]), from_us(row["until_us"])
    return Term(
        row["plate"], row["country"], row["list_name"], row["camera_id"], since, until, row["edge_id"]
    )


def _lifted_at(row: RowMapping) -> datetime | None:
    return None if row["lifted_us"] is None else from_us(row["lifted_us"])


def _suppression(row: RowMapping) -> Suppression:
    term = _term(row)
    return Suppression(
        number=row["suppression_id"],
        plate=term.plate,
        country=term.country,
        list_name=term.list_name,
        edge_id=term.edge_id,
        camera_id=term.camera_id,
        since=term.since,
        until=term.until,
        reason=row["reason"],
        case_number=row["case_number"],
        entered_by=row["entered_by"],
        hits=row["hits"] or 0,
        last_at=None if row["last_us"] is None else from_us(row["last_us"]),
        lifted_at=_lifted_at(row),
        lifted_by=row["lifted_by"],
        why=row["lifted_why"],
    )


def _unwritten(error: SQLAlchemyError) -> StoreError:
    return StoreError(f"suppressions cannot be written: {getattr(error, 'orig', None) or error}")
