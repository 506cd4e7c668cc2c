"""One load: so many simulated cameras in front of one box for so long, and what came of it."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.bench.passages import ClipPassage, Passage, Score, score
from edge.bench.streams.baseline import live_decode_s
from edge.bench.streams.box import Usage, box, free_port, running
from edge.bench.streams.footage import Footage
from edge.errors import WorkerError

_SETTLE_S: Final = 8.0
"""Connections, first key frames, and the nets' first calls: not measured."""
_BASELINE_S: Final = 30.0
_PATIENCE_S: Final = 30.0
_MARGIN: Final = timedelta(seconds=3)
"""Passages that end so shortly before the end may not have been emitted yet."""

Tick = Callable[[float], None]
"""Called about once a second with the seconds measured so far."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage that a camera showed, and where in its footage it stands."""

    passage: Passage
    clip: ClipPassage


@dataclass(frozen=True, slots=True)
class Result:
    """What a load came to.

    Attributes:
        cpu_s_per_camera_s: processor seconds of the box for a second of one camera.
        decode_only_cpu_s_per_camera_s: the same for receiving and decoding these live streams and nothing else.
        decode_file_cpu_s_per_camera_s: the same for decoding them from files, as fast as it goes.
        ratio: the first by the second.
        passages: of vehicles, complete while it was measured.
        read: of these, read right.
        read_every_frame: of these, those that are read right where every frame is analysed.
        wrong, surplus: reads of another plate, and reads of no passage or second ones.
        p95_ms: from the moment the emission rule is fulfilled until the read is on disk; None where there was none.
        rss_mib: the most memory that the box held.
    """

    cameras: int
    cpu_s_per_camera_s: float
    decode_only_cpu_s_per_camera_s: float
    decode_file_cpu_s_per_camera_s: float
    ratio: float
    passages: int
    read: int
    read_every_frame: int
    wrong: int
    surplus: int
    p95_ms: float | None
    rss_mib: float

    def as_json(self) -> dict[str, Any]:
        """Rounded, for `json`."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to put a box under.

    Attributes:
        footage: the cameras take them in turn, each from another place on.
        cameras: how many.
        seconds: of measuring.
        settings: of each camera, but for its name and address.
    """

    footage: Sequence[Footage]
    cameras: int
    seconds: float
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a stream is held against, from `baseline.py`."""

    decode_s: float
    readable: frozenset[ClipPassage]


def run(plan: Plan, references: Mapping[Footage, Reference], *, folder: Path, tick: Tick) -> Result:
    """Put a box under load.

    Args:
        plan: what to do.
        references: of each footage.
        folder: an empty one.
        tick: told how far it is.

    Raises:
        WorkerError: the box or the simulated cameras ended by themselves.
    """
    footage, cameras = plan.footage, plan.cameras
    streams = {f"cam-{n}": footage[n % len(footage)] for n in range(cameras)}
    starts = {name: _start_s(n, streams[name], cameras) for n, name in enumerate(streams)}
    port, journal = free_port(), folder / "passes.jsonl"
    mounts = [f"--mount={name}={f.path}#t={starts[name]}" for name, f in streams.items()]
    command = [sys.executable, "-m", "edge", "simulate", "rtsp", "--port", str(port), "--log", str(journal)]
    own = [
        {**plan.settings, "id": name, "url": f"rtsp://127.0.0.1:{port}/{name}", "region": _region(film)}
        for name, film in streams.items()
    ]
    with running([*command, *mounts], log=folder / "cameras.txt"):
        _await(lambda: "rtsp://" in (folder / "cameras.txt").read_text(encoding="utf-8"), "simulated cameras")
        decode_s = live_decode_s([str(c["url"]) for c in own], seconds=min(plan.seconds, _BASELINE_S))
        before_box = len(_records(journal))
        with box(folder, own) as watched:
            _await(lambda: _playing(journal, skip=before_box) == cameras, "box's connections")
            time.sleep(_SETTLE_S)
            before, began = watched.usage(), datetime.now(UTC)
            after = _watch(watched.usage, plan.seconds, tick)
            ended = datetime.now(UTC)
        sightings, spooled_ms = watched.sightings(), watched.spooled_ms()
    records = _records(journal, skip=before_box)
    shown = _shown(records, streams, starts, began=began, ended=ended - _MARGIN)
    result = score([s.passage for s in shown], [s for s in sightings if s.last_at >= began])
    file_s = sum(references[f].decode_s for f in streams.values()) / cameras
    cpu_s = (after.cpu_s - before.cpu_s) / (cameras * (ended - began).total_seconds())
    readable = [s for s in shown if s.clip in references[streams[s.passage.camera_id]].readable]
    return Result(
        cameras=cameras,
        cpu_s_per_camera_s=cpu_s,
        decode_only_cpu_s_per_camera_s=decode_s,
        decode_file_cpu_s_per_camera_s=file_s,
        ratio=cpu_s / decode_s,
        passages=len(shown),
        read=len(result.right),
        read_every_frame=len(readable),
        wrong=len(result.wrong),
        surplus=_surplus(result, shown),
        p95_ms=float(np.percentile(spooled_ms, 95)) if spooled_ms else None,
        rss_mib=after.peak_mib,
    )


def _start_s(number: int, footage: Footage, cameras: int) -> float:
    """Where a camera begins its footage: spread evenly, at key frames."""
    return number / cameras * footage.seconds // footage.gop_s * footage.gop_s


def _region(film: Footage) -> list[list[float]]:
    return [list(corner) for corner in film.recipe.region]


def _watch(usage: Callable[[], Usage], seconds: float, tick: Tick) -> Usage:
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(1.0, left_s))
        usage()  # so that a box that ended is told of at once
        tick(seconds - max(0.0, left_s))
    return usage()


def _await(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            raise WorkerError(f"waited {_PATIENCE_S:.0f} s for the {what}")
        time.sleep(0.1)


def _records(journal: Path, *, skip: int = 0) -> list[dict[str, Any]]:
    """The passes that began, and the ends; but for the first `skip` lines, which are of others than the box."""
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[skip:]]


def _playing(journal: Path, *, skip: int) -> int:
    return len({r["mount"] for r in _records(journal, skip=skip) if "started_at" in r})


def _shown(
    records: Iterable[Mapping[str, Any]],
    streams: Mapping[str, Footage],
    starts: Mapping[str, float],
    *,
    began: datetime,
    ended: datetime,
) -> list[Shown]:
    """The passages that lie wholly between two times."""
    shown = []
    for record in records:
        if "started_at" not in record:
            continue
        name = record["mount"]
        started_at = datetime.fromisoformat(record["started_at"])
        for clip in streams[name].passages:
            # One that the pass's seam cuts belongs to the end of the pass before, and counts with that.
            first_s = (clip.first_s - starts[name]) % streams[name].seconds
            first_at = started_at + timedelta(seconds=first_s)
            last_at = first_at + timedelta(seconds=clip.last_s - clip.first_s)
            if began <= first_at and last_at <= ended:
                shown.append(Shown(Passage(name, clip.plate, first_at, last_at), clip))
    return shown


def _surplus(result: Score, shown: Sequence[Shown]) -> int:
    """Reads without a passage, where the truth is written down and the whole of their time was judged."""
    judged = {s.passage.camera_id for s in shown}
    last = max((s.passage.last_at for s in shown), default=None)
    return sum(s.camera_id in judged and last is not None and s.last_at <= last for s in result.surplus)
