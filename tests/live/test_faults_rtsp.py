"""What cameras do wrong in the middle of a stream, by our own server: each is got over, and said.

Stalls, ends, losses and refusals from the first moment on are in `test_rtsp.py`; `docs/faults.md` lists all.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import clip_file, drawn, number_of, write_clip

from edge.capture.camera import Backoff, CameraThread
from edge.capture.hub import FrameHub
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.capture.view import Memory, ViewTuning, ViewWatch
from edge.contract.health import CameraState
from edge.settings import CameraSettings
from edge.simulate.clip import Clip, load_clip
from edge.simulate.digest import DigestGuard
from edge.simulate.player import Faults
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread

HASTY = Backoff(first_s=0.2, longest_s=0.5, refused_s=0.5, stable_s=1.0)
TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "udp"])


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def day() -> Clip:
    return load_clip(clip_file())


@pytest.fixture(scope="module")
def day_265(folder: Path) -> Clip:
    return load_clip(write_clip(folder / "day-265.mp4", codec="libx265"))


@pytest.fixture(scope="module")
def large(folder: Path) -> Clip:
    """The same at twice the size: other parameter sets, and another size of picture."""

    def draw(number: int) -> np.ndarray:
        return np.asarray(cv2.resize(drawn(number), (640, 360), interpolation=cv2.INTER_NEAREST))

    return load_clip(write_clip(folder / "large.mp4", draw=draw))


@pytest.fixture
def programme(day: Clip) -> Programme:
    return Programme({"day": day})


@pytest.fixture
def server(programme: Programme) -> Iterator[ServerThread]:
    with ServerThread(programme) as running:
        yield running


class Watched:
    """A camera's thread, and everything that it gives."""

    def __init__(self, url: str, *, view: ViewWatch | None = None, **changes: Any) -> None:
        fields = {"timeout_s": 2.0, "motion_gate": False, "analyse_fps": 60.0, **changes}
        camera = CameraSettings(id="gate-1", url=url, **fields)
        self.hub = FrameHub()
        self.thread = CameraThread(
            camera.id,
            connect=lambda stats: RtspSource(camera, clock=now, stats=stats),
            hub=self.hub,
            backoff=HASTY,
            view=view,
        )
        self.said: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.numbers: list[int] = []
        self.times: list[datetime] = []
        self.ages_s: list[float] = []
        self.thread.start()

    def until(self, holds: Callable[[], bool], *, within_s: float = 30.0) -> None:
        end_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < end_s, f"it never came to pass: {self.thread.status()}"
            self._take()

    def run(self, for_s: float) -> None:
        end_s = time.monotonic() + for_s
        self.until(lambda: time.monotonic() > end_s, within_s=for_s + 5)

    def gives(self, count: int) -> None:
        """Until so many more frames came."""
        wanted = len(self.sizes) + count
        self.until(lambda: len(self.sizes) >= wanted)

    def _take(self) -> None:
        frame = self.hub.next(timeout_s=0.02)
        status = self.thread.status()
        for word in (status.detail, status.remark):
            if word and word not in self.said:
                self.said.append(word)
        if frame is not None:
            self.sizes.append((frame.bgr.shape[1], frame.bgr.shape[0]))
            self.times.append(frame.captured_at)
            self.ages_s.append((now() - frame.captured_at).total_seconds())
            self.numbers.append(number_of(cv2.resize(frame.bgr, (320, 180), interpolation=cv2.INTER_NEAREST)))


@pytest.fixture
def watch(server: ServerThread) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(**changes: Any) -> Watched:
        started.append(Watched(server.url("day"), **changes))
        started[-1].gives(10)
        return started[-1]

    yield start
    assert all(each.thread.stop(timeout_s=10) for each in started)


