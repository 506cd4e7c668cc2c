"""Sealing: rows become one Delta commit by date of capture, and only then leave the database.

    mark (seal open) -> Delta commit with the seal's number -> seal done -> delete (seal finished)

Each step can be cut off and is repeated by the next call: rows marked and not in the log are written again,
a seal whose number is in the log already is only cleaned up. Readers are never in the way: one opens the
Delta table first, then takes the rows whose seal is not in it from one snapshot of the database, and starts
again where that snapshot says that a seal is done which its table lacks.

A seal holds either hot rows, which are appended, or late updates, which replace what was archived.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    Update,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.elements import Tuple

from central.archive.files import DataFile
from central.archive.improve import replace
from central.archive.newest import forget, remember
from central.archive.place import Archive
from central.archive.rows import to_table
from central.archive.schema import PARTITION, READS, SCHEMA
from central.archive.table import (
    DONE,
    LiveFile,
    append,
    commit,
    complete,
    force_to_disk,
    make_archive,
    open_archive,
    sealed_through,
    speaking_of,
)
from central.db import Clock, hot_read, late_update, reading, to_us
from central.db import seal as seal_table
from central.lock import exclusive
from central.types import ArchivedDay

CHUNK_ROWS: Final = 100_000
"""Rows of one seal at most: what one call holds in memory."""

_SLICE_ROWS: Final = 500  # rows of one database transaction, so that reads keep being committed meanwhile
_GIVE_WAY_S: Final = 0.03
"""Between two of them: who waits for SQLite's lock only looks now and then, and found it taken again for seconds."""

