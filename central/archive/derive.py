"""What is derived from the reads: the copy by plate, the plates' dictionary, and the counts by camera and hour.

    closed day of reads -> a part of each table -> once the month is over: one part of the month

Each part says through which seal it goes (`parts.py`), so a reader knows of every day whether it holds, and takes
the reads themselves where it does not. A day that changes after its month was merged gets a part of its own again,
until the next merge. `endings` follows the dictionary, part for part. Nothing here is the only copy of anything: the
folders may be deleted and are made anew.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Final
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from central.archive.close import by_day
from central.archive.files import write_file
from central.archive.parts import Part, Period, holders, is_closed, newest, of_day, part_name, part_of
from central.archive.place import Archive
from central.archive.schema import (
    BUCKETS,
    DERIVED,
    DICTIONARY,
    ENDINGS,
    HOURS,
    PLATES,
    READS,
    REVERSED,
    Layout,
)
from central.archive.sorter import Sorter
from central.archive.table import LiveFile, commit, live_files, make_archive, open_archive, paths, speaking_of

_US_PER_DAY: Final = 86_400_000_000
_FROM: Final = "FROM read_parquet($files, hive_partitioning = false, union_by_name = true)"
_COLUMNS: Final = ", ".join(PLATES.columns.names)
COUNTED: Final = {
    DICTIONARY.folder: f"SELECT plate, count(*) AS reads {_FROM} GROUP BY plate ORDER BY {DICTIONARY.order}",
    ENDINGS.folder: f"SELECT reverse(plate) AS {REVERSED}, count(*) AS reads "
    f"{_FROM} GROUP BY ALL ORDER BY {ENDINGS.order}",
    HOURS.folder: "SELECT camera_id, epoch_us(captured_at) // 3600000000 AS hour, count(*) AS reads "
    f"{_FROM} GROUP BY ALL ORDER BY {HOURS.order}",
}
_TURNED: Final = f"SELECT reverse(plate) AS {REVERSED}, reads {_FROM} ORDER BY {ENDINGS.order}"


@dataclass(frozen=True, slots=True)
class Due:
    """Periods of which parts are to be made, oldest first.

    Attributes:
        days: closed, and some table has no part that holds.
        months: over, and some table has them in days.
    """

    days: tuple[date, ...]
    months: tuple[Period, ...]


def bucket_of(plate: str) -> int:
    """The bucket that a plate's reads are in."""
    return crc32(plate.encode()) % BUCKETS


def parts_of(table: DeltaTable | None) -> set[Part]:
    """The parts of a derived table; none where it is not there."""
    files = [] if table is None else live_files(table)
    return {part for file in files if (part := part_of(file.name)) is not None}


def due(archive: Archive, *, today: date, ended: date = date.min) -> Due:
    """What is to be derived.

    A month of which days have ended is kept in days, so that each can leave it without the others being rewritten.

    Args:
        archive: where it lies.
        today: the UTC date that is not over.
        ended: days before it have ended: retention takes them out.

    Raises:
        StoreError: a table cannot be opened.
    """
    tables = [
        {part for part in parts_of(open_archive(archive, layout)) if not _is_ending(part.period, ended)}
        for layout in DERIVED
        if layout is not ENDINGS
    ]
    closed = {
        day: files
        for day, files in _reads(archive).items()
        if day < today and is_closed(f.name for f in files)
    }
    through = _through(closed)
    held = [holders(parts, through) for parts in tables]
    days = sorted(day for day in closed if not all(day in table for table in held))
    over = {of_day(day).whole_month for day in closed if of_day(day).whole_month < of_day(today).whole_month}
    in_days = {part.period.whole_month for parts in tables for part in parts if part.period.day}
    fresh = {of_day(day).whole_month for day in days}
    months = (month for month in over & (in_days | fresh) if not _is_ending(month, ended))
    return Due(tuple(days), tuple(sorted(months)))