class TestAnotherStream:
    @pytest.mark.parametrize("gate", [False, True], ids=["watching", "dozing"])
    def test_another_codec_amid_a_session_is_noticed_and_the_next_connection_knows_it(
        self,
        programme: Programme,
        watch: Callable[..., Watched],
        day: Clip,
        day_265: Clip,
        monkeypatch: pytest.MonkeyPatch,
        gate: bool,
    ) -> None:
        """The old session goes on, with packets that its description does not fit."""
        monkeypatch.setattr("edge.capture.rtsp._BARREN_S", 2.0)
        seen = watch(motion_gate=gate)
        programme.mounts = {"day": day_265}
        programme.faults = Faults(becomes=day_265)
        seen.until(lambda: any("can no longer be decoded" in word for word in seen.said))
        seen.gives(20)
        assert seen.thread.status().state is CameraState.LIVE
        assert seen.thread.status().reconnects == 1
        steps = np.diff(seen.numbers[-15:]) % 50
        assert np.all(steps >= 1), "true pictures, in order"

    def test_another_codec_after_an_end_is_taken_as_it_comes(
        self, programme: Programme, watch: Callable[..., Watched], day_265: Clip
    ) -> None:
        seen = watch()
        programme.mounts = {"day": day_265}
        programme.faults = Faults(abort_after_s=0.0)
        seen.until(lambda: seen.thread.status().failures > 0)
        programme.faults = Faults()
        seen.until(lambda: seen.thread.status().state is CameraState.LIVE)
        seen.gives(10)

    @TRANSPORTS
    def test_another_size_amid_a_session_costs_no_connection(
        self, programme: Programme, watch: Callable[..., Watched], large: Clip, transport: str
    ) -> None:
        """With it come other parameter sets (SPS, PPS), in the stream alone."""
        seen = watch(transport=transport, motion_gate=True)
        programme.faults = Faults(becomes=large)
        seen.until(lambda: (640, 360) in seen.sizes)
        seen.gives(20)
        assert set(seen.sizes[-20:]) == {(640, 360)}
        status = seen.thread.status()
        assert (status.reconnects, status.failures, status.frames_corrupt) == (0, 0, 0)
        assert all(b > a for a, b in itertools.pairwise(seen.times))


class TestTime:
    def test_fewer_frames_than_the_description_tells(
        self, programme: Programme, folder: Path, server: ServerThread
    ) -> None:
        """25 told, 12.5 sent, with true timestamps: nothing is assumed of the rate that was told."""
        slow = load_clip(write_clip(folder / "slow.mp4", frames=25))
        units = tuple(type(u)(u.ticks * 2, u.nals) for u in slow.units)
        programme.mounts = {"day": type(slow)(slow.path, units, slow.ticks * 2, slow.sps, slow.pps)}
        programme.faults = Faults(told_fps=25.0)
        seen = Watched(server.url("day"))
        seen.gives(40)
        assert seen.thread.stop(timeout_s=10)
        steps = [(b - a).total_seconds() for a, b in itertools.pairwise(seen.times[20:])]
        assert np.median(steps) == pytest.approx(0.08, abs=0.002)
        assert seen.thread.status().remark == ""

    @pytest.mark.parametrize(
        ("scale", "words"),
        [
            pytest.param(0.5, "run at 0.5 of true time", id="told-25-gives-12.5"),
            pytest.param(2.0, "run at 2 of true time", id="doubled", marks=pytest.mark.proof),
            pytest.param(0.0, "run at 0 of true time", id="none"),
        ],
    )
    def test_timestamps_that_lie_are_found_out_and_arrival_counts(
        self, programme: Programme, server: ServerThread, scale: float, words: str
    ) -> None:
        programme.faults = Faults(time_scale=scale)
        seen = Watched(server.url("day"), analyse_fps=10)
        seen.until(lambda: any(words in word for word in seen.said))
        seen.run(1.0)
        count = len(seen.times)
        seen.run(4.0)
        assert seen.thread.stop(timeout_s=10)
        assert len(seen.times) - count == pytest.approx(40, abs=8), "as many frames a second as are wanted"
        assert max(seen.ages_s[count:]) < 1.0, "taken when they were taken"
        steps = [(b - a).total_seconds() for a, b in itertools.pairwise(seen.times[count:])]
        assert np.median(steps) == pytest.approx(0.1, abs=0.03)
        assert seen.thread.status().frames_dropped <= 10, "and none made way for that"


