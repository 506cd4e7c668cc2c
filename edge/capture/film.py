"""A recording's pictures from a place in it on: found again after a break, without what is damaged.

To go on behind a picture, the decoder starts at the key frame before it. Where the presentation times so far
ascended, the picture is known by its own; elsewhere (no times, leaps) pictures are counted from the beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.capture.damage import Damage
from edge.capture.timeline import Timeline
from edge.errors import LostError

_FALLBACK_FPS = 25.0
_CUT_SHORT_S = 2.0  # a file that ends so much before its length says has lost its end


@dataclass(frozen=True, slots=True)
class Place:
    """How far a recording has come: up to and with one picture.

    Attributes:
        pictures: decoded so far, damaged ones included.
        pts: presentation time of the picture in the stream's own unit; None where it bears none.
        is_steady: every picture so far bore a later one than the picture before.
        timeline: its times.
        unreadable: pictures or packets that were damaged and left out.
    """

    timeline: Timeline
    pictures: int = 0
    pts: int | None = None
    is_steady: bool = True
    unreadable: int = 0

    @property
    def media_s(self) -> float:
        """Time of the picture since the first one, seconds."""
        return self.timeline.last_s or 0.0


class Film:
    """The pictures of a file that libav opens, in order.

    Args:
        path: of the file.
        after: go on behind this place.

    Attributes:
        place: of the newest picture.
        fault: why the pictures ended before their time; empty where they did not.
    """

    def __init__(self, path: Path, *, after: Place | None = None) -> None:
        self._path = path
        self._after = after
        self.place = after or Place(Timeline(1 / _FALLBACK_FPS))
        self.total: int | None = None
        self.fault = ""

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Those that are whole; `place` is that of the newest.

        Raises:
            LostError: the file is missing or is no video, or the picture to go on behind is not in it.
        """
        after = self._after
        if after is not None and after.is_steady and after.pts is not None:
            with open_video(self._path) as container:
                stream = self._stream(container)
                frames = self._decoded(container, stream)
                if _is_found(container, stream, frames, pts=after.pts):
                    yield from self._whole(frames, container, stream)
                    return
        self.fault = ""
        with open_video(self._path) as container:
            stream = self._stream(container)
            frames = self._decoded(container, stream)
            taken = after.pictures if after else 0
            if sum(1 for _ in islice(frames, taken)) < taken:
                raise LostError(f"{self._path}: ends before its picture {taken}, which was taken earlier")
            yield from self._whole(frames, container, stream)

    def _stream(self, container: InputContainer) -> VideoStream:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"  # order is kept; delay does not matter here
        self.total = _total(stream)
        if self._after is None:
            self.place = Place(Timeline(1.0 / float(stream.average_rate or _FALLBACK_FPS)))
        return stream

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame | None]:
        """Pictures; None for a packet that gave none because it was damaged."""
        try:
            for packet in container.demux(stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    yield None
        except av.FFmpegError as error:
            self.fault = f"breaks off at {minutes(self.place.media_s)}: {error.strerror}"

    def _whole(
        self, frames: Iterator[av.VideoFrame | None], container: InputContainer, stream: VideoStream
    ) -> Iterator[av.VideoFrame]:
        damage, missing = Damage(), False  # behind a picture that was given, no damage shows
        for frame in frames:
            before = self.place
            if frame is None:
                missing = True
                self.place = replace(before, pictures=before.pictures + 1, unreadable=before.unreadable + 1)
                continue
            timeline = before.timeline.then(frame.time if frame.pts is not None else None)
            spoilt = damage.is_spoilt(
                marked=missing or frame.is_corrupt, key_frame=frame.key_frame, media_s=timeline.last_s
            )
            missing = False
            self.place = Place(
                timeline=timeline,
                pictures=before.pictures + 1,
                pts=frame.pts,
                is_steady=before.is_steady and _is_later(frame.pts, before),
                unreadable=before.unreadable + spoilt,
            )
            if not spoilt:
                yield frame
        self._look_at_the_end(length_s(container, stream))

    def _look_at_the_end(self, told_s: float | None) -> None:
        ended_s = self.place.media_s
        if not self.fault and told_s is not None and told_s - ended_s > _CUT_SHORT_S and self.place.is_steady:
            self.fault = f"ends at {minutes(ended_s)}, though its length is said to be {minutes(told_s)}"


def open_video(path: Path) -> InputContainer:
    """Open a file.

    Raises:
        LostError: it is missing, or is no video.
    """
    if not path.is_file():
        raise LostError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise LostError(f"{path}: the file is empty")
    try:
        container = av.open(str(path))
    except av.FFmpegError as error:
        raise LostError(f"{path}: cannot be read as a video: {error.strerror}") from error
    if not container.streams.video:
        container.close()
        raise LostError(f"{path}: holds no video")
    return container


def length_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Length of a recording, seconds; None where the file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def minutes(media_s: float) -> str:
    """A place in a recording, for people: 3:07.25."""
    return f"{int(media_s // 60)}:{media_s % 60:05.2f}"


def _is_found(
    container: InputContainer, stream: VideoStream, frames: Iterator[av.VideoFrame | None], *, pts: int
) -> bool:
    """Whether `frames` go on behind the picture of this presentation time now."""
    try:
        container.seek(pts, stream=stream)
    except av.FFmpegError:
        return False
    for frame in frames:
        if frame is not None and frame.pts is not None and frame.pts >= pts:
            return bool(frame.pts == pts)
    return False


def _is_later(pts: int | None, before: Place) -> bool:
    return pts is not None and (before.pts is None or pts > before.pts)


def _total(stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base and stream.average_rate:
        return round(stream.duration * stream.time_base * stream.average_rate)
    return None
