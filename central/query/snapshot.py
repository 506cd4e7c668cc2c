"""One moment of the whole: files of the archive and rows of the database that fit together.

The reads' table is opened first, after that of a copy where one may serve, and says through which seal it goes.
Then one snapshot of the database gives the rows that no seal up to there has taken. Where the database says that a
later seal is done, it may have deleted rows which our table lacks: then both are taken again. So no read is missing
and none is there twice, however many seals run meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, or_, select

from central.archive.damage import Fault
from central.archive.derive import bucket_of
from central.archive.rows import to_core_table, to_table
from central.archive.rules import Rules, shown
from central.archive.schema import HOURS, PLATES, READS, Layout
from central.archive.set_aside import Missing
from central.archive.set_aside import missing as missing_of
from central.archive.table import DONE, LiveFile
from central.archive.visible import Visible
from central.db import hot_read, late_update, reading, to_us
from central.db import seal as seal_table
from central.errors import StoreError
from central.query.choice import Choice, choose
from central.query.plan import Plan, Question
from central.query.tables import Tables, View

_TRIES: Final = 20
_SLICE_ROWS: Final = 5_000
_CLOCKS_APART: Final = timedelta(minutes=2)  # between who receives and who seals, at most
_MOST_MOVED: Final = timedelta(hours=1)  # the time of capture, by an update: a passage is shorter


@dataclass(frozen=True, slots=True)
class Source:
    """Where all reads are, and the rules that say which of them may be shown."""

    engine: Engine
    tables: Tables
    rules: Rules


@dataclass(frozen=True, slots=True)
class Improved:
    """Where the archive may hold the reads that updates improve.

    Attributes:
        files: of the reads, at least one.
        since, until: of capture, both included.
    """

    files: tuple[LiveFile, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to answer from.

    Attributes:
        choice: files of the archive that may hold rows of the question.
        hot: rows not in those files, columns of `schema.CORE` at least; narrowed to the question.
        late: newer versions of reads in either, whatever they are about.
        copy: what of the choice is no read by date is of this.
        words: where the plates that are meant can be looked up, where they must be.
        improved: where those reads are that it has newer versions of, as first sent; None: nowhere.
        visible: what may be shown at its moment. Of `hot` there is nothing else; of the files and of `late` there is.
        missing: reads of those days that there is nothing to answer from.
    """

    choice: Choice
    hot: pa.Table
    late: pa.Table
    improved: Improved | None
    visible: Visible
    copy: "Copy | None" = None
    words: "Words | None" = None
    missing: tuple[Missing, ...] = ()

    def files(self) -> list[tuple[Layout, LiveFile]]:
        """Every file that it is answered from, with its table."""
        choice, words = self.choice, self.words
        files = [(READS, file) for file in choice.reads]
        files += [(READS, file) for file in (self.improved.files if self.improved else ())]
        if self.copy is not None:
            files += [(self.copy.layout, file) for file in (*choice.days, *choice.months)]
        if words is not None:
            files += [(words.layout, file) for file in words.files]
        return files

    def hides(self, choice: Choice) -> bool:
        """Whether some of these files, or of `late`, may hold what may not be shown."""
        return self.late.num_rows > 0 or not all(map(self.visible.is_whole, choice.dates()))

    def files_of(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Layout, LiveFile]]:
        """The files that these rows may be out of, by their dates and plates; all, where a row has none."""
        if any(row["captured_at"] is None or row["plate"] is None for row in rows):
            return self.files()
        found = {(row["captured_at"].astimezone(UTC).date(), bucket_of(row["plate"])) for row in rows}
        days = {day for day, _ in found}
        months = {(day.year, day.month, bucket) for day, bucket in found}

        def is_of(layout: Layout, file: LiveFile) -> bool:
            if layout is READS:
                return file.captured_date in days
            return layout is PLATES and tuple(map(int, file.partition.values())) in months

        return [(layout, file) for layout, file in self.files() if is_of(layout, file)]


