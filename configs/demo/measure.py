"""What became of the demo's reads: counted from the spool, the Delta table and the truth files, not assumed."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from deltalake import DeltaTable
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, func, select

from central.db import alert
from edge.bench.passages import Passage, Score, Sighting, at_camera, load_truth, score
from edge.contract.delivery import Stream
from edge.spool.tally import inspect

HERE = Path(__file__).resolve().parent
SETTLED_S = 2.5
"""A turning camera has been told to be at rest by then, and is watched."""
COLUMNS = [
    "edge_id",
    "epoch",
    "seq",
    "camera_id",
    "plate",
    "captured_at",
    "first_offset_us",
    "last_offset_us",
]


@dataclass(frozen=True, slots=True)
class Archive:
    """The rows of the Delta table: identities as often as they stand there, and what they saw."""

    identities: Counter[tuple[str, int, int]]
    sightings: tuple[Sighting, ...]


def read_archive(path: Path) -> Archive:
    """Every row of the table; empty where nothing was ever sealed."""
    if not DeltaTable.is_deltatable(str(path / "reads")):
        return Archive(Counter(), ())
    rows = DeltaTable(path / "reads").to_pyarrow_table(columns=COLUMNS).to_pylist()
    return Archive(
        identities=Counter((r["edge_id"], r["epoch"], r["seq"]) for r in rows),
        sightings=tuple(
            Sighting(
                r["camera_id"],
                r["plate"],
                r["captured_at"] + timedelta(microseconds=r["first_offset_us"]),
                r["captured_at"] + timedelta(microseconds=r["last_offset_us"]),
            )
            for r in rows
        ),
    )


def box() -> dict[str, Any]:
    """The edge's settings, as they are written."""
    return dict(yaml.safe_load((HERE / "edge.yaml").read_text(encoding="utf-8")))


def spooled_reads(path: Path) -> set[tuple[str, int, int]]:
    """The identity of every read that the edge ever spooled; none where it was ended before it began."""
    if not path.exists():
        return set()
    edge_id = box()["edge_id"]
    spool = inspect(path)
    return {(edge_id, spool.epoch, seq) for seq in range(1, spool.streams[Stream.READ].spooled + 1)}


def passages_shown(log: Path, *, videos: Path, ended_at: datetime) -> tuple[list[Passage], list[Passage]]:
    """The passages that the cameras showed: those completed, and those that an end cut.

    An end is a session's or the demo's, and of what a turning camera shows, its turning, until it rests.
    """
    completed, cut = [], []
    # None where the demo was ended before a camera played.
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    records = [json.loads(line) for line in lines]
    turning = {camera["id"] for camera in box()["cameras"] if "ptz" in camera}
    for number, record in enumerate(records):
        truth = videos / "truth" / f"{record.get('clip')}.csv"
        if "ended_at" in record or not truth.exists():  # what is seen while it turns is no clip
            continue
        started_at = datetime.fromisoformat(record["started_at"])
        since = started_at + timedelta(seconds=SETTLED_S) if record["mount"] in turning else started_at
        until = min(shown_until(record, records[number + 1 :]) or ended_at, ended_at)
        file_at = started_at - timedelta(seconds=record["from_s"])
        for passage in at_camera(load_truth(truth), camera_id=record["mount"], started_at=file_at):
            if since <= passage.first_at and passage.last_at <= until:
                completed.append(passage)
            elif started_at <= passage.last_at and passage.first_at <= until:
                cut.append(passage)
    return completed, cut


def shown_until(record: dict[str, Any], later: Iterable[dict[str, Any]]) -> datetime | None:
    """When a session's pass gave way to its next one, or ended with it; None: never."""
    for following in later:
        if following["session"] == record["session"]:
            return datetime.fromisoformat(following.get("ended_at") or following["started_at"])
    return None


def show(result: Score, completed: Iterable[Passage]) -> None:
    """A table of what each camera showed and what was read."""
    table = Table(title="Passages by camera (rendered clips, looped)")
    for heading in ("camera", "passages", "right", "wrong", "missed", "surplus reads"):
        table.add_column(heading, justify="left" if heading == "camera" else "right")
    columns = [
        Counter(p.camera_id for p in completed),
        Counter(p.camera_id for p, _ in result.right),
        Counter(p.camera_id for p, _ in result.wrong),
        Counter(p.camera_id for p in result.missed),
        Counter(s.camera_id for s in result.surplus),
    ]
    for camera in sorted(set().union(*columns)):
        table.add_row(camera, *(str(column[camera]) for column in columns))
    Console(file=sys.stdout).print(table)


def drop_cut(result: Score, cut: set[Passage]) -> tuple[Score, int]:
    """The score without the passages that the end cut: read or not, they count neither way; and their reads."""
    kept = Score(
        right=tuple(pair for pair in result.right if pair[0] not in cut),
        wrong=tuple(pair for pair in result.wrong if pair[0] not in cut),
        missed=tuple(passage for passage in result.missed if passage not in cut),
        surplus=result.surplus,
    )
    return kept, len(result.right) + len(result.wrong) - len(kept.right) - len(kept.wrong)


def counts(result: Score, *, cut: int) -> dict[str, int]:
    """What the reads were: correct + false + cut is all of them, false is wrong + surplus.

    Args:
        result: without the passages that the end cut.
        cut: reads of these.
    """
    return {
        "passages": len(result.right) + len(result.wrong) + len(result.missed),
        "correct": len(result.right),
        "missed": len(result.missed),
        "wrong": len(result.wrong),
        "surplus": len(result.surplus),
        "false": len(result.wrong) + len(result.surplus),
        "cut": cut,
    }


def measure(run: Path, *, videos: Path, ended_at: float, ok: bool) -> int:
    """Print the table and the line of JSON.

    Returns:
        0 where the processes ended well and no read was lost or doubled, else 1.
    """
    archive = read_archive(run / "centre" / "archive")
    spooled = spooled_reads(run / "edge" / "spool.sqlite")
    ended = datetime.fromtimestamp(ended_at, UTC)
    completed, cut = passages_shown(run / "passes.jsonl", videos=videos, ended_at=ended)
    result, cut_reads = drop_cut(score([*completed, *cut], archive.sightings), set(cut))
    with create_engine(f"sqlite:///{run / 'centre' / 'central.sqlite'}").connect() as database:
        own = alert.c.merged_into.is_(None)
        alerts = database.scalar(select(func.count()).select_from(alert).where(own))
    show(result, completed)
    lost = len(spooled - set(archive.identities))
    duplicates = archive.identities.total() - len(archive.identities)
    line = {
        "archive": str(run / "centre" / "archive"),
        "reads": len(spooled),
        "alerts": alerts,
        "archived": archive.identities.total(),
        **counts(result, cut=cut_reads),
        "lost": lost,
        "duplicates": duplicates,
    }
    print(json.dumps(line))  # noqa: T201  # the demo's result
    return 0 if ok and lost == 0 and duplicates == 0 else 1
