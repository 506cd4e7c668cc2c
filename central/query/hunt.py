"""A retro-hunt: where those that a list looks for were seen before, out of all reads that are kept.

A list may have a million entries, so they are asked for a thousand at a time: the dictionary of each month says which
of them were read at all, and only what may hold those is opened.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, Engine, func, select

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


_Entry = tuple[int, str, str, str, int]
"""Number, plate, country, reason, priority."""


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
    entries = _entries(engine, quarry)
    while portion := list(islice(entries, MOST_PLATES)):
        on_step(hunted, of)
        plates = frozenset(entry[1] for entry in portion)
        seen, lacking = _seen(reads, plates, since=None)
        recent, _ = _seen(reads, frozenset(seen), since=quarry.recent_since)
        fresh = [_trace(entry, seen[entry[1]], recent) for entry in portion if entry[1] in seen]
        hunted, found = hunted + len(portion), found + len(fresh)
        missing |= dict.fromkeys(lacking)
        traces = sorted([*traces, *fresh], key=lambda each: (each.last_at, each.number), reverse=True)[:limit]
    return Hunted(tuple(traces), hunted, found, tuple(missing))


def _seen(
    reads: Reads, plates: frozenset[str], *, since: datetime | None
) -> tuple[Mapping[str, Seen], Sequence[Missing]]:
    if not plates:
        return {}, ()
    answer = reads.seen(Question(plates=plates, since=since, limit=MOST_PLATES))
    return {row.plate: row for row in answer.rows}, answer.missing


def _trace(entry: _Entry, seen: Seen, recent: Mapping[str, Seen]) -> Trace:
    number, plate, country, reason, priority = entry
    return Trace(
        number=number,
        plate=plate,
        country=country,
        reason=reason,
        priority=priority,
        reads=seen.reads,
        recent=recent[plate].reads if plate in recent else 0,
        first_at=seen.first_at,
        last_at=seen.last_at,
        last_camera=seen.last_camera,
    )


def _count(engine: Engine, quarry: Quarry) -> int:
    """How many entries there are to hunt.

    Raises:
        HotlistError: there is no such list.
    """
    name = hotlist_entry.c.list_name
    with reading(engine) as connection:
        known = sorted(connection.scalars(select(name).distinct()))
        if quarry.list_name not in known:
            raise HotlistError(
                f"no list {quarry.list_name!r} is known; known are {', '.join(known) or 'none'}"
            )
        query = select(func.count()).select_from(hotlist_entry).where(*_terms(quarry))
        return connection.execute(query).scalar_one()


def _entries(engine: Engine, quarry: Quarry) -> Iterator[_Entry]:
    """Some at a time, by their numbers: no transaction stays open while the archive is asked."""
    row, after = hotlist_entry.c, 0
    columns = (row.id, row.plate, row.country, row.reason, row.priority)
    while True:
        query = select(*columns).where(*_terms(quarry), row.id > after).order_by(row.id).limit(MOST_PLATES)
        with reading(engine) as connection:
            found = [(n, p, c, r, u) for n, p, c, r, u in connection.execute(query)]
        if not found:
            return
        yield from found
        after = found[-1][0]


def _terms(quarry: Quarry) -> list[ColumnElement[bool]]:
    entry, at_us = hotlist_entry.c, to_us(quarry.at)
    terms = [
        entry.list_name == quarry.list_name,
        entry.valid_from_us <= at_us,
        entry.valid_until_us > at_us,
    ]
    if quarry.entered_since is not None:
        terms.append(entry.entered_us >= to_us(quarry.entered_since))
    return terms