@dataclass(frozen=True, slots=True)
class Copy:
    """A derived table that may answer instead of the reads.

    Attributes:
        may_hold: whether a file of it may hold anything of the answer.
        words: of the first of these tables that holds the most days the plates are looked up first, and it answers for
            no other days.
        may_serve: whether it may answer for a day, of which newer versions of reads may be known.
    """

    layout: Layout
    may_hold: Callable[[LiveFile], bool] = lambda _: True
    may_serve: Callable[[date, Improved | None], bool] = lambda _day, _improved: True
    words: tuple[Layout, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """Files of a dictionary, for the days of the question; the `reads` of the choice are the days that it lacks."""

    layout: Layout
    choice: Choice

    @property
    def files(self) -> tuple[LiveFile, ...]:
        """All of them."""
        return (*self.choice.days, *self.choice.months)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many reads there are.

    Attributes:
        missing: reads of damaged files, which are not counted.
    """

    hot: int
    archived: int
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of the number of reads without opening a data file.

    Attributes:
        archived: in the files whose every read may be shown.
        partly: the other files, of which some may be.
        missing: reads of files that are known to be damaged, which are in neither.
    """

    hot: int
    archived: int
    partly: tuple[LiveFile, ...]
    visible: Visible
    missing: tuple[Missing, ...]


def take(source: Source, plan: Plan, *, copy: Copy | None = None, detailed: bool = False) -> Snapshot:
    """Take a snapshot for a question.

    Args:
        source: database, archive and rules.
        plan: the question.
        copy: what may answer instead of the reads, for the days that it holds.
        detailed: the rows have every column of `schema.SCHEMA`, which takes reading each message again.

    Raises:
        StoreError: the archive cannot be opened, or is not the one that this database was sealed into.
    """
    tables = source.tables
    copied = () if copy is None and not tables.faults else tables.whole(copy.layout if copy else PLATES)
    spelt = [(layout, tables.whole(layout)) for layout in (copy.words if copy else ())]
    with _moment(source.engine, tables) as (view, connection):
        visible = source.rules.in_force(connection)
        asked = (*_asked(plan.question), shown(hot_read, visible))
        hot = _rows(connection, _not_sealed(hot_read, view.through, *asked), detailed=detailed)
        late = _rows(connection, _not_sealed(late_update, view.through), detailed=detailed)
    improved = _improved(_without(view.files, _damaged(tables, view.files)), late)
    reads = [f for f in view.files if _may_hold(f, plan) and not visible.is_over(f.captured_date)]
    copy = copy or _instead(tables, reads, plan)
    if copy is None:
        there = Snapshot(choose(reads, (), dates=plan.dates), hot, late, improved, visible)
        return _known(there, tables, view, plan)
    dictionaries = [Words(layout, choose(reads, files, dates=plan.dates)) for layout, files in spelt]
    words = min(dictionaries, key=lambda each: len(each.choice.reads), default=None)
    unknown = {file.captured_date for file in words.choice.reads} if words is not None else set()

    def may_serve(day: date) -> bool:
        # What was counted cannot be told apart again.
        is_countable = copy.layout is not HOURS or visible.is_whole(day)
        return is_countable and day not in unknown and copy.may_serve(day, improved)

    choice = choose(reads, copied, dates=plan.dates, may_serve=may_serve, may_hold=copy.may_hold)
    return _known(Snapshot(choice, hot, late, improved, visible, copy, words), tables, view, plan)


def count(source: Source) -> Counted:
    """Count what can be counted without opening a data file.

    Raises:
        StoreError: as `take`.
    """
    with _moment(source.engine, source.tables) as (view, connection):
        visible = source.rules.in_force(connection)
        query = select(func.count()).where(_not_through(hot_read, view.through), shown(hot_read, visible))
        hot = connection.scalar(query) or 0
    live = [file for file in view.files if not visible.is_over(file.captured_date)]
    bad = _damaged(source.tables, live)
    missing = [*map(missing_of, bad), *(lost for lost in view.gone if not visible.is_over(lost.day))]
    there = _without(live, bad)
    partly = tuple(file for file in there if not visible.is_whole(file.captured_date))
    whole = sum(f.rows for f in there) - sum(f.rows for f in partly)
    return Counted(hot, whole, partly, visible, _in_order(missing))


def _instead(tables: Tables, reads: Sequence[LiveFile], plan: Plan) -> Copy | None:
    """The copy by plate for those days of which a file of the reads is known to be damaged."""
    bad = {file.captured_date for file in reads if tables.fault(READS, file) is not None}
    if not bad or plan.question.arrived_since is not None:  # see `copies`
        return None
    return Copy(PLATES, may_serve=lambda day, _improved: day in bad)


def _known(snapshot: Snapshot, tables: Tables, view: View, plan: Plan) -> Snapshot:
    """Without the reads that are known to be damaged, which are missing then."""
    bad = _damaged(tables, snapshot.choice.reads)
    first, last = plan.dates
    missing = [missing_of(fault) for fault in bad]
    missing += [lost for lost in view.gone if first <= lost.day <= last]
    missing = [each for each in missing if _matters(each.day, plan, snapshot.visible)]
    reads = _without(snapshot.choice.reads, bad)
    return replace(snapshot, choice=replace(snapshot.choice, reads=reads), missing=_in_order(missing))


def _damaged(tables: Tables, reads: Iterable[LiveFile]) -> list[Fault]:
    """What is known to be wrong with some files of the reads."""
    return [fault for file in reads if (fault := tables.fault(READS, file)) is not None]


def _without(reads: Iterable[LiveFile], bad: Iterable[Fault]) -> tuple[LiveFile, ...]:
    names = {fault.file.name for fault in bad}
    return tuple(file for file in reads if file.name not in names)


def _in_order(missing: Iterable[Missing]) -> tuple[Missing, ...]:
    return tuple(sorted(missing, key=lambda each: (each.day, each.file)))


def _matters(day: date, plan: Plan, visible: Visible) -> bool:
    """Whether a read of the day may be asked for, and shown."""
    until = plan.question.until
    return not visible.is_over(day) and (until is None or datetime.combine(day, time.min, UTC) < until)


@contextmanager
def _moment(engine: Engine, tables: Tables) -> Iterator[tuple[View, Connection]]:
    """A version of the reads, and a snapshot of the database that fits it."""
    for _ in range(_TRIES):
        view = tables.view(READS)
        with reading(engine) as connection:
            if _newest_done(connection) <= view.through:
                yield view, connection
                return
    raise StoreError(
        f"{tables.archive}: the archive goes through seal {view.through}, but the database says that later ones "
        "are done: it is not the archive of this database, or an old copy of it"
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
    if question.plates:
        terms.append(row.plate.in_(question.plates))
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


def _improved(live: Sequence[LiveFile], late: pa.Table) -> Improved | None:
    if not late.num_rows:
        return None
    span = pc.min_max(late["captured_at"]).as_py()
    since, until = span["min"] - _MOST_MOVED, span["max"] + _MOST_MOVED
    days = (since.date(), until.date())
    files = tuple(file for file in live if days[0] <= file.captured_date <= days[1])
    return Improved(files, since, until) if files else None