_OPEN: Final = "open"
_NO_SEAL: Final = 0
_SOURCES: Final = (hot_read, late_update)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Who is alone with the archive.

    Attributes:
        engine: of the lock: once that is lost, its transactions raise StoreError.
        table: the reads.
        finished: what was archived of seals that had been cut off.
    """

    engine: Engine
    archive: Archive
    table: DeltaTable
    clock: Clock
    finished: Counter[date] = field(default_factory=Counter)


@contextmanager
def sealing(engine: Engine, archive: Archive, *, clock: Clock) -> Iterator[Sealer]:
    """Wait until nobody else seals; seals that were cut off are brought to their end first.

    Raises:
        StoreError: the archive cannot be opened or written.
    """
    with exclusive(engine, "sealing", wait=True) as engine:
        with speaking_of(f"{archive}: archive cannot be opened"):
            archive.prepare()
        sealer = Sealer(engine, archive, open_archive(archive) or make_archive(archive), clock)
        for unfinished in _unfinished(engine):
            sealer.finished.update(_finish(sealer, unfinished))
        yield sealer


def change(sealer: Sealer, remove: Sequence[LiveFile], write: Callable[[int], DataFile | None]) -> None:
    """Take files of the reads out of the archive, and what is left of them back in: a seal without rows of its own.

    With its number the day of a new file goes further than what was derived of it, which so holds no longer.

    Args:
        sealer: whose table was as it is when the files were chosen.
        remove: live files.
        write: gets the seal's number; gives the file that is left, if there is one.

    Raises:
        StoreError: nothing was committed; or it was, and the next seal sees to the rest.
    """
    with sealer.engine.begin() as connection:
        seal_id = _open(connection, sealer)
    with speaking_of(f"{sealer.archive}: seal {seal_id} cannot take files out"):
        complete(sealer.table)
        left = write(seal_id)
        add = [] if left is None else [left]
        commit(sealer.table, READS, add=add, remove=remove, seal_id=seal_id)
    _finish(sealer, seal_id)


def seal(
    engine: Engine, archive: Archive, *, clock: Clock, chunk_rows: int = CHUNK_ROWS
) -> list[ArchivedDay]:
    """Move every hot row and late update into the archive, which is made where there is none.

    Rows that come while it is at work may be left to the next call.

    One call at a time, over all processes of the database; another one waits for its turn.

    Args:
        engine: the database.
        archive: where it lies.
        clock: now, UTC-aware.
        chunk_rows: rows of one Delta commit at most.

    Returns:
        The reads that this call brought into the archive, by date of capture; updates do not count.

    Raises:
        StoreError: the archive cannot be opened or written. The rows are still in the database.
    """
    with sealing(engine, archive, clock=clock) as sealer:
        written = sealer.finished
        for source in _SOURCES:
            marked = chunk_rows
            while (
                marked == chunk_rows
            ):  # what comes meanwhile is the next call's, or this one would never end
                seal_id, marked = _mark(sealer, source, chunk_rows)
                if seal_id is not None:
                    written.update(_finish(sealer, seal_id))
        with sealer.engine.begin() as connection:
            forget(connection, now_us=to_us(clock()))
    return [ArchivedDay(day, rows) for day, rows in sorted(written.items())]


def _unfinished(engine: Engine) -> list[int]:
    """Seals that were cut off. Whoever holds the lock may finish them: nobody else is at it."""
    query = select(seal_table.c.seal_id).where(seal_table.c.finished_us.is_(None))
    with reading(engine) as connection:
        return list(connection.scalars(query.order_by(seal_table.c.seal_id)))


def _mark(sealer: Sealer, source: Table, chunk_rows: int) -> tuple[int | None, int]:
    """Open a seal and put its number on up to `chunk_rows` rows; the seal, or None, and how many they are."""
    is_free = source.c.seal_id.is_(None)
    unsealed = select(source.c.seq).where(is_free).limit(1)
    with sealer.engine.begin() as connection:
        if connection.scalar(unsealed) is None:
            return None, 0
        seal_id = _open(connection, sealer)
    key = _key(source)
    marked = 0
    while marked < chunk_rows:
        size = min(_SLICE_ROWS, chunk_rows - marked)
        some = select(*key.clauses).where(is_free).limit(size)
        # Said twice, see `_delete`.
        take = update(source).where(_seal_of(source) == _NO_SEAL, key.in_(some)).values(seal_id=seal_id)
        with sealer.engine.begin() as connection:
            rows = connection.execute(take).rowcount
            connection.execute(_this(seal_id).values(rows=seal_table.c.rows + rows))
        marked += rows
        if rows < size:
            break
        time.sleep(_GIVE_WAY_S)
    return seal_id, marked


def _open(connection: Connection, sealer: Sealer) -> int:
    """Open a seal: its number."""
    newest = select(func.max(seal_table.c.seal_id))
    # Above both: a database started afresh beside an old archive must not take its numbers again.
    seal_id = max(connection.scalar(newest) or 0, sealed_through(sealer.table)) + 1
    opened = {"seal_id": seal_id, "state": _OPEN, "rows": 0, "started_us": to_us(sealer.clock())}
    connection.execute(insert(seal_table).values(opened))
    return seal_id


def _finish(sealer: Sealer, seal_id: int) -> Counter[date]:
    """Bring a seal from wherever it stands to its end; the reads archived by this call, by date."""
    written: Counter[date] = Counter()
    if sealed_through(sealer.table) < seal_id:
        if (new := _marked(sealer.engine, hot_read, seal_id)).num_rows:
            append(sealer.archive, sealer.table, new, seal_id=seal_id)
            written = Counter(new[PARTITION].to_pylist())
        elif (updates := _marked(sealer.engine, late_update, seal_id)).num_rows:
            replace(sealer.archive, sealer.table, updates, seal_id=seal_id)
    if sealed_through(sealer.table) < seal_id:  # nothing to write: cut off before it marked any, or all stale
        _delete(sealer.engine, late_update, seal_id)
        with sealer.engine.begin() as connection:
            connection.execute(delete(seal_table).where(seal_table.c.seal_id == seal_id))
        return written
    force_to_disk(sealer.archive, newest=sealer.table.version(), seal_id=seal_id)
    # Done before the first row is deleted: a reader whose Delta table is older must notice.
    with sealer.engine.begin() as connection:
        for source in _SOURCES:
            remember(connection, source, seal_id, now_us=to_us(sealer.clock()))
        connection.execute(_this(seal_id).values(state=DONE))
    for source in _SOURCES:
        _delete(sealer.engine, source, seal_id)
    with sealer.engine.begin() as connection:
        connection.execute(_this(seal_id).values(finished_us=to_us(sealer.clock())))
    return written


def _marked(engine: Engine, source: Table, seal_id: int) -> pa.Table:
    """The rows of a seal in the archive's shape, in order of capture."""
    query = select(source).where(source.c.seal_id == seal_id)
    with reading(engine) as connection:
        result = connection.execution_options(yield_per=_SLICE_ROWS).execute(query).mappings()
        parts: list[pa.Table] = []
        for part in result.partitions():
            if parts:
                time.sleep(_GIVE_WAY_S)  # the interpreter, too: reads are being committed meanwhile
            parts.append(to_table(part))
    rows = pa.concat_tables([SCHEMA.empty_table(), *parts])
    return rows.sort_by([("captured_at", "ascending"), ("edge_id", "ascending"), ("seq", "ascending")])


def _delete(engine: Engine, source: Table, seal_id: int) -> None:
    """Delete a seal's rows; one that a newer update has just replaced is no longer the seal's, and stays."""
    key, is_sealed = _key(source), source.c.seal_id == seal_id
    left = select(source.c.seq).where(is_sealed).limit(1)
    some = select(*key.clauses).where(is_sealed).limit(_SLICE_ROWS)
    # PostgreSQL waits for a row that is being replaced and then looks at it again, but not at `some`.
    statement = delete(source).where(_seal_of(source) == seal_id, key.in_(some))
    while True:
        with engine.begin() as connection:
            if connection.scalar(left) is None:
                return
            connection.execute(statement)
        time.sleep(_GIVE_WAY_S)


def _key(source: Table) -> Tuple:
    return tuple_(source.c.edge_id, source.c.epoch, source.c.seq)


def _seal_of(source: Table) -> ColumnElement[int]:
    """A row's seal, to look at it: SQLite would go through all of that seal's rows by a plain column's index."""
    return func.coalesce(source.c.seal_id, _NO_SEAL)


def _this(seal_id: int) -> Update:
    return update(seal_table).where(seal_table.c.seal_id == seal_id)
