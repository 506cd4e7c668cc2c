"""Capture times from media times and arrivals."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.capture.capture_clock import CaptureClock, ClockSetBackError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class World:
    """A camera that takes a picture every `step_s`, and the line to it."""

    def __init__(self, *, step_s: float = 0.04, media_start_s: float = 1000.0) -> None:
        self.now = START
        self.step_s, self.media_start_s = step_s, media_start_s
        self.clock = CaptureClock(lambda: self.now)

    def play(self, delays_s: list[float], *, first: int = 0, drift: float = 0.0) -> list[datetime]:
        """Capture times of pictures first, first + 1, ... that arrive so much late, in order."""
        times, came_s = [], 0.0
        for number, delay_s in enumerate(delays_s, start=first):
            taken_s = number * self.step_s
            came_s = max(came_s, taken_s + delay_s)
            self.now = START + timedelta(seconds=came_s)
            media_s = self.media_start_s + taken_s * (1 + drift)
            self.clock.arrived(media_s, at=self.now)
            times.append(self.clock.captured(media_s))
        return times

    def errors_ms(self, times: list[datetime], *, first: int = 0) -> np.ndarray:
        return np.array(
            [(t - START).total_seconds() * 1000 - n * self.step_s * 1000 for n, t in enumerate(times, first)]
        )


def test_the_first_frame_is_anchored_to_the_clock() -> None:
    assert World().play([0.0]) == [START]


def test_jitter_of_arrival_does_not_show() -> None:
    world = World()
    delays = np.abs(np.random.default_rng(0).normal(0, 0.03, 1000)).tolist()
    errors = world.errors_ms(world.play([0.0, *delays]))
    assert np.abs(errors[50:]).max() < 3, "arrivals are up to 100 ms late, capture times are not"


def test_a_burst_at_the_start_settles_at_half_speed() -> None:
    """Ten pictures wait in libav until the stream is opened and come at once, 0.4 s late."""
    world = World()
    times = world.play([max(0.0, 0.4 - n * 0.04) for n in range(10)] + [0.0] * 40)
    steps = [(b - a).total_seconds() for a, b in itertools.pairwise(times)]
    assert min(steps) >= 0.02 - 1e-6
    assert np.abs(world.errors_ms(times)[25:]).max() < 1


def test_a_stall_and_its_burst_keep_the_times_of_the_camera() -> None:
    world = World()
    late = [max(0.0, 3.0 - n * 0.04) for n in range(75)]
    errors = world.errors_ms(world.play([0.0] * 250 + late + [0.0] * 100))
    assert np.abs(errors).max() < 1


def test_drift_of_the_camera_is_followed() -> None:
    world = World()
    frames = 25 * 600
    errors = world.errors_ms(world.play([0.0] * frames, drift=2e-4))
    assert 2e-4 * 600 * 1000 > 100, "ten minutes of this drift are more than 100 ms"
    assert np.abs(errors).max() < 5


def test_a_lasting_delay_counts_as_the_new_least_one() -> None:
    world = World()
    errors = world.errors_ms(world.play([0.0] * 100 + [0.2] * 600))
    assert errors[-1] == pytest.approx(200, abs=1)
    assert np.diff(errors).max() < 0.05 * 40 + 0.01, "and is approached at 5 % of real time"


@pytest.mark.parametrize("leap_s", [-3000.0, -1.5, 6.0, 90_000.0])
def test_timestamps_that_the_camera_sets_anew_are_anchored_anew(leap_s: float) -> None:
    world = World()
    before = world.play([0.0] * 100)
    world.media_start_s += leap_s
    after = world.play([0.0] * 100, first=100)
    assert np.abs(world.errors_ms(before + after)).max() < 1


def test_times_ascend_where_media_times_do_not() -> None:
    world = World()
    world.play([0.0] * 10)
    media = [world.media_start_s + s for s in (0.4, 0.4, 0.3)]
    times = [world.clock.captured(m) for m in (*media, None, None)]
    assert all(b > a for a, b in itertools.pairwise(times))


def test_a_frame_without_a_time_is_taken_now() -> None:
    world = World()
    world.now = START + timedelta(seconds=7)
    assert world.clock.captured(None) == world.now


def test_our_own_clock_set_forward_is_followed_in_the_end() -> None:
    world = World()
    world.play([0.0] * 100)
    shifted = world.play([2.0] * 2500, first=100)
    assert world.errors_ms(shifted, first=100)[-1] == pytest.approx(2000, abs=1)


@pytest.mark.parametrize("leap_s", [45.0, 3600.0, 56 * 365 * 86_400.0])
def test_our_own_clock_set_forward_by_far_is_followed_in_seconds(leap_s: float) -> None:
    """A box whose clock the network sets, some time after it was switched on."""
    world = World()
    before = world.play([0.0] * 100)
    after = world.play([leap_s] * 300, first=100)
    assert world.errors_ms(after, first=100)[-1] == pytest.approx(1000 * leap_s, abs=1)
    assert all(b > a for a, b in itertools.pairwise([*before, *after]))


def test_a_stall_of_half_a_minute_is_no_clock_that_was_set() -> None:
    """What was held back comes at once, late, and keeps the time it was taken at."""
    world = World()
    world.play([0.0] * 100)
    late = [40.0 - n * 0.04 for n in range(1000)]
    times = world.play([*late, *[0.0] * 200], first=100)
    assert np.abs(world.errors_ms(times, first=100)).max() < 1


def test_our_own_clock_set_back_ends_the_connection() -> None:
    world = World()
    world.play([0.0] * 100)
    world.now = START - timedelta(hours=1)
    world.clock.arrived(world.media_start_s + 4.0, at=world.now)
    with pytest.raises(ClockSetBackError):
        world.clock.captured(world.media_start_s + 4.0)


def test_a_frame_without_a_time_amid_the_stream_is_one_step_on() -> None:
    """However late it came."""
    world = World()
    before = world.play([0.0] * 50)
    world.now += timedelta(seconds=3)
    without = world.clock.captured(None)
    after = world.play([3.0 - n * 0.04 for n in range(50)], first=51)
    assert np.abs(world.errors_ms([*before, without, *after])).max() < 1
