"""How each list is kept: whose it is, when entries grow stale, its budget of false alarms, when it is over."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import BigInteger, Connection, Engine, RowMapping, cast, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.db import from_us, hotlist, hotlist_entry, reading, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.version import raise_version
from central.text import is_printable
from edge.contract.read import Identifier

LONGEST_STALE_H: Final = 24 * 366
MOST_FALSE_ALARMS: Final = 10_000.0

_NAME: Final = TypeAdapter(Identifier)
_LONGEST_AGENCY: Final = 63
_HOUR_US: Final = 3_600_000_000


class Kind(StrEnum):
    """What a list is for."""

    STANDING = "standing"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, and how it is kept.

    Attributes:
        agency: whose it is; None where nobody said.
        stale_after_h: hours without a confirmation after which an entry is stale; None: never.
        purge_at: when an event is over and its entries are deleted; None for a standing list.
        false_alarms_a_day: that it may cost; None: as every list.
        in_force: entries that are looked for.
        ended: entries that are not, or not yet.
        stale: of those in force, the ones that nobody has confirmed for too long.
    """

    name: str
    kind: Kind
    agency: str | None
    stale_after_h: int | None
    purge_at: datetime | None
    false_alarms_a_day: float | None
    made_by: str
    made_at: datetime
    in_force: int = 0
    ended: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to change of a list; None leaves it, "" and 0 take it back."""

    agency: str | None = None
    stale_after_h: int | None = None
    false_alarms_a_day: float | None = None


Log = Callable[[Connection, Mapping[str, object]], object]
"""Writes a change down, in its own transaction: which columns are what now."""


def ensure(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Have a list; one that is not there stands from now on.

    Raises:
        HotlistError: it is of an event that is over.
    """
    if check_import(connection, name, at=at):
        return
    values = {"name": name, "kind": Kind.STANDING.value, "made_by": by, "made_us": to_us(at)}
    connection.execute(insert(hotlist).values(values))


def check_import(connection: Connection, name: str, *, at: datetime) -> bool:
    """Whether a list is there.

    Raises:
        HotlistError: it is of an event that is over.
    """
    row = _row(connection, name)
    if row is not None and row["purge_us"] is not None and row["purge_us"] <= to_us(at):
        raise HotlistError(f"list {name!r} is of an event that is over; `hotlist event` gives it a new end")
    return row is not None


def change(engine: Engine, name: str, terms: Terms, *, at: datetime, log: Log) -> Listing:
    """Keep a list in another way from now on.

    Raises:
        HotlistError: there is no such list, nothing is to change, or a term is out of its bounds.
        StoreError: the database cannot be written; the list is as it was.
    """
    values = _values(terms)
    with _changing(engine) as connection:
        if _row(connection, name) is None:
            known = ", ".join(connection.scalars(select(hotlist.c.name).order_by(hotlist.c.name)))
            raise HotlistError(f"no list {name!r} is known; known are {known or 'none'}")
        connection.execute(update(hotlist).where(hotlist.c.name == name).values(values))
        log(connection, values)
        return _one(connection, name, at=at)


def set_event(engine: Engine, name: str, until: datetime, *, by: str, at: datetime, log: Log) -> Listing:
    """Have a list for an event, whose entries are deleted when it is over; or give one another end.

    Raises:
        HotlistError: the end is past, the name is none, or a list of that name stands already.
        StoreError: the database cannot be written; the list is as it was.
    """
    try:
        _NAME.validate_python(name)
    except ValidationError as error:
        raise HotlistError(
            f"name of the list {name!r}: expected lower case letters, digits, '.', '_' and '-', up to 63"
        ) from error
    if until <= at:
        raise HotlistError(f"the event's end, {until:%Y-%m-%d %H:%M %z}, is past")
    ends = {"purge_us": to_us(until)}
    with _changing(engine) as connection:
        before = _row(connection, name)
        if before is None:
            made = {"name": name, "kind": Kind.EVENT.value, "made_by": by, "made_us": to_us(at)}
            connection.execute(insert(hotlist).values({**made, **ends}))
        elif before["kind"] != Kind.EVENT:
            raise HotlistError(
                f"{name!r} is a standing list, whose entries are not to be deleted: name the event's otherwise"
            )
        else:
            connection.execute(update(hotlist).where(hotlist.c.name == name).values(ends))
        log(connection, ends)
        return _one(connection, name, at=at)


def listings(engine: Engine, *, at: datetime) -> list[Listing]:
    """Every list, by its name."""
    with reading(engine) as connection:
        return _listings(connection, at=at)


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that a running centre notices."""
    try:
        with engine.begin() as connection:
            raise_version(connection)
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"hotlists cannot be written: {getattr(error, 'orig', None) or error}") from error


def _row(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(hotlist).where(hotlist.c.name == name)).mappings().first()


def _one(connection: Connection, name: str, *, at: datetime) -> Listing:
    return next(each for each in _listings(connection, at=at) if each.name == name)


def _values(terms: Terms) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if terms.agency is not None:
        if len(terms.agency) > _LONGEST_AGENCY or not is_printable(terms.agency):
            raise HotlistError(f"agency: expected at most {_LONGEST_AGENCY} characters that can be printed")
        values["agency"] = terms.agency.strip() or None
    if terms.stale_after_h is not None:
        if not 0 <= terms.stale_after_h <= LONGEST_STALE_H:
            raise HotlistError(f"stale after: expected 1 to {LONGEST_STALE_H} hours, or 0 for never")
        values["stale_after_h"] = terms.stale_after_h or None
    if terms.false_alarms_a_day is not None:
        if not 0 <= terms.false_alarms_a_day <= MOST_FALSE_ALARMS:
            raise HotlistError(
                f"false alarms a day: expected at most {MOST_FALSE_ALARMS:g}, or 0 for as every list"
            )
        values["false_alarms_a_day"] = terms.false_alarms_a_day or None
    if not values:
        raise HotlistError("nothing to change is named")
    return values


def _listings(connection: Connection, *, at: datetime) -> list[Listing]:
    entry = hotlist_entry.c
    counted = select(entry.list_name, func.count()).group_by(entry.list_name)
    everything = {name: int(count) for name, count in connection.execute(counted)}
    now_us = to_us(at)
    in_force = entry.valid_from_us <= now_us, entry.valid_until_us > now_us
    sought = {name: int(count) for name, count in connection.execute(counted.where(*in_force))}
    # Hours in a small integer would overflow as microseconds.
    long_ago = entry.confirmed_us + cast(hotlist.c.stale_after_h, BigInteger) * _HOUR_US < now_us
    of_stale = counted.join(hotlist, hotlist.c.name == entry.list_name).where(*in_force, long_ago)
    stale = {name: int(count) for name, count in connection.execute(of_stale)}
    rows = connection.execute(select(hotlist).order_by(hotlist.c.name)).mappings()
    return [
        _listing(
            row,
            in_force=sought.get(row["name"], 0),
            ended=everything.get(row["name"], 0) - sought.get(row["name"], 0),
            stale=stale.get(row["name"], 0),
        )
        for row in rows
    ]


def _listing(row: RowMapping, *, in_force: int, ended: int, stale: int) -> Listing:
    purge_us = row["purge_us"]
    return Listing(
        name=row["name"],
        kind=Kind(row["kind"]),
        agency=row["agency"],
        stale_after_h=row["stale_after_h"],
        purge_at=None if purge_us is None else from_us(purge_us),
        false_alarms_a_day=row["false_alarms_a_day"],
        made_by=row["made_by"],
        made_at=from_us(row["made_us"]),
        in_force=in_force,
        ended=ended,
        stale=stale,
    )
