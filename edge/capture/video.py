"""Recordings: a video file, or a folder of pictures. As fast as they are taken, nothing left out."""

import copy
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from edge.capture import picture
from edge.capture.film import Film, Place, minutes
from edge.capture.pacer import Pacer
from edge.capture.stillness import Stillness
from edge.errors import LostError
from edge.types import Bgr, Frame

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


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


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a recording, and what its source needs to go on from there.

    Attributes:
        due_s: the next frame is due then, seconds since the first one.
        stillness: what the gate has seen; None where everything is looked at.
    """

    place: Place
    due_s: float
    stillness: Stillness | None = None


class VideoSource:
    """Frames of a file that libav opens, at `started_at` plus their time since the first frame.

    Args:
        started_at: when the recording began, UTC.
        fps: frames a second of recording to take; None takes all.
        stillness: leaves out frames in which nothing moves; None leaves out none.
        after: go on behind this mark of another source of the same file, which had a gate or not.
    """

    def __init__(
        self,
        path: Path,
        *,
        camera_id: str,
        started_at: datetime,
        fps: float | None = None,
        stillness: Stillness | None = None,
        after: Mark | None = None,
    ) -> None:
        self._path = path
        self._camera_id = camera_id
        self._started_at = started_at
        self._film = Film(path, after=after.place if after else None)
        self._pacer = Pacer(fps, due_s=after.due_s) if after else Pacer(fps)
        self._stillness = copy.deepcopy(after.stillness) if after else stillness
        self._closed = threading.Event()

    @property
    def progress(self) -> Progress:
        """How far `frames` has come."""
        place = self._film.place
        seen = place.pictures - place.unreadable
        label = minutes(place.media_s) if seen else ""
        return Progress(seen, self._film.total, label, place.unreadable)

    @property
    def mark(self) -> Mark:
        """Where another source can go on behind the newest frame."""
        return Mark(self._film.place, self._pacer.due_s, self._stillness)

    @property
    def fault(self) -> str:
        """Why the frames ended before the recording does; empty where they did not."""
        return self._film.fault

    def frames(self) -> Iterator[Frame]:
        """The frames in order, to the end of the file or `close`; damaged ones are left out.

        Raises:
            LostError: the file is missing, is no video, or holds no frame that can be decoded.
        """
        for frame in self._film.pictures():
            if self._closed.is_set():
                return
            media_s = self._film.place.media_s
            if self._stillness is not None:
                self._stillness.look(frame, media_s=media_s)
            if self._pacer.is_due(media_s) and (self._stillness is None or self._stillness.lets_through()):
                captured_at = self._started_at + timedelta(seconds=media_s)
                yield Frame(self._camera_id, captured_at, picture.bgr(frame))
        if not self._closed.is_set() and self.progress.frames == 0:
            raise LostError(f"{self._path}: holds no frame that can be decoded")

    def close(self) -> None:
        """End `frames` after the frame in hand, from any thread; idempotent."""
        self._closed.set()


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
