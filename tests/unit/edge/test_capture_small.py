"""The small parts of capture: pacing, damage, the counters and the hub."""

import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.capture.backlog import Backlog
from edge.capture.damage import Damage
from edge.capture.hub import DEPTH, FrameHub
from edge.capture.pacer import Pacer
from edge.capture.stats import CaptureStats
from edge.contract.health import CameraHealth, CameraState
from edge.types import Frame

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BGR = np.zeros((2, 2, 3), np.uint8)


def frame(camera: str, number: int = 0) -> Frame:
    return Frame(camera, START + timedelta(seconds=number), BGR)


class TestPacer:
    @pytest.mark.parametrize(("source", "wanted"), [(25, 8), (30, 8), (25, 12.5), (50, 7), (18, 8)])
    def test_it_lets_through_so_many_a_second(self, source: int, wanted: float) -> None:
        pacer = Pacer(wanted)
        taken = sum(pacer.is_due(n / source) for n in range(source * 60))
        assert taken == pytest.approx(wanted * 60, abs=1)

    @pytest.mark.parametrize("fps", [None, 25, 60])
    def test_it_lets_all_through_where_more_are_wanted_than_there_are(self, fps: float | None) -> None:
        pacer = Pacer(fps)
        assert all(pacer.is_due(n / 25) for n in range(100))

    def test_after_a_pause_nothing_is_caught_up(self) -> None:
        pacer = Pacer(5)
        assert pacer.is_due(0.0)
        due = [pacer.is_due(100 + n / 25) for n in range(26)]
        assert due[0]
        assert sum(due) == 6

    def test_jitter_of_a_millisecond_loses_no_frame(self) -> None:
        pacer = Pacer(5)
        assert all(pacer.is_due(n * 0.2 + (0.0005 if n % 2 else -0.0004)) for n in range(50))


class TestDamage:
    def test_what_follows_a_damaged_picture_is_spoilt_until_the_next_key_frame(self) -> None:
        damage = Damage()
        stream = "K..C...K.CKC..K"
        spoilt = [
            damage.is_spoilt(marked=c == "C", key_frame=c == "K", media_s=n / 25)
            for n, c in enumerate(stream)
        ]
        assert "".join("x" if s else "." for s in spoilt) == "...xxxx..x.xxx."

    def test_a_damaged_key_frame_heals_nothing(self) -> None:
        assert Damage().is_spoilt(marked=True, key_frame=True, media_s=0.0)

    def test_without_key_frames_it_is_healed_after_ten_seconds(self) -> None:
        damage = Damage()
        damage.is_spoilt(marked=True, key_frame=False, media_s=100.0)
        assert damage.is_spoilt(marked=False, key_frame=False, media_s=109.9)
        assert damage.is_spoilt(marked=False, key_frame=False, media_s=None)
        assert not damage.is_spoilt(marked=False, key_frame=False, media_s=110.1)


class TestBacklog:
    """A camera of 25 pictures a second with a key frame every second, read by a box of varying speed."""

    def read(
        self, *, cost_s: float, pictures: int, set_forward_s: float = 0.0
    ) -> tuple[list[bool], list[float]]:
        """What is skipped, and how old each picture is when it is decoded; skipping costs 1 ms."""
        backlog, read_s, skipped, ages = Backlog(), 0.0, [], []
        for number in range(pictures):
            media_s = number / 25
            read_s = max(read_s, media_s)
            offset_s = set_forward_s if number > pictures // 2 else 0.0
            skipped.append(
                backlog.must_skip(media_s=media_s + 77, read_s=read_s + offset_s, key_frame=number % 25 == 0)
            )
            read_s += 0.001 if skipped[-1] else cost_s
            if not skipped[-1]:
                ages.append(read_s - media_s)
        return skipped, ages

    def test_a_box_that_keeps_up_skips_nothing(self) -> None:
        assert not any(self.read(cost_s=0.039, pictures=5000)[0])

    @pytest.mark.parametrize("cost_s", [0.042, 0.06, 0.1, 0.2, 0.5])
    def test_a_slow_box_stays_within_some_seconds_of_the_present(self, cost_s: float) -> None:
        skipped, ages = self.read(cost_s=cost_s, pictures=10_000)
        assert max(ages) < 5.5
        decoded = 1 - sum(skipped) / len(skipped)
        assert decoded > 0.6 * 0.04 / cost_s, "most of what it can decode is decoded"

    def test_it_resumes_with_a_key_frame_only(self) -> None:
        skipped, _ = self.read(cost_s=0.06, pictures=5000)
        resumed = [n for n in range(1, 5000) if skipped[n - 1] and not skipped[n]]
        assert len(resumed) > 5
        assert all(n % 25 == 0 for n in resumed)

    def test_a_clock_set_forward_costs_a_few_seconds_and_no_more(self) -> None:
        skipped, _ = self.read(cost_s=0.01, pictures=5000, set_forward_s=600)
        assert 0 < sum(skipped) <= 75

    def test_drift_is_no_backlog(self) -> None:
        backlog = Backlog()
        assert not any(
            backlog.must_skip(media_s=n / 25, read_s=n / 25 * (1 + 4e-4), key_frame=False)
            for n in range(25 * 3600)
        )

    @pytest.mark.parametrize(("took_s", "skips"), [(5.5, False), (13.0, False), (16.0, True)])
    def test_what_was_kept_may_take_its_time_once(self, took_s: float, skips: bool) -> None:
        """Ten seconds of packets are decoded in one go; then it is quicker than its camera, as before."""
        backlog, behind_s, skipped = Backlog(), took_s, []
        backlog.must_skip(media_s=0.0, read_s=0.0, key_frame=True)
        backlog.excuse(10.0)
        for number in range(1, 2500):
            media_s = number / 25
            skipped.append(
                backlog.must_skip(media_s=media_s, read_s=media_s + behind_s, key_frame=number % 250 == 0)
            )
            behind_s = max(0.0, behind_s - 0.03)
        assert any(skipped) is skips
        assert not skipped[-1]
        late = [
            backlog.must_skip(media_s=100 + n / 25, read_s=106 + n / 25, key_frame=False) for n in range(9)
        ]
        assert all(late), "and only once"

    def test_a_camera_that_sets_its_time_back_is_not_behind(self) -> None:
        backlog = Backlog()
        assert not any(
            backlog.must_skip(media_s=(n % 500) / 25, read_s=n / 25, key_frame=n % 25 == 0)
            for n in range(2000)
        )


