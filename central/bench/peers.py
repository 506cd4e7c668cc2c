"""What else one could keep the same reads in: plain Parquet by date under DuckDB, and a table of PostgreSQL.

Each is given the reads of the month that the bench made, and not of the years that it is linked under: they would
take days to load. Core columns alone, which is less than the archive keeps.
"""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb

from central.archive.schema import CORE, PARTITION
from central.bench.watch import COLD, WARM, Took, drop, watch

COLUMNS: Final = ", ".join(name for name in CORE.names if name != PARTITION)

_NEWEST: Final = "ORDER BY captured_at DESC LIMIT 1000"
_TWO_HOURS: Final = "captured_at >= {since} AND captured_at < {until}"

QUESTIONS: Final[Mapping[str, str]] = {
    "history": f"SELECT {COLUMNS} FROM reads WHERE plate = {{plate}} {_NEWEST}",  # noqa: S608
    "prefix": f"SELECT {COLUMNS} FROM reads WHERE plate LIKE {{prefix}} {_NEWEST}",  # noqa: S608
    "leading": "SELECT plate, count(*), min(captured_at), max(captured_at) FROM reads "
    "WHERE plate LIKE {leading} GROUP BY plate",
    "camera": f"SELECT {COLUMNS} FROM reads WHERE camera_id = {{camera}} AND {_TWO_HOURS}",  # noqa: S608
    "heatmap": "SELECT camera_id, extract(hour FROM captured_at) AS hour, count(*) FROM reads GROUP BY 1, 2",
}
"""SQL of each, which both speak; `{name}` stands for a parameter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        plate: a busy one.
        camera: one.
        since: of two hours at that camera.
    """

    plate: str
    camera: str
    since: datetime

    def parameters(self) -> dict[str, object]:
        """Of all questions, by name."""
        return {
            "plate": self.plate,
            "prefix": f"{self.plate[:3]}_{self.plate[4]}%",
            "leading": f"_{self.plate[1:]}",
            "camera": self.camera,
            "since": self.since,
            "until": self.since + timedelta(hours=2),
        }


@dataclass(frozen=True, slots=True)
class PeerFound:
    """What a peer took.

    Attributes:
        rows: that it holds.
        bytes_per_row: on the disk, indices included.
    """

    rows: int
    bytes_per_row: float
    queries: Mapping[str, Took]

    def as_json(self) -> dict[str, object]:
        """Questions beside the rest."""
        told: dict[str, object] = {name: asdict(took) for name, took in self.queries.items()}
        return {"rows": self.rows, "bytes_per_row": self.bytes_per_row} | told


Ask = Callable[[str, Mapping[str, object]], int]
"""Runs one of `QUESTIONS` and fetches its rows: how many there are."""


class Peer(Protocol):
    """A place for reads."""

    @property
    def folder(self) -> Path:
        """Where all of its bytes lie."""
        ...

    def fill(self, days: Mapping[date, Sequence[Path]], on_day: Callable[[date], None]) -> None:
        """Take the reads of days, each from its files, where it does not hold them yet."""
        ...

    def opened(self) -> AbstractContextManager[Ask]:
        """Ready to be asked, with nothing in its own memory."""
        ...


def measure(peer: Peer, asked: Asked, *, rows: int, on_question: Callable[[str], None]) -> PeerFound:
    """Ask a filled peer everything.

    Args:
        peer: filled.
        asked: for what.
        rows: that it holds.
        on_question: is told of each.
    """
    parameters = asked.parameters()
    queries = {}
    for name, sql in QUESTIONS.items():
        on_question(name)
        named = {key: value for key, value in parameters.items() if f"{{{key}}}" in sql}
        cold: list[float] = []
        warm: list[float] = []
        found = 0
        for _ in range(COLD):
            drop(peer.folder)
            with peer.opened() as ask, watch(cold):
                found = ask(sql, named)
        with peer.opened() as ask:
            ask(sql, named)
            for _ in range(WARM):
                with watch(warm):
                    ask(sql, named)
        queries[name] = Took(statistics.median(cold), statistics.median(warm), found)
    size = sum(file.stat().st_size for file in peer.folder.rglob("*") if file.is_file())
    return PeerFound(rows, size / rows, queries)


class Plain:
    """A Parquet file a day in order of time, in folders by date."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def fill(self, days: Mapping[date, Sequence[Path]], on_day: Callable[[date], None]) -> None:
        """As `Peer` says."""
        for day, files in days.items():
            place = self.folder / f"{PARTITION}={day}"
            if (place / "reads.parquet").exists():
                continue
            on_day(day)
            place.mkdir(parents=True, exist_ok=True)
            draft = place / "_reads.parquet"
            _copy(files, draft, "FORMAT parquet, COMPRESSION zstd")
            draft.rename(place / "reads.parquet")

    @contextmanager
    def opened(self) -> Iterator[Ask]:
        """As `Peer` says."""
        with duckdb.connect() as duck:
            duck.execute("SET TimeZone = 'UTC'")
            duck.execute("SET parquet_metadata_cache = true")
            files = f"{self.folder}/*/reads.parquet".replace("'", "''")
            duck.execute(f"CREATE VIEW reads AS FROM read_parquet('{files}')")  # no parameters in a view

            def ask(sql: str, parameters: Mapping[str, object]) -> int:
                marked = sql.format_map({name: f"${name}" for name in parameters})
                return int(duck.sql(marked, params=dict(parameters)).to_arrow_table().num_rows)

            yield ask


def as_csv(files: Sequence[Path], into: Path) -> None:
    """The core columns of a day's files, without a head."""
    _copy(files, into, "FORMAT csv, HEADER false")


def _copy(files: Sequence[Path], into: Path, form: str) -> None:
    names: list[Any] = [os.fspath(file.resolve()) for file in files]
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        rows = f"SELECT {COLUMNS} FROM read_parquet($files, hive_partitioning = false) ORDER BY captured_at"  # noqa: S608
        target = os.fspath(into).replace("'", "''")
        duck.execute(f"COPY ({rows}) TO '{target}' ({form})", {"files": names})
