"""Recordings: a video file, or a folder of pictures. As fast as they are taken, nothing left out."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.capture import picture
from edge.capture.pacer import Pacer
from edge.errors import LostError
from edge.types import Bgr, Frame

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

_FALLBACK_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording has been taken.

    Attributes:
        frames: seen so far, those skipped included.
        total: frames in all; None where the file does not say.
        label: what was seen last: a picture's file name, or minutes and seconds of a video.
        unreadable: pictures or frames that were damaged and left out.
    """

    frames: int
    total: int | None
    label: str
    unreadable: int


class VideoSource:
    """Frames of a file that libav opens, at `started_at` plus their time since the first frame.

    Args:
        started_at: when the recording began, UTC.
        fps: frames a second of recording to take; None takes all.
    """

    def __init__(self, path: Path, *, camera_id: str, started_at: datetime, fps: float | None = None) -> None:
        self._path = path
        self._camera_id = camera_id
        self._started_at = started_at
        self._pacer = Pacer(fps)
        self._closed = threading.Event()
        self._progress = Progress(0, None, "", 0)

    @property
    def progress(self) -> Progress:
        """How far `frames` has come."""
        return self._progress

    @property
    def duration_s(self) -> float | None:
        """Length of the recording, seconds; None where the file does not say.

        Raises:
            LostError: the file is missing or is no video.
        """
        with _open(self._path) as container:
            stream = container.streams.video[0]
            if stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            return container.duration / av.time_base if container.duration else None

    def frames(self) -> Iterator[Frame]:
        """The frames in order, to the end of the file or `close`.

        Raises:
            LostError: the file is missing, is no video, or holds no frame that can be decoded.
        """
        container = _open(self._path)
        try:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"  # order is kept; delay does not matter here
            total = _total(stream)
            for seen, (media_s, frame) in enumerate(self._decode(container, stream), start=1):
                if self._closed.is_set():
                    return
                self._progress = Progress(seen, total, _minutes(media_s), self._progress.unreadable)
                if self._pacer.is_due(media_s):
                    yield Frame(
                        self._camera_id, self._started_at + timedelta(seconds=media_s), picture.bgr(frame)
                    )
        finally:
            container.close()
        if not self._closed.is_set() and self._progress.frames == 0:
            raise LostError(f"{self._path}: holds no frame that can be decoded")

    def close(self) -> None:
        """End `frames` after the frame in hand, from any thread; idempotent."""
        self._closed.set()

    def _decode(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator[tuple[float, av.VideoFrame]]:
        """Frames with their time since the first one, seconds, ascending."""
        step_s = 1.0 / float(stream.average_rate or _FALLBACK_FPS)
        first_s: float | None = None
        last_s = -step_s
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                self._leave_out()
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._leave_out()
                    continue
                if frame.pts is None:
                    media_s = last_s + step_s
                else:
                    first_s = frame.time if first_s is None else first_s
                    media_s = frame.time - first_s
                last_s = max(media_s, last_s + 0.001)
                yield last_s, frame

    def _leave_out(self) -> None:
        now = self._progress
        self._progress = Progress(now.frames, now.total, now.label, now.unreadable + 1)


class FolderSource:
    """The pictures of a folder by name, `interval_s` apart from `started_at` on; damaged ones are left out.

    Args:
        started_at: the first picture's time, UTC.
        interval_s: long enough by default that no two pictures count as one passage.
    """

    def __init__(
        self, folder: Path, *, camera_id: str, started_at: datetime, interval_s: float = 300.0
    ) -> None:
        self._folder = folder
        self._camera_id = camera_id
        self._started_at = started_at
        self._interval_s = interval_s
        self._closed = threading.Event()
        self._progress = Progress(0, None, "", 0)

    @property
    def progress(self) -> Progress:
        """How far `frames` has come; its label is the file name of the frame in hand."""
        return self._progress

    def frames(self) -> Iterator[Frame]:
        """The pictures in order, to the last one or `close`.

        Raises:
            LostError: the folder is missing, cannot be listed, or holds no picture that can be read.
        """
        paths = _pictures(self._folder)
        unreadable = 0
        for number, path in enumerate(paths):
            if self._closed.is_set():
                return
            bgr = _picture(path)
            unreadable += bgr is None
            self._progress = Progress(number + 1, len(paths), path.name, unreadable)
            if bgr is not None:
                captured_at = self._started_at + timedelta(seconds=number * self._interval_s)
                yield Frame(self._camera_id, captured_at, bgr)
        if unreadable == len(paths):
            raise LostError(f"{self._folder}: none of its {len(paths)} pictures can be read")

    def close(self) -> None:
        """End `frames` after the picture in hand, from any thread; idempotent."""
        self._closed.set()


def _open(path: Path) -> InputContainer:
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


def _total(stream: VideoStream) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base and stream.average_rate:
        return round(stream.duration * stream.time_base * stream.average_rate)
    return None


def _minutes(media_s: float) -> str:
    return f"{int(media_s // 60)}:{media_s % 60:05.2f}"


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise LostError(f"{folder}: no such folder")
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
    except OSError as error:
        raise LostError(f"{folder}: cannot be listed: {error.strerror}") from error
    if not paths:
        raise LostError(f"{folder}: holds no picture ({', '.join(sorted(PICTURE_SUFFIXES))})")
    return paths


def _picture(path: Path) -> Bgr | None:
    """(height, width, 3) uint8, turned as the picture says; None where it cannot be read."""
    try:
        coded = np.fromfile(path, dtype=np.uint8)
    except OSError:
        return None
    return cast(Bgr | None, cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None)
