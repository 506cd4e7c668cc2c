"""What the centre's own hunts found: where entries had been seen before they were entered, a row an entry.

A row holds for its entry as it was entered then, and as long as all reads that it counts may be shown: the oldest of
them decides. Beyond that it is shown to nobody, the entry is due again, and maintenance deletes the row. Reads that
only a legal hold keeps are not counted, so that what a hold's end hides is in no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from central.archive.rules import Rules
from central.db import from_us, hotlist_entry, hunt_trace, reading, to_us
from central.hotlist.version import hold_version
from central.query.answers import Seen
from central.query.hunt import Entry, check_list, in_force, read_entries, select_entries

_AGAIN: Final = timedelta(days=1)
"""What may be mended, or answer then, is hunted again after so long."""


@dataclass(frozen=True, slots=True)
class KeptTrace:
    """An entry whose plate had been read before it was hunted. The plate alone counts, whatever country was read.

    Attributes:
        number: of the entry.
        lacking: damaged files that the hunt had to leave out and that may be mended; 1 where it got no answer at all.
    """

    number: int
    list_name: str
    plate: str
    country: str
    reason: str
    priority: int
    reads: int
    first_at: datetime
    last_at: datetime
    last_camera: str
    hunted_at: datetime
    lacking: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces.

    Attributes:
        list_name: None: of all lists.
        since: last seen at or after; None: whenever.
        limit: at most.
    """

    list_name: str | None = None
    since: datetime | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Traces:
    """Traces, the last seen first.

    Attributes:
        entries: in force, of the lists that were asked for.
        hunted: of these, by now.
        found: of these, how many were seen before, and as lately as was asked for.
        lacking: of those that were hunted, how many without a damaged file.
    """

    traces: tuple[KeptTrace, ...]
    entries: int
    hunted: int
    found: int
    lacking: int

    @property
    def cut(self) -> bool:
        """Whether there are more."""
        return self.found > len(self.traces)


def due(engine: Engine, at: datetime, since: datetime, *, most: int) -> Sequence[Entry]:
    """The entries that are to be hunted: those that never were as they are now, newest first, then the others.

    Args:
        engine: the database.
        at: now.
        since: what was captured before is over.
        most: at most.
    """
    entry, trace = hotlist_entry.c, hunt_trace.c
    is_whole = or_(trace.lacking == 0, trace.hunted_us > to_us(at - _AGAIN))
    is_due = or_(trace.entry_id.is_(None), not_(and_(_is_young(since), is_whole)))
    query = select_entries().select_from(hotlist_entry.outerjoin(hunt_trace, _is_of_entry()))
    order = (func.coalesce(trace.hunted_us, 0), entry.entered_us.desc(), entry.id.desc())
    return read_entries(engine, query.where(*in_force(at), is_due).order_by(*order).limit(most))


def keep_traces(
    connection: Connection, portion: Sequence[Entry], seen: Mapping[str, Seen], *, at: datetime, lacking: int
) -> int:
    """Write what was found of a portion; how many entries that is.

    Not of those that were changed or deleted while the archive was asked: what is changed is due again, and of what is
    gone, by order of a court maybe, nothing may be kept.

    Args:
        connection: in a transaction for writing.
        portion: the entries.
        seen: by plate.
        at: before the archive was asked.
        lacking: damaged files that were left out and may be mended.
    """
    hold_version(connection)
    entry, numbers = hotlist_entry.c, [each.number for each in portion]
    query = select(entry.id, entry.entered_us).where(entry.id.in_(numbers))
    there = {row["id"]: row["entered_us"] for row in connection.execute(query).mappings()}
    hunted = {"hunted_us": to_us(at), "lacking": lacking}
    rows = [
        {"entry_id": each.number, "entered_us": each.entered_us, **hunted, **_told(seen.get(each.plate))}
        for each in portion
        if there.get(each.number) == each.entered_us
    ]
    connection.execute(delete(hunt_trace).where(hunt_trace.c.entry_id.in_(numbers)))
    if rows:
        connection.execute(insert(hunt_trace), rows)
    return len(rows)


def put_off(connection: Connection, entry: Entry, *, at: datetime, since: datetime) -> None:
    """Let an entry wait for its next hunt, since the archive gives no answer; what was found of it before stands.

    Args:
        connection: in a transaction for writing.
        entry: which.
        at: before the archive was asked.
        since: what was captured before is over.
    """
    trace = hunt_trace.c
    mine = (trace.entry_id == entry.number, trace.entered_us == entry.entered_us, _is_young(since))
    again = update(hunt_trace).where(*mine).values(hunted_us=to_us(at), lacking=1)
    if connection.execute(again).rowcount == 0:
        keep_traces(connection, [entry], {}, at=at, lacking=1)


def traces(engine: Engine, rules: Rules, wanted: Wanted) -> Traces:
    """What the hunts found; who asks must have been let in and logged before.

    Raises:
        HotlistError: there is no such list.
    """
    at, entry, trace = rules.clock(), hotlist_entry.c, hunt_trace.c
    both = hotlist_entry.outerjoin(hunt_trace, _holds(at - rules.keep))
    mine = list(in_force(at))
    if wanted.list_name is not None:
        mine.append(entry.list_name == wanted.list_name)
    was_seen = trace.last_us >= (0 if wanted.since is None else to_us(wanted.since))
    counts = select(
        func.count(),
        func.count(trace.entry_id),
        func.count().filter(was_seen),
        func.count().filter(trace.lacking > 0),
    )
    names = ("id", "list_name", "plate", "country", "reason", "priority")
    query = select(*(entry[name] for name in names), *trace).select_from(both).where(*mine, was_seen)
    query = query.order_by(trace.last_us.desc(), entry.id.desc()).limit(wanted.limit)
    with reading(engine) as connection:
        if wanted.list_name is not None:
            check_list(connection, wanted.list_name)
        counted = connection.execute(counts.select_from(both).where(*mine)).one()
        found = tuple(_trace(row) for row in connection.execute(query).mappings())
    return Traces(found, *counted)


def _holds(since: datetime) -> ColumnElement[bool]:
    """Whether a row is of an entry as it is now, and counts nothing that is over."""
    return and_(_is_of_entry(), _is_young(since))


def _is_of_entry() -> ColumnElement[bool]:
    entry, trace = hotlist_entry.c, hunt_trace.c
    return and_(trace.entry_id == entry.id, trace.entered_us == entry.entered_us)


def _is_young(since: datetime) -> ColumnElement[bool]:
    return func.coalesce(hunt_trace.c.first_us, to_us(since)) >= to_us(since)


def _told(seen: Seen | None) -> dict[str, Any]:
    if seen is None:
        return {"reads": 0, "first_us": None, "last_us": None, "last_camera": None}
    span = {"first_us": to_us(seen.first_at), "last_us": to_us(seen.last_at)}
    return {"reads": seen.reads, **span, "last_camera": seen.last_camera}


def _trace(row: RowMapping) -> KeptTrace:
    return KeptTrace(
        number=row["id"],
        list_name=row["list_name"],
        plate=row["plate"],
        country=row["country"],
        reason=row["reason"],
        priority=row["priority"],
        reads=row["reads"],
        first_at=from_us(row["first_us"]),
        last_at=from_us(row["last_us"]),
        last_camera=row["last_camera"],
        hunted_at=from_us(row["hunted_us"]),
        lacking=row["lacking"],
    )
