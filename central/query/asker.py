"""How a question is asked: of one snapshot, by SQL; a file that cannot be read is left out, and that is said."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

import pyarrow as pa
from sqlalchemy import Engine

from central.archive.damage import Fault, faults
from central.archive.place import Archive
from central.archive.proof import Sought
from central.archive.rules import Rules
from central.archive.schema import HOURS, READS, Layout
from central.archive.set_aside import Missing
from central.archive.table import LiveFile, speaking_of
from central.errors import UnreadableError
from central.query.copies import by_month
from central.query.duck import Duck
from central.query.plan import Plan, Question, Sources, candidates, only_shown, plan
from central.query.snapshot import Copy, Counted, Snapshot, Source, Totals, Words, count, take
from central.query.sums import count_sql
from central.query.tables import Tables
from central.sections import QuerySettings

_MOST_WANTED: Final = 100_000  # plates that a pattern means; more of them are everywhere, and found soon
_NO_PLATE: Final = pa.schema(
    [("year", pa.int64()), ("month", pa.int64()), ("plate", pa.string())]
).empty_table()

Sql = Callable[[Plan, Sources], str]
"""A question as SQL."""

_Found = TypeVar("_Found")


class Asker:
    """Asks all reads of the centre; one thread's, but for `cancel`.

    Attributes:
        archive: where the files lie.
        source: where all reads are.
    """

    def __init__(
        self,
        engine: Engine,
        archive: Archive,
        settings: QuerySettings,
        *,
        rules: Rules,
        threads: int | None = None,
    ) -> None:
        self.archive: Final = archive
        self._tables: Final = Tables(archive)
        self.source: Final = Source(engine, self._tables, rules)
        self._duck: Final = Duck(
            archive, timeout_s=settings.timeout_s, memory_mb=settings.memory_mb, threads=threads
        )

    def close(self) -> None:
        """Give everything back."""
        self._duck.close()

    def cancel(self) -> None:
        """Give up the question under way, which ends with `CancelledError`; from any thread."""
        self._duck.cancel()

    def answer(
        self,
        question: Question,
        copy: Callable[[Plan], Copy | None],
        ask: Callable[[Plan, Snapshot, pa.Table | None], _Found],
        *,
        detailed: bool = False,
    ) -> tuple[_Found, tuple[Missing, ...]]:
        """Ask of one snapshot; where a file cannot be read, of the next one, which is without it.

        Args:
            question: what is asked.
            copy: which derived table may serve.
            ask: the question of a snapshot, with the plates that a pattern means where they are few.
            detailed: rows have every column.

        Returns:
            What it found, and what it may lack.

        Raises:
            QueryError: the question is wrong, took too long or was cancelled.
            StoreError: the archive cannot be opened.
        """
        self._duck.begin()
        planned = plan(question)
        while True:
            snapshot = take(self.source, planned, copy=copy(planned), detailed=detailed)
            try:
                return ask(planned, *self._narrowed(planned, snapshot)), snapshot.missing
            except UnreadableError as error:
                if not self._leave_out(snapshot.files(), said=str(error)):
                    raise

    def _leave_out(self, files: list[tuple[Layout, LiveFile]], *, said: str) -> bool:
        """Look for the damaged file: first where it was said to be, then by sizes, then through every page."""
        named = [(layout, file) for layout, file in files if file.name in said]
        return any(
            self._is_damaged(layout, file, thoroughly=thoroughly)
            for some, thoroughly in ((named, True), (files, False), (files, True))
            for layout, file in some
        )

    def prove(self, snapshot: Snapshot, rows: list[dict[str, Any]], sought: Sought) -> None:
        """Nobody is shown a read out of pages that are not what was written.

        Raises:
            UnreadableError: some of these rows are out of a damaged file, which is known now.
        """
        for layout, file in snapshot.files_of(rows):
            self._duck.go_on()
            with speaking_of(f"{self.archive}: archive cannot be read"):
                why = self._tables.prover.fault(layout, file, sought)
            if why is not None:
                fault = Fault(layout, file, why)
                self._tables.faults[fault.name] = fault
                raise UnreadableError(f"{file.name}: is damaged")

    def _is_damaged(self, layout: Layout, file: LiveFile, *, thoroughly: bool) -> bool:
        self._duck.go_on()
        with speaking_of(f"{self.archive}: archive cannot be read"):
            found = faults(self.archive, layout, [file], thoroughly=thoroughly)
        self._tables.faults.update({fault.name: fault for fault in found})
        return bool(found)

    def _narrowed(self, planned: Plan, snapshot: Snapshot) -> tuple[Snapshot, pa.Table | None]:
        """The snapshot, and the plates that are meant, where they are few: then with what may hold them alone."""
        if not planned.question.is_of_words or snapshot.words is None:
            return snapshot, None
        wanted = self._wanted(planned, snapshot.words)
        if wanted is None:
            return snapshot, None
        # Each plate once: what is joined with few words opens a file in a few places only.
        plates = wanted.group_by("plate").aggregate([])
        return replace(snapshot, choice=snapshot.choice.narrowed(by_month(wanted))), plates

    def _wanted(self, planned: Plan, words: Words) -> pa.Table | None:
        files = [self._tables.path(words.layout, file) for file in words.files]
        if not files:
            return _NO_PLATE
        sql, parameters = candidates(planned, words.layout, most=_MOST_WANTED)
        found = self._duck.run(sql, parameters | {"words": files}, {})
        return None if found.num_rows > _MOST_WANTED else found

    def run(
        self, sql: Sql, planned: Plan, snapshot: Snapshot, more: Mapping[str, pa.Table | None]
    ) -> pa.Table:
        """What SQL finds in a snapshot, with further tables.

        Raises:
            UnreadableError: a file of it cannot be read.
        """
        choice, improved, shown = snapshot.choice, snapshot.improved, dict[str, pa.Table]()
        if snapshot.hides(choice):
            planned, shown = only_shown(planned, snapshot.visible), snapshot.visible.tables
        layout = READS if snapshot.copy is None else snapshot.copy.layout
        files = {
            "files": [self._tables.path(READS, file) for file in choice.reads],
            "days": [self._tables.path(layout, file) for file in choice.days],
            "months": [self._tables.path(layout, file) for file in choice.months],
        }
        there = tuple(name for name, found in files.items() if found)
        counted = layout is HOURS
        sources = Sources(
            archived=tuple(name for name in there if name == "files" or not counted),
            counted=tuple(name for name in there if name != "files" and counted),
            updated=snapshot.late.num_rows > 0,
            improved=improved is not None,
            wanted=more.get("wanted") is not None,
        )
        parameters = {**planned.parameters, **{name: files[name] for name in there}}
        if improved is not None:
            parameters["improved"] = [self._tables.path(READS, file) for file in improved.files]
            parameters |= {"improved_since": improved.since, "improved_until": improved.until}
        held = pa.table({"day": pa.array(choice.days_held(), pa.int64())})
        tables = {"hot": snapshot.hot, "late": snapshot.late, "held": held, **shown, **more}
        return self._duck.run(
            sql(planned, sources),
            parameters,
            {name: table for name, table in tables.items() if table is not None},
        )

    def totals(self) -> Totals:
        """How many reads there are, hot and archived.

        Raises:
            QueryError, StoreError: as `answer`.
        """
        self._duck.begin()
        while True:
            counted = count(self.source)
            try:
                archived = counted.archived + self._shown_of(counted)
            except UnreadableError as error:
                if not self._leave_out([(READS, file) for file in counted.partly], said=str(error)):
                    raise
            else:
                return Totals(counted.hot, archived, counted.missing)

    def _shown_of(self, counted: Counted) -> int:
        """How many reads may be shown of the files that are partly to be."""
        if not counted.partly:
            return 0
        visible, files = counted.visible, [self._tables.path(READS, file) for file in counted.partly]
        named = {"files": files, **visible.parameters}
        found = self._duck.run(count_sql(visible), named, visible.tables)
        return int(found["reads"][0].as_py())
