"""A camera's timestamps: which lie, and which are only late."""

from collections.abc import Iterable

import numpy as np
import pytest

from edge.capture.timekeeper import Timekeeper


def told(stamps: Iterable[tuple[float, float]], *, waits: float = 0.9) -> tuple[Timekeeper, float | None]:
    """The keeper after (stamp, our time) of each packet, and when it was sure; `waits`: share of time spent waiting."""
    keeper, sure_s = Timekeeper(), None
    for media_s, read_s in stamps:
        if keeper.note(media_s, read_s=read_s, waited_s=waits * read_s):
            assert sure_s is None, "it is told once"
            sure_s = read_s
    return keeper, sure_s


def running(
    rate: float, *, for_s: float = 120, fps: float = 25, jitter_s: float = 0.0
) -> list[tuple[float, float]]:
    rng = np.random.default_rng(5)
    return [(7 + rate * n / fps, n / fps + rng.uniform(0, jitter_s)) for n in range(int(for_s * fps))]


@pytest.mark.parametrize("rate", [0.5, 2.0, 0.1, 4.0, 0.7])
def test_a_gross_lie_is_found_in_ten_seconds(rate: float) -> None:
    keeper, sure_s = told(running(rate, jitter_s=0.2))
    assert sure_s is not None
    assert sure_s < 10
    assert keeper.rate == pytest.approx(rate, rel=0.08)


@pytest.mark.parametrize("rate", [0.9, 1.15])
def test_a_small_lie_is_found_in_a_minute(rate: float) -> None:
    _, sure_s = told(running(rate, jitter_s=0.2))
    assert sure_s is not None
    assert sure_s < 65


def test_stamps_that_stand_still_are_found_in_a_second() -> None:
    keeper, sure_s = told((3.0, n / 25) for n in range(50))
    assert keeper.rate == 0.0
    assert sure_s is not None
    assert sure_s < 1.1


@pytest.mark.parametrize("rate", [1.0, 1.0005, 0.9995])
@pytest.mark.parametrize("fps", [5, 12.5, 60])
def test_the_truth_is_believed(rate: float, fps: float) -> None:
    assert not told(running(rate, for_s=400, fps=fps, jitter_s=0.4))[0].is_lying


def test_a_burst_at_the_start_a_stall_and_a_leap_are_no_lies() -> None:
    burst = [(n / 25, 0.001 * n) for n in range(100)]
    live = [(4 + n / 25, 0.1 + n / 25) for n in range(500)]
    stalled = [(24 + n / 25, 28.0 + 0.001 * n) for n in range(200)]
    on = [(32 + n / 25, 28.2 + n / 25) for n in range(500)]
    leapt = [(90_000 + n / 25, 48.2 + n / 25) for n in range(2000)]
    assert not told([*burst, *live, *stalled, *on, *leapt])[0].is_lying


def test_a_box_that_is_too_slow_does_not_blame_its_camera() -> None:
    """Its reading runs at half speed, and it never waits for a packet."""
    assert not told(running(0.5), waits=0.05)[0].is_lying


def test_stops_and_goes_of_the_network_are_no_lies() -> None:
    """Every four seconds what was held back comes at once."""
    stamps = [(n / 25, max(n / 25, (n // 100 + 1) * 4.0 + 0.0001 * n)) for n in range(5000)]
    assert not told(stamps)[0].is_lying
