"""From one camera's frames to its reads: detect, track, choose what to read, read, vote, emit. No I/O.

A passage is one vehicle passing once. It is emitted as a READ once, whichever comes first: its verdict is
certain, its track ends, or `patience_s` has gone by since it first became legible. Later evidence that changes
it, or at the end of its track a much better picture, is an UPDATE of the same passage, a few at most. What never
becomes legible is counted; so is lettering: a string that no grammar knows and that is all letters or all digits.

A parked car, or a plate found again after an occlusion, is no new passage: where a track comes to a plate that
this camera saw a moment ago, it joins that passage (`edge/passage.py` says how long a moment is).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from edge.attention import Attention, Known
from edge.contract.spelling import normalise
from edge.emission import Emission, Kind
from edge.evidence import Shot, Still, quality
from edge.passage import SAME_PLACE, Passage
from edge.place import Place, places
from edge.ports import Detector, PlateReader
from edge.read.crop import cut
from edge.settings import CameraSettings, VoteSettings
from edge.track import Track, Tracker
from edge.types import Bgr, Box, Detection, Frame, Verdict
from edge.vote import Vote

_ONE_PLATE: Final = 0.7
_LARGE: Final = 0.2  # of a frame's width: few plates are wider, and many false ones
_FAR: Final = 0.7  # of the least width that is read: narrower plates are only followed
_LEAST_HEIGHT_PX: Final = 8  # lower characters cannot be told apart, however wide the plate
_LEAST_QUALITY: Final = 0.05  # a smear: reading it would cost more than it tells


@dataclass(frozen=True, slots=True)
class Counts:
    """What a pipeline has seen since its start.

    Attributes:
        frames: analysed.
        passed_over: not looked at, because there was nothing to be read and it was no time to search.
        tracks: that have ended.
        crops: read by the net.
        reads, updates: emitted.
        rejoined: tracks of a plate that had been emitted already.
        illegible: tracks that were read and never became legible.
        unread: tracks that never gave a crop worth reading (too small, smeared).
    """

    frames: int = 0
    passed_over: int = 0
    tracks: int = 0
    crops: int = 0
    reads: int = 0
    updates: int = 0
    rejoined: int = 0
    illegible: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """A plate in the newest frame and what is known of it by now, for drawing.

    Attributes:
        emitted: whether its passage has been emitted.
        passage: as emissions number it.
    """

    box: Box
    verdict: Verdict | None
    emitted: bool
    passage: int = 0


class Pipeline:
    """One camera's frames in, its emissions out; frames in order, from one thread.

    Args:
        camera: its settings.
        vote: when a passage counts as read.
        new_vote: an empty vote for a new passage.
        detector, reader: the nets; not used by two threads at once.
    """

    def __init__(
        self,
        *,
        camera: CameraSettings,
        vote: VoteSettings,
        new_vote: Callable[[], Vote],
        detector: Detector,
        reader: PlateReader,
    ) -> None:
        self._camera, self._settings, self._new_vote = camera, vote, new_vote
        self._detector, self._reader = detector, reader
        self._tracker = Tracker()
        self._attention = Attention()
        self._passages: dict[int, Passage] = {}  # by track
        self._known: dict[str, Passage] = {}  # by emitted plate, for as long as a track may join
        self._places = places(camera)
        self._scene: tuple[str | None, int, tuple[int, ...]] | None = None  # of the newest frame
        self._newest: datetime | None = None
        self._lag = timedelta(0)
        self.counts = Counts()

    def feed(self, frame: Frame, *, now: datetime) -> list[Emission]:
        """Analyse a frame; `now` is the time of the emissions."""
        emissions = []
        scene = (frame.preset, frame.stay, frame.bgr.shape)
        if scene != self._scene or (self._newest and frame.captured_at < self._newest):
            # The camera has turned or gives frames of another size, or its clock has stepped back:
            # nothing goes on as it was.
            emissions = self.flush(now=now)
            self._known.clear()
            self._attention.turn()
        self._scene, self._newest, self._lag = scene, frame.captured_at, now - frame.captured_at
        height, width = frame.bgr.shape[:2]
        left = self._tracker.leave(frame.captured_at, width=width, height=height)
        emissions += [e for e in (self._end(track, now=now) for track in left) if e]
        near = self._attention.near(frame.moving, self._followed(frame), at=frame.captured_at)
        if near is not None and not near:
            self._count(passed_over=1)
            return [*emissions, *self._due(frame.captured_at, now=now)]
        step = self._tracker.update(frame.captured_at, self._detect(frame, near), near=near)
        self._count(frames=1)
        for track, _ in step.sightings:
            if track.id not in self._passages:
                self._passages[track.id] = self._begin(track, frame)
            self._passages[track.id].track = track
        self._read(frame, step.sightings)
        ended = [self._end(track, now=now) for track in step.ended]
        self._forget(frame.captured_at)
        return [*emissions, *(e for e in ended if e), *self._due(frame.captured_at, now=now)]

    def tick(self, *, now: datetime) -> list[Emission]:
        """While no frames come: emit what has become due. No track ends: a still picture hides no departure."""
        return self._due(now - self._lag, now=now)

    def flush(self, *, now: datetime) -> list[Emission]:
        """End all tracks, because the source has ended, and emit what they have."""
        ended = [self._end(track, now=now) for track in self._tracker.end()]
        return [e for e in ended if e]

    def seen(self) -> list[Seen]:
        """The plates of the newest frame."""
        live = [t for t in self._tracker.tracks if t.last_at == self._newest]
        passages = [(t, self._passages[t.id]) for t in live]
        return [Seen(t.box, p.verdict, p.is_emitted, p.track_id) for t, p in passages]

    def _begin(self, track: Track, frame: Frame) -> Passage:
        return Passage(
            track,
            vote=self._new_vote(),
            settings=self._settings,
            preset=frame.preset,
            position=frame.position,
        )

    def _place(self, preset: str | None) -> Place:
        return self._places.get(preset, self._places[None])

    def _followed(self, frame: Frame) -> list[Known]:
        far_px = _FAR * self._place(frame.preset).min_plate_px
        followed = []
        for track in self._tracker.tracks:
            box = track.predicted(frame.captured_at)
            is_plausible = track.box.width < _LARGE * frame.bgr.shape[1]  # or it explains what it should not
            rests = is_plausible and (self._passages[track.id].is_certain or box.width < far_px)
            reach_px = track.reach_px(frame.captured_at)
            followed.append(Known(box, reach_px=reach_px, rests=rests, seen_at=track.last_at))
        return followed

    def _detect(self, frame: Frame, near: Sequence[Box] | None) -> list[Detection]:
        height, width = frame.bgr.shape[:2]
        place = self._place(frame.preset)
        everywhere = place.within(frame_size=(width, height)) if near is None else None
        found = _distinct(self._detector.detect(frame.bgr, near=[everywhere] if everywhere else near))
        return [d for d in found if place.counts(d.box, frame_size=(width, height))]

    def _read(self, frame: Frame, sightings: Iterable[tuple[Track, Detection]]) -> None:
        still = Still(frame.bgr)
        height, width = frame.bgr.shape[:2]
        chosen = [c for track, d in sightings if (c := self._choose(frame, track, d))]
        readings = self._reader.read([crop for _, _, crop, _ in chosen]) if chosen else []
        self._count(crops=len(chosen))
        for (track, detection, crop, good), reading in zip(chosen, readings, strict=True):
            text = normalise(reading.text_raw)
            shot = Shot(
                captured_at=frame.captured_at,
                box=detection.box,
                frame_size=(width, height),
                quality=good,
                text=text,
                crop=crop.copy(),
                overview=still.overview,
            )
            passage = self._passages[track.id]
            passage.read(shot, detection=detection, reading=reading)

    def _choose(
        self, frame: Frame, track: Track, detection: Detection
    ) -> tuple[Track, Detection, Bgr, float] | None:
        """The crop and its quality, where it is worth reading."""
        box, passage = detection.box, self._passages[track.id]
        if box.width < self._place(frame.preset).min_plate_px or box.height < _LEAST_HEIGHT_PX:
            return None
        crop = cut(frame.bgr, box)
        if not crop.size:
            return None
        height, width = frame.bgr.shape[:2]
        good = quality(crop, box, frame_width_px=width, frame_height_px=height)
        worth = good >= _LEAST_QUALITY and passage.wants(box, at=frame.captured_at, quality=good)
        return (track, detection, crop, good) if worth else None

    def _twin(self, passage: Passage) -> Passage | None:
        """The emitted passage that this one, of which nothing has been said yet, turns out to be part of."""
        if passage.is_emitted or passage.verdict is None or not passage.is_legible:
            return None
        known = self._known.get(passage.verdict.plate)
        is_same = known is not None and known.is_same_as(passage.track, anywhere=self._camera.travels)
        return known if is_same else None

    def _join(self) -> None:
        """Let tracks of a plate that was emitted a moment ago go on as that passage."""
        for number, passage in self._passages.items():
            twin = self._twin(passage)
            if twin is not None:
                twin.track = passage.track
                self._passages[number] = twin
                self._count(rejoined=1)

    def _due(self, at: datetime, *, now: datetime) -> list[Emission]:
        """What the live passages have to say at capture time `at`."""
        due = []
        for number in tuple(self._passages):
            self._join()  # what was emitted just now may be the twin of the next
            passage = self._passages[number]
            is_time = passage.is_certain or self._is_overdue(passage, at)
            if is_time and passage.is_legible and passage.has_news:
                due.append(self._emit(passage, now=now))
        return due

    def _is_overdue(self, passage: Passage, at: datetime) -> bool:
        if passage.is_emitted or passage.legible_at is None:
            return False
        return (at - passage.legible_at).total_seconds() >= self._settings.patience_s

    def _end(self, track: Track, *, now: datetime) -> Emission | None:
        passage = self._passages.pop(track.id)
        self._count(tracks=1)
        if self._twin(passage) is not None:
            self._count(rejoined=1)
            return None
        if passage in self._passages.values():  # another track of it lives on
            return None
        emission = None
        if passage.is_legible and (passage.has_news or passage.has_better_picture):
            emission = self._emit(passage, now=now)
        elif not passage.is_emitted:
            self._count(**{"illegible" if passage.reads else "unread": 1})
        passage.rest()
        return emission

    def _emit(self, passage: Passage, *, now: datetime) -> Emission:
        kind = Kind.UPDATE if passage.is_emitted else Kind.READ
        self._count(**{"reads" if kind is Kind.READ else "updates": 1})
        verdict, shot = passage.say()
        self._known[verdict.plate] = passage
        place = self._place(passage.preset)
        lane = place.lane(shot.box, frame_size=shot.frame_size)
        way = passage.track.direction or (lane and lane.direction) or place.direction
        return Emission(
            kind=kind,
            camera_id=self._camera.id,
            track_id=passage.track_id,
            first_at=passage.first_at,
            last_at=passage.read_at,
            emitted_at=now,
            verdict=verdict,
            shot=shot,
            direction=None if self._camera.travels else way,  # else it is the camera that comes or goes
            preset=passage.preset,
            position=passage.position,
            lane=lane.name if lane else None,
            trust=self._camera.trust,
        )

    def _forget(self, at: datetime) -> None:
        """Drop the plates that no track may join any more."""
        oldest = at - SAME_PLACE
        self._known = {plate: p for plate, p in self._known.items() if p.track.last_at >= oldest}

    def _count(self, **more: int) -> None:
        self.counts = replace(
            self.counts, **{name: getattr(self.counts, name) + n for name, n in more.items()}
        )


def _distinct(found: Iterable[Detection]) -> list[Detection]:
    """Without the less sure of two boxes of which one lies in the other: they are of one plate."""
    kept: list[Detection] = []
    for detection in sorted(found, key=lambda d: d.score, reverse=True):
        if all(max(detection.box.share_in(k.box), k.box.share_in(detection.box)) < _ONE_PLATE for k in kept):
            kept.append(detection)
    return kept
