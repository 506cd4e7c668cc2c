"""The RTSP source and the camera's thread against our own server: what cameras and networks do to them."""

import itertools
import logging
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from brokers import free_port
from clips import clip_file, drawn, number_of, write_clip

from edge.capture.backoff import Backoff
from edge.capture.camera import CameraThread
from edge.capture.hub import FrameHub
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.contract.health import CameraState
from edge.errors import LostError, RefusedError
from edge.settings import CameraSettings
from edge.simulate.clip import Clip, load_clip
from edge.simulate.digest import DigestGuard
from edge.simulate.player import End, Faults, Pass
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread
from edge.types import Frame

USER, PASSWORD = "ana", "p:w @ü/?#%41"
TRANSPORTS = pytest.mark.parametrize("transport", ["tcp", "udp"])
HASTY = Backoff(first_s=0.2, longest_s=1.0, refused_s=1.0)


@pytest.fixture(scope="module")
def shape() -> Clip:
    return load_clip(clip_file())


def only_passes(passes: list[Pass]) -> Callable[[Pass | End], None]:
    return lambda event: passes.append(event) if isinstance(event, Pass) else None


@pytest.fixture
def passes() -> list[Pass]:
    return []


@pytest.fixture
def programme(shape: Clip, passes: list[Pass]) -> Programme:
    return Programme({"day": shape}, Terms(guard=DigestGuard(USER, PASSWORD)), journal=only_passes(passes))


@pytest.fixture
def server(programme: Programme) -> Iterator[ServerThread]:
    with ServerThread(programme) as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "camera-password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def camera(secret: Path) -> Callable[..., CameraSettings]:
    def settings(url: str, **changes: Any) -> CameraSettings:
        fields = {"id": "gate-1", "username": USER, "password_file": secret, "timeout_s": 2.0}
        return CameraSettings(url=url, **{**fields, "motion_gate": False, "analyse_fps": 60.0, **changes})

    return settings


Settings = Callable[..., CameraSettings]


def now() -> datetime:
    return datetime.now(UTC)


def source(settings: CameraSettings, stats: CaptureStats | None = None) -> RtspSource:
    return RtspSource(settings, clock=now, stats=stats)


