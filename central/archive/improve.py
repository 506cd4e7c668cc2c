"""Newer versions of archived reads: the files that hold them are written again, in one commit."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from central.archive.damage import faults
from central.archive.files import DataFile, write_file
from central.archive.parts import is_closed, reads_name
from central.archive.place import Archive
from central.archive.schema import PARTITION, READS
from central.archive.sorter import Sorter, sorter
from central.archive.table import LiveFile, commit, complete, live_files, paths, speaking_of, write_by_day
from central.errors import DamagedError

_MEMORY_MB: Final = 512
_ONE: Final = "edge_id, epoch, seq"
_FOUND: Final = (
    f"SELECT filename, {_ONE}, update_seq, captured_at, received_offset_us, late "  # noqa: S608
    f"FROM read_parquet($files, filename = true, hive_partitioning = false) SEMI JOIN new USING ({_ONE})"
)
# When the read came, and not its update: the same moment, counted from the new time of capture.
_CAME: Final = "found.received_offset_us + epoch_us(found.captured_at) - epoch_us(new.captured_at)"
_BETTER: Final = (
    f"SELECT new.* REPLACE ({_CAME} AS received_offset_us, found.late AS late), filename "  # noqa: S608
    f"FROM new JOIN found USING ({_ONE}) WHERE new.update_seq > found.update_seq"
)
_MISSING: Final = f"SELECT new.* FROM new ANTI JOIN found USING ({_ONE})"  # noqa: S608
_REWRITTEN: Final = (
    # `better` for the columns that an old file lacks.
    "SELECT * FROM (FROM better UNION ALL BY NAME FROM "  # noqa: S608
    f"(FROM read_parquet($file, hive_partitioning = false) ANTI JOIN gone USING ({_ONE}))) ORDER BY {{order}}"
)


def replace(archive: Archive, table: DeltaTable, rows: pa.Table, *, seal_id: int) -> None:
    """Commit newer versions of archived reads as one seal: a read is replaced, or added where it is missing.

    Nothing is committed where the archive holds a later update of each. An update may move the time of capture
    by the length of a passage, so the read is looked for on the day before and after it too.

    Args:
        archive: where it lies.
        table: its reads, opened while the lock of the archive was held.
        rows: the newer versions, one a read.
        seal_id: the seal.

    Raises:
        StoreError: nothing was committed.
    """
    days = _days_around(rows)
    near = [file for file in live_files(table) if file.captured_date in days]
    files = dict(zip(paths(archive, READS, near), near, strict=True))
    what = f"{archive}: seal {seal_id}: updates cannot be written"
    with speaking_of(what), sorter(archive, memory_mb=_MEMORY_MB) as duck:
        complete(table)
        better, missing = _compared(duck, rows, list(files))
        touched = sorted(set(better["filename"].to_pylist()))
        for fault in faults(archive, READS, [files[name] for name in touched], thoroughly=True):
            raise DamagedError(f"{archive}: {fault.name} is damaged: {fault.why}")
        written = [
            file
            for name in touched
            if (file := _rewritten(duck, archive, files[name], _of_file(better, name), seal_id)) is not None
        ]
        moved = [_moved(better, name, files[name].captured_date) for name in touched]
        added = pa.concat_tables([missing, *moved]).sort_by("captured_at")
        written += write_by_day(archive, added, seal_id=seal_id)
        if written:
            commit(table, READS, add=written, remove=[files[name] for name in touched], seal_id=seal_id)


def _compared(duck: Sorter, rows: pa.Table, files: list[str]) -> tuple[pa.Table, pa.Table]:
    """The rows that are newer than what a file holds, with its `filename`, and those that none holds."""
    if not files:
        return duck.table("SELECT *, '' AS filename FROM new WHERE false", {}, {"new": rows}), rows
    found = duck.table(_FOUND, {"files": files}, {"new": rows})
    tables = {"new": rows, "found": found}
    better, missing = duck.table(_BETTER, {}, tables), duck.table(_MISSING, {}, tables)
    return better, missing.cast(READS.schema)


def _of_file(better: pa.Table, name: str) -> pa.Table:
    return better.filter(pc.equal(better["filename"], name)).drop_columns("filename")


def _rewritten(
    duck: Sorter, archive: Archive, file: LiveFile, better: pa.Table, seal_id: int
) -> DataFile | None:
    """The file with newer versions of some of its reads; those of another day leave it."""
    here = pc.equal(better[PARTITION], pa.scalar(file.captured_date, pa.date32()))
    closed = is_closed([file.name])
    pieces = duck.stream(
        _REWRITTEN.format(order=READS.order if closed else "captured_at, edge_id, seq"),
        {"file": paths(archive, READS, [file])},
        {"better": better.filter(here).drop_columns(PARTITION), "gone": better},
    )
    name = reads_name("day" if closed else "seal", seal_id)
    return write_file(archive, READS, file.partition, name, _in_order(pieces))


def _moved(better: pa.Table, name: str, day: date) -> pa.Table:
    of_file = _of_file(better, name)
    return of_file.filter(pc.not_equal(of_file[PARTITION], pa.scalar(day, pa.date32()))).cast(READS.schema)


def _in_order(pieces: Iterable[pa.Table]) -> Iterable[pa.Table]:
    """With the columns in the order of the schema."""
    return (piece.select(READS.columns.names) for piece in pieces)


def _days_around(rows: pa.Table) -> set[date]:
    days = pc.unique(rows[PARTITION]).to_pylist()
    return {day + timedelta(days=shift) for day in days for shift in (-1, 0, 1)}
