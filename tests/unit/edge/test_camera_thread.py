"""The camera's thread against scripted sources: when it connects again, what it says, how it ends."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.capture.backoff import Backoff
from edge.capture.camera import CameraThread
from edge.capture.hub import DEPTH, FrameHub
from edge.capture.stats import CaptureSnapshot, CaptureStats
from edge.contract.health import CameraState
from edge.errors import LostError, RefusedError
from edge.types import Frame

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BGR = np.zeros((2, 2, 3), np.uint8)
HASTY = Backoff(first_s=0.01, longest_s=0.05, refused_s=0.3, stable_s=0.5)


class Script:
    """Sources that do, connection for connection, what was written down: frames, then an error or waiting."""

    def __init__(self, *acts: tuple[int, Exception | None]) -> None:
        self.acts = list(acts)
        self.connected_s: list[float] = []
        self.opened: list[ScriptedSource] = []

    def __call__(self, stats: CaptureStats) -> "ScriptedSource":
        self.connected_s.append(time.monotonic())
        frames, ending = self.acts.pop(0) if self.acts else (0, None)
        self.opened.append(ScriptedSource(stats, frames, ending))
        return self.opened[-1]


class ScriptedSource:
    def __init__(self, stats: CaptureStats, frames: int, ending: Exception | None) -> None:
        self.stats, self.count, self.ending = stats, frames, ending
        self.closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        for number in range(self.count):
            at = START + timedelta(seconds=number)
            self.stats.received(at)
            yield Frame("cam", at, BGR)
        if self.ending is not None:
            raise self.ending
        self.closed.wait()

    def close(self) -> None:
        self.closed.set()


def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it never came to pass"
        time.sleep(0.005)


@pytest.fixture
def started() -> Iterator[Callable[..., CameraThread]]:
    threads: list[CameraThread] = []

    def start(script: Script, *, hub: FrameHub | None = None, backoff: Backoff = HASTY) -> CameraThread:
        threads.append(CameraThread("cam", connect=script, hub=hub or FrameHub(), backoff=backoff))
        threads[-1].start()
        return threads[-1]

    yield start
    assert all(thread.stop() for thread in threads)


Start = Callable[..., CameraThread]


def lost(words: str = "it stalled") -> LostError:
    return LostError(f"camera cam: {words}")


def test_before_the_first_frame_it_is_connecting(started: Start) -> None:
    assert started(Script((0, None))).status() == CaptureSnapshot()


def test_frames_reach_the_hub_and_replaced_ones_are_counted(started: Start) -> None:
    hub = FrameHub()
    camera = started(Script((5, None)), hub=hub)
    eventually(lambda: camera.status().frames_received == 5)
    taken = hub.next(timeout_s=1)
    assert taken is not None
    eventually(lambda: camera.status().frames_dropped == 5 - DEPTH)
    assert taken.captured_at == START + timedelta(seconds=5 - DEPTH)
    assert camera.status().state is CameraState.LIVE
    assert camera.status().last_frame_at == START + timedelta(seconds=4)


def test_a_lost_camera_is_connected_again_and_the_reason_is_kept(started: Start) -> None:
    script = Script((1, lost()), (0, lost("nothing listens there")), (2, None))
    camera = started(script)
    eventually(lambda: camera.status().reconnects == 1)
    now = camera.status()
    assert (now.state, now.failures, now.detail) == (CameraState.LIVE, 2, "")
    assert all(source.closed.is_set() for source in script.opened[:2])


def test_the_frames_of_each_connection_bear_its_number(started: Start) -> None:
    hub = FrameHub()
    started(Script((1, LostError("gone")), (1, LostError("gone")), (1, None)), hub=hub)
    found = [hub.next(timeout_s=10) for _ in range(3)]
    numbers = [frame.connection for frame in found if frame]
    assert len(set(numbers)) == 3
    assert numbers == sorted(numbers)


def test_while_it_is_lost_it_says_why(started: Start) -> None:
    patient = Backoff(first_s=30, longest_s=30)
    camera = started(Script((1, lost("nothing listens there"))), backoff=patient)
    eventually(lambda: camera.status().state is CameraState.UNREACHABLE)
    assert camera.status().detail == "camera cam: nothing listens there"


def test_waits_grow_up_to_the_longest(started: Start) -> None:
    backoff = Backoff(first_s=0.05, longest_s=0.2, stable_s=60)
    script = Script(*[(0, lost())] * 7, (0, None))
    started(script, backoff=backoff)
    eventually(lambda: len(script.connected_s) == 8)
    waits = np.diff(script.connected_s)
    assert waits[0] >= 0.05
    assert waits[1] >= 0.1
    assert (waits[2:] >= 0.2).all()
    assert waits.max() < 5, "and not without bound"


def test_a_refused_password_is_said_and_tried_again_slowly(started: Start) -> None:
    script = Script((0, RefusedError("camera cam: it refused user 'ana' or the password")), (1, None))
    camera = started(script)
    eventually(lambda: camera.status().state is CameraState.REFUSED)
    assert "refused user 'ana'" in camera.status().detail
    eventually(lambda: camera.status().state is CameraState.LIVE)
    assert script.connected_s[1] - script.connected_s[0] >= 0.3


def test_after_a_stable_time_the_next_try_comes_at_once() -> None:
    script = Script((1, lost()), (1, None))

    def connect(stats: CaptureStats) -> ScriptedSource:
        source = script(stats)
        if len(script.opened) == 1:
            time.sleep(0.2)  # longer than stable_s
        return source

    camera = CameraThread("cam", connect=connect, hub=FrameHub(), backoff=Backoff(first_s=60, stable_s=0.1))
    camera.start()
    eventually(lambda: len(script.connected_s) == 2, within_s=5)
    assert camera.stop()


def test_an_end_without_an_error_is_a_loss() -> None:
    class Ending(ScriptedSource):
        def frames(self) -> Iterator[Frame]:
            return iter(())

    camera = CameraThread(
        "cam",
        connect=lambda stats: Ending(stats, 0, None),
        hub=FrameHub(),
        backoff=Backoff(first_s=60),
    )
    camera.start()
    eventually(lambda: camera.status().state is CameraState.UNREACHABLE)
    assert camera.status().detail == "camera cam: the stream ended"
    assert camera.stop()


def test_a_fault_of_ours_gives_no_camera_up(started: Start) -> None:
    secret = "rtsp://ana:very-secret-word@host/day"
    with capture_logs() as logs:
        camera = started(Script((1, ZeroDivisionError(secret)), (2, None)))
        eventually(lambda: camera.status().reconnects == 1)
    assert camera.status().failures == 1
    fault = next(entry for entry in logs if entry["event"] == "camera thread failed")
    assert fault["kind"] == "ZeroDivisionError"
    assert "test_camera_thread.py" in fault["where"], "it says where"
    assert "very-secret-word" not in str(logs), "and not with which address"


@pytest.mark.parametrize(
    "script",
    [Script((0, None)), Script((0, lost())), Script((0, RefusedError("no")))],
    ids=["watching", "waiting to try again", "refused"],
)
def test_it_ends_soon_whatever_it_is_doing(script: Script) -> None:
    camera = CameraThread("cam", connect=script, hub=FrameHub(), backoff=Backoff(first_s=60, refused_s=60))
    camera.start()
    eventually(lambda: bool(script.opened))
    time.sleep(0.05)
    began_s = time.monotonic()
    assert camera.stop()
    assert camera.stop(), "idempotent"
    assert time.monotonic() - began_s < 2


def test_one_that_was_never_started_can_be_stopped() -> None:
    assert CameraThread("cam", connect=Script(), hub=FrameHub()).stop()


def test_a_source_that_does_not_end_in_time_is_told() -> None:
    hang = threading.Event()

    def connect(stats: CaptureStats) -> ScriptedSource:
        hang.wait()
        return ScriptedSource(stats, 0, None)

    camera = CameraThread("cam", connect=connect, hub=FrameHub())
    camera.start()
    assert not camera.stop(timeout_s=0.1)
    hang.set()
    assert camera.stop()
