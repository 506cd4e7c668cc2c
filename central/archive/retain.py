"""Retention of reads: what may be shown no longer leaves the database and the archive.

    rows of the database ------------------------------> deleted
    days that are over, nothing of them held ----------> out of the archive, all in one commit, nothing is rewritten
    days that are over, and something of them held ----> one file a day that holds the held reads alone

A day that is not wholly over stays as it is: questions hide what is over of it, to the microsecond, and the next
day it goes whole. Each step can be cut off; what is left to do is asked anew by the next call. All of it happens in
turn with seals, and so does the entering of a hold: a read that was not removed before is held.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    func,
    not_,
    or_,
    select,
    tuple_,
)

from central.archive.close import by_day
from central.archive.files import DataFile, write_file
from central.archive.parts import reads_name
from central.archive.place import Archive
from central.archive.rules import Rules, shown
from central.archive.schema import PARTITION, READS
from central.archive.set_aside import forget
from central.archive.sorter import Sorter
from central.archive.table import DONE, LiveFile, live_files, open_archive, paths
from central.archive.visible import Visible
from central.archive.write import Sealer, change, sealing
from central.db import (
    alert,
    alert_event,
    alert_trail,
    dead_letter,
    delivery,
    hot_read,
    hotlist_entry,
    hunt_trace,
    reading,
    suppressed_read,
    suppression,
    to_us,
)
from central.db import seal as seal_table

_SLICE_ROWS: Final = 500
_FROM: Final = "read_parquet($files, hive_partitioning = false, union_by_name = true, filename = true)"
_WITH_OTHERS: Final = "SELECT DISTINCT filename FROM {source} WHERE NOT ({condition})"
_LEFT: Final = (
    "SELECT * EXCLUDE (filename) FROM (FROM nothing UNION ALL BY NAME FROM {source}) "
    "WHERE {condition} ORDER BY {order}"
)


@dataclass(frozen=True, slots=True)
class Removal:
    """What one step removes.

    Attributes:
        cut_off: what was captured before it is over.
        source: `archive`, or a table of the database.
        days: of the archive, oldest first.
        rows: that go.
        held: that stay of these days.
    """

    cut_off: datetime
    source: str
    rows: int
    days: tuple[date, ...] = ()
    held: int = 0


Log = Callable[[Connection, Removal], object]
"""Writes a removal down before it is done; one that is cut off in between is written down again."""


@dataclass(frozen=True, slots=True)
class _Run:
    sealer: Sealer
    visible: Visible
    log: Log

    def note(self, removal: Removal) -> Removal:
        with self.sealer.engine.begin() as connection:
            self.log(connection, removal)
        return removal


def retain(
    engine: Engine,
    archive: Archive,
    rules: Rules,
    *,
    duck: Sorter,
    log: Log,
    on_step: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Removal]:
    """Remove what may be shown no longer.

    Args:
        engine: the database.
        archive: where the reads lie.
        rules: how long reads are kept; the holds are asked for at each step.
        duck: rewrites.
        log: of removals, with counts; never a plate.
        on_step: is told of each day that is rewritten, how many of how many.

    Raises:
        StoreError: it cannot be done; what was done stands.
    """
    if open_archive(archive) is None:
        return []
    with sealing(engine, archive, clock=rules.clock) as sealer:
        run = _Run(sealer, _in_force(sealer.engine, rules), log)
        done = [*_delete_rows(run, rules.clock()), *_remove_days(run)]
        forget(archive, run.visible.is_over)
        waiting = _with_others(run, duck)
    for number, day in enumerate(waiting):
        on_step(number, len(waiting))
        with sealing(engine, archive, clock=rules.clock) as sealer:  # seals go on between the days
            run = _Run(sealer, _in_force(sealer.engine, rules), log)
            done += _rewrite(run, day, duck)
    return done


def _in_force(engine: Engine, rules: Rules) -> Visible:
    with reading(engine) as connection:
        return rules.in_force(connection)


def _delete_rows(run: _Run, now: datetime) -> list[Removal]:
    """Rows that a seal has begun to take are left to it, and go as reads of the archive.

    So are late updates: without one the archive would show the read as it was before, maybe of a younger time.
    """
    done = []
    for table in (hot_read, alert):
        over = not_(shown(table, run.visible))
        if table is not alert:
            over &= table.c.seal_id.is_(None)
        with reading(run.sealer.engine) as connection:
            rows = connection.scalar(select(func.count()).select_from(table).where(over)) or 0
        if rows:
            done.append(run.note(Removal(run.visible.since, table.name, rows)))
            _delete(run.sealer.engine, table, over)
    for table, over in _leftovers(to_us(run.visible.since), to_us(now)):
        _delete(run.sealer.engine, table, over)
    return done


def _leftovers(before_us: int, now_us: int) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """What is over of the tables that hold no reads."""
    trail, ended = alert_trail.c, seal_table.c
    alerts = select(alert.c.alert_id)
    yield alert_trail, and_(trail.captured_us < before_us, trail.alert_id.not_in(alerts))
    for table in (alert_event, delivery):
        yield table, table.c.alert_id.not_in(alerts)
    yield suppressed_read, suppressed_read.c.captured_us < before_us
    yield suppression, suppression.c.until_us < before_us
    trace, entry = hunt_trace.c, hotlist_entry.c
    hunted = (entry.id == trace.entry_id, entry.entered_us == trace.entered_us)
    in_force = select(entry.id).where(*hunted, entry.valid_until_us > now_us)
    yield hunt_trace, or_(trace.first_us < before_us, not_(in_force.exists()))
    yield dead_letter, dead_letter.c.received_us < before_us
    newest = select(func.max(ended.seal_id)).where(ended.state == DONE).scalar_subquery()
    yield seal_table, and_(ended.finished_us < before_us, ended.seal_id < newest)


def _delete(engine: Engine, table: Table, over: ColumnElement[bool]) -> None:
    """Slice by slice: reads keep being committed meanwhile, and while the rows are looked for.

    It goes through the table once, in the order of its key; what is over behind it meanwhile is the next call's.
    """
    keys = table.primary_key.columns
    query = select(*keys).where(over).order_by(*keys).limit(_SLICE_ROWS)
    some = _keys(engine, query)
    while some:
        with engine.begin() as connection:
            connection.execute(delete(table).where(tuple_(*keys).in_(some), over))
        some = _keys(engine, query.where(tuple_(*keys) > tuple_(*some[-1])))


def _keys(engine: Engine, query: Select[Any]) -> list[tuple[Any, ...]]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def _remove_days(run: _Run) -> list[Removal]:
    """Every day of which nothing is held, in one commit."""
    days = by_day(live_files(run.sealer.table))
    over = {day: files for day, files in days.items() if run.visible.is_over(day)}
    if not over:
        return []
    files = [file for of_day in over.values() for file in of_day]
    rows = sum(file.rows for file in files)
    removal = run.note(Removal(run.visible.since, "archive", rows, tuple(sorted(over))))
    change(run.sealer, files, lambda _: None)
    return [removal]


def _with_others(run: _Run, duck: Sorter) -> list[date]:
    """The days that are over and hold other reads beside those that are held."""
    days = _ended(by_day(live_files(run.sealer.table)), run.visible)
    day_of = {path: day for day, files in days.items() for path in paths(run.sealer.archive, READS, files)}
    if not day_of:
        return []
    sql = _WITH_OTHERS.format(source=_FROM, condition=run.visible.condition)
    found = duck.table(sql, {"files": list(day_of), **run.visible.parameters}, run.visible.tables)
    return sorted({day_of[path] for path in found["filename"].to_pylist()})


def _ended(days: Mapping[date, Sequence[LiveFile]], visible: Visible) -> dict[date, Sequence[LiveFile]]:
    """Days whose last microsecond is before the cut-off."""
    return {day: files for day, files in days.items() if day < visible.since.date()}


def _rewrite(run: _Run, day: date, duck: Sorter) -> list[Removal]:
    """Leave the held reads of a day that is over, if there are any."""
    archive = run.sealer.archive
    files = _ended(by_day(live_files(run.sealer.table)), run.visible).get(day)
    if not files:
        return []
    condition = run.visible.condition
    named = {"files": paths(archive, READS, files), **run.visible.parameters}
    (counted,) = duck.table(
        f"SELECT count(*) AS held FROM {_FROM} WHERE {condition}",  # noqa: S608
        named,
        run.visible.tables,
    ).to_pylist()
    rows = sum(file.rows for file in files)
    if rows == counted["held"]:
        return []
    removal = Removal(run.visible.since, "archive", rows - counted["held"], (day,), counted["held"])

    def write(seal_id: int) -> DataFile | None:
        sql = _LEFT.format(source=_FROM, condition=condition, order=READS.order)
        tables = {"nothing": READS.columns.empty_table(), **run.visible.tables}
        name = reads_name("day", seal_id)
        rows = (piece.select(READS.columns.names) for piece in duck.stream(sql, named, tables))
        return write_file(archive, READS, {PARTITION: day}, name, rows)

    run.note(removal)
    change(run.sealer, files, write)
    return [removal]
