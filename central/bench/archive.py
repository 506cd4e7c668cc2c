"""`python -m central bench archive`: what the archive takes up, and how long every kind of question takes.

Cold: the files' pages are dropped from memory, and a new connection asks. Warm: the same connection asks again.
Beside it, where they are asked for, what else one could keep the same reads in.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.rules import Rules
from central.archive.schema import DERIVED, EVIDENCE, READS
from central.archive.table import live_files, open_archive
from central.bench.history import CAMERAS
from central.bench.peers import QUESTIONS, Asked, Peer, PeerFound, Plain, measure
from central.bench.postgres import Postgres
from central.bench.watch import COLD, WARM, Took, drop, watch
from central.bench.years import FIRST_DAY, OnStep, build, link
from central.maintain import Step
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import ArchiveSettings, QuerySettings

_ZONE: Final = ZoneInfo("America/Bogota")
_CAMERA: Final = f"cam-{CAMERAS // 3:03d}"


Ask = Callable[[Reads], int]

PEERS: Final[Mapping[str, Callable[[Path], Peer]]] = {"plain": Plain, "postgres": Postgres}


@dataclass(frozen=True, slots=True)
class Load:
    """What is built, and what it is compared with.

    Attributes:
        days: of the month, 1 to 30.
        per_day: reads.
        years: that the month is linked under.
        peers: names of `PEERS`.
    """

    days: int
    per_day: int
    years: int
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What the bench found.

    Attributes:
        rows: reads of the month that was made.
        linked_rows: as many as the tables tell of, linked months included.
        bytes_per_row: of one copy, the reads by date, core columns.
        bytes_per_read_total: both copies, evidence, dictionary, counts and footers.
        close_s, derive_s: of the last day that was made; None where it was there already.
        peers: the same reads elsewhere, without the years.
    """

    rows: int
    linked_rows: int
    bytes_per_row: float
    bytes_per_read_total: float
    close_s: float | None
    derive_s: float | None
    merge_s: float | None
    queries: Mapping[str, Took] = field(default_factory=dict)
    peers: Mapping[str, PeerFound] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """As documented."""
        return asdict(self) | {"peers": {name: found.as_json() for name, found in self.peers.items()}}


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


def run(engine: Engine, work: Path, load: Load, *, on_step: OnStep) -> Found:
    """Build what is missing, link it under earlier months, and ask.

    Args:
        engine: a database for the locks.
        work: a folder; what a run before made there is used.
        load: how much.
        on_step: is told of each step.

    Raises:
        ConfigError: a peer is not installed.
    """
    peers = {name: PEERS[name](work / name) for name in load.peers}  # first, for building takes long
    path, watching = work / "archive", Stopwatch(on_step)
    build(engine, ArchiveSettings(path=path), days=load.days, per_day=load.per_day, on_step=watching)
    sizes = _sizes(path)
    link(path, years=load.years, on_step=watching)
    queries = dict(_timed(engine, path, days=load.days, on_step=on_step))
    reads = open_archive(LocalArchive(path))
    linked = 0 if reads is None else sum(file.rows for file in live_files(reads))
    rows, core, total = sizes
    return Found(
        rows=rows,
        bytes_per_row=core / rows,
        bytes_per_read_total=total / rows,
        linked_rows=linked,
        close_s=watching.took.get("closing"),
        derive_s=watching.took.get("deriving"),
        merge_s=watching.took.get("merging"),
        queries=queries,
        peers={name: _beside(name, peer, path, load, on_step) for name, peer in peers.items()},
    )


def _beside(name: str, peer: Peer, path: Path, load: Load, on_step: OnStep) -> PeerFound:
    """Fill a peer with the month, and ask it what the archive was asked."""
    days: dict[date, list[Path]] = {}
    rows = 0
    for file in live_files(DeltaTable(path / READS.folder)):
        if _is_of(file.name, f"{FIRST_DAY:%Y-%m}"):
            days.setdefault(file.captured_date, []).append(path / READS.folder / file.name)
            rows += file.rows
    filled = dict(sorted(days.items()))
    peer.fill(filled, lambda day: on_step(Step(f"{name}: filling", list(filled).index(day), len(filled))))
    asked = Asked(busy_plate(path), _CAMERA, _noon(load.days))

    def tell(question: str) -> None:
        on_step(Step(f"{name}: {question}", list(QUESTIONS).index(question), len(QUESTIONS)))

    return measure(peer, asked, rows=rows, on_question=tell)


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


def _noon(days: int) -> datetime:
    return datetime(FIRST_DAY.year, FIRST_DAY.month, min(days, 20), 12, tzinfo=UTC)


def questions(plate: str, days: int) -> dict[str, Ask]:
    """Every kind of question that has a bar.

    Args:
        plate: a busy one.
        days: of the month that was made.
    """
    noon = _noon(days)
    two_hours = Question(cameras=(_CAMERA,), since=noon, until=noon + timedelta(hours=2), limit=100_000)
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
    rules = Rules(keep=timedelta(days=36_500), clock=lambda: datetime.now(UTC))  # whatever years were linked
    archive, asked = LocalArchive(path), questions(busy_plate(path), days)
    for number, (name, ask) in enumerate(asked.items()):
        on_step(Step(f"asking: {name}", number, len(asked)))
        cold: list[float] = []
        rows = 0
        for _ in range(COLD):
            drop(path)
            with Reads(engine, archive, settings, rules=rules) as reads, watch(cold):
                rows = ask(reads)
        warm: list[float] = []
        with Reads(engine, archive, settings, rules=rules) as reads:
            ask(reads)
            for _ in range(WARM):
                with watch(warm):
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