class TestStats:
    def test_it_counts_and_becomes_live(self) -> None:
        stats = CaptureStats()
        assert stats.snapshot().state is CameraState.CONNECTING
        for n in range(3):
            stats.received(START + timedelta(seconds=n))
        stats.corrupt()
        stats.still()
        stats.still()
        stats.dropped()
        now = stats.snapshot()
        assert (now.frames_received, now.frames_corrupt, now.frames_still, now.frames_dropped) == (4, 1, 2, 1)
        assert now.state is CameraState.LIVE
        assert now.last_frame_at == START + timedelta(seconds=2)

    def test_a_failure_lasts_until_frames_come_again(self) -> None:
        stats = CaptureStats()
        stats.failed(CameraState.UNREACHABLE, "nothing listens there")
        stats.received(START)
        assert stats.snapshot().reconnects == 0, "the first frames ever are no reconnection"
        stats.failed(CameraState.REFUSED, "x" * 1000)
        assert stats.snapshot().state is CameraState.REFUSED
        stats.received(START)
        stats.received(START)
        now = stats.snapshot()
        assert (now.reconnects, now.failures, now.state, now.detail) == (1, 2, CameraState.LIVE, "")

    def test_damaged_frames_keep_a_camera_live_and_say_why_nothing_is_read(self) -> None:
        stats = CaptureStats()
        stats.corrupt()
        assert stats.snapshot().state is CameraState.LIVE
        assert "damaged" in stats.snapshot().detail

    def test_its_fields_fit_the_health_message(self) -> None:
        stats = CaptureStats()
        stats.failed(CameraState.UNREACHABLE, "y" * 1000)
        now = stats.snapshot()
        fields = {name: getattr(now, name) for name in CameraHealth.model_fields if hasattr(now, name)}
        health = CameraHealth(camera_id="a", **fields)
        against_its_past = {"ailments", "reads_share", "plate_px", "sharpness", "brightness", "view_shift"}
        others = {"camera_id", "frames_analysed", "reads", "packets_dropped", *against_its_past}
        assert set(CameraHealth.model_fields) - set(fields) == others
        assert health.detail == "y" * 300

    def test_no_count_is_lost_between_threads(self) -> None:
        stats = CaptureStats()
        threads = [threading.Thread(target=lambda: [stats.still() for _ in range(2000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stats.snapshot().frames_still == 8000


class TestHub:
    def test_the_oldest_frame_of_a_camera_makes_way(self) -> None:
        hub = FrameHub()
        assert [hub.put(frame("a", n)) for n in range(5)] == [False, False, False, True, True]
        taken = [hub.next(timeout_s=0) for _ in range(DEPTH)]
        assert [t.captured_at for t in taken if t] == [START + timedelta(seconds=n) for n in (2, 3, 4)]
        assert hub.next(timeout_s=0) is None
        assert not hub.put(frame("a", 5))

    def test_a_busy_camera_does_not_starve_the_others(self) -> None:
        hub = FrameHub()
        order = []
        for camera in "abc":
            hub.put(frame(camera))
        for _ in range(9):
            taken = hub.next(timeout_s=0)
            assert taken is not None
            order.append(taken.camera_id)
            hub.put(frame("a"))
            hub.put(frame("a"))
            hub.put(frame(taken.camera_id))
        assert "".join(order) == "abcabcabc"

    def test_it_waits_for_a_frame(self) -> None:
        hub = FrameHub()
        threading.Timer(0.05, lambda: hub.put(frame("late"))).start()
        taken = hub.next(timeout_s=5)
        assert taken is not None
        assert taken.camera_id == "late"

    def test_it_gives_up_after_the_time_out(self) -> None:
        began = time.monotonic()
        assert FrameHub().next(timeout_s=0.05) is None
        assert 0.04 < time.monotonic() - began < 1

    def test_closing_lets_go_whoever_waits(self) -> None:
        hub = FrameHub()
        threading.Timer(0.05, hub.close).start()
        began = time.monotonic()
        assert hub.next(timeout_s=30) is None
        assert time.monotonic() - began < 5
        assert not hub.put(frame("a"))
        assert hub.next(timeout_s=0) is None
