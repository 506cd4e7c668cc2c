"""One camera's passages: which tracks are of which, when each is due, and what is then said of it.

A passage is one vehicle passing once. It is emitted as a READ once, whichever comes first: its verdict is certain, its
track ends, or `patience_s` has gone by since it first became legible. Later evidence that changes it, or at the end of
its track a much better picture or a speed, is an UPDATE of the same passage, a few at most.

A parked car, a plate found again after an occlusion, a vehicle's second plate, a vehicle that a lens of the same device
saw just now: these are no new passages. Where their track comes to the same plate it joins the one that is known
(`edge/passage.py` says how long that is so, `edge/device.py` how the same plate is known). That is asked only when the
track has something to say, for what has joined is not read any more: a vehicle of which the first pictures say the
plate of the one before it must not be taken for that. What would join and is not certain is read on for a while, and of
two plates in one picture it is seen for a while whether they drive apart: a plate may have been copied.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from edge.device import Device, Match
from edge.emission import Emission, Kind, Moment
from edge.evidence import Shot
from edge.passage import Passage, Stand
from edge.place import Place, places
from edge.settings import CameraSettings, VoteSettings
from edge.track import Track
from edge.types import Detection, Frame, Reading
from edge.vote import Vote

_WATCHED_S: Final = 1.5  # a longer time between two frames was not watched
_DOUBT_S: Final = (
    10.0  # what may turn out otherwise waits so long before it joins; a track that ends does not wait
)
_SURE: Final = 0.01  # a speed known better, as a share of itself, is not looked for any more


class Count(Protocol):
    """Adds to the fields of `edge.pipeline.Counts`."""

    def __call__(self, **more: int) -> None:
        """By name."""


class Passages:
    """The live passages of a camera; only its pipeline asks.

    Args:
        camera: its settings.
        settings: when a passage counts as read.
        new_vote: an empty vote for a new passage.
        device: that the camera is a lens of; None: it is none of several.
        count: takes what happens.
    """

    def __init__(
        self,
        camera: CameraSettings,
        *,
        settings: VoteSettings,
        new_vote: Callable[[], Vote],
        device: Device | None,
        count: Count,
    ) -> None:
        self._camera, self._settings, self._new_vote = camera, settings, new_vote
        self._device = device or Device([camera.id])
        self._count = count
        self._places = places(camera)
        self._live: dict[int, Passage] = {}  # by track
        self._watched_at: datetime | None = None
        self._looked_at: datetime | None = None  # when `due` was asked last, by the box's clock

    @property
    def live(self) -> Mapping[int, Passage]:
        """By number of the track."""
        return self._live

    def place(self, preset: str | None) -> Place:
        """What counts while the camera rests there; None where nobody knows."""
        return self._places.get(preset, self._places[None])

    def turn(self) -> None:
        """The camera shows another scene."""
        self._device.leave(self._camera.id)
        self._watched_at = None

    def watch(self, at: datetime) -> None:
        """A frame of that time is looked at."""
        if self._watched_at is not None:
            elapsed_s = (at - self._watched_at).total_seconds()
            self._device.watched_s[self._camera.id] += min(max(elapsed_s, 0.0), _WATCHED_S)
        self._watched_at = at

    def see(self, track: Track, frame: Frame) -> None:
        """A track was seen in a frame: its passage begins or goes on."""
        passage = self._live.get(track.id)
        if passage is None:
            stand = Stand(self._camera.id, frame.preset, frame.position, self._camera.trust)
            passage = Passage(track, vote=self._new_vote(), settings=self._settings, stand=stand)
            self._live[track.id] = passage
        trace = passage.traces[self._camera.id]
        trace.track, trace.watched_s = track, self._device.watched_s[self._camera.id]
        ground = self.place(frame.preset).ground
        if ground is not None and not self._is_measured(track):
            width, height = frame.size
            passage.measure(ground.pace(track, frame_size=(width, height)))

    def rests(self, track: Track) -> bool:
        """Whether nothing more is to be learnt of this track."""
        passage = self._live[track.id]
        is_measured = self.place(passage.stand.preset).ground is None or self._is_measured(track)
        return passage.is_certain and is_measured

    def read(self, track: Track, shot: Shot, *, detection: Detection, reading: Reading) -> None:
        """A crop of a track was read."""
        passage = self._live[track.id]
        passage.read(shot, detection=detection, reading=reading, camera_id=self._camera.id)
        if passage.stand.camera_id == self._camera.id:  # another lens has other lanes
            lane = self.place(passage.stand.preset).lane(shot.box, frame_size=shot.frame_size)
            passage.was_in(lane, weight=shot.quality)

    def due(self, moment: Moment) -> list[Emission]:
        """What the live passages have to say by now."""
        due, at = [], moment.at
        for number in tuple(self._live):
            passage = self._live[number]
            if not (passage.is_certain or self._is_overdue(passage, at)):
                continue
            match = self._match(passage)
            if match is not None:
                is_open = match.may_part or not passage.is_certain
                if is_open and _legible_s(passage, at) < _DOUBT_S:
                    continue
                passage = self._join(number, match)
            if passage.is_legible and passage.has_news:
                due.append(self._emit(passage, moment, due_at=self._due_at(passage, moment)))
        self._looked_at = moment.came_at
        return due

    def end(self, track: Track, moment: Moment) -> Emission | None:
        """A track has ended; what its passage still has to say, where no other track of it lives on."""
        passage = self._live[track.id]
        match = self._match(passage)
        if match is not None:
            passage = self._join(track.id, match)
        del self._live[track.id]
        self._count(tracks=1)
        if self._camera.id in passage.traces:
            passage.traces[self._camera.id].live -= 1
        if passage.is_live:
            return None
        emission = None
        is_news = passage.has_news or passage.has_better_picture or passage.has_speed_news
        if passage.is_legible and is_news:
            emission = self._emit(passage, moment, due_at=moment.came_at)
        elif not passage.is_emitted:
            self._count(**{"illegible" if passage.reads else "unread": 1})
        passage.rest()
        return emission

    def forget(self) -> None:
        """Drop what no track may join any more."""
        self._device.forget()

    def _is_measured(self, track: Track) -> bool:
        """Whether further frames would not tell much more about its speed."""
        pace = self._live[track.id].pace
        if pace is None:
            return track.sightings > (track.path.maxlen or 0)
        return pace.over_ground.error <= _SURE

    def _match(self, passage: Passage) -> Match | None:
        """The passage that this one turns out to be part of, where it is about to be said for the first time."""
        if passage.is_emitted or not passage.is_legible:
            return None
        return self._device.find(passage, camera_id=self._camera.id, anywhere=self._camera.travels)

    def _join(self, number: int, match: Match) -> Passage:
        """Make a track one of the passage that it is part of."""
        match.passage.absorb(self._live[number])
        self._live[number] = match.passage
        self._count(**{match.how: 1})
        return match.passage

    def _is_overdue(self, passage: Passage, at: datetime) -> bool:
        return not passage.is_emitted and _legible_s(passage, at) >= self._settings.patience_s

    def _due_at(self, passage: Passage, moment: Moment) -> datetime:
        """When it became due, by the box's clock; not before the last look, at which it was not."""
        if passage.legible_at is None or not self._is_overdue(passage, moment.at):
            return moment.came_at
        ran_out_at = passage.legible_at + timedelta(seconds=self._settings.patience_s)
        return max(moment.due_at(ran_out_at), self._looked_at or moment.came_at)

    def _emit(self, passage: Passage, moment: Moment, *, due_at: datetime) -> Emission:
        kind = Kind.UPDATE if passage.is_emitted else Kind.READ
        self._count(**{"reads" if kind is Kind.READ else "updates": 1})
        verdict, shot = passage.say()
        self._device.remember(passage)
        stand = passage.stand
        first = passage.traces.get(stand.camera_id) or next(iter(passage.traces.values()))
        lane = passage.lane
        way = first.track.direction or (lane and lane.direction) or self.place(stand.preset).direction
        vehicle = verdict.vehicle.value if verdict.vehicle else None
        return Emission(
            kind=kind,
            camera_id=stand.camera_id,
            track_id=passage.track_id,
            first_at=passage.first_at,
            last_at=passage.read_at,
            due_at=due_at,
            emitted_at=moment.now,
            verdict=verdict,
            shot=shot,
            direction=None if self._camera.travels else way,  # else it is the camera that comes or goes
            preset=stand.preset,
            position=stand.position,
            lane=lane.name if lane else None,
            speed_mps=round(passage.pace.mps(vehicle), 2) if passage.pace else None,
            trust=stand.trust,
            colour=passage.colour,
        )


def _legible_s(passage: Passage, at: datetime) -> float:
    """For how long there has been something to say of it; negative where there is nothing."""
    return -1.0 if passage.legible_at is None else (at - passage.legible_at).total_seconds()
