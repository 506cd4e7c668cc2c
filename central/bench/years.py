"""An archive of years for the bench: written by the very writer of `serve`, kept by the very maintenance.

Five years of 8 billion rows would take days to make. So one month is made, and its files are linked under earlier
months: each is then opened, and its footer read, as if it were another one. The rows in them keep their dates.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from central.archive.files import DataFile
from central.archive.parts import Part, Period, of_day, part_name, part_of, reads_name
from central.archive.place import LocalArchive
from central.archive.schema import DERIVED, PARTITION, READS, Layout
from central.archive.table import (
    LiveFile,
    append,
    commit,
    live_files,
    make_archive,
    open_archive,
    sealed_through,
)
from central.bench.history import reads_of
from central.maintain import Step, maintain
from central.sections import ArchiveSettings

FIRST_DAY: Final = date(2026, 6, 1)
LONGEST: Final = 30
"""Days of the month that is made."""

_SEAL_ROWS: Final = 100_000

OnStep = Callable[[Step], None]


def build(engine: Engine, settings: ArchiveSettings, *, days: int, per_day: int, on_step: OnStep) -> None:
    """Make the month, or go on with it: a seal each 100,000 reads; each day closed and derived; merged at the end.

    Args:
        engine: an empty database, for the locks.
        settings: where.
        days: how many, 1 to `LONGEST`.
        per_day: reads.
        on_step: is told of each step.
    """
    archive = LocalArchive(settings.path)
    for number in range(days):
        day = FIRST_DAY + timedelta(days=number)
        table = open_archive(archive) or make_archive(archive)
        there = sum(file.rows for file in live_files(table) if file.captured_date == day)
        if there < per_day:
            on_step(Step(f"reads of {day}", number, days))
            reads = reads_of(day, per_day)
            for offset in range(there, per_day, _SEAL_ROWS):
                seal_id = sealed_through(table) + 1
                append(archive, table, reads.slice(offset, _SEAL_ROWS), seal_id=seal_id)
            del reads
        _maintain(engine, settings, day + timedelta(days=1), on_step)
    _maintain(engine, settings, FIRST_DAY + timedelta(days=LONGEST + 2), on_step)


def _maintain(engine: Engine, settings: ArchiveSettings, today: date, on_step: OnStep) -> None:
    """Without grace and for ever.

    Nobody asks meanwhile, and what is replaced is as large as what remains; what is older than five years is linked
    from the same month, and would be taken apart day by day.
    """
    noon = datetime.combine(today, time(12), UTC)
    without = settings.model_copy(update={"grace_h": 0, "keep_days": settings.keep_days + 36_500})
    maintain(engine, LocalArchive(settings.path), without, clock=lambda: noon, on_step=on_step)


def link(path: Path, *, years: int, on_step: OnStep) -> None:
    """Put the month's files under the months of so many years before it too, where they are not yet."""
    months = list(_before(FIRST_DAY, 12 * years))
    for layout in (READS, *DERIVED):
        table = open_archive(LocalArchive(path), layout)
        if table is None:
            continue
        there = {_month(layout, file) for file in live_files(table)}
        made = [file for file in live_files(table) if _month(layout, file) == of_day(FIRST_DAY).whole_month]
        for number, month in enumerate(months):
            if month in there:
                continue
            on_step(Step(f"linking {layout.folder}", number, len(months)))
            linked = [_linked(path / layout.folder, layout, file, month) for file in made]
            commit(table, layout, add=[file for file in linked if file is not None])


def _before(day: date, months: int) -> Iterator[Period]:
    for back in range(1, months + 1):
        year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
        yield Period(year, month + 1)


def _month(layout: Layout, file: LiveFile) -> Period:
    if layout is READS:
        return of_day(file.captured_date).whole_month
    part = part_of(file.name)
    return Period(0, 0) if part is None else part.period.whole_month


def _linked(table: Path, layout: Layout, file: LiveFile, month: Period) -> DataFile | None:
    if layout is READS:
        try:
            day = file.captured_date.replace(year=month.year, month=month.month)
        except ValueError:  # 30 February
            return None
        partition, name = {PARTITION: str(day)}, reads_name("day", 1)
    else:
        part = part_of(file.name)
        period = month if part is None or not part.period.day else replace(month, day=part.period.day)
        partition = dict(file.partition) | {"year": str(month.year), "month": str(month.month)}
        name = part_name(Part(period, 1))
    place = "/".join(f"{column}={value}" for column, value in partition.items())
    (table / place).mkdir(parents=True, exist_ok=True)
    os.link(table / file.name, table / place / name)
    return DataFile(f"{place}/{name}", partition, file.size, file.rows, f'{{"numRecords": {file.rows}}}')
