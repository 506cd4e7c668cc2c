"""What a pipeline says of a passage, to whom, and the message that it becomes once it has a number."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from edge.contract import read
from edge.evidence import Shot
from edge.track import Direction
from edge.types import Box, Position, Verdict


class Kind(StrEnum):
    """Whether an emission is a passage's first or a later one."""

    READ = "read"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a camera's passages are looked at.

    Attributes:
        at: capture time that the looking has come to.
        came_at: when the frame of that time lay decoded, by the box's clock; where there is none, now.
        now: by the box's clock.
    """

    at: datetime
    came_at: datetime
    now: datetime

    def due_at(self, at: datetime) -> datetime:
        """When a frame of an earlier capture time would have come, by the box's clock."""
        return self.came_at - (self.at - at)


@dataclass(frozen=True, slots=True)
class Emission:
    """All that a PlateRead says, but for its number; `track_id` tells which READ an UPDATE belongs to.

    Attributes:
        first_at, last_at: capture times of the passage's first frame and of the newest one voted on.
        due_at: when the emission rule was fulfilled, by the box's clock: a certain verdict and a track's end as the
            frame that they rest on lay decoded; patience as it ran out, be it between two frames.
        emitted_at: when that was looked at.
        shot: the evidence.
        preset, position: where a turning camera rested.
        speed_mps: metres a second; None where unknown.
        trust: how far the camera's reads are to be trusted.
        location: where a camera that travels was as it took the evidence.
        colour: of the vehicle; None where the frames are not sure.
    """

    kind: Kind
    camera_id: str
    track_id: int
    first_at: datetime
    last_at: datetime
    due_at: datetime
    emitted_at: datetime
    verdict: Verdict
    shot: Shot
    direction: Direction | None
    preset: str | None
    position: Position | None = None
    lane: str | None = None
    speed_mps: float | None = None
    trust: Literal["normal", "lower"] = "normal"
    location: read.GeoPosition | None = None
    colour: read.Scored | None = None

    def message(
        self,
        number: read.ReadId,
        *,
        site_id: str,
        models: read.ModelVersions,
        pictures: read.PictureRef,
        clock_error_s: float | None = None,
    ) -> read.PlateRead:
        """The read of that number, as it travels."""
        verdict = self.verdict
        return read.PlateRead(
            edge_id=number.edge_id,
            epoch=number.epoch,
            seq=number.seq,
            site_id=site_id,
            camera_id=self.camera_id,
            first_at=self.first_at,
            best_at=self.shot.captured_at,
            last_at=self.last_at,
            emitted_at=self.emitted_at,
            clock_error_s=clock_error_s,
            plate_raw=verdict.plate_raw,
            plate=verdict.plate,
            likelihood=verdict.likelihood,
            country=verdict.country,
            plate_class=verdict.plate_class,
            characters=verdict.characters,
            votes=verdict.votes,
            frames=verdict.frames,
            box=_shares(self.shot.box, self.shot.frame_size),
            vehicle=read.Vehicle(type=verdict.vehicle, color=self.colour),
            track_id=self.track_id,
            lane=self.lane,
            direction=self.direction,
            speed_mps=self.speed_mps,
            trust=self.trust,
            location=self.location,
            preset=self.preset,
            ptz=_ptz(self.position),
            pictures=pictures,
            models=models,
        )


def _ptz(position: Position | None) -> read.PtzPosition | None:
    if position is None:
        return None
    return read.PtzPosition(pan=position.pan, tilt=position.tilt, zoom=position.zoom)


def _shares(box: Box, frame_size: tuple[int, int]) -> read.Box:
    """A box in shares of the frame of that (width, height), within it."""
    width_px, height_px = frame_size
    left, top = _unit(box.x / width_px), _unit(box.y / height_px)
    right, bottom = _unit((box.x + box.width) / width_px), _unit((box.y + box.height) / height_px)
    return read.Box(x=left, y=top, width=right - left, height=bottom - top)


def _unit(share: float) -> float:
    return min(max(share, 0.0), 1.0)


class Sink(Protocol):
    """Takes emissions; neither method may raise because of a disk or a network."""

    def put(self, emission: Emission, *, models: read.ModelVersions) -> None:
        """Take this one."""

    def retry(self) -> None:
        """Do now what could not be done at once; called every now and then."""