def eventually(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it never came to pass"
        time.sleep(0.02)


@TRANSPORTS
class TestWatching:
    def test_each_frame_has_the_time_at_which_it_was_sent(
        self, server: ServerThread, camera: Settings, passes: list[Pass], transport: str
    ) -> None:
        """Over two wraps of the clip; the first second is left out, in which the clock finds its feet."""
        watched = source(camera(server.url("day"), transport=transport))
        frames = list(itertools.islice(watched.frames(), 110))
        watched.close()
        self.assert_times(frames[25:], passes)

    def assert_times(self, frames: list[Frame], passes: list[Pass]) -> None:
        """No picture is missing, and each has the time at which it was sent; the first is of the first pass."""
        numbers = [number_of(f.bgr) for f in frames]
        assert numbers == [(numbers[0] + n) % 50 for n in range(len(frames))]
        steps = [(b.captured_at - a.captured_at).total_seconds() for a, b in itertools.pairwise(frames)]
        errors = np.abs(np.array(steps) - 0.04)
        assert np.median(errors) < 1e-5, "the camera's own pace"
        assert errors.max() <= 0.021, "no jump; at most half the pace while the least delay is being found"
        for n, frame in enumerate(frames, start=numbers[0]):
            sent_s = passes[n // 50].started_at.timestamp() + n % 50 / 25
            assert frame.captured_at.timestamp() - sent_s == pytest.approx(0, abs=0.03)

    def test_a_street_that_dozed_is_seen_from_the_first_motion_on_and_at_its_true_time(
        self, programme: Programme, camera: Settings, passes: list[Pass], tmp_path: Path, transport: str
    ) -> None:
        """Nothing moves for 4.4 s; the next key frame comes 0.6 s after the motion's first picture."""

        def draw(number: int) -> np.ndarray:
            picture = drawn(0)
            if number >= 110:
                picture[110:150, number : number + 60] = 235
            return picture

        programme.mounts = {
            "day": load_clip(write_clip(tmp_path / "calm.mp4", frames=175, gop=25, draw=draw))
        }
        stats = CaptureStats()
        with ServerThread(programme) as server:
            settings = camera(server.url("day"), transport=transport, motion_gate=True)
            watched = RtspSource(settings, clock=now, stats=stats)
            begun: list[float] = []
            for frame in watched.frames():
                at_s = (frame.captured_at - passes[0].started_at).total_seconds()
                if at_s > 3:
                    begun.append(at_s)
                if len(begun) == 40:
                    watched.close()
        assert begun[0] == pytest.approx(110 / 25, abs=0.1), "the gate looks at every other frame"
        steps = np.diff(begun)
        assert steps.max() < 0.06, "nothing is left out"
        seen = stats.snapshot()
        assert seen.frames_received >= 150
        assert seen.frames_still > 40

    def test_pictures_sent_out_of_order_come_in_order_when_the_loop_filter_is_left_out(
        self, programme: Programme, camera: Settings, transport: str
    ) -> None:
        """From the fifth key frame on: those that the one decoder still holds have their times, too."""
        programme.mounts = {"day": load_clip(clip_file(frames=250, gop=25, b_frames=2))}
        with ServerThread(programme) as server:
            watched = source(camera(server.url("day"), transport=transport))
            frames = list(itertools.islice(watched.frames(), 180))[25:]
            watched.close()
        numbers = [number_of(f.bgr) for f in frames]
        assert numbers == list(range(numbers[0], numbers[0] + 155))
        steps = [(b.captured_at - a.captured_at).total_seconds() for a, b in itertools.pairwise(frames)]
        assert max(np.abs(np.array(steps) - 0.04)) <= 0.021

    def test_only_so_many_frames_are_taken_as_are_to_be_analysed(
        self, server: ServerThread, camera: Settings, transport: str
    ) -> None:
        stats = CaptureStats()
        watched = source(camera(server.url("day"), transport=transport, analyse_fps=5), stats)
        frames = list(itertools.islice(watched.frames(), 11))
        watched.close()
        taken_s = (frames[-1].captured_at - frames[1].captured_at).total_seconds()
        assert taken_s == pytest.approx(9 / 5, abs=0.1)
        assert stats.snapshot().frames_received >= 45

    def test_a_wrong_password_is_refused_in_words_that_do_not_hold_it(
        self, server: ServerThread, camera: Settings, secret: Path, transport: str
    ) -> None:
        secret.write_text("not-the-password")
        with pytest.raises(RefusedError) as refused:
            next(source(camera(server.url("day"), transport=transport)).frames())
        assert re.search(r"camera gate-1 at 127\.0\.0\.1:\d+: it refused user 'ana'", str(refused.value))
        assert "not-the-password" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None, "libav's error holds the address with the password"

    def test_a_connection_that_breaks_is_lost(
        self, server: ServerThread, programme: Programme, camera: Settings, transport: str
    ) -> None:
        programme.faults = Faults(abort_after_s=0.5)
        seen = []
        with pytest.raises(LostError, match=r"^camera gate-1 at 127\.0\.0\.1:\d+/day: it (ended|stalled)"):
            seen.extend(source(camera(server.url("day"), transport=transport)).frames())
        assert 5 <= len(seen) <= 15

    def test_a_stall_is_lost_after_the_time_out(
        self, server: ServerThread, programme: Programme, camera: Settings, transport: str
    ) -> None:
        programme.faults = Faults(stall_after_s=0.5)
        frames = source(camera(server.url("day"), transport=transport, timeout_s=1)).frames()
        newest_s = time.monotonic()

        def watch() -> None:
            nonlocal newest_s
            for _ in frames:
                newest_s = time.monotonic()

        with pytest.raises(LostError, match="it stalled: nothing came for 1 s"):
            watch()
        assert 0.9 < time.monotonic() - newest_s < 4

    def test_a_pause_shorter_than_the_time_out_is_borne(
        self,
        server: ServerThread,
        programme: Programme,
        camera: Settings,
        passes: list[Pass],
        transport: str,
    ) -> None:
        """The server stops and then sends at once what it owes: times stay those of the pictures."""
        programme.faults = Faults(stall_after_s=2.0)
        watched = source(camera(server.url("day"), transport=transport, timeout_s=20))
        plug = threading.Timer(4.5, lambda: setattr(programme, "faults", Faults()))
        plug.start()
        frames = list(itertools.islice(watched.frames(), 120))
        watched.close()
        plug.join()
        self.assert_times(frames[25:], passes)

    def test_damaged_frames_are_skipped_and_counted(
        self, server: ServerThread, programme: Programme, camera: Settings, transport: str
    ) -> None:
        """2 % of the packets are lost; what is let through is as it was drawn, by every pixel's neighbourhood."""
        programme.faults = Faults(drop_share=0.02)
        stats = CaptureStats()
        watched = source(camera(server.url("day"), transport=transport), stats)
        good = []
        end_s = time.monotonic() + 5
        for frame in watched.frames():
            good.append(frame)
            if time.monotonic() > end_s:
                watched.close()
        now_ = stats.snapshot()
        assert now_.frames_corrupt > 3
        assert len(good) > 10
        for frame in good:
            error = np.abs(frame.bgr.astype(int) - drawn(number_of(frame.bgr))).mean(axis=2)
            blocks = error[:176].reshape(11, 16, 20, 16).mean(axis=(1, 3))
            assert blocks.max() < 40, f"picture {number_of(frame.bgr)} is damaged"


class TestOverload:
    def test_a_box_too_slow_for_its_camera_leaves_frames_out_and_returns_to_the_present(
        self, server: ServerThread, camera: Settings
    ) -> None:
        """An eighth of the frames can be used; over TCP the rest would wait in buffers, and grow old."""
        stats = CaptureStats()
        watched = source(camera(server.url("day")), stats)
        ages_s = []
        end_s = time.monotonic() + 9
        for frame in watched.frames():
            ages_s.append((now() - frame.captured_at).total_seconds())
            time.sleep(0.3)
            if time.monotonic() > end_s:
                watched.close()
        oldest = ages_s.index(max(ages_s))
        assert 3 < ages_s[oldest] < 8, "it falls behind, to a limit"
        assert stats.snapshot().frames_dropped > 50
        assert min(ages_s[oldest:]) < 1.5, "and then it is back in the present"


class TestClock:
    def test_a_clock_that_is_set_back_ends_the_connection_with_a_word(
        self, server: ServerThread, camera: Settings
    ) -> None:
        """Capture times could not both ascend and be true; the next connection begins with the new clock."""
        began_s = time.monotonic()

        def clock() -> datetime:
            back = timedelta(hours=1) if time.monotonic() - began_s > 1 else timedelta()
            return now() - back

        stats = CaptureStats()
        watched = RtspSource(camera(server.url("day")), clock=clock, stats=stats)
        times = []
        with pytest.raises(LostError, match="this machine's clock was set back"):
            times.extend(frame.captured_at for frame in watched.frames())
        assert len(times) > 10
        assert all(b > a for a, b in itertools.pairwise(times))


class TestFailing:
    def fails(self, settings: CameraSettings) -> str:
        with pytest.raises(LostError) as lost:
            next(source(settings).frames())
        assert lost.value.__context__ is None
        return str(lost.value)

    def test_an_unknown_stream(self, server: ServerThread, camera: Settings) -> None:
        assert self.fails(camera(server.url("nothing"))).endswith("/nothing: there is no such stream (404)")

    def test_a_port_at_which_nothing_listens(self, camera: Settings) -> None:
        words = self.fails(camera(f"rtsp://127.0.0.1:{free_port()}/day"))
        assert words.endswith("/day: nothing listens there (connection refused)")

    def test_a_password_in_the_address_is_not_told(self, camera: Settings) -> None:
        words = self.fails(camera(f"rtsp://127.0.0.1:{free_port()}/user=u&password=geheim?password=geheim"))
        assert "/user=***: nothing listens there" in words
        assert "geheim" not in words

    def test_a_host_that_accepts_and_says_nothing(self, camera: Settings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            words = self.fails(camera(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/day", timeout_s=1))
        assert words.endswith("/day: no answer within 1 s")

    def test_a_name_that_does_not_resolve(self, camera: Settings) -> None:
        assert "camera gate-1 at no-such-host.invalid/day:" in self.fails(
            camera("rtsp://no-such-host.invalid/day")
        )

    def test_a_peer_that_does_not_speak_rtsp(self, camera: Settings) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(20)

            def answer() -> None:
                peer, _ = server.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

            thread = threading.Thread(target=answer)
            thread.start()
            assert "cannot be reached" in self.fails(
                camera(f"rtsp://127.0.0.1:{server.getsockname()[1]}/day")
            )
            thread.join()

    def test_no_password_where_one_is_asked_for(self, server: ServerThread, camera: Settings) -> None:
        settings = camera(server.url("day"), username=None, password_file=None)
        with pytest.raises(RefusedError, match="it refused access without a user"):
            next(source(settings).frames())

    def test_a_password_file_that_is_missing_is_named(self, server: ServerThread, camera: Settings) -> None:
        settings = camera(server.url("day"), password_file=Path("no-such-file"))
        with pytest.raises(RefusedError, match="camera gate-1: no-such-file: secret cannot be read"):
            next(source(settings).frames())

    def test_a_password_too_long_for_libav_is_said_and_not_cut(
        self, server: ServerThread, camera: Settings, secret: Path
    ) -> None:
        secret.write_text("x" * 124)
        with pytest.raises(RefusedError, match="too long: 128 characters when percent-encoded, 127 at most"):
            next(source(camera(server.url("day"))).frames())

    def test_the_longest_password_that_fits_is_let_in(
        self, shape: Clip, camera: Settings, secret: Path, passes: list[Pass]
    ) -> None:
        secret.write_text("x" * 123)
        terms = Terms(guard=DigestGuard(USER, "x" * 123))
        with ServerThread(Programme({"day": shape}, terms, journal=only_passes(passes))) as server:
            assert next(source(camera(server.url("day"))).frames()).bgr.shape == (180, 320, 3)

    def test_nothing_that_is_logged_or_printed_holds_the_password(
        self,
        server: ServerThread,
        camera: Settings,
        secret: Path,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Even with libav's own log turned on."""
        caplog.set_level(logging.DEBUG)
        secret.write_text("very-secret-word")
        before = av.logging.get_level()
        av.logging.set_level(av.logging.VERBOSE)
        try:
            thread = self.watched(camera(server.url("day")), "refused")
            lost = self.watched(camera(server.url("none")), "refused")
        finally:
            av.logging.set_level(before)
        captured = capfd.readouterr()
        told = [captured.out, captured.err, caplog.text, thread, lost]
        assert any("refused user 'ana'" in text for text in told)
        assert not any("very-secret-word" in text for text in told)

    def watched(self, settings: CameraSettings, state: str) -> str:
        thread = CameraThread(
            settings.id, connect=lambda s: source(settings, s), hub=FrameHub(), backoff=HASTY
        )
        thread.start()
        eventually(lambda: thread.status().state == state)
        assert thread.stop()
        return thread.status().detail


class TestCameraThread:
    @pytest.fixture
    def follow(self, camera: Settings) -> Iterator[Callable[..., CameraThread]]:
        threads: list[CameraThread] = []

        def start(url: str, *, hub: FrameHub, camera_id: str = "gate-1", **changes: Any) -> CameraThread:
            settings = camera(url, id=camera_id, **changes)
            thread = CameraThread(
                camera_id, connect=lambda stats: source(settings, stats), hub=hub, backoff=HASTY
            )
            thread.start()
            threads.append(thread)
            return thread

        yield start
        assert all(thread.stop(timeout_s=10) for thread in threads)

    def test_an_unplugged_camera_comes_back(
        self, programme: Programme, follow: Callable[..., CameraThread]
    ) -> None:
        hub = FrameHub()
        with ServerThread(programme) as first:
            port = first.port
            thread = follow(first.url("day"), hub=hub)
            eventually(lambda: thread.status().state is CameraState.LIVE)
        eventually(lambda: thread.status().state is CameraState.UNREACHABLE)
        eventually(lambda: "nothing listens there" in thread.status().detail)
        before = thread.status().frames_received
        with ServerThread(programme, port=port):
            eventually(lambda: thread.status().frames_received > before + 5)
            assert thread.status().state is CameraState.LIVE
            assert thread.status().reconnects == 1
            assert hub.next(timeout_s=5) is not None

    def test_a_password_put_right_on_the_camera_needs_no_restart(
        self, server: ServerThread, secret: Path, follow: Callable[..., CameraThread]
    ) -> None:
        secret.write_text("old")
        thread = follow(server.url("day"), hub=FrameHub())
        eventually(lambda: thread.status().state is CameraState.REFUSED)
        secret.write_text(PASSWORD)
        eventually(lambda: thread.status().state is CameraState.LIVE)

    def test_four_cameras_share_one_hub_fairly(
        self, shape: Clip, programme: Programme, follow: Callable[..., CameraThread]
    ) -> None:
        programme.mounts = {f"clip-{n}": shape for n in range(4)}
        hub, seen = FrameHub(), Counter[str]()
        with ServerThread(programme) as server:
            threads = [
                follow(server.url(f"clip-{n}"), hub=hub, camera_id=f"cam-{n}", analyse_fps=10)
                for n in range(4)
            ]
            eventually(lambda: all(t.status().state is CameraState.LIVE for t in threads))
            end_s = time.monotonic() + 4
            while time.monotonic() < end_s:
                frame = hub.next(timeout_s=0.5)
                if frame is not None:
                    seen[frame.camera_id] += 1
                    time.sleep(0.1)  # an analysis that keeps up with a quarter of the frames
        assert len(seen) == 4
        assert max(seen.values()) - min(seen.values()) <= 2
        for thread in threads:
            status = thread.status()
            assert status.frames_dropped > 0
            assert status.frames_corrupt == 0

    def test_a_still_street_is_kept_back_by_the_gate(
        self, programme: Programme, tmp_path: Path, follow: Callable[..., CameraThread]
    ) -> None:
        path = write_clip(tmp_path / "still.mp4", draw=lambda _: drawn(0))
        programme.mounts = {"still": load_clip(path)}
        hub = FrameHub()
        with ServerThread(programme) as server:
            thread = follow(server.url("still"), hub=hub, motion_gate=True, analyse_fps=8)
            eventually(lambda: thread.status().frames_still > 25)
            while hub.next(timeout_s=0) is not None:  # of the first seconds, in which the gate is open
                pass
            assert hub.next(timeout_s=0.5) is None, "nothing comes any more"
            assert thread.status().state is CameraState.LIVE, "and yet the camera lives"
            last_at = thread.status().last_frame_at
            assert last_at is not None
            assert (now() - last_at).total_seconds() < 2
