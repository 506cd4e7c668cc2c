"""A retro-hunt: where those that a list looks for were seen before, out of all reads that are kept.

A list may have a million entries, so they are asked for a thousand at a time: the dictionary of each month says which
of them were read at all, and only what may hold those is opened.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from central.archive.set_aside import Missing
from central.db import hotlist_entry, reading, to_us
from central.errors import HotlistError
from central.query.answers import Seen
from central.query.plan import MOST_PLATES, Question
from central.query.reads import Reads


@dataclass(frozen=True, slots=True)
class Quarry:
    """Which entries of a list are hunted, and since when their reads count as recent.

    Attributes:
        entered_since: entered, or changed, at or after; None: whenever.
        at: now: what is not in force is not hunted.
    """

    list_name: str
    at: datetime
    recent_since: datetime
    entered_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """An entry whose plate was read before. The plate alone counts: a read may be of another country's.

    Attributes:
        number: of the entry.
        reads: of all that are kept.
        recent: of these, since `Quarry.recent_since`.
    """

    number: int
    plate: str
    country: str
    reason: str
    priority: int
    reads: int
    recent: int
    first_at: datetime
    last_at: datetime
    last_camera: str


@dataclass(frozen=True, slots=True)
class Hunted:
    """What a hunt found.

    Attributes:
        traces: the last seen first; at most as many as were asked for.
        hunted: entries that were asked for.
        found: of these, how many were read before.
        missing: what the answer may lack.
    """

    traces: tuple[Trace, ...]
    hunted: int
    found: int
    missing: tuple[Missing, ...]

    @property
    def cut(self) -> bool:
        """Whether there are more."""
        return self.found > len(self.traces)


class Entry(NamedTuple):
    """An entry that is hunted; `entered_us` tells it from what it was before it was changed."""

    number: int
    plate: str
    country: str
    reason: str
    priority: int
    entered_us: int


def hunt(
    engine: Engine, reads: Reads, quarry: Quarry, *, limit: int, on_step: Callable[[int, int], None]
) -> Hunted:
    """Where the vehicles of a list were seen; who asks must have been let in and logged before.

    Args:
        engine: the database.
        reads: all that are kept and may be shown.
        quarry: which entries.
        limit: traces at most.
        on_step: is told how many of how many entries were asked for.

    Raises:
        HotlistError: there is no such list.
        QueryError, StoreError: as of `Reads`.
    """
    of = _count(engine, quarry)
    traces: list[Trace] = []
    missing: dict[Missing, None] = {}
    hunted = found = 0
    for portion in portions(engine, _terms(quarry), most=MOST_PLATES):
        on_step(hunted, of)
        seen, lacking = seen_of(reads, {entry.plate for entry in portion}, since=None)
        recent, _ = seen_of(reads, seen.keys(), since=quarry.recent_since)
        fresh = [_trace(entry, seen[entry.plate], recent) for entry in portion if entry.plate in seen]
        hunted, found = hunted + len(portion), found + len(fresh)
        missing |= dict.fromkeys(lacking)
        traces = sorted([*traces, *fresh], key=lambda each: (each.last_at, each.number), reverse=True)[:limit]
    return Hunted(tuple(traces), hunted, found, tuple(missing))


def seen_of(
    reads: Reads, plates: Collection[str], *, since: datetime | None
) -> tuple[Mapping[str, Seen], Sequence[Missing]]:
    """Of plates, at most `MOST_PLATES`, those that were read since; and what the answer may lack.

    Raises:
        QueryError, StoreError: as of `Reads`.
    """
    if not plates:
        return {}, ()
    answer = reads.seen(Question(plates=frozenset(plates), since=since, limit=MOST_PLATES))
    return {row.plate: row for row in answer.rows}, answer.missing


def portions(engine: Engine, terms: Sequence[ColumnElement[bool]], *, most: int) -> Iterator[Sequence[Entry]]:
    """Entries, the newest first, some at a time: no transaction stays open while the archive is asked.

    Args:
        engine: the database.
        terms: which entries.
        most: in a portion.
    """
    number = hotlist_entry.c.id
    query = select_entries().where(*terms).order_by(number.desc()).limit(most)
    found = read_entries(engine, query)
    while found:
        yield found
        found = read_entries(engine, query.where(number < found[-1].number))


def select_entries() -> Select[Any]:
    """Entries, for `read_entries`."""
    row = hotlist_entry.c
    return select(row.id, *(row[name] for name in Entry._fields[1:]))


def read_entries(engine: Engine, query: Select[Any]) -> list[Entry]:
    """What a query of `select_entries` finds."""
    with reading(engine) as connection:
        return [Entry(*told) for told in connection.execute(query)]


def in_force(at: datetime) -> tuple[ColumnElement[bool], ...]:
    """The entries that are looked for then."""
    entry, at_us = hotlist_entry.c, to_us(at)
    return entry.valid_from_us <= at_us, entry.valid_until_us > at_us


def check_list(connection: Connection, name: str) -> None:
    """Look whether a list has an entry.

    Raises:
        HotlistError: there is no such list.
    """
    known = sorted(connection.scalars(select(hotlist_entry.c.list_name).distinct()))
    if name not in known:
        raise HotlistError(f"no list {name!r} is known; known are {', '.join(known) or 'none'}")


def _trace(entry: Entry, seen: Seen, recent: Mapping[str, Seen]) -> Trace:
    return Trace(
        number=entry.number,
        plate=entry.plate,
        country=entry.country,
        reason=entry.reason,
        priority=entry.priority,
        reads=seen.reads,
        recent=recent[entry.plate].reads if entry.plate in recent else 0,
        first_at=seen.first_at,
        last_at=seen.last_at,
        last_camera=seen.last_camera,
    )


def _count(engine: Engine, quarry: Quarry) -> int:
    """How many entries there are to hunt.

    Raises:
        HotlistError: there is no such list.
    """
    with reading(engine) as connection:
        check_list(connection, quarry.list_name)
        query = select(func.count()).select_from(hotlist_entry).where(*_terms(quarry))
        return connection.execute(query).scalar_one()


def _terms(quarry: Quarry) -> list[ColumnElement[bool]]:
    entry = hotlist_entry.c
    terms = [entry.list_name == quarry.list_name, *in_force(quarry.at)]
    if quarry.entered_since is not None:
        terms.append(entry.entered_us >= to_us(quarry.entered_since))
    return terms