def drop_ended(archive: Archive, *, ended: date) -> None:
    """Take out what was derived of days that the reads have no longer.

    What is in one file with other days goes once these have parts of their own.

    Args:
        archive: where it lies.
        ended: as of `due`.

    Raises:
        StoreError: it cannot be done; each table is as it was or without them.
    """
    for layout in DERIVED:
        with speaking_of(f"{archive}: what is over cannot be taken out of {layout.folder}"):
            table = open_archive(archive, layout)  # first, so that no part is of a day that came later
            through = _through(_reads(archive))
            files = [] if table is None else live_files(table)
            own = holders({part for part in parts_of(table) if part.period.day}, through)
            gone = [file for file in files if _is_gone(_period(file), through.keys(), own.keys(), ended)]
            if table is not None and gone:
                commit(table, layout, add=(), remove=gone)


def _is_gone(period: Period, days: Collection[date], own: Collection[date], ended: date) -> bool:
    """Whether a part says nothing of any day that is not said elsewhere."""
    there = [day for day in days if period.holds(day)]
    return not there or (_is_ending(period, ended) and all(day in own for day in there))


def _is_ending(period: Period, ended: date) -> bool:
    """Whether it is a month of which days have ended."""
    return not period.day and period.month > 0 and date(period.year, period.month, 1) < ended


def derive_day(archive: Archive, day: date, *, duck: Sorter) -> None:
    """Make the parts of a closed day, a commit a table; nobody else derives at the same time.

    Raises:
        StoreError: it cannot be done; each table is as it was or whole.
    """
    files = _reads(archive)[day]
    part = Part(of_day(day), _through({day: files})[day])
    names = paths(archive, READS, files)
    _put(archive, PLATES, part, _by_bucket(duck, names))
    for layout in (DICTIONARY, HOURS):
        _put(archive, layout, part, _counted(duck, layout, names))


def unturned(archive: Archive) -> list[Part]:
    """The parts of the dictionary that `endings` lacks, in the order in which they are to be made.

    Raises:
        StoreError: a table cannot be opened.
    """
    spelt, turned = (parts_of(open_archive(archive, layout)) for layout in (DICTIONARY, ENDINGS))
    return sorted(spelt - turned, key=lambda part: (part.period, part.through))


def turn(archive: Archive, part: Part, *, duck: Sorter) -> None:
    """Make a part of `endings`; that of a month takes the place of its days', of which some may be due again.

    Raises:
        StoreError: it cannot be done; the table is as it was or whole.
    """
    files = [f for f in _files_of(archive, DICTIONARY, part.period.whole_month) if part_of(f.name) == part]
    _put(archive, ENDINGS, part, [({}, duck.stream(_TURNED, {"files": paths(archive, DICTIONARY, files)}))])


def merge_month(archive: Archive, month: Period, *, duck: Sorter, on_step: Callable[[int], None]) -> bool:
    """Make one part of a month's, a commit a table; nobody else derives at the same time.

    Args:
        archive: where it lies.
        month: over.
        duck: sorts.
        on_step: is told how many buckets are done.

    Returns:
        Whether it was done; not where a day has changed since its part was made, which goes first.

    Raises:
        StoreError: it cannot be done; each table is as it was or whole.
    """
    through = {day: n for day, n in _through(_reads(archive)).items() if month.holds(day)}
    held = holders(parts_of(open_archive(archive, PLATES)), through)
    if not through or held.keys() != through.keys():
        return False
    part = Part(month, max(through.values()))
    _put(archive, PLATES, part, _merged(archive, month, held, duck=duck, on_step=on_step))
    names = paths(archive, PLATES, _files_of(archive, PLATES, month))
    for layout in (DICTIONARY, HOURS):
        _put(archive, layout, part, _counted(duck, layout, names))
    return True


_Groups = Iterable[tuple[Mapping[str, object], Iterable[pa.Table]]]
"""The rows of each file, with the values of its partition columns beside year and month."""


