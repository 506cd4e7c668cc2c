"""One vehicle's way: its reads as passages in the order of time, and what lies between two of them (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from central.query.area import Position, distance_m
from central.query.cameras import CameraPlace
from central.types import KeptRead

SAME_PASSAGE: Final = timedelta(seconds=60)
"""Reads of one camera that follow one another within this time are one passage."""

FASTEST_KMH: Final = 200.0

SEEN_WITHIN_M: Final = 100.0
"""A plate is read some way off the pole that its camera's place is, and in another place at each of two poles."""

_KMH: Final = 3.6


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle at one camera, and how it came there from the passage before.

    Attributes:
        trip: its number, from 1; a new one begins after a long gap.
        plate: as read there.
        camera: what people call the camera; empty where nobody said.
        first_at, last_at: capture times of its first and its last read, which are one where `reads` is 1.
        lat, lon: where it was, degrees north and east; None where nobody knows.
        travel_s: seconds since the passage before; None at the beginning of a trip.
        distance_m: metres from there as the crow flies; None where one of the places is not known, too.
        speed_kmh: the least that it can have driven at; None too where there was no time at all.
        impossible: faster than 200 km/h, even were both reads 100 m nearer to one another: two vehicles bear this
            plate, it was misread, or a clock is wrong.
    """

    trip: int
    plate: str
    camera_id: str
    camera: str
    first_at: datetime
    last_at: datetime
    reads: int
    lat: float | None
    lon: float | None
    travel_s: float | None
    distance_m: float | None
    speed_kmh: float | None
    impossible: bool


def passages(
    reads: Iterable[KeptRead], cameras: Mapping[str, CameraPlace], *, gap: timedelta
) -> tuple[Passage, ...]:
    """The passages that reads tell of, in the order of time.

    Args:
        reads: of one vehicle, in any order.
        cameras: their names and places; a read that tells its own place is believed first.
        gap: after so long without a read, or longer, a new trip begins.
    """
    groups = list(
        _grouped(sorted(reads, key=lambda read: (read.captured_at, read.edge_id, read.epoch, read.seq)))
    )
    found: list[Passage] = []
    trip = 1
    for before, group in pairwise([(), *groups]):
        travel = group[0].captured_at - before[-1].captured_at if before else None
        if travel is not None and travel >= gap:
            trip, travel = trip + 1, None
        found.append(_passage(trip, before, group, cameras, travel))
    return tuple(found)


def _grouped(reads: Iterable[KeptRead]) -> Iterator[Sequence[KeptRead]]:
    group: list[KeptRead] = []
    for read in reads:
        if group and (
            read.camera_id != group[-1].camera_id or read.captured_at - group[-1].captured_at > SAME_PASSAGE
        ):
            yield group
            group = []
        group.append(read)
    if group:
        yield group


def _passage(
    trip: int,
    before: Sequence[KeptRead],
    group: Sequence[KeptRead],
    cameras: Mapping[str, CameraPlace],
    travel: timedelta | None,
) -> Passage:
    first, last = group[0], group[-1]
    here = _place(first, cameras)
    there = _place(before[-1], cameras) if travel is not None else None
    travel_s = None if travel is None else travel.total_seconds()
    way_m = None if here is None or there is None else distance_m(there, here)
    told = cameras.get(first.camera_id)
    return Passage(
        trip=trip,
        plate=first.plate,
        camera_id=first.camera_id,
        camera=told.name if told else "",
        first_at=first.captured_at,
        last_at=last.captured_at,
        reads=len(group),
        lat=here and here.lat,
        lon=here and here.lon,
        travel_s=travel_s,
        distance_m=way_m,
        speed_kmh=way_m / travel_s * _KMH if way_m is not None and travel_s else None,
        impossible=way_m is not None and travel_s is not None and _is_impossible(way_m, travel_s),
    )


def _is_impossible(way_m: float, travel_s: float) -> bool:
    return (way_m - SEEN_WITHIN_M) * _KMH > FASTEST_KMH * travel_s


def _place(read: KeptRead, cameras: Mapping[str, CameraPlace]) -> Position | None:
    if read.lat is not None and read.lon is not None:
        return Position(read.lat, read.lon)
    told = cameras.get(read.camera_id)
    return told.position if told else None
