"""`python -m central bench archive`: what the archive takes up, and how long every kind of question takes.

Cold: the files' pages are dropped from memory, and a new connection asks. Warm: the same connection asks again.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive.schema import DERIVED, EVIDENCE, READS
from central.archive.table import live_files, open_archive
from central.bench.history import CAMERAS
from central.bench.years import FIRST_DAY, OnStep, build, link
from central.maintain import Step
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.settings import ArchiveSettings, QuerySettings

_WARM: Final = 7
_COLD: Final = 3
_ZONE: Final = ZoneInfo("America/Bogota")


Ask = Callable[[Reads], int]


@dataclass(frozen=True, slots=True)
class Took:
    """A question's time.

    Attributes:
        cold_ms, warm_ms: medians.
        rows: of its answer.
    """

    cold_ms: float
    warm_ms: float
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the bench found.

    Attributes:
        rows: reads of the month that was made.
        linked_rows: as many as the tables tell of, linked months included.
        bytes_per_row: of one copy, the reads by date, core columns.
        bytes_per_read_total: both copies, evidence, dictionary, counts and footers.
        close_s, derive_s: of the last day that was made; None where it was there already.
    """

    rows: int
    linked_rows: int
    bytes_per_row: float
    bytes_per_read_total: float
    close_s: float | None
    derive_s: float | None
    merge_s: float | None
    queries: Mapping[str, Took] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """As documented."""
        return asdict(self)


class Stopwatch:
    """How long each kind of step took, while somebody is told of them."""

    def __init__(self, on_step: OnStep) -> None:
        self._on_step = on_step
        self._kind, self._since = "", time.perf_counter()
        self.took: dict[str, float] = {}

    def __call__(self, step: Step) -> None:
        """A step begins."""
        now, kind = time.perf_counter(), step.what
        if kind != self._kind:
            if self._kind:
                self.took[self._kind.partition(" ")[0]] = now - self._since
            self._kind, self._since = kind, now
        self._on_step(step)


def run(engine: Engine, path: Path, *, days: int, per_day: int, years: int, on_step: OnStep) -> Found:
    """Build what is missing, link it under earlier months, and ask.

    Args:
        engine: a database for the locks.
        path: folder of the archive; what a run before made is used.
        days: of the month, 1 to 30.
        per_day: reads.
        years: that the month is linked under.
        on_step: is told of each step.
    """
    watch = Stopwatch(on_step)
    build(engine, ArchiveSettings(path=path), days=days, per_day=per_day, on_step=watch)
    sizes = _sizes(path)
    link(path, years=years, on_step=watch)
    queries = dict(_timed(engine, path, days=days, on_step=on_step))
    reads = open_archive(path)
    linked = 0 if reads is None else sum(file.rows for file in live_files(reads))
    rows, core, total = sizes
    return Found(
        rows=rows,
        bytes_per_row=core / rows,
        bytes_per_read_total=total / rows,
        linked_rows=linked,
        close_s=watch.took.get("closing"),
        derive_s=watch.took.get("deriving"),
        merge_s=watch.took.get("merging"),
        queries=queries,
    )


def _sizes(path: Path) -> tuple[int, int, int]:
    """Rows, bytes of the reads' core columns, and bytes of all; what was linked under other months left out."""
    month = f"{FIRST_DAY:%Y-%m}"
    rows = core = total = 0
    for layout in (READS, *DERIVED):
        for file in live_files(DeltaTable(path / layout.folder)):
            if not _is_of(file.name, month):
                continue
            total += file.size
            if layout is READS:
                rows += file.rows
                core += _core(path / layout.folder / file.name)
    return rows, core, total


def _is_of(name: str, month: str) -> bool:
    year, number = month.split("-")
    return f"captured_date={month}-" in name or f"year={year}/month={int(number)}/" in name


def _core(file: Path) -> int:
    """Bytes of the core columns, and of the footer."""
    metadata = pq.ParquetFile(file).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(metadata.num_columns)]
    evidence: int = sum(c.total_compressed_size for c in columns if c.path_in_schema in EVIDENCE)
    return int(file.stat().st_size) - evidence


def questions(plate: str, days: int) -> dict[str, Ask]:
    """Every kind of question that has a bar.

    Args:
        plate: a busy one.
        days: of the month that was made.
    """
    noon = datetime(FIRST_DAY.year, FIRST_DAY.month, min(days, 20), 12, tzinfo=UTC)
    two_hours = Question(
        cameras=(f"cam-{CAMERAS // 3:03d}",), since=noon, until=noon + timedelta(hours=2), limit=100_000
    )
    year = Question(since=noon - timedelta(days=365), until=noon, limit=CAMERAS)
    return {
        "history": lambda reads: len(reads.find(Question(plate=plate)).reads),
        "history_all": lambda reads: len(reads.find(Question(plate=plate, limit=1_000_000)).reads),
        "seen": lambda reads: len(reads.seen(Question(plate=plate)).rows),
        "prefix": lambda reads: len(
            reads.find(Question(pattern=compile_pattern(f"{plate[:3]}?{plate[4]}*"))).reads
        ),
        "alike": lambda reads: len(reads.find(Question(pattern=compile_pattern(plate, alike=True))).reads),
        "leading": lambda reads: len(reads.seen(Question(pattern=compile_pattern(f"?{plate[1:]}"))).rows),
        "camera": lambda reads: len(reads.find(two_hours).reads),
        "heatmap": lambda reads: len(reads.heatmap(year, zone=_ZONE).rows),
        "volumes": lambda reads: len(reads.volumes(year, zone=_ZONE).rows),
    }


def _timed(engine: Engine, path: Path, *, days: int, on_step: OnStep) -> Iterator[tuple[str, Took]]:
    settings = QuerySettings(timeout_s=3600, memory_mb=2048)
    asked = questions(busy_plate(path), days)
    for number, (name, ask) in enumerate(asked.items()):
        on_step(Step(f"asking: {name}", number, len(asked)))
        cold: list[float] = []
        rows = 0
        for _ in range(_COLD):
            drop(path)
            with Reads(engine, path, settings) as reads, _watch(cold):
                rows = ask(reads)
        warm: list[float] = []
        with Reads(engine, path, settings) as reads:
            ask(reads)
            for _ in range(_WARM):
                with _watch(warm):
                    ask(reads)
        yield name, Took(statistics.median(cold), statistics.median(warm), rows)


def busy_plate(path: Path) -> str:
    """One of the twenty plates that were read most: a hard case."""
    import duckdb

    files = [str(path / "dictionary" / f.name) for f in live_files(DeltaTable(path / "dictionary"))]
    made = [
        name for name in files if f"/month={FIRST_DAY.month}/" in name and f"year={FIRST_DAY.year}" in name
    ]
    with duckdb.connect() as duck:
        sql = "SELECT plate FROM read_parquet($files) GROUP BY plate ORDER BY sum(reads) DESC, plate LIMIT 20"
        return str(duck.sql(sql, params={"files": made}).fetchall()[-1][0])


@contextmanager
def _watch(times_ms: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    times_ms.append((time.perf_counter() - began) * 1000)


def drop(path: Path) -> None:
    """Drop the files' pages from memory, as after a night in which others were read."""
    for file in path.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
