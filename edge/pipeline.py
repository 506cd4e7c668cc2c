"""From one camera's frames to its reads: detect, track, choose what to read, read, vote, emit. No I/O.

What is read goes to the passages (`edge/passages.py`), which say what is to be emitted and when. What never becomes
legible is counted; so is lettering: a string that no grammar knows and that is all letters or all digits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from edge.attention import Attention, Known
from edge.device import Device
from edge.emission import Emission, Moment
from edge.errors import PixelsError
from edge.evidence import Shot, Still, quality
from edge.passages import Passages
from edge.ports import Detector, PlateReader
from edge.read.crop import cut
from edge.read.vehicle_colour import BODIES, palette, shares
from edge.settings import CameraSettings, VoteSettings
from edge.track import Track, Tracker
from edge.types import Bgr, Box, Detection, Frame, Reading, Verdict
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
        undrawn: not looked at, because no picture could be made of what was decoded.
        tracks: that have ended.
        crops: read by the net.
        reads, updates: emitted.
        rejoined: tracks of a plate that had been emitted already.
        paired: tracks of a second plate of a vehicle.
        handed_over: tracks of a vehicle that another lens of the device saw.
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
    paired: int = 0
    handed_over: int = 0
    illegible: int = 0
    unread: int = 0
    undrawn: int = 0


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
        device: shared by the pipelines of its lenses, on one thread; None: the camera is none of several.
    """

    def __init__(
        self,
        *,
        camera: CameraSettings,
        vote: VoteSettings,
        new_vote: Callable[[], Vote],
        detector: Detector,
        reader: PlateReader,
        device: Device | None = None,
    ) -> None:
        self._detector, self._reader = detector, reader
        self._palette = palette()
        self._tracker = Tracker()
        self._attention = Attention()
        self._passages = Passages(camera, settings=vote, new_vote=new_vote, device=device, count=self._count)
        self._scene: tuple[str | None, int, tuple[int, int]] | None = None  # of the newest frame
        self._newest: datetime | None = None
        self._connection = 0
        self._lag = timedelta(0)
        self.counts = Counts()

    def feed(self, frame: Frame, *, now: datetime) -> list[Emission]:
        """Analyse a frame; `now` is the time of the emissions."""
        emissions = []
        moment = Moment(frame.captured_at, frame.came_at or now, now)
        scene = (frame.preset, frame.stay, frame.size)
        if scene != self._scene or (self._newest and frame.captured_at < self._newest):
            # The camera has turned or gives frames of another size, or its clock has stepped back:
            # nothing goes on as it was.
            emissions = self._end_all(moment)
            self._passages.turn()
            self._attention.turn()
        elif frame.connection != self._connection:
            # The vehicle that stands there now need not be the one that stood there; its plate, read anew, tells.
            emissions = self._end_all(moment)
            self._attention.turn()
        self._connection = frame.connection
        self._scene, self._newest, self._lag = scene, frame.captured_at, moment.came_at - frame.captured_at
        self._passages.watch(frame.captured_at)
        width, height = frame.size
        left = self._tracker.leave(frame.captured_at, width=width, height=height)
        emissions += [e for e in (self._passages.end(track, moment) for track in left) if e]
        near = self._attention.near(frame.moving, self._followed(frame), at=frame.captured_at)
        if near is not None and not near:
            self._count(passed_over=1)
            return [*emissions, *self._passages.due(moment)]
        try:
            frame = replace(frame, pixels=frame.bgr)  # from here on it is looked at again and again
        except PixelsError:
            self._count(undrawn=1)
            return [*emissions, *self._passages.due(moment)]
        step = self._tracker.update(frame.captured_at, self._detect(frame, near), near=near)
        self._count(frames=1)
        for track, _ in step.sightings:
            self._passages.see(track, frame)
        self._read(frame, step.sightings)
        ended = [self._passages.end(track, moment) for track in step.ended]
        self._passages.forget()
        return [*emissions, *(e for e in ended if e), *self._passages.due(moment)]

    def tick(self, *, now: datetime) -> list[Emission]:
        """While no frames come: emit what has become due. No track ends: a still picture hides no departure."""
        return self._passages.due(Moment(now - self._lag, now, now))

    def flush(self, *, now: datetime) -> list[Emission]:
        """End all tracks, because the source has ended, and emit what they have."""
        return self._end_all(Moment(now, now, now))

    def seen(self) -> list[Seen]:
        """The plates of the newest frame."""
        live = [t for t in self._tracker.tracks if t.last_at == self._newest]
        passages = [(t, self._passages.live[t.id]) for t in live]
        return [Seen(t.box, p.verdict, p.is_emitted, p.track_id) for t, p in passages]

    def _end_all(self, moment: Moment) -> list[Emission]:
        ended = [self._passages.end(track, moment) for track in self._tracker.end()]
        return [e for e in ended if e]

    def _followed(self, frame: Frame) -> list[Known]:
        far_px = _FAR * self._passages.place(frame.preset).min_plate_px
        followed = []
        for track in self._tracker.tracks:
            box = track.predicted(frame.captured_at)
            is_plausible = track.box.width < _LARGE * frame.size[0]  # or it explains what it should not
            rests = is_plausible and (self._passages.rests(track) or box.width < far_px)
            reach_px = track.reach_px(frame.captured_at)
            followed.append(Known(box, reach_px=reach_px, rests=rests, seen_at=track.last_at))
        return followed

    def _detect(self, frame: Frame, near: Sequence[Box] | None) -> list[Detection]:
        width, height = frame.size
        place = self._passages.place(frame.preset)
        within = place.within(frame_size=(width, height))
        found = _distinct(self._detector.detect(frame.bgr, near=near, within=within))
        return [d for d in found if place.counts(d.box, frame_size=(width, height))]

    def _read(self, frame: Frame, sightings: Iterable[tuple[Track, Detection]]) -> None:
        still = Still(frame.bgr)
        width, height = frame.size
        chosen = [c for track, d in sightings if (c := self._choose(frame, track, d))]
        readings = self._reader.read([crop for _, _, crop, _ in chosen]) if chosen else []
        self._count(crops=len(chosen))
        for (track, detection, crop, good), reading in zip(chosen, readings, strict=True):
            shot = Shot(
                captured_at=frame.captured_at,
                box=detection.box,
                frame_size=(width, height),
                quality=good,
                reading=reading,
                crop=crop.copy(),
                overview=still.overview,
            )
            self._passages.read(
                track, shot, detection=self._coloured(frame, detection, reading), reading=reading
            )

    def _coloured(self, frame: Frame, detection: Detection, reading: Reading) -> Detection:
        """With the vehicle's colours, where it is one with paint around its plate."""
        if not detection.vehicle or detection.vehicle[0].value not in BODIES:
            return detection
        found = shares(frame.bgr, detection.box, background=reading.background, known=self._palette)
        return replace(detection, colours=found)

    def _choose(
        self, frame: Frame, track: Track, detection: Detection
    ) -> tuple[Track, Detection, Bgr, float] | None:
        """The crop and its quality, where it is worth reading."""
        box, passage = detection.box, self._passages.live[track.id]
        if box.width < self._passages.place(frame.preset).min_plate_px or box.height < _LEAST_HEIGHT_PX:
            return None
        crop = cut(frame.bgr, box)
        if not crop.size:
            return None
        width, height = frame.size
        good = quality(crop, box, frame_width_px=width, frame_height_px=height)
        worth = good >= _LEAST_QUALITY and passage.wants(box, at=frame.captured_at, quality=good)
        return (track, detection, crop, good) if worth else None

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
