"""What a probe tells of a stream, against packets of which the answer is known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.probe.stream import StreamWatch


class TestStream:
    def watch(self, *, fps: float = 25.0, seconds: float = 10.0, **changes: Any) -> StreamWatch:
        """A stream with a key frame every two seconds; `changes`: late, skip, told_at_zero_s, burst."""
        watched = StreamWatch()
        start_s, late = 1_700_000_000.0, changes.get("late", {})
        for n in range(round(fps * seconds)):
            if n in changes.get("skip", ()):
                continue
            media_s = n / fps
            came_s = start_s + media_s + late.get(n, 0.0)
            if n < changes.get("burst", 0):
                came_s = start_s
            watched.packet(
                20_000 if n % round(2 * fps) == 0 else 4_000,
                came_s=came_s,
                media_s=media_s,
                key_frame=n % round(2 * fps) == 0,
                told_at_zero_s=changes.get("told_at_zero_s"),
            )
            watched.picture(damaged=n in changes.get("damaged", ()))
        return watched

    @pytest.mark.parametrize("fps", [5.0, 12.5, 25.0, 60.0])
    def test_the_rate_is_what_came(self, fps: float) -> None:
        watched = self.watch(fps=fps)
        assert watched.fps == pytest.approx(fps, rel=0.01)
        assert watched.key_frame_s == pytest.approx(2.0, rel=0.02)
        assert watched.missing == 0
        assert watched.pictures == round(10 * fps)

    def test_bits_a_second(self) -> None:
        # 24 pictures of 4,000 bytes and half a key frame of 20,000 a second.
        assert self.watch().kbit_s == pytest.approx((24.5 * 4 + 0.5 * 20) * 8, rel=0.03)

    def test_pictures_that_the_others_leave_room_for_are_missing(self) -> None:
        assert self.watch(skip={60, 100, 101, 102}).missing == 4

    def test_what_a_camera_had_kept_and_sends_at_once_is_no_rate(self) -> None:
        assert self.watch(burst=50, seconds=20).fps == pytest.approx(25.0, rel=0.1)

    def test_jitter_is_how_late_1_in_20_comes(self) -> None:
        late = dict.fromkeys(range(100, 240, 10), 0.3)
        assert self.watch(late=late).jitter_ms == pytest.approx(300.0, abs=1.0)
        assert self.watch(late=dict.fromkeys(late, 0.0)).jitter_ms == pytest.approx(0.0, abs=0.1)

    def test_the_camera_s_clock_is_taken_from_the_soonest_packet(self) -> None:
        late = {n: 0.05 + 0.1 * (n % 7) for n in range(250)}
        watched = self.watch(late=late, told_at_zero_s=1_700_000_030.0)
        assert watched.clock_off_s == pytest.approx(30.0 - 0.05, abs=1e-3)
        assert self.watch().clock_off_s is None

    def test_waiting_and_pausing(self) -> None:
        watched = self.watch(seconds=10)
        for seconds in (0.5, 2.5, 1.0):
            watched.waited(seconds)
        assert watched.pause_s == 2.5
        assert watched.idle == pytest.approx(0.4, rel=0.01)

    def test_a_first_key_frame_without_a_time_counts(self) -> None:
        watched = StreamWatch()
        for n in range(61):
            media_s = None if n == 0 else n / 25
            watched.packet(9, came_s=n / 25, media_s=media_s, key_frame=n % 50 == 0, told_at_zero_s=None)
        assert watched.key_frame_s == pytest.approx(2.0, abs=0.05)

    def test_damaged_pictures_are_counted(self) -> None:
        assert self.watch(damaged={3, 4}).damaged == 2

    def test_of_too_little_nothing_is_told(self) -> None:
        watched = StreamWatch()
        watched.packet(100, came_s=None, media_s=1.0, key_frame=True, told_at_zero_s=None)
        watched.packet(100, came_s=5.0, media_s=1.0, key_frame=True, told_at_zero_s=None)
        assert (watched.fps, watched.kbit_s, watched.key_frame_s, watched.jitter_ms) == (None,) * 4
        assert (watched.missing, watched.watched_s, watched.idle) == (0, 0.0, 1.0)

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(st.none() | st.floats(0, 1e9), st.none() | st.floats(-1e9, 1e9), st.integers(0, 10**7)),
            max_size=60,
        )
    )
    def test_no_nonsense_of_a_camera_makes_it_fall(
        self, packets: list[tuple[float | None, float | None, int]]
    ) -> None:
        watched = StreamWatch()
        for came_s, media_s, size in sorted(packets, key=lambda p: p[0] or 0.0):
            watched.packet(size, came_s=came_s, media_s=media_s, key_frame=True, told_at_zero_s=0.0)
        for value in (watched.fps, watched.kbit_s, watched.key_frame_s, watched.jitter_ms):
            assert value is None or (np.isfinite(value) and value >= 0)
        assert watched.missing >= 0