class TestRefusal:
    def test_a_password_that_the_camera_changes_while_it_is_watched(self, day: Clip, tmp_path: Path) -> None:
        secret = tmp_path / "password"
        secret.write_text("old")
        programme = Programme({"day": day}, Terms(guard=DigestGuard("ana", "old")))
        with ServerThread(programme) as server:
            seen = Watched(server.url("day"), username="ana", password_file=secret)
            seen.gives(5)
            programme.terms = Terms(guard=DigestGuard("ana", "new"))
            seen.gives(5)  # who is in stays in
            programme.faults = Faults(abort_after_s=0.0)
            seen.until(lambda: seen.thread.status().state is CameraState.REFUSED)
            assert "refused user 'ana' or the password" in seen.thread.status().detail
            programme.faults = Faults()
            secret.write_text("new")
            seen.until(lambda: seen.thread.status().state is CameraState.LIVE)
            seen.gives(5)
            assert seen.thread.stop(timeout_s=10)

    def test_a_camera_that_reboots_into_another_firmware(self, day: Clip, large: Clip) -> None:
        """Gone, then there without its stream, then there with other parameter sets and a clock set anew."""
        programme = Programme({"day": day})
        with ServerThread(programme) as first:
            port = first.port
            seen = Watched(first.url("day"))
            seen.gives(10)
        seen.until(lambda: any("nothing listens there" in word for word in seen.said))
        with ServerThread(Programme({}), port=port):
            seen.until(lambda: any("there is no such stream (404)" in word for word in seen.said))
        with ServerThread(Programme({"day": large}), port=port):
            seen.gives(20)
            assert set(seen.sizes[-10:]) == {(640, 360)}
            assert max(seen.ages_s[-10:]) < 1.0
            assert seen.thread.status().state is CameraState.LIVE
            assert seen.thread.stop(timeout_s=10)


@pytest.mark.parametrize("gate", [False, True], ids=["all-frames", "gated"])
def test_a_camera_that_is_bumped_while_it_is_watched(
    programme: Programme, server: ServerThread, folder: Path, gate: bool
) -> None:
    """From its stream to the finding."""

    def still(number: int) -> np.ndarray:
        return np.asarray(cv2.resize(drawn(0), (640, 360), interpolation=cv2.INTER_NEAREST))

    def bumped(number: int) -> np.ndarray:
        return np.roll(still(0), 16, axis=1)

    calm = load_clip(write_clip(folder / f"still-{gate}.mp4", draw=still))
    moved = load_clip(write_clip(folder / f"bumped-{gate}.mp4", draw=bumped))
    programme.mounts = {"day": calm}
    view = ViewWatch(tuning=ViewTuning(every_s=0.1, mean=3, learn=3, sure=2))
    seen = Watched(server.url("day"), view=view, motion_gate=gate)
    seen.until(lambda: view.memories().get("", Memory()).looks >= 6)
    assert view.finding.is_well
    programme.faults = Faults(becomes=moved)
    seen.until(lambda: view.finding.is_moved)
    seen.until(lambda: view.finding.shift == pytest.approx((16 / 640, 0), abs=0.004))
    assert seen.thread.stop(timeout_s=10)


def test_remarks_end_with_their_connection() -> None:
    stats = CaptureStats()
    stats.remarked("odd")
    stats.received(now())
    assert stats.snapshot().remark == "odd"
    stats.failed(CameraState.UNREACHABLE, "gone")
    assert stats.snapshot().remark == ""
