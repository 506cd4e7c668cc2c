"""Looking for a vehicle no longer: its entry ends now, and stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.db import hotlist_entry, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.fingerprint import marks
from central.hotlist.version import raise_version
from edge.contract.spelling import typed


@dataclass(frozen=True, slots=True)
class Which:
    """Names an entry: by its number, or by plate and country and, where several lists have it, the list."""

    number: int | None = None
    plate: str | None = None
    country: str | None = None
    list_name: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's key, and its number in the database."""

    number: int
    list_name: str
    plate: str
    country: str


def end_entry(
    engine: Engine,
    which: Which,
    *,
    by: str,
    at: datetime,
    why: str,
    log: Callable[[Connection, Entry], object],
) -> Entry:
    """End an entry now; it stays, as expired, until its source confirms it again (`Merge`).

    Args:
        engine: the database.
        which: the entry.
        by: who ends it.
        at: now.
        why: it ends before its time.
        log: writes it down, in the same transaction.

    Raises:
        HotlistError: no such entry is in force, or several are.
        StoreError: the database cannot be written; the entry is as it was.
    """
    entry = hotlist_entry.c
    terms = [entry.valid_until_us > to_us(at), *_named(which)]
    try:
        with engine.begin() as connection:
            raise_version(connection)
            query = select(hotlist_entry).where(*terms).order_by(entry.list_name)
            rows = connection.execute(query).mappings().all()
            found = [Entry(r["id"], r["list_name"], r["plate"], r["country"]) for r in rows]
            if len(found) != 1:
                raise HotlistError(_not_one(which, found))
            ends: dict[str, Any] = {
                "valid_until_us": to_us(at),
                "entered_by": by,
                "entered_us": to_us(at),
                "ended_why": why,
                "ended_by_hand": True,
            }
            ends |= marks({**rows[0], **ends})
            connection.execute(update(hotlist_entry).where(entry.id == found[0].number).values(ends))
            log(connection, found[0])
    except SQLAlchemyError as error:
        raise StoreError(f"hotlist cannot be written: {getattr(error, 'orig', None) or error}") from error
    return found[0]


def _named(which: Which) -> Iterator[ColumnElement[bool]]:
    entry = hotlist_entry.c
    if which.number is not None:
        yield entry.id == which.number
    if which.plate is not None:
        try:
            yield entry.plate == typed(which.plate)
        except ValueError as error:
            raise HotlistError(f"not a plate: {which.plate[:40]!r}; {error}") from error
    if which.country is not None:
        yield entry.country == which.country.upper()
    if which.list_name is not None:
        yield entry.list_name == which.list_name


def _not_one(which: Which, found: Sequence[Entry]) -> str:
    name = f"#{which.number}" if which.number is not None else f"{which.plate} ({which.country})"
    if found:
        return f"{name} stands in {', '.join(entry.list_name for entry in found)}: name one with --list"
    where = "" if which.list_name is None else f" of list {which.list_name!r}"
    return f"no entry {name}{where} is in force; `hotlist show` lists them all"
