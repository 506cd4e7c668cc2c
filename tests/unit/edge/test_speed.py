import numpy as np
import pytest

from edge.speed import LEAST_FRAMES, fit

RNG = np.random.default_rng(5)


def passage(
    mps: float = 12.0, *, frames: int = 12, fps: float = 8.0, noise_m: float = 0.1, jitter_s: float = 0.03
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of something that goes straight on at irregular times, nearer and so better known all the time."""
    times = np.arange(frames) / fps + RNG.uniform(-jitter_s, jitter_s, frames)
    noise = noise_m * np.linspace(3.0, 0.3, frames)
    way = np.array([0.05, -1.0]) / np.hypot(0.05, 1.0)
    places = (
        np.array([1.0, 60.0]) + mps * times[:, None] * way + RNG.normal(size=(frames, 2)) * noise[:, None]
    )
    return times, places, noise


@pytest.mark.parametrize("mps", [4.0, 12.0, 35.0])
def test_the_speed_of_what_goes_straight_on(mps: float) -> None:
    found = [fit(*passage(mps, frames=24)) for _ in range(50)]
    speeds = np.array([f.mps for f in found if f is not None])
    assert len(speeds) >= 45
    assert np.median(np.abs(speeds - mps)) < 0.01 * mps + 0.05
    assert np.median(speeds) == pytest.approx(mps, rel=0.01)


def test_the_error_is_of_the_size_of_the_errors() -> None:
    found = [f for _ in range(300) if (f := fit(*passage(10.0))) is not None]
    off = np.array([(f.mps - 10.0) / f.error_mps for f in found])
    assert 0.7 < np.std(off) < 1.6


def test_times_are_the_frames_own_and_not_their_number() -> None:
    times, places, noise = passage(10.0, noise_m=0.02)
    late = times.copy()
    late[6:] += 2.0  # two seconds without a frame
    places[6:] += np.array([0.05, -1.0]) / np.hypot(0.05, 1.0) * 10.0 * 2.0
    found = fit(late, places, noise)
    assert found is not None
    assert found.mps == pytest.approx(10.0, rel=0.01)


def test_a_box_that_caught_something_else_is_left_out() -> None:
    times, places, noise = passage(10.0, noise_m=0.03)
    places[3] += (2.0, 6.0)
    places[8] += (-1.0, -3.0)
    found = fit(times, places, noise)
    assert found is not None
    assert found.mps == pytest.approx(10.0, rel=0.02)
    ends = np.linalg.norm(places[-1] - places[3]) / (times[-1] - times[3])
    assert abs(ends - 10.0) > 1.0, "two points would have been caught"


def test_what_cannot_be_placed_is_left_out() -> None:
    times, places, noise = passage(10.0)
    places[0] = np.nan
    found = fit(times, places, noise)
    assert found is not None
    assert found.mps == pytest.approx(10.0, rel=0.05)


def cases() -> list[tuple[str, tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    stopping_t, _, noise = passage(frames=20, noise_m=0.05)
    braked = np.minimum(stopping_t, 1.2) * 12.0
    return [
        ("too few frames", passage(frames=LEAST_FRAMES - 1)),
        ("too short a time", passage(20.0, frames=6, fps=25.0)),
        ("too few metres", passage(1.0, noise_m=0.01)),
        ("parked", passage(0.0, frames=40)),
        ("known too badly", passage(6.0, frames=6, noise_m=2.0)),
        ("nowhere", (np.arange(8.0), np.full((8, 2), np.nan), np.ones(8))),
        ("no vehicle is so fast", passage(300.0)),
        ("it stopped", (stopping_t, np.column_stack([braked * 0, braked]), noise)),
    ]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_none_is_told_where_it_cannot_be_known(
    case: tuple[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> None:
    assert fit(*case[1]) is None
