"""Sealing: hot rows become one Delta commit by date of capture, and only then leave the database.

    mark (seal open) -> Delta commit with the application transaction (APP, seal_id) -> seal done -> delete

Each step can be cut off and is repeated by the next call: rows marked and not in the log are written again,
a seal whose number is already in the log is only cleaned up. A reader therefore opens the Delta table first,
takes the hot rows whose seal is not in it, and starts again where a seal that it lacks is done meanwhile.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from sqlalchemy import Engine, Update, delete, func, insert, select, tuple_, update

from central.archive.rows import to_table
from central.archive.schema import PARTITION, SCHEMA, TABLE_PROPERTIES, WRITER
from central.db import Clock, hot_read, reading, to_us
from central.db import seal as seal_table
from central.errors import StoreError
from central.types import ArchivedDay

APP: Final = "atalaya-seal"
"""The application whose transaction versions in the Delta log are seal numbers."""

CHUNK_ROWS: Final = 100_000
"""Rows of one seal at most: what one call holds in memory, about 20 MB."""

_SLICE_ROWS: Final = 2_000  # rows of one database transaction, so that reads keep being committed meanwhile
_LOCK: Final = "_seal.lock"

_OPEN: Final = "open"
_DONE: Final = "done"

_KEY: Final = tuple_(hot_read.c.edge_id, hot_read.c.epoch, hot_read.c.seq)


@dataclass(frozen=True, slots=True)
class _Sealer:
    engine: Engine
    table: DeltaTable
    clock: Clock


def seal(engine: Engine, path: Path, *, clock: Clock, chunk_rows: int = CHUNK_ROWS) -> list[ArchivedDay]:
    """Move every hot row into the Delta table at `path`, which is made where there is none.

    One call at a time, over all processes of this machine; another one waits for its turn.

    Args:
        engine: the database.
        path: folder of the Delta table.
        clock: now, UTC-aware.
        chunk_rows: rows of one Delta commit at most.

    Returns:
        The rows that this call wrote, by date of capture.

    Raises:
        StoreError: the archive cannot be opened or written. The rows are still in the database.
    """
    written: Counter[date] = Counter()
    with _alone(path):
        sealer = _Sealer(engine, open_archive(path), clock)
        for unfinished in _unfinished(engine):
            written += _finish(sealer, unfinished)
        while (seal_id := _mark(sealer, chunk_rows)) is not None:
            written += _finish(sealer, seal_id)
    return [ArchivedDay(day, rows) for day, rows in sorted(written.items())]


def open_archive(path: Path) -> DeltaTable:
    """The Delta table at `path`, made where there is none.

    Raises:
        StoreError: it cannot be opened or made.
    """
    try:
        return DeltaTable(path)
    except TableNotFoundError:
        pass
    except (DeltaError, OSError) as error:
        raise StoreError(f"{path}: archive cannot be opened: {error}") from error
    try:
        return DeltaTable.create(
            path,
            SCHEMA,
            mode="ignore",
            partition_by=PARTITION,
            name="reads",
            configuration=TABLE_PROPERTIES,
        )
    except (DeltaError, OSError) as error:
        raise StoreError(f"{path}: archive cannot be made: {error}") from error


def sealed_through(table: DeltaTable) -> int:
    """The newest seal that this version of the table holds; it holds every earlier one too. 0: none yet."""
    return table.transaction_version(APP) or 0


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The kernel gives the lock back when its process dies, however it dies."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / _LOCK).open("wb")
    except OSError as error:
        raise StoreError(f"{path}: archive cannot be written: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unfinished(engine: Engine) -> list[int]:
    """Seals that were cut off. Whoever holds the lock may finish them: nobody else is at it."""
    query = select(seal_table.c.seal_id).where(seal_table.c.finished_us.is_(None))
    with reading(engine) as connection:
        return list(connection.scalars(query.order_by(seal_table.c.seal_id)))


def _mark(sealer: _Sealer, chunk_rows: int) -> int | None:
    """Open a seal and put its number on up to `chunk_rows` hot rows. None: there is no row to seal."""
    unsealed = select(hot_read.c.seq).where(hot_read.c.seal_id.is_(None)).limit(1)
    newest = select(func.max(seal_table.c.seal_id))
    with sealer.engine.begin() as connection:
        if connection.scalar(unsealed) is None:
            return None
        # Above both: a database started afresh beside an old archive must not take its numbers again.
        seal_id = max(connection.scalar(newest) or 0, sealed_through(sealer.table)) + 1
        opened = {"seal_id": seal_id, "state": _OPEN, "rows": 0, "started_us": to_us(sealer.clock())}
        connection.execute(insert(seal_table).values(opened))
    marked = 0
    while marked < chunk_rows:
        size = min(_SLICE_ROWS, chunk_rows - marked)
        some = select(*_KEY.clauses).where(hot_read.c.seal_id.is_(None)).limit(size)
        with sealer.engine.begin() as connection:
            rows = connection.execute(update(hot_read).where(_KEY.in_(some)).values(seal_id=seal_id)).rowcount
            connection.execute(_this(seal_id).values(rows=seal_table.c.rows + rows))
        marked += rows
        if rows < size:
            break
    return seal_id


def _finish(sealer: _Sealer, seal_id: int) -> Counter[date]:
    """Bring a seal from wherever it stands to its end; the rows written by this call, by date."""
    written: Counter[date] = Counter()
    if sealed_through(sealer.table) < seal_id:
        rows = _marked_rows(sealer.engine, seal_id)
        if not rows.num_rows:  # cut off before it marked any
            with sealer.engine.begin() as connection:
                connection.execute(delete(seal_table).where(seal_table.c.seal_id == seal_id))
            return written
        _commit(sealer.table, rows, seal_id=seal_id)
        written = Counter(rows[PARTITION].to_pylist())
    _to_disk(sealer.table, seal_id)
    # Done before the first row is deleted: a reader whose Delta table is older must notice.
    with sealer.engine.begin() as connection:
        connection.execute(_this(seal_id).values(state=_DONE))
    _delete(sealer.engine, seal_id)
    with sealer.engine.begin() as connection:
        connection.execute(_this(seal_id).values(finished_us=to_us(sealer.clock())))
    return written


def _this(seal_id: int) -> Update:
    return update(seal_table).where(seal_table.c.seal_id == seal_id)


def _marked_rows(engine: Engine, seal_id: int) -> pa.Table:
    """The rows of a seal in order of capture."""
    query = select(hot_read).where(hot_read.c.seal_id == seal_id)
    with reading(engine) as connection:
        result = connection.execution_options(yield_per=_SLICE_ROWS).execute(query).mappings()
        parts = [to_table(part) for part in result.partitions()]
    rows = pa.concat_tables([SCHEMA.empty_table(), *parts])
    return rows.sort_by([("captured_at", "ascending"), ("edge_id", "ascending"), ("seq", "ascending")])


def _commit(table: DeltaTable, rows: pa.Table, *, seal_id: int) -> None:
    try:
        write_deltalake(
            table,
            rows,
            mode="append",
            writer_properties=WRITER,
            commit_properties=CommitProperties(app_transactions=[Transaction(APP, seal_id)]),
        )
    except (DeltaError, OSError) as error:
        raise StoreError(f"seal {seal_id}: cannot be written to the archive: {error}") from error


def _to_disk(table: DeltaTable, seal_id: int) -> None:
    """Force a seal's commit to the disk, for hot rows are deleted on its strength; deltalake does not.

    Raises:
        StoreError: a file is shorter than it was written: the machine lost power in between.
    """
    root = Path(table.table_uri.removeprefix("file://"))
    try:
        entry, sizes = _log_entry(root, table, seal_id)
        for file, size in sizes.items():
            if file.stat().st_size != size:
                raise StoreError(f"{file}: archive is damaged: {file.stat().st_size} of {size} bytes")
        folders = {folder for file in sizes for folder in (file.parent, root)}
        for place in (*sizes, *folders, entry, entry.parent):
            _fsync(place)
    except OSError as error:
        raise StoreError(f"seal {seal_id}: cannot be forced to the disk: {error}") from error


def _log_entry(root: Path, table: DeltaTable, seal_id: int) -> tuple[Path, dict[Path, int]]:
    """The log entry that brought a seal, and its data files with their sizes in bytes."""
    for version in range(table.version(), -1, -1):
        entry = root / "_delta_log" / f"{version:020}.json"
        actions = [json.loads(line) for line in entry.read_text(encoding="utf-8").splitlines()]
        brought = [action["txn"] for action in actions if "txn" in action]
        if {"appId": APP, "version": seal_id}.items() <= (brought or [{}])[0].items():
            added = [action["add"] for action in actions if "add" in action]
            return entry, {root / add["path"]: add["size"] for add in added}
    raise StoreError(f"{root}: archive is damaged: no log entry brings seal {seal_id}")


def _fsync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(engine: Engine, seal_id: int) -> None:
    some = select(*_KEY.clauses).where(hot_read.c.seal_id == seal_id).limit(_SLICE_ROWS)
    rows = _SLICE_ROWS
    while rows == _SLICE_ROWS:
        with engine.begin() as connection:
            rows = connection.execute(delete(hot_read).where(_KEY.in_(some))).rowcount
