"""One moment of the whole: files of the archive and rows of the database that fit together.

The Delta table is opened first and says through which seal it goes. Then one snapshot of the database gives
the rows that no seal up to there has taken. Where the database says that a later seal is done, it may have
deleted rows which our table lacks: then both are taken again. So no read is missing and none is there twice,
however many seals run meanwhile.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, or_, select

from central.archive.rows import to_core_table, to_table
from central.archive.schema import READS
from central.archive.table import DONE, LiveFile, live_files, open_archive, sealed_through
from central.db import hot_read, late_update, reading, to_us
from central.db import seal as seal_table
from central.errors import StoreError
from central.query.plan import Plan, Question

_TRIES: Final = 20
_SLICE_ROWS: Final = 5_000
_CLOCKS_APART: Final = timedelta(minutes=2)  # between who receives and who seals, at most
_MOST_MOVED: Final = timedelta(hours=1)  # the time of capture, by an update: a passage is shorter


@dataclass(frozen=True, slots=True)
class Improved:
    """Where the archive may hold the reads that updates improve.

    Attributes:
        files: Parquet files, at least one.
        since, until: of capture, both included.
    """

    files: tuple[Path, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to answer from.

    Attributes:
        files: Parquet files of the archive that may hold rows of the question.
        hot: rows not in those files, columns of `schema.CORE` at least; narrowed to the question.
        late: newer versions of reads in either, whatever they are about.
        improved: where those reads are that it has newer versions of, as first sent; None: nowhere.
    """

    files: tuple[Path, ...]
    hot: pa.Table
    late: pa.Table
    improved: Improved | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many reads there are."""

    hot: int
    archived: int


def take(engine: Engine, archive: Path, plan: Plan, *, detailed: bool = False) -> Snapshot:
    """Take a snapshot for a question.

    Args:
        engine: the database.
        archive: folder of the archive.
        plan: the question.
        detailed: the rows have every column of `schema.SCHEMA`, which takes reading each message again.

    Raises:
        StoreError: the archive cannot be opened, or is not the one that this database was sealed into.
    """
    with _moment(engine, archive) as (table, through, connection):
        hot = _rows(connection, _not_sealed(hot_read, through, *_asked(plan.question)), detailed=detailed)
        late = _rows(connection, _not_sealed(late_update, through), detailed=detailed)
    live = _live(table)
    files = (archive / READS.folder / file.name for file in live if _may_hold(file, plan))
    return Snapshot(tuple(files), hot, late, _improved(archive, live, late))


def totals(engine: Engine, archive: Path) -> Totals:
    """Count every read without opening a data file.

    Raises:
        StoreError: as `take`.
    """
    with _moment(engine, archive) as (table, through, connection):
        hot = connection.scalar(select(func.count()).where(_not_through(hot_read, through))) or 0
    return Totals(hot, sum(file.rows for file in _live(table)))


@contextmanager
def _moment(engine: Engine, archive: Path) -> Iterator[tuple[DeltaTable | None, int, Connection]]:
    """A version of the archive, the newest seal in it, and a snapshot of the database that fits it."""
    for _ in range(_TRIES):
        table = open_archive(archive)
        through = sealed_through(table)
        with reading(engine) as connection:
            if _newest_done(connection) <= through:
                yield table, through, connection
                return
    raise StoreError(
        f"{archive}: the archive goes through seal {through}, but the database says that later ones are done: "
        "it is not the archive of this database, or an old copy of it"
    )


def _newest_done(connection: Connection) -> int:
    query = select(seal_table.c.seal_id).where(seal_table.c.state == DONE)
    return connection.scalar(query.order_by(seal_table.c.seal_id.desc()).limit(1)) or 0


def _asked(question: Question) -> list[ColumnElement[bool]]:
    """The question over `hot_read`: what `Plan.condition` is over the archive."""
    row = hot_read.c
    terms: list[ColumnElement[bool]] = []
    if question.cameras:
        terms.append(row.camera_id.in_(question.cameras))
    if question.plate is not None:
        terms.append(row.plate == question.plate)
    if question.since is not None:
        terms.append(row.captured_us >= to_us(question.since))
    if question.until is not None:
        terms.append(row.captured_us < to_us(question.until))
    if question.arrived_since is not None:
        terms.append(row.received_us >= to_us(question.arrived_since))
    return terms


def _not_sealed(source: Table, through: int, *asked: ColumnElement[bool]) -> Select[Any]:
    return select(source).where(_not_through(source, through), *asked)


def _rows(connection: Connection, query: Select[Any], *, detailed: bool) -> pa.Table:
    make = to_table if detailed else to_core_table
    columns = [column for column in query.selected_columns if detailed or column.key != "message"]
    streaming = connection.execution_options(yield_per=_SLICE_ROWS)
    result = streaming.execute(query.with_only_columns(*columns)).mappings()
    return pa.concat_tables([make(()), *(make(part) for part in result.partitions())])


def _not_through(source: Table, through: int) -> ColumnElement[bool]:
    """The rows that no seal up to `through` has taken."""
    return or_(source.c.seal_id.is_(None), source.c.seal_id > through)


def _may_hold(file: LiveFile, plan: Plan) -> bool:
    first, last = plan.dates
    arrived_since = plan.question.arrived_since
    return first <= file.captured_date <= last and (
        arrived_since is None or file.written_at >= arrived_since - _CLOCKS_APART
    )


def _improved(archive: Path, live: Sequence[LiveFile], late: pa.Table) -> Improved | None:
    if not late.num_rows:
        return None
    span = pc.min_max(late["captured_at"]).as_py()
    since, until = span["min"] - _MOST_MOVED, span["max"] + _MOST_MOVED
    days = (since.date(), until.date())
    files = tuple(
        archive / READS.folder / file.name for file in live if days[0] <= file.captured_date <= days[1]
    )
    return Improved(files, since, until) if files else None


def _live(table: DeltaTable | None) -> list[LiveFile]:
    return [] if table is None else live_files(table)
