"""What a reader ought to find in a clip: one row a passage whose plate can be read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from models.synth.arrays import Floats
from models.synth.scene.fixing import Sighting
from models.synth.scene.traffic import Passage

LEGIBLE_PX = 60.0
"""Width from which a plate counts as legible."""
_HIDDEN_AT_MOST = 0.04


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One passage, as it stands in truth/*.csv.

    Attributes:
        clip: name of the clip.
        passage: number within the clip, from 1, in the order of best views.
        plate: the text without separators.
        country: ISO code.
        plate_class: name of the class.
        vehicle_type: kind of the vehicle.
        colour: of the vehicle.
        lane: name of the lane.
        direction: "towards" the camera (front plate) or "away" (rear plate).
        first_s: second of the clip from which the plate is legible.
        best_s: second of the best view.
        last_s: second of the last legible frame.
        preset: the camera's preset; "" for a fixed camera.
        x: left edge of the plate's box at ``best_s``, px.
        y: top edge.
        w: width.
        h: height.
    """

    clip: str
    passage: int
    plate: str
    country: str
    plate_class: str
    vehicle_type: str
    colour: str
    lane: str
    direction: str
    first_s: float
    best_s: float
    last_s: float
    preset: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A legible plate in one frame."""

    index: int
    preset: str
    sighting: Sighting


def legible(sighting: Sighting) -> bool:
    """Whether a plate can be read in a frame."""
    return sighting.inside and sighting.width_px >= LEGIBLE_PX and sighting.hidden <= _HIDDEN_AT_MOST


def truth_rows(
    clip: str,
    passages: Sequence[Passage],
    shots: Sequence[tuple[str, Sequence[Sighting]]],
    fps: int,
    *,
    moving: bool,
) -> list[TruthRow]:
    """Sums up a clip.

    Args:
        clip: its name.
        passages: who passed.
        shots: preset and sightings of every frame; the preset is "" while the camera moves.
        fps: frames a second.
        moving: whether the camera has presets (else the column stays empty).

    Raises:
        ValueError: a passage is legible in the first or last frame, so that it is cut where the clip loops,
            or is legible in two presets, so that one vehicle would be read twice.
    """
    rows = []
    for passage in passages:
        glimpses = [
            Glimpse(index, preset, sighting)
            for index, (preset, sightings) in enumerate(shots)
            if preset
            for sighting in sightings
            if sighting.passage == passage.number and legible(sighting)
        ]
        run = _longest_run(glimpses)
        # Three frames are the least that a tracker can vote on.
        if len(run) < 3:
            continue
        if run[0].index == 0 or run[-1].index == len(shots) - 1:
            raise ValueError(f"clip {clip}: passage {passage.number} is cut where the clip loops")
        presets = {glimpse.preset for glimpse in glimpses}
        if len(presets) > 1:
            raise ValueError(f"clip {clip}: passage {passage.number} is legible in {sorted(presets)}")
        rows.append(_row(clip, passage, run, fps, moving=moving))
    rows.sort(key=lambda row: row.best_s)
    return [TruthRow(**{**asdict(row), "passage": number}) for number, row in enumerate(rows, 1)]


def _longest_run(glimpses: list[Glimpse]) -> list[Glimpse]:
    """The longest stretch without a gap of more than two frames, within one preset."""
    runs: list[list[Glimpse]] = []
    for glimpse in glimpses:
        last = runs[-1][-1] if runs else None
        if last is not None and glimpse.index - last.index <= 3 and glimpse.preset == last.preset:
            runs[-1].append(glimpse)
        else:
            runs.append([glimpse])
    return max(runs, key=len, default=[])


def box(quad: Floats) -> tuple[float, float, float, float]:
    """Upright box (x, y, w, h) around a quad (4, 2)."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


def _row(clip: str, passage: Passage, run: list[Glimpse], fps: int, *, moving: bool) -> TruthRow:
    best = run[int(np.argmax([glimpse.sighting.width_px for glimpse in run]))]
    plate = passage.vehicle.plates[0].image
    x, y, w, h = (round(value, 1) for value in box(best.sighting.quad))
    return TruthRow(
        clip,
        passage.number,
        plate.text,
        plate.country,
        plate.plate_class,
        passage.vehicle.kind,
        passage.vehicle.colour,
        passage.lane,
        "away" if passage.away else "towards",
        round(run[0].index / fps, 2),
        round(best.index / fps, 2),
        round(run[-1].index / fps, 2),
        best.preset if moving else "",
        x,
        y,
        w,
        h,
    )


def write_truth(rows: Sequence[TruthRow], path: Path) -> None:
    """Writes truth/*.csv."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(TruthRow)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read_truth(path: Path) -> list[TruthRow]:
    """Reads truth/*.csv.

    Raises:
        ValueError: a column is missing or a number is none.
    """
    kinds = {column.name: column.type for column in fields(TruthRow)}
    readers = {"int": int, "float": float, "str": str}
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        if table.fieldnames is None or set(table.fieldnames) != set(kinds):
            raise ValueError(f"{path}: columns are {table.fieldnames}, expected {list(kinds)}")
        return [
            TruthRow(**{name: readers[str(kinds[name])](value) for name, value in row.items()})
            for row in table
        ]
