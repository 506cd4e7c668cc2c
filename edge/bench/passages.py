"""Reads against truth: which passages of vehicles were read right, one read a passage.

A truth file (sample_videos/truth/*.csv) says in seconds of the clip from when to when each plate is legible. A
camera that loops a clip yields the same passages again and again, each at its own time.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from edge.assign import assigned


@dataclass(frozen=True, slots=True)
class ClipPassage:
    """One row of a truth file: a vehicle whose plate is legible from `first_s` to `last_s` of the clip."""

    plate: str
    vehicle_type: str
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle with `plate` that was legible at a camera between two times (UTC)."""

    camera_id: str
    plate: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the system says: `plate` was at the camera between two times (UTC)."""

    camera_id: str
    plate: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """Sightings matched one to one with the passages they overlap in time.

    Attributes:
        right: passages whose sighting says the true plate.
        wrong: passages whose sighting says another plate.
        missed: passages without a sighting.
        surplus: sightings without a passage: second reads, lettering, inventions.
    """

    right: tuple[tuple[Passage, Sighting], ...]
    wrong: tuple[tuple[Passage, Sighting], ...]
    missed: tuple[Passage, ...]
    surplus: tuple[Sighting, ...]


def load_truth(path: Path) -> list[ClipPassage]:
    """The passages of a clip.

    Raises:
        ValueError: a row cannot be read; names the file and the line.
    """
    passages = []
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                first_s, last_s = float(row["first_s"]), float(row["last_s"])
                passages.append(ClipPassage(row["plate"], row["vehicle_type"], first_s, last_s))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}: line {line}: not a passage: {error!r}") from error
    return passages


def at_camera(clip: Iterable[ClipPassage], *, camera_id: str, started_at: datetime) -> list[Passage]:
    """The passages of one pass over a clip whose first frame was taken at `started_at`."""
    return [
        Passage(
            camera_id,
            p.plate,
            started_at + timedelta(seconds=p.first_s),
            started_at + timedelta(seconds=p.last_s),
        )
        for p in clip
    ]


def score(passages: Sequence[Passage], sightings: Sequence[Sighting], *, slack_s: float = 1.0) -> Score:
    """Match sightings with passages one to one, right plates first, then the longer common time.

    A sighting can be matched with a passage of its camera if their times, widened by `slack_s` seconds (the
    plate is often legible a little before and after the truth says so), have a moment in common.
    """
    gain = np.zeros((len(passages), len(sightings)))
    for row, passage in enumerate(passages):
        for column, sighting in enumerate(sightings):
            gain[row, column] = _gain(passage, sighting, slack_s)
    pairs = [(r, c) for r, c in assigned(-gain) if gain[r, c] > 0]
    matched = [(passages[r], sightings[c]) for r, c in pairs]
    rows, columns = {r for r, _ in pairs}, {c for _, c in pairs}
    return Score(
        right=tuple((p, s) for p, s in matched if p.plate == s.plate),
        wrong=tuple((p, s) for p, s in matched if p.plate != s.plate),
        missed=tuple(p for row, p in enumerate(passages) if row not in rows),
        surplus=tuple(s for column, s in enumerate(sightings) if column not in columns),
    )


def _gain(passage: Passage, sighting: Sighting, slack_s: float) -> float:
    """How well two fit: 0 not at all; a right plate outweighs any common time."""
    if passage.camera_id != sighting.camera_id:
        return 0.0
    common = min(passage.last_at, sighting.last_at) - max(passage.first_at, sighting.first_at)
    common_s = common.total_seconds() + slack_s
    if common_s <= 0:
        return 0.0
    return common_s / (1 + common_s) + (10.0 if passage.plate == sighting.plate else 0.0)
