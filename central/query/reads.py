"""Questions about reads, answered from hot rows and archive as from one table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
from sqlalchemy import Engine

from central.archive.schema import PackedCharacter, unpack_box, unpack_characters, unpack_ptz
from central.db import from_us
from central.query.duck import Duck
from central.query.plan import Plan, Question, counts_sql, plan, reads_sql
from central.query.snapshot import Totals, take, totals
from central.settings import QuerySettings
from central.types import NORMAL, Alternative, DetailedRead, Gaze, KeptRead, PlateBox, Position

_US_PER_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """Reads, newest first.

    Attributes:
        cut: there are more than the limit let through.
    """

    reads: tuple[KeptRead, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class HourCount:
    """Reads of one camera in one hour.

    Attributes:
        hour: its beginning, UTC.
    """

    camera_id: str
    hour: datetime
    reads: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Reads by camera and hour, newest hour first; `cut` as in `Answer`."""

    hours: tuple[HourCount, ...]
    cut: bool


class Reads:
    """All reads of the centre; one thread's. Who asks must have been let in by `access` before."""

    def __init__(self, engine: Engine, archive: Path, settings: QuerySettings) -> None:
        self._engine: Final = engine
        self._archive: Final = archive.resolve()
        self._duck: Final = Duck(self._archive, timeout_s=settings.timeout_s, memory_mb=settings.memory_mb)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._duck.close()

    def find(self, question: Question, *, detailed: bool = False) -> Answer:
        """The reads that a question is about: a plate's history, a camera's window, the newest arrivals.

        Args:
            question: which.
            detailed: each with what an investigator weighs (`DetailedRead`).

        Raises:
            QueryError: the question is wrong, or took too long (`TimedOutError`).
            StoreError: the archive cannot be opened.
        """
        rows, cut = self._ask(question, partial(reads_sql, detailed=detailed), detailed=detailed)
        return Answer(tuple(_detailed(row) if detailed else _kept(row) for row in rows), cut)

    def counts(self, question: Question) -> Counts:
        """How many reads a question is about, by camera and UTC hour; the limit counts such pairs.

        Raises:
            QueryError: the question is wrong, or took too long (`TimedOutError`).
            StoreError: the archive cannot be opened.
        """
        rows, cut = self._ask(question, counts_sql)
        hours = (
            HourCount(row["camera_id"], from_us(row["hour"] * _US_PER_HOUR), row["reads"]) for row in rows
        )
        return Counts(tuple(hours), cut)

    def totals(self) -> Totals:
        """How many reads there are, hot and archived.

        Raises:
            StoreError: the archive cannot be opened.
        """
        return totals(self._engine, self._archive)

    def _ask(
        self, question: Question, sql: Callable[..., str], *, detailed: bool = False
    ) -> tuple[list[dict[str, Any]], bool]:
        planned: Plan = plan(question)
        snapshot = take(self._engine, self._archive, planned, detailed=detailed)
        parameters = dict(planned.parameters)
        if snapshot.files:
            parameters["files"] = [str(file) for file in snapshot.files]
        if (improved := snapshot.improved) is not None:
            parameters["improved"] = [str(file) for file in improved.files]
            parameters |= {"improved_since": improved.since, "improved_until": improved.until}
        found: pa.Table = self._duck.run(
            sql(
                planned,
                sealed=bool(snapshot.files),
                updated=snapshot.late.num_rows > 0,
                improved=improved is not None,
            ),
            parameters,
            {"hot": snapshot.hot, "late": snapshot.late},
        )
        limit = question.limit
        return found.slice(0, limit).to_pylist(), found.num_rows > limit


def _kept(row: dict[str, Any]) -> KeptRead:
    return KeptRead(**_fields(row))


def _detailed(row: dict[str, Any]) -> DetailedRead:
    raw, packed, box, ptz = (row.pop(name) for name in ("plate_raw", "characters", "box", "ptz"))
    return DetailedRead(
        **_fields(row),
        plate_raw=row["plate"] if raw is None else raw,
        characters=None if packed is None else _positions(row["plate"], packed),
        box=None if box is None else PlateBox(*(round(share, 4) for share in unpack_box(box))),
        ptz=None if ptz is None else Gaze(*unpack_ptz(ptz)),
    )


def _positions(plate: str, packed: bytes) -> tuple[Position, ...]:
    doubts = unpack_characters(packed)
    sure = PackedCharacter(1.0, ())
    return tuple(
        Position(
            char,
            round(doubt.likelihood, 4),
            tuple(Alternative(a.char, round(a.likelihood, 4)) for a in doubt.alternatives),
        )
        for char, doubt in ((char, doubts.get(at, sure)) for at, char in enumerate(plate))
    )


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a read as fields; changes the row."""
    captured_at = row.pop("captured_at").astimezone(UTC)
    after = {
        f"{name}_at": captured_at + timedelta(microseconds=row.pop(f"{name}_offset_us"))
        for name in ("first", "last", "received")
    }
    likelihood = row.pop("likelihood_e4") / 10_000
    improved = row.pop("update_seq") > 0
    speed_cmps = row.pop("speed_cmps")
    told = {
        "speed_mps": None if speed_cmps is None else speed_cmps / 100,
        "trust": row.pop("trust") or NORMAL,
        **{name: _degrees(row.pop(f"{name}_e7")) for name in ("lat", "lon")},
    }
    return {
        "captured_at": captured_at,
        "likelihood": likelihood,
        "improved": improved,
        **after,
        **told,
        **row,
    }


def _degrees(e7: int | None) -> float | None:
    return None if e7 is None else e7 / 10_000_000
