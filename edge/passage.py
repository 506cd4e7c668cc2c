"""One vehicle's passage: its votes, its pictures, what has been said of it, and whether more is worth saying.

A passage may have several tracks: one after the other where its plate was hidden for a while, at once where the vehicle
bears its plate twice in one picture, or in the pictures of several lenses of one device.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np

from edge.contract.read import Scored
from edge.evidence import Gallery, Shot
from edge.read.vehicle_colour import BODIES, Colours, palette
from edge.settings import LaneSettings, VoteSettings
from edge.speed import Pace
from edge.track import Track
from edge.types import Box, Detection, Observation, Position, Reading, Verdict
from edge.vote import Vote

SAME_PLATE: Final = timedelta(seconds=10)
"""A track whose plate was seen here less than this ago is the same passage, found again."""
SAME_PLACE_S: Final = 120.0
"""The same where the plate still stands in its old place: a parked car behind passing ones. Seconds in which there were
frames to be seen on: nothing leaves unnoticed while the motion gate is shut."""
SAME_DEVICE: Final = timedelta(seconds=8)
"""The same where it was seen by the next lens of one device."""

SAME_PLACE_IOU: Final = 0.3
"""Least overlap of two boxes of what stands in one place."""
_TURNED: Final = 1.3  # a receding plate that is so many times as wide when found again has driven round
_GROWN: Final = 1.5  # a plate so many times as wide is worth another look, and another picture
_KEEN_READS: Final = 12  # after so many reads without certainty only better pictures are read, or
_BETTER: Final = 1.1
_DULL_S: Final = 1.0  # one a second
_ROSE: Final = 0.1  # of likelihood: worth an update
_MOST_UPDATES: Final = 3
# Nobody drives round in less; where one plate is followed by the other, it passed.
_ROUND: Final = timedelta(seconds=3)
_FASTER: Final = 0.05  # a speed that differs by more of itself is worth an update
_CLEARLY: Final = 1.5  # a lane that was said is kept until another one has so many times its weight


@dataclass(frozen=True, slots=True)
class Stand:
    """From where a passage was seen first.

    Attributes:
        preset, position: where a turning camera rested.
        trust: how far that camera's reads are to be trusted, whichever lens of its device says more.
    """

    camera_id: str
    preset: str | None = None
    position: Position | None = None
    trust: Literal["normal", "lower"] = "normal"


@dataclass(slots=True)
class Trace:
    """What one camera has seen of a passage.

    Attributes:
        track: its newest.
        watched_s: how long the camera had been watched when that was seen last.
        live: tracks that have not ended.
    """

    track: Track
    watched_s: float
    live: int = 1


class Passage:
    """One vehicle passing; a pipeline feeds it, or those of one device's lenses.

    Attributes:
        stand: from where it was seen first; that camera and `track_id` name it to the outside.
        track_id: number of its first track.
        first_at: capture time of its first frame.
        traces: by camera.
        gallery: the best shots of the camera that names it.
        verdict: what its votes say by now.
        legible_at: capture time at which the verdict first became legible.
        pace: how fast it goes, the surest so far; None: unknown.
        lane: where its plate mostly was when it was read, as it was said last.
        updates: emissions after the first.
        reads, read_at, read_width_px: how many crops were read, and the newest one's time and box width.
        best_quality: of the crops read, 0..1.
    """

    def __init__(self, track: Track, *, vote: Vote, settings: VoteSettings, stand: Stand) -> None:
        self.stand = stand
        self.track_id, self.first_at = track.id, track.first_at
        self.traces: dict[str, Trace] = {stand.camera_id: Trace(track, 0.0)}
        self.gallery = Gallery()
        self.verdict: Verdict | None = None
        self.legible_at: datetime | None = None
        self.pace: Pace | None = None
        self._said: Verdict | None = None
        self._said_pace: Pace | None = None
        self._shown: Shot | None = None
        self._lanes: defaultdict[LaneSettings | None, float] = defaultdict(float)
        self._colours = Colours()
        self.lane: LaneSettings | None = None
        self.updates = 0
        self.reads = 0
        self.read_at = track.first_at
        self.read_width_px = 0.0
        self.best_quality = 0.0
        self._vote, self._settings = vote, settings

    @property
    def is_live(self) -> bool:
        """Whether any camera follows it still."""
        return any(trace.live for trace in self.traces.values())

    @property
    def is_certain(self) -> bool:
        """Whether the string is known; one frame alone may be wrong however sure it is."""
        verdict = self.verdict
        return verdict is not None and self.reads > 1 and verdict.likelihood >= self._settings.certain

    @property
    def is_legible(self) -> bool:
        """Whether the verdict is fit to be said; that of one frame alone only if it is sure."""
        least = self._settings.legible if self.reads > 1 else self._settings.certain
        verdict = self.verdict
        return verdict is not None and verdict.likelihood >= least and not is_lettering(verdict)

    def wants(self, box: Box, *, at: datetime, quality: float) -> bool:
        """Whether reading this picture may tell something new."""
        if self.is_certain:
            return box.width >= _GROWN * self.read_width_px
        if self.reads < _KEEN_READS:
            return True
        return quality > _BETTER * self.best_quality or (at - self.read_at).total_seconds() >= _DULL_S

    def read(self, shot: Shot, *, detection: Detection, reading: Reading, camera_id: str) -> None:
        """Take a reading into the vote and, where that camera names the passage, its picture into the gallery."""
        self.reads += 1
        self.read_at, self.read_width_px = shot.captured_at, shot.box.width
        self.best_quality = max(self.best_quality, shot.quality)
        self._vote.add(Observation(shot.captured_at, detection, reading, shot.quality))
        self._colours.add(detection.colours, weight=shot.quality)
        self.verdict = self._vote.verdict()
        if camera_id == self.stand.camera_id:
            self.gallery.add(shot, plate=self._plate)
        if self.legible_at is None and self.is_legible:
            self.legible_at = shot.captured_at

    def measure(self, pace: Pace | None) -> None:
        """Take a measurement of how fast it goes, where it is surer than those before."""
        if pace and (self.pace is None or pace.over_ground.error < self.pace.over_ground.error):
            self.pace = pace

    def was_in(self, lane: LaneSettings | None, *, weight: float) -> None:
        """Its plate was in this lane as it was read."""
        self._lanes[lane] += max(weight, 1e-6)

    def says_as(self, other: "Passage") -> bool:
        """Whether the other one's verdict is what is said of this one, and what its own votes hold by now."""
        plates = {v.plate if v else None for v in (self._said, self.verdict, other.verdict)}
        return len(plates) == 1 and None not in plates

    def agrees(self, other: "Passage") -> float:
        """Probability that the other one bears the same plate, 0..1."""
        return self._vote.agrees(other._vote)

    def absorb(self, other: "Passage") -> None:
        """Take over what was seen of a passage that turned out to be this very one, and of which nothing was said."""
        self._vote.absorb(other._vote)
        self._colours.absorb(other._colours)
        self.verdict = self._vote.verdict()
        self.first_at = min(self.first_at, other.first_at)
        self.read_at = max(self.read_at, other.read_at)
        self.legible_at = min(filter(None, (self.legible_at, other.legible_at)), default=None)
        self.reads += other.reads
        self.read_width_px = max(self.read_width_px, other.read_width_px)
        self.best_quality = max(self.best_quality, other.best_quality)
        self.measure(other.pace)
        if (
            other.stand.camera_id == self.stand.camera_id
        ):  # another camera has other lanes, and its own pictures
            self.gallery.merge(other.gallery, plate=self._plate)
            for lane, weight in other._lanes.items():
                self._lanes[lane] += weight
        for camera_id, trace in other.traces.items():
            live = self.traces[camera_id].live if camera_id in self.traces else 0
            self.traces[camera_id] = replace(trace, live=trace.live + live)

    @property
    def has_news(self) -> bool:
        """Whether the verdict says more than what was emitted, or something else that is fit to be said."""
        if self.verdict is None or self._said is None:
            return self.verdict is not None
        if self.updates >= _MOST_UPDATES:
            return False
        if self.verdict.plate != self._said.plate:
            return self.is_legible  # also where it is less sure: more frames know better than the few before
        return self.verdict.likelihood - self._said.likelihood >= _ROSE

    @property
    def has_better_picture(self) -> bool:
        """Whether the plate was emitted from a picture much smaller than the best there is now."""
        if self.verdict is None or self._shown is None or self.updates >= _MOST_UPDATES:
            return False
        if not self.gallery:  # nothing was read since it came to rest
            return False
        shot = self.gallery.best(self.verdict.plate)
        return shot.quality > self._shown.quality and shot.box.width >= _GROWN * self._shown.box.width

    @property
    def has_speed_news(self) -> bool:
        """Whether it was emitted without the speed that is known now, or with another one."""
        if self.pace is None or not self.gallery:
            return False
        if self._said_pace is None:
            return True
        said, known = self._said_pace.over_ground.mps, self.pace.over_ground.mps
        return abs(known - said) > _FASTER * known

    @property
    def colour(self) -> Scored | None:
        """The vehicle's colour; None where its frames are not sure, or it is none with paint around its plate."""
        vehicle = self.verdict.vehicle if self.verdict else None
        has_paint = vehicle is not None and vehicle.value in BODIES
        return self._colours.best(sure=palette().sure) if has_paint else None

    @property
    def _plate(self) -> str | None:
        return self.verdict.plate if self.verdict else None

    @property
    def is_emitted(self) -> bool:
        """Whether anything has been said of it."""
        return self._said is not None

    def say(self) -> tuple[Verdict, Shot]:
        """What there is to emit, which is hereby emitted.

        Raises:
            LookupError: it was never read.
        """
        if self.verdict is None:
            raise LookupError(f"track {self.track_id} was never read")
        self.lane = self._likely_lane()
        shot = self._evidence(self.verdict)
        self.updates += self.is_emitted
        self._said, self._shown = self.verdict, shot
        self._said_pace = self.pace
        return self._said, self._shown

    def _evidence(self, verdict: Verdict) -> Shot:
        """The shot that goes with a verdict: the one before, as it was let go of, where there is no other.

        Raises:
            LookupError: it was never read.
        """
        shown = self._shown
        if shown is None:
            return self.gallery.best(verdict.plate)
        # A speed alone is not worth the pictures of a slightly better frame.
        is_held = bool(shown.crop.size) and not (self.has_news or self.has_better_picture)
        return shown if is_held or not self.gallery else self.gallery.best(verdict.plate)

    def _likely_lane(self) -> LaneSettings | None:
        """The lane of most reads; one that was said stays unless another is clearly so."""
        most = max(self._lanes, key=lambda lane: self._lanes[lane], default=None)
        least = _CLEARLY * self._lanes.get(self.lane, 0.0) if self.is_emitted else 0.0
        return most if self._lanes.get(most, 0.0) > least else self.lane

    def rest(self) -> None:
        """Let go of the pictures: no track of it is left, and it is only kept for one that may join."""
        self.gallery = Gallery()
        if self._shown is not None:
            nothing = np.zeros((0, 0, 3), dtype=np.uint8)
            self._shown = replace(self._shown, crop=nothing, overview=nothing)

    def is_same_as(self, track: Track, *, trace: Trace, watched_s: float, anywhere: bool = False) -> bool:
        """Whether a track of an equal plate is this very passage.

        Args:
            track: of an equal plate.
            trace: what its camera has seen of this passage.
            watched_s: how long the camera has been watched by now.
            anywhere: the camera itself moves: where in the picture it is found again, and how large, tells nothing.
        """
        mine = trace.track
        away = track.first_at - mine.last_at  # it may have taken long to be read
        if anywhere:
            return away.total_seconds() <= SAME_PLACE_S
        if mine.stands and mine.box.iou(track.box) >= SAME_PLACE_IOU:
            return watched_s - trace.watched_s <= SAME_PLACE_S
        zoom = track.first_box.width / mine.box.width  # as it came: it may have gone far until it was read
        turned = zoom > _TURNED if mine.direction == "receding" else zoom < 1 / _TURNED
        came_back = mine.direction and turned and track.first_at - mine.last_at >= _ROUND
        return away <= SAME_PLATE and not came_back

    def is_next_to(self, track: Track, *, lenses: Iterable[str]) -> bool:
        """Whether a track of the same plate, seen by a lens next to these, is this very passage."""
        for trace in (self.traces[lens] for lens in lenses if lens in self.traces):
            is_parked = trace.live and trace.track.stands
            if is_parked and track.stands:  # in both pictures
                return True
            if is_parked and trace.track.last_at >= track.first_at:  # this one drives while that one stands
                continue
            if track.first_at - trace.track.last_at <= SAME_DEVICE:
                return True
        return False


def is_lettering(verdict: Verdict) -> bool:
    """Whether it is a sign, a slogan or a telephone number: a string unknown to every grammar and of one kind only."""
    return verdict.country is None and (verdict.plate.isalpha() or verdict.plate.isdecimal())
