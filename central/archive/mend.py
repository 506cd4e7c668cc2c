"""Mending: what a damaged file held is taken from where it stands once more, and what stands nowhere else is told.

    of a derived table: its part leaves the table, and is derived anew from the reads
    of reads:           the day is written again, from the copy by plate where that holds it exactly; else from the
                        files and row groups that are whole, and the damaged file is set aside with what is lost

The day goes as far afterwards as it went before, so no older part of a copy answers for what is lost.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive.close import by_day
from central.archive.damage import Fault, faults, intact
from central.archive.derive import parts_of
from central.archive.files import DataFile, write_file
from central.archive.parts import UNKNOWN, Period, holders, newest, part_of, reads_name
from central.archive.place import Archive
from central.archive.schema import DERIVED, PARTITION, PLATES, READS, Layout
from central.archive.set_aside import set_aside
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

_COLUMNS: Final = ", ".join(READS.columns.names)
_OF_COPY: Final = (
    f"SELECT {_COLUMNS} FROM (FROM nothing UNION ALL BY NAME "  # noqa: S608
    "FROM read_parquet($files, hive_partitioning = false, union_by_name = true)) "
    f"WHERE epoch_us(captured_at) // 86400000000 = $day ORDER BY {READS.order}"
)
_OF_WHOLE: Final = (
    f"SELECT {_COLUMNS} FROM (FROM salvaged UNION ALL BY NAME "  # noqa: S608
    "FROM read_parquet($files, hive_partitioning = false, union_by_name = true)) "
    f"ORDER BY {READS.order}"
)
_OF_SALVAGED: Final = f"SELECT {_COLUMNS} FROM salvaged ORDER BY {READS.order}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done about damaged files.

    Attributes:
        rebuilt: of reads, all of whose rows stood elsewhere.
        aside: of reads, that were set aside.
        lost: reads that stand nowhere any more.
        again: of derived tables, to be derived anew.
    """

    rebuilt: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    lost: int = 0
    again: tuple[str, ...] = ()


NOTHING: Final = Mended()


@contextmanager
def telling(done: Callable[[], Mended]) -> Iterator[None]:
    """What was done until a fault is told with it: the next round finds no damage there that it could tell of.

    Raises:
        StoreError: the fault.
    """
    try:
        yield
    except StoreError as error:
        mended = done()
        if mended == NOTHING:
            raise
        aside = ", ".join(mended.aside) or "none"
        whole = ", ".join((*mended.rebuilt, *mended.again)) or "none"
        raise StoreError(
            f"{error}; before that damaged files were set aside ({aside}; {mended.lost} reads are lost) "
            f"and mended ({whole})"
        ) from error


@dataclass(slots=True)
class _Tally:
    rebuilt: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    lost: int = 0

    def done(self) -> Mended:
        return Mended(tuple(self.rebuilt), tuple(self.aside), self.lost, tuple(self.again))


def mend(engine: Engine, archive: Archive, found: Sequence[Fault], *, duck: Sorter, now: datetime) -> Mended:
    """Mend what can be mended; nobody else closes or derives at the same time.

    Args:
        engine: the database, whose lock for sealing is taken for each commit.
        archive: where it lies.
        found: damaged files.
        duck: sorts.
        now: UTC-aware.

    Raises:
        StoreError: it cannot be done. What was done stands, and each table is as it was or mended.
    """
    tally = _Tally()
    with telling(tally.done), speaking_of(f"{archive}: a damaged file cannot be mended"):
        for day in sorted({fault.file.captured_date for fault in found if fault.layout is READS}):
            _mend_day(engine, archive, day, tally, duck=duck, now=now)
        for layout in DERIVED:
            tally.again.extend(_drop(archive, layout, found))
    return tally.done()


