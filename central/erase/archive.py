"""The archive without a plate: its files are written again, what was counted is counted again, old files are deleted.

    reads, plates: each file that holds the plate ---> the same rows without it, under the same seal's number
    dictionary, hours: of the periods touched --------> counted again from the copy by plate
    whatever no table names any more -----------------> deleted, once no question can be reading it

A file's number stays, so all copies hold as before; what is derived is right again before the order stops hiding the
reads. Each commit is one step, and each step looks itself for what is left, so it may be cut off anywhere.
"""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable
from sqlalchemy import Engine, select, update

from central.archive.damage import faults
from central.archive.derive import COUNTED
from central.archive.files import DataFile, write_file
from central.archive.parts import UNKNOWN, Period, goes_through, is_closed, part_name, part_of, reads_name
from central.archive.place import LOG, SPILL, Archive
from central.archive.schema import DERIVED, DICTIONARY, ENDINGS, HOURS, PLATES, READS, Layout
from central.archive.sorter import Sorter
from central.archive.table import (
    LiveFile,
    commit,
    live_files,
    open_archive,
    paths,
    sealed_through,
    speaking_of,
)
from central.archive.write import sealing
from central.consume.put import put
from central.db import Clock, erased_file, erased_read, reading
from central.errors import DamagedError

_IS_READ: Final = (
    "(plate = $plate AND epoch_us(captured_at) >= $since_us AND epoch_us(captured_at) < $until_us "
    "OR EXISTS (SELECT 1 FROM erased WHERE erased.edge_id = found.edge_id AND erased.epoch = found.epoch "
    "AND erased.seq = found.seq))"
)
_IS_RAW: Final = (
    "(coalesce(upper(regexp_replace(plate_raw, '[^A-Za-z0-9]', '', 'g')) = $plate, false) "
    "AND epoch_us(captured_at) >= $since_us AND epoch_us(captured_at) < $until_us)"
)
_FILES: Final = (
    "read_parquet($files, filename = true, hive_partitioning = false, union_by_name = true) AS found"
)
_TOUCHED: Final = (
    "SELECT filename, count(*) FILTER (WHERE is_read) AS rows "  # noqa: S608
    f"FROM (SELECT filename, {_IS_READ} AS is_read, {_IS_RAW} AS is_raw FROM {_FILES}) "
    "WHERE is_read OR is_raw GROUP BY filename ORDER BY filename"
)
_WITHOUT: Final = (
    "SELECT * FROM (FROM nothing UNION ALL BY NAME "  # noqa: S608  # for the columns that old files lack
    f"SELECT * EXCLUDE filename REPLACE (CASE WHEN {_IS_RAW} THEN NULL ELSE plate_raw END AS plate_raw) "
    f"FROM {_FILES} WHERE NOT {_IS_READ}) ORDER BY {{order}}"
)
_LAST_US: Final = 2**62


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be erased, and where.

    Attributes:
        engine: the database, over which nobody else maintains.
        number: of the order.
        plate: as it is stored.
        window: of capture, microseconds; None: open.
    """

    engine: Engine
    archive: Archive
    number: int
    plate: str
    window: tuple[int | None, int | None]

    @property
    def parameters(self) -> dict[str, object]:
        """Of the conditions above."""
        since_us, until_us = self.window
        return {"plate": self.plate, "since_us": since_us or 0, "until_us": until_us or _LAST_US}


def rewrite(work: Work, *, duck: Sorter, clock: Clock) -> None:
    """Write the files that hold the plate again, and count again what was counted of it.

    Raises:
        StoreError: it cannot be done; what was done stands.
    """
    erased = _named(work)
    with sealing(work.engine, work.archive, clock=clock):
        touched = _touched(work, READS, duck, erased)
    for _, files in groupby(touched, key=lambda pair: pair[0].captured_date):
        names = {file.name for file, _ in files}
        with sealing(work.engine, work.archive, clock=clock):  # seals go on between two days
            _rewrite(work, READS, duck, erased, only=names)
    _rewrite(work, PLATES, duck, erased)
    _count_again(work, duck)
    finish(work.engine, work.number, *(f"{layout.folder}/" for layout in (READS, *DERIVED)))


def left_over(archive: Archive) -> int:
    """How many files no table names any more.

    Raises:
        StoreError: nobody can tell.
    """
    with speaking_of(f"{archive}: old files cannot be counted"):
        return sum(len(_vacuum(table, dry_run=True)) for table in _tables(archive))


def delete_old(work: Work, *, clock: Clock) -> int:
    """Delete every file that no table names any more, whatever its age, and rows that were spilt; how many files.

    First the log is made durable: a machine that loses power must not come back to a table that names them.

    Raises:
        StoreError: it cannot be done.
    """
    archive, deleted = work.archive, 0
    with sealing(work.engine, archive, clock=clock), speaking_of(f"{archive}: old files cannot be deleted"):
        for layout in (READS, *DERIVED):
            table = open_archive(archive, layout)
            if table is not None and (old := _vacuum(table, dry_run=True)):
                archive.force(archive.files(f"{layout.folder}/{LOG}"))
                _vacuum(table, dry_run=False)
                deleted += len(old)
        for spilt in archive.scratch.glob(f"{SPILL}*"):
            shutil.rmtree(spilt, ignore_errors=True)
    return deleted


def finish(engine: Engine, number: int, *begin: str) -> None:
    """Note that these files are done."""
    row = erased_file.c
    with engine.begin() as connection:
        for each in begin:
            mine = (row.erasure_id == number, row.name.startswith(each, autoescape=True))
            connection.execute(update(erased_file).where(*mine).values(done=True))


def _tables(archive: Archive) -> list[DeltaTable]:
    found = (open_archive(archive, layout) for layout in (READS, *DERIVED))
    return [table for table in found if table is not None]


def _vacuum(table: DeltaTable, *, dry_run: bool) -> list[str]:
    return table.vacuum(0, dry_run=dry_run, enforce_retention_duration=False, full=True)


def _named(work: Work) -> pa.Table:
    """The reads of the order, by their identities."""
    read = erased_read.c
    query = select(read.edge_id, read.epoch, read.seq).where(read.erasure_id == work.number)
    schema = pa.schema([("edge_id", pa.string()), ("epoch", pa.int64()), ("seq", pa.int64())])
    with reading(work.engine) as connection:
        return pa.Table.from_pylist(
            [dict(row) for row in connection.execute(query).mappings()], schema=schema
        )


def _touched(
    work: Work, layout: Layout, duck: Sorter, erased: pa.Table, *, only: set[str] | None = None
) -> list[tuple[LiveFile, int]]:
    """The files of a table that hold the plate, and how many of its reads; of reads by day."""
    table = open_archive(work.archive, layout)
    files = [] if table is None else live_files(table)
    files = [file for file in files if only is None or file.name in only]
    if not files:
        return []
    for fault in faults(work.archive, layout, files, thoroughly=True):  # or a hit page would hide the plate
        raise DamagedError(
            f"{work.archive}: {fault.name} is damaged: {fault.why}; maintenance sees to it first"
        )
    by_path = dict(zip(paths(work.archive, layout, files), files, strict=True))
    found = duck.table(_TOUCHED, {"files": list(by_path), **work.parameters}, {"erased": erased})
    pairs = [(by_path[row["filename"]], row["rows"]) for row in found.to_pylist()]
    return sorted(pairs, key=lambda pair: pair[0].name)


def _rewrite(
    work: Work, layout: Layout, duck: Sorter, erased: pa.Table, *, only: set[str] | None = None
) -> None:
    """Write the files that hold the plate again, in one commit."""
    archive = work.archive
    with speaking_of(f"{archive}: {layout.folder} cannot be rewritten"):
        touched = _touched(work, layout, duck, erased, only=only)
        table = open_archive(archive, layout)
        if table is None or not touched:
            return
        written = [_written(work, layout, duck, erased, file, table=table) for file, _ in touched]
        for (old, rows), new in zip(touched, written, strict=True):
            _note(work, f"{layout.folder}/{old.name}", rows, _full(layout, new))
        commit(table, layout, add=[new for new in written if new], remove=[old for old, _ in touched])


def _written(
    work: Work, layout: Layout, duck: Sorter, erased: pa.Table, file: LiveFile, *, table: DeltaTable
) -> DataFile | None:
    closed = layout is READS and is_closed([file.name])
    name, order = _new_name(file, layout, table), layout.order
    if layout is READS and not closed:
        order = "captured_at, edge_id, seq"
    if name is None:  # of another hand: nothing asks it
        return None
    rows = duck.stream(
        _WITHOUT.format(order=order),
        {"files": paths(work.archive, layout, [file]), **work.parameters},
        {"nothing": layout.columns.empty_table(), "erased": erased},
    )
    columns = layout.columns.names
    return write_file(work.archive, layout, file.partition, name, (piece.select(columns) for piece in rows))


def _new_name(file: LiveFile, layout: Layout, table: DeltaTable) -> str | None:
    if layout is READS:
        through = goes_through(file.name)
        through = sealed_through(table) if through == UNKNOWN else through
        return reads_name("day" if is_closed([file.name]) else "seal", through)
    part = part_of(file.name)
    return None if part is None else part_name(part)


def _note(work: Work, name: str, rows: int, new: str | None) -> None:
    """Keep the hashes of a file and of what takes its place, before it does."""
    row = {
        "erasure_id": work.number,
        "name": name,
        "rows": rows,
        "sha256_before": hashlib.sha256(work.archive.read(name)).hexdigest(),
        "sha256_after": None if new is None else hashlib.sha256(work.archive.read(new)).hexdigest(),
        "done": False,
    }
    with work.engine.begin() as connection:
        put(connection, erased_file, row)


def _full(layout: Layout, file: DataFile | None) -> str | None:
    return None if file is None else f"{layout.folder}/{file.name}"


def _count_again(work: Work, duck: Sorter) -> None:
    """Count the periods anew whose files were written again, from the copy by plate; drop what has no such copy."""
    query = select(erased_file.c.name).where(
        erased_file.c.erasure_id == work.number,
        erased_file.c.name.startswith(f"{PLATES.folder}/"),
        erased_file.c.done.is_(False),
    )
    with reading(work.engine) as connection:
        names = connection.scalars(query).all()
    table = open_archive(work.archive, PLATES)
    copies = _by_period([] if table is None else live_files(table))
    due = {part.period for name in names if (part := part_of(name)) is not None}
    for layout in (DICTIONARY, ENDINGS, HOURS):
        counted = open_archive(work.archive, layout)
        if counted is None:
            continue
        parts = _by_period(live_files(counted))
        for period in sorted(due & parts.keys() | parts.keys() - copies.keys()):
            _count(work, layout, duck, parts[period], copies.get(period, []))


def _count(
    work: Work, layout: Layout, duck: Sorter, old: Sequence[LiveFile], copies: Sequence[LiveFile]
) -> None:
    table, new = open_archive(work.archive, layout), None
    if table is None:
        return
    with speaking_of(f"{work.archive}: {layout.folder} cannot be counted again"):
        parts = [part for file in copies if (part := part_of(file.name)) is not None]
        if parts:
            part = max(parts, key=lambda each: each.through)
            month: dict[str, object] = {"year": part.period.year, "month": part.period.month}
            rows = duck.stream(COUNTED[layout.folder], {"files": paths(work.archive, PLATES, copies)})
            new = write_file(work.archive, layout, month, part_name(part), rows)
        for file in old:
            _note(work, f"{layout.folder}/{file.name}", 0, _full(layout, new))
        commit(table, layout, add=[] if new is None else [new], remove=old)


def _by_period(files: Iterable[LiveFile]) -> dict[Period, list[LiveFile]]:
    found: dict[Period, list[LiveFile]] = {}
    for file in files:
        part = part_of(file.name)
        if part is not None:
            found.setdefault(part.period, []).append(file)
    return found
