"""What every frame source does, live or recorded."""

import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import clip_file, drawn, number_of

from edge.capture.rtsp import RtspSource
from edge.capture.video import FolderSource, VideoSource
from edge.errors import LostError
from edge.ports import FrameSource
from edge.settings import CameraSettings
from edge.simulate.clip import load_clip
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread

FRAMES = 50
STARTED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Kind(ABC):
    """Makes sources of one adapter that show the numbered pictures of `clips`, in order."""

    live = False

    @abstractmethod
    def make(self) -> FrameSource: ...

    @abstractmethod
    def make_broken(self) -> FrameSource:
        """One that has nothing to show."""


class Rtsp(Kind):
    live = True

    def __init__(self, server: ServerThread) -> None:
        self._server = server

    def _at(self, url: str) -> FrameSource:
        camera = CameraSettings(id="cam", url=url, motion_gate=False, analyse_fps=60, timeout_s=2)
        return RtspSource(camera, clock=lambda: datetime.now(UTC))

    def make(self) -> FrameSource:
        return self._at(self._server.url("shape"))

    def make_broken(self) -> FrameSource:
        return self._at(self._server.url("nothing"))


class Video(Kind):
    def make(self) -> FrameSource:
        return VideoSource(clip_file(frames=FRAMES), camera_id="cam", started_at=STARTED_AT)

    def make_broken(self) -> FrameSource:
        return VideoSource(Path("missing.mp4"), camera_id="cam", started_at=STARTED_AT)


class Folder(Kind):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for number in range(FRAMES):
            assert cv2.imwrite(str(folder / f"{number:03}.png"), drawn(number))

    def make(self) -> FrameSource:
        return FolderSource(self._folder, camera_id="cam", started_at=STARTED_AT)

    def make_broken(self) -> FrameSource:
        return FolderSource(self._folder / "missing", camera_id="cam", started_at=STARTED_AT)


@pytest.fixture(params=["rtsp", "video", "folder"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    if request.param == "rtsp":
        programme = Programme({"shape": load_clip(clip_file(frames=FRAMES))}, journal=lambda _: None)
        with ServerThread(programme) as server:
            yield Rtsp(server)
    else:
        yield Video() if request.param == "video" else Folder(tmp_path)


def test_frames_are_whole_pictures_in_bgr_of_its_camera(kind: Kind) -> None:
    source = kind.make()
    for frame in itertools.islice(source.frames(), 10):
        assert frame.camera_id == "cam"
        assert frame.preset is None
        assert frame.bgr.dtype == np.uint8
        assert frame.bgr.shape == (180, 320, 3)
        error = np.abs(frame.bgr.astype(int) - drawn(number_of(frame.bgr)))
        assert error.mean() < 6, "what was drawn, but for the compression"
    source.close()


def test_times_are_utc_and_ascend_with_the_pictures(kind: Kind) -> None:
    source = kind.make()
    frames = list(itertools.islice(source.frames(), 30))
    source.close()
    assert all(frame.captured_at.utcoffset() == timedelta(0) for frame in frames)
    assert all(b.captured_at > a.captured_at for a, b in itertools.pairwise(frames))
    numbers = [number_of(frame.bgr) for frame in frames]
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    assert steps == {1} if not kind.live else min(steps) >= 1, (
        "a live source that is late leaves pictures out"
    )


def test_closing_ends_it_from_another_thread(kind: Kind) -> None:
    source = kind.make()
    seen = 0
    closer = threading.Timer(0.3, source.close)
    closer.start()
    began_s = time.monotonic()
    for _ in source.frames():
        seen += 1
        time.sleep(0.02)
    closer.join()
    assert time.monotonic() - began_s < 4
    assert 0 < seen < FRAMES
    source.close()


def test_closed_before_it_began_it_shows_nothing_more(kind: Kind) -> None:
    source = kind.make()
    source.close()
    assert list(source.frames()) == []


def test_leaving_it_early_gives_everything_back(kind: Kind) -> None:
    for _ in range(3):
        frames = kind.make().frames()
        next(frames)
        frames.close()  # type: ignore[attr-defined]


def test_nothing_to_show_is_an_error_that_says_where(kind: Kind) -> None:
    with pytest.raises(LostError, match=r"missing|/nothing"):
        next(iter(kind.make_broken().frames()))


def test_frames_of_two_sources_do_not_share_their_pixels(kind: Kind) -> None:
    source = kind.make()
    first, second = itertools.islice(source.frames(), 2)
    source.close()
    kept = first.bgr.copy()
    second.bgr[:] = 0
    assert (first.bgr == kept).all()