def _put(archive: Archive, layout: Layout, part: Part, groups: _Groups) -> None:
    """Write the files of a part and commit them in the place of what the table had of the period."""
    month: dict[str, object] = {"year": part.period.year, "month": part.period.month}
    with speaking_of(f"{archive}: {layout.folder} of {part.period} cannot be derived"):
        table = open_archive(archive, layout) or make_archive(archive, layout)
        written = [
            file
            for beside, rows in groups
            if (file := write_file(archive, layout, {**month, **beside}, part_name(part), rows))
        ]
        older = [file for file in live_files(table) if _is_replaced(file, part.period)]
        commit(table, layout, add=written, remove=older)


def _by_bucket(duck: Sorter, names: list[str]) -> _Groups:
    """The reads of some files by plate, in one pass."""
    plates = duck.table(f"SELECT DISTINCT plate {_FROM}", {"files": names})["plate"]
    buckets = pa.table({"plate": plates, "bucket": pa.array(map(bucket_of, plates.to_pylist()), pa.int8())})
    sql = f"SELECT {_COLUMNS}, bucket {_FROM} JOIN buckets USING (plate) ORDER BY bucket, {PLATES.order}"
    pieces = duck.stream(sql, {"files": names}, {"buckets": buckets})
    runs = (run for piece in pieces for run in _runs(piece))
    for bucket, group in groupby(runs, key=itemgetter(0)):
        yield {"bucket": bucket}, (rows for _, rows in group)


def _runs(piece: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each bucket of a piece that is in order of them."""
    rows = piece.drop_columns("bucket")
    at = 0
    for count in pc.value_counts(piece["bucket"].combine_chunks()).to_pylist():
        yield count["values"], rows.slice(at, count["counts"])
        at += count["counts"]


def _merged(
    archive: Archive,
    month: Period,
    held: Mapping[date, Period],
    *,
    duck: Sorter,
    on_step: Callable[[int], None],
) -> _Groups:
    """The rows of a month by bucket: what its part has of the days that have none of their own, and these."""
    kept = [(day - date(1970, 1, 1)).days for day, period in held.items() if not period.day]
    files = _files_of(archive, PLATES, month)
    for bucket in range(BUCKETS):
        here = [file for file in files if file.partition["bucket"] == str(bucket)]
        days, whole = ([f for f in here if bool(_period(f).day) is daily] for daily in (True, False))
        sources = [f"SELECT {_COLUMNS} {_FROM}"] if days else []
        if whole:
            outside = f"WHERE list_contains($kept, epoch_us(captured_at) // {_US_PER_DAY})"
            sources.append(f"SELECT {_COLUMNS} {_FROM.replace('$files', '$whole')} {outside}")
        if sources:
            sql = f"SELECT * FROM ({' UNION ALL '.join(sources)}) ORDER BY {PLATES.order}"  # noqa: S608
            names: dict[str, object] = {"files": paths(archive, PLATES, days)} if days else {}
            if whole:
                names |= {"whole": paths(archive, PLATES, whole), "kept": kept}
            yield {"bucket": bucket}, duck.stream(sql, names)
        on_step(bucket + 1)


def _counted(duck: Sorter, layout: Layout, names: list[str]) -> _Groups:
    yield {}, duck.stream(COUNTED[layout.folder], {"files": names})


def _reads(archive: Archive) -> dict[date, list[LiveFile]]:
    table = open_archive(archive)
    return {} if table is None else by_day(live_files(table))


def _through(days: Mapping[date, Iterable[LiveFile]]) -> dict[date, int]:
    return newest((day, file.name) for day, files in days.items() for file in files)


def _files_of(archive: Archive, layout: Layout, month: Period) -> list[LiveFile]:
    table = open_archive(archive, layout)
    return [] if table is None else [f for f in live_files(table) if _period(f).whole_month == month]


def _period(file: LiveFile) -> Period:
    part = part_of(file.name)
    return Period(0, 0) if part is None else part.period


def _is_replaced(file: LiveFile, period: Period) -> bool:
    of_file = _period(file)
    return of_file == period or (not period.day and of_file.whole_month == period)
