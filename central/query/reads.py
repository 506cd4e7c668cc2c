"""Questions about reads, answered from hot rows and archive as from one table."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta, tzinfo
from functools import partial
from typing import Any, Final, Self, TypeVar

import pyarrow as pa
from sqlalchemy import Engine

from central.archive.place import Archive
from central.archive.proof import Sought
from central.archive.rules import Rules
from central.archive.set_aside import Missing
from central.db import from_us
from central.errors import QueryError, StoreError
from central.query.answers import (
    Answer,
    Counts,
    HeatCell,
    Hour,
    HourCount,
    Place,
    Places,
    Rows,
    Seen,
    Volume,
)
from central.query.asker import Asker, Sql
from central.query.cameras import CameraPlace
from central.query.clones import Lead, Least, clones_sql
from central.query.copies import copy_by_hour, copy_by_plate
from central.query.hits import hits
from central.query.plan import Plan, Question, during, plan, reads_sql
from central.query.records import detailed as detailed_read
from central.query.records import kept, timed
from central.query.snapshot import Copy, Snapshot, Totals
from central.query.sums import (
    counts_sql,
    heatmap_sql,
    identities_sql,
    places_sql,
    seen_sql,
    volumes_sql,
)
from central.query.zone import HOUR_S, Shifts, shifts
from central.sections import QuerySettings
from edge.contract.read import ReadId

_US: Final = 1_000_000
_FIRST_DAY: Final = date(1970, 1, 1)
_FEW: Final = 10_000  # reads that the newest days may well give; who wants more wants them all
_ALL_TIME: Final = (date.min, date.max)
_SHIFTS: Final = pa.schema([("begins", pa.int64()), ("shift", pa.int64())])
_STANDS: Final = pa.schema([("camera_id", pa.string()), ("lat", pa.float64()), ("lon", pa.float64())])

_Row = TypeVar("_Row")


class Reads:
    """All reads of the centre; one thread's, but for `cancel`. Who asks must have been let in by `access` before.

    A damaged file does not end a question: it is left out, and the answer says what is missing.

    Attributes:
        rules: say which of them may be shown.

    Every question raises, beside what its method says,

        QueryError: it is wrong, took too long (`TimedOutError`) or was cancelled (`CancelledError`);
        StoreError: the archive cannot be opened.
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
        """Open.

        Args:
            engine: the database.
            archive: where the files lie.
            settings: how far a question may go.
            rules: say which reads may be shown.
            threads: in which a question is answered; None: as many as there are cores.
        """
        self.rules: Final = rules
        self._asker: Final = Asker(engine, archive, settings, rules=rules, threads=threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._asker.close()

    def cancel(self) -> None:
        """Give up the question under way, which ends with `CancelledError`; from any thread."""
        self._asker.cancel()

    def find(self, question: Question, *, detailed: bool = False) -> Answer:
        """The reads that a question is about: a plate's history, a camera's window, the newest arrivals.

        Args:
            question: which.
            detailed: each with what an investigator weighs (`DetailedRead`).
        """

        def ask(planned: Plan, snapshot: Snapshot, wanted: pa.Table | None) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for first, last in snapshot.choice.spans() if question.limit <= _FEW else (_ALL_TIME,):
                there = replace(snapshot, choice=snapshot.choice.within(first, last))
                sql = partial(reads_sql, detailed=detailed)
                found += self._asker.run(
                    sql, during(planned, first, last), there, {"wanted": wanted}
                ).to_pylist()
                if len(found) > question.limit:
                    break
            self._asker.prove(snapshot, found[: question.limit], _sought(planned.question, wanted))
            return found

        found, missing = self._asker.answer(question, copy_by_plate, ask, detailed=detailed)
        rows, cut = _within(question, found)
        record = detailed_read if detailed else kept
        return Answer(tuple(record(row) for row in rows), cut, missing)

    def identities(self, question: Question) -> set[ReadId]:
        """Which reads a question is about, all of them.

        Raises:
            StoreError: a damaged file, which is not mended yet, keeps some of them back.
        """
        found, missing = self._ask(question, identities_sql)
        for lost in missing:
            if not lost.aside:
                raise StoreError(f"{self._asker.archive}: {lost.file} is damaged, so not every read is known")
        return {ReadId(row["edge_id"], row["epoch"], row["seq"]) for row in found.to_pylist()}

    def counts(self, question: Question) -> Counts:
        """How many reads a question is about, by camera and UTC hour; the limit counts such pairs."""
        found, missing = self._ask(question, partial(counts_sql, cell_s=HOUR_S), copy=copy_by_hour)
        rows, cut = _within(question, found.to_pylist())
        hours = (
            HourCount(row["camera_id"], from_us(row["cell"] * HOUR_S * _US), row["reads"]) for row in rows
        )
        return Counts(tuple(hours), cut, missing)

    def seen(self, question: Question) -> Rows[Seen]:
        """The plates that a question is about, each with when and where it was seen first and last; newest first."""
        found, missing = self._ask(question, seen_sql)
        rows, cut = _within(question, found.to_pylist())
        return Rows(tuple(Seen(**timed(row)) for row in rows), cut, missing)

    def places(self, question: Question, *, zone: tzinfo) -> Places:
        """At which cameras and in which hours of the week it was seen what a question is about.

        Args:
            question: its limit counts cameras.
            zone: of the site, in which days and hours are told.
        """
        table, missing = self._ask_locally(question, places_sql, _shifts(question, zone))
        rows = table.to_pylist()
        places, cut = _within(question, [row for row in rows if row["camera_id"] is not None])
        hours = sorted((r["weekday"], r["hour"], r["reads"]) for r in rows if r["camera_id"] is None)
        named = ("camera_id", "reads", "days", "first_at", "last_at")
        return Places(
            tuple(Place(**timed({name: row[name] for name in named})) for row in places),
            tuple(Hour(*hour) for hour in hours),
            cut,
            missing,
        )

    def heatmap(self, question: Question, *, zone: tzinfo) -> Rows[HeatCell]:
        """Reads by camera, weekday and hour, the busiest camera first; hours without reads are left out.

        Args:
            question: its limit counts cameras.
            zone: of the site.
        """
        table, missing = self._ask_locally(question, heatmap_sql, _shifts(question, zone))
        rows = table.to_pylist()
        cameras, cut = _within(question, list(dict.fromkeys(row["camera_id"] for row in rows)))
        shown = set(cameras)
        return Rows(tuple(HeatCell(**row) for row in rows if row["camera_id"] in shown), cut, missing)

    def clones(
        self,
        question: Question,
        cameras: Mapping[str, CameraPlace],
        *,
        least: Least,
    ) -> Rows[Lead]:
        """Plates whose reads contradict each other, the most contradictory first.

        Args:
            question: its limit counts plates.
            cameras: where they stand; travel between others is not judged.
            least: what counts.
        """
        sql = partial(clones_sql, least=least)
        stands = [{"camera_id": name, **told.position._asdict()} for name, told in cameras.items()]
        found, missing = self._ask(
            question, sql, more={"stands": pa.Table.from_pylist(stands, schema=_STANDS)}
        )
        rows, cut = _within(question, found.to_pylist())
        return Rows(tuple(Lead(**timed(row)) for row in rows), cut, missing)

    def volumes(self, question: Question, *, zone: tzinfo) -> Rows[Volume]:
        """Reads and hits by camera and day, newest day first.

        Args:
            question: without a plate; its limit counts rows.
            zone: of the site, whose days they are.
        """
        if question.plate is not None or question.is_of_words:
            raise QueryError("volumes are of cameras, not of a plate")
        plan(question)
        local = _shifts(question, zone)
        of_alerts = hits(self._asker.source, question, cell_s=local.cell_s)
        table, missing = self._ask_locally(question, volumes_sql, local, {"hits": of_alerts})
        rows, cut = _within(question, table.to_pylist())
        found = (Volume(_FIRST_DAY + timedelta(days=row.pop("day")), **row) for row in rows)
        return Rows(tuple(found), cut, missing)

    def totals(self) -> Totals:
        """How many reads there are, hot and archived."""
        return self._asker.totals()

    def _ask_locally(
        self,
        question: Question,
        sql: Callable[..., str],
        local: Shifts,
        more: Mapping[str, pa.Table] | None = None,
    ) -> tuple[pa.Table, tuple[Missing, ...]]:
        """Ask with the site's clock (the table `shifts`) and further tables."""
        copy = copy_by_hour if local.cell_s == HOUR_S and sql is not places_sql else copy_by_plate
        rows = [{"begins": shift.begins, "shift": shift.cells} for shift in local.shifts]
        tables = {"shifts": pa.Table.from_pylist(rows, schema=_SHIFTS), **(more or {})}
        return self._ask(question, partial(sql, cell_s=local.cell_s), copy=copy, more=tables)

    def _ask(
        self,
        question: Question,
        sql: Sql,
        *,
        copy: Callable[[Plan], Copy | None] = copy_by_plate,
        more: Mapping[str, pa.Table] | None = None,
    ) -> tuple[pa.Table, tuple[Missing, ...]]:
        def ask(planned: Plan, snapshot: Snapshot, wanted: pa.Table | None) -> pa.Table:
            return self._asker.run(sql, planned, snapshot, {"wanted": wanted, **(more or {})})

        return self._asker.answer(question, copy, ask)


def _sought(question: Question, wanted: pa.Table | None) -> Sought:
    """What the row groups hold that answer a question."""
    plates = None if wanted is None else sorted(set(wanted["plate"].to_pylist()))
    return Sought(
        plates=plates if question.plate is None else [question.plate],
        cameras=sorted(question.cameras) or None,
        since=question.since,
        until=question.until,
    )


def _shifts(question: Question, zone: tzinfo) -> Shifts:
    return shifts(zone, since=question.since, until=question.until)


def _within(question: Question, found: list[_Row]) -> tuple[list[_Row], bool]:
    """As many as the limit lets through, and whether there are more."""
    return found[: question.limit], len(found) > question.limit