def _mend_day(
    engine: Engine, archive: Archive, day: date, tally: _Tally, *, duck: Sorter, now: datetime
) -> None:
    table = open_archive(archive)
    files = [] if table is None else by_day(live_files(table)).get(day, [])
    bad = faults(archive, READS, files, thoroughly=True)
    if table is None or not bad:  # somebody else has mended it
        return
    rebuilt = _from_copy(archive, table, day, files, duck=duck)
    written, lost = (
        (rebuilt, dict.fromkeys(_names(bad), 0))
        if rebuilt
        else _from_rest(archive, table, day, files, bad, duck=duck)
    )
    with exclusive(engine, "sealing", wait=True):
        table = open_archive(archive)
        live = set() if table is None else {file.name for file in live_files(table)}
        if table is None or not live.issuperset(file.name for file in files):
            if written is not None:
                archive.delete(f"{READS.folder}/{written.name}")
            return  # one of them was improved meanwhile: the next round
        for fault in bad if rebuilt is None else ():
            set_aside(archive, fault, lost=lost[fault.name], now=now)
        commit(table, READS, add=[] if written is None else [written], remove=files)
    (tally.rebuilt if rebuilt else tally.aside).extend(_names(bad))
    tally.lost += sum(lost.values())


def _from_copy(
    archive: Archive, table: DeltaTable, day: date, files: Sequence[LiveFile], *, duck: Sorter
) -> DataFile | None:
    """The day as the copy by plate has it; None where the copy is older, is damaged too, or has other rows."""
    through = newest((day, file.name) for file in files)
    plates = open_archive(archive, PLATES)
    period = holders(parts_of(plates), through).get(day)
    if plates is None or period is None:
        return None
    part = [file for file in live_files(plates) if _period(file) == period]
    if faults(archive, PLATES, part, thoroughly=True):
        return None
    number = (day - date(1970, 1, 1)).days
    rows = duck.stream(
        _OF_COPY,
        {"files": paths(archive, PLATES, part), "day": number},
        {"nothing": READS.columns.empty_table()},
    )
    written = _write(archive, table, day, files, rows)
    if written is not None and written.rows != sum(file.rows for file in files):
        archive.delete(f"{READS.folder}/{written.name}")
        return None
    return written


def _from_rest(
    archive: Archive,
    table: DeltaTable,
    day: date,
    files: Sequence[LiveFile],
    bad: Sequence[Fault],
    *,
    duck: Sorter,
) -> tuple[DataFile | None, dict[str, int]]:
    """The day from what is whole, and how many reads of each damaged file are lost."""
    salvaged = {fault.name: list(intact(archive, fault)) for fault in bad}
    lost = {
        fault.name: max(0, fault.file.rows - sum(rows.num_rows for rows in salvaged[fault.name]))
        for fault in bad
    }
    kept = pa.concat_tables([READS.columns.empty_table(), *(t for each in salvaged.values() for t in each)])
    names = {fault.file.name for fault in bad}
    whole = paths(archive, READS, [file for file in files if file.name not in names])
    sql, parameters = (_OF_WHOLE, {"files": whole}) if whole else (_OF_SALVAGED, {})
    return _write(archive, table, day, files, duck.stream(sql, parameters, {"salvaged": kept})), lost


def _write(
    archive: Archive, table: DeltaTable, day: date, files: Sequence[LiveFile], rows: Iterable[pa.Table]
) -> DataFile | None:
    through = newest((day, file.name) for file in files)[day]
    name = reads_name("day", sealed_through(table) if through == UNKNOWN else through)
    return write_file(archive, READS, {PARTITION: day}, name, rows)


def _drop(archive: Archive, layout: Layout, found: Iterable[Fault]) -> Iterator[str]:
    """Take the parts of damaged files out of a derived table; the names of those files."""
    of_table = sorted((f for f in found if f.layout is layout), key=lambda fault: _period(fault.file))
    for period, group in groupby(of_table, key=lambda fault: _period(fault.file)):
        table = open_archive(archive, layout)
        part = [] if table is None else [file for file in live_files(table) if _period(file) == period]
        if table is not None and part:
            commit(table, layout, add=[], remove=part)
            yield from _names(group)


def _period(file: LiveFile) -> Period:
    part = part_of(file.name)
    return Period(0, 0) if part is None else part.period


def _names(found: Iterable[Fault]) -> list[str]:
    return [fault.name for fault in found]
