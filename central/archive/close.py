"""Closing days: the many files that seals made of a day become one, in the order that is asked for.

A day that is over is closed; one that is not, once it has so many files that questions feel them. The rows stay
the same, so what is derived of the day still holds.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive.files import DataFile, write_file
from central.archive.parts import UNKNOWN, is_closed, newest, reads_name
from central.archive.place import Archive
from central.archive.schema import PARTITION, READS
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
from central.errors import StoreError
from central.lock import exclusive

MOST_FILES: Final = 64
"""Of a day that is not over; 720 of a day's 4.5 million reads cost a question 150 ms."""

_SORTED: Final = (
    "SELECT * FROM (FROM nothing UNION ALL BY NAME "  # noqa: S608  # for the columns that old files lack
    "FROM read_parquet($files, hive_partitioning = false, union_by_name = true)) "
    f"ORDER BY {READS.order}"
)
_TRIES: Final = 3


def unclosed(table: DeltaTable, *, today: date) -> list[date]:
    """The days that are to be closed, oldest first.

    Args:
        table: the reads.
        today: the UTC date that is not over.
    """
    days = by_day(live_files(table))
    over = {day for day, files in days.items() if day < today and not is_closed(f.name for f in files)}
    full = {day for day, files in days.items() if day >= today and len(files) > MOST_FILES}
    return sorted(over | full)


def by_day(files: Sequence[LiveFile]) -> dict[date, list[LiveFile]]:
    """Files of reads by date of capture."""
    days: dict[date, list[LiveFile]] = defaultdict(list)
    for file in files:
        days[file.captured_date].append(file)
    return dict(days)


def close(engine: Engine, archive: Archive, day: date, *, duck: Sorter) -> None:
    """Write the files of a day again as one, sorted.

    Seals go on meanwhile: what they bring to the day stays beside the new file. Where one improves a read of the
    day in that time, the work is done again.

    Args:
        engine: the database, whose lock for sealing is taken for the commit.
        archive: where it lies.
        day: the date of capture.
        duck: sorts.

    Raises:
        StoreError: it cannot be done; the day is as it was.
    """
    for _ in range(_TRIES):
        table = open_archive(archive)
        files = [] if table is None else by_day(live_files(table)).get(day, [])
        if table is None or not files or is_closed(f.name for f in files):
            return
        written = _sorted(archive, table, day, files, duck=duck)
        if _put(engine, archive, files, written):
            return
        with speaking_of(f"{archive}: {day} cannot be closed"):
            archive.delete(f"{READS.folder}/{written.name}")
    raise StoreError(f"{archive}: {day} cannot be closed: its reads were improved {_TRIES} times meanwhile")


def _sorted(
    archive: Archive, table: DeltaTable, day: date, files: Sequence[LiveFile], *, duck: Sorter
) -> DataFile:
    through = newest((day, file.name) for file in files)[day]
    name = reads_name("day", sealed_through(table) if through == UNKNOWN else through)
    rows = duck.stream(
        _SORTED,
        {"files": paths(archive, READS, files)},
        {"nothing": READS.columns.empty_table()},
    )
    with speaking_of(f"{archive}: {day} cannot be closed"):
        written = write_file(archive, READS, {PARTITION: day}, name, rows)
    if written is None or written.rows != (expected := sum(file.rows for file in files)):
        found = 0 if written is None else written.rows
        raise StoreError(
            f"{archive}: {day} cannot be closed: its files hold {found} reads, the log says {expected}"
        )
    return written


def _put(engine: Engine, archive: Archive, files: Sequence[LiveFile], written: DataFile) -> bool:
    """Commit the new file in the place of the others; False where one of them has been rewritten meanwhile."""
    with exclusive(engine, "sealing", wait=True):
        table = open_archive(archive)
        live = set() if table is None else {file.name for file in live_files(table)}
        if table is None or not live.issuperset(file.name for file in files):
            return False
        with speaking_of(f"{archive}: a closed day cannot be committed"):
            commit(table, READS, add=[written], remove=files)
    return True
