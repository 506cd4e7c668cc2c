"""The motion gate on drawn streets: what must open it, and what must not hold it open for ever."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.capture.gate import GateTuning, MotionGate

WIDTH, HEIGHT, FPS = 640, 360, 25
NOISE_LEVELS = 6
Scene = Callable[[float], np.ndarray]


@pytest.fixture(scope="module")
def street() -> np.ndarray:
    coarse = np.random.default_rng(1).integers(60, 160, (27, 48)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def noisy(scene: Scene) -> Scene:
    rng = np.random.default_rng(2)
    grains = [rng.normal(0, NOISE_LEVELS, (HEIGHT, WIDTH)).astype(np.int16) for _ in range(8)]

    def shot(seconds: float) -> np.ndarray:
        return np.clip(scene(seconds) + grains[rng.integers(8)], 0, 255).astype(np.uint8)

    return shot


def opened(scene: Scene, *, until_s: float, gate: MotionGate | None = None, fps: float = FPS) -> np.ndarray:
    """(frames,) bool: whether the gate was open."""
    gate = gate or MotionGate()
    return np.array([gate.is_open(scene(n / fps), at_s=n / fps) for n in range(int(until_s * fps))])


def share(mask: np.ndarray, begin_s: float, end_s: float) -> float:
    return float(mask[int(begin_s * FPS) : int(end_s * FPS)].mean())


def with_box(
    street: np.ndarray, *, at_s: float, px_per_s: float, size: tuple[int, int] = (20, 16), levels: int = 25
) -> Scene:
    """A box of `size` that appears at `at_s` and moves right; 20 x 16 of 640 is 10 x 8 of 320."""

    def shot(seconds: float) -> np.ndarray:
        picture = street.astype(np.int16)
        if seconds >= at_s:
            left = int(30 + (seconds - at_s) * px_per_s)
            picture[170 : 170 + size[1], left : left + size[0]] += levels
        return picture

    return shot


def test_it_is_open_at_first_and_shuts_on_a_still_street(street: np.ndarray) -> None:
    mask = opened(noisy(lambda _: street), until_s=6)
    hold = int(GateTuning().hold_s * FPS)
    assert mask[: hold + 1].all()
    assert not mask[hold + 1 :].any()


@pytest.mark.parametrize("px_per_s", [4, 20, 100])
@pytest.mark.parametrize("levels", [-25, 25])
def test_a_far_vehicle_opens_it_within_three_frames_however_slow(
    street: np.ndarray, px_per_s: int, levels: int
) -> None:
    mask = opened(noisy(with_box(street, at_s=4, px_per_s=px_per_s, levels=levels)), until_s=10)
    assert not share(mask, 2, 4)
    assert mask[4 * FPS + 3 :].all(), "it must open at once and stay open while the vehicle moves"


def test_it_is_held_open_after_the_motion_ends(street: np.ndarray) -> None:
    def scene(seconds: float) -> np.ndarray:
        return with_box(street, at_s=4, px_per_s=100)(seconds) if seconds < 5 else street

    mask = opened(noisy(scene), until_s=9)
    last = int(np.flatnonzero(mask)[-1]) / FPS
    assert 5 + GateTuning().hold_s - 0.1 <= last <= 5 + GateTuning().hold_s + 0.3


def test_a_vehicle_that_parks_is_taken_into_the_background(street: np.ndarray) -> None:
    mask = opened(noisy(with_box(street, at_s=3, px_per_s=0, levels=60)), until_s=40)
    assert share(mask, 3.2, 6.5) == 1, "it is looked at for some seconds all the same"
    assert share(mask, 32, 40) == 0


def test_swaying_leaves_do_not_hold_it_open(street: np.ndarray) -> None:
    soft = cv2.GaussianBlur(
        np.random.default_rng(3).integers(0, 255, (HEIGHT, WIDTH)).astype(np.uint8), (0, 0), 2
    )
    leaves = np.clip((soft.astype(float) - 128) * 2 + 100, 0, 255).astype(np.uint8)

    def scene(seconds: float) -> np.ndarray:
        picture = street.copy()
        sway = int(8 * np.sin(2 * np.pi * seconds / 2.7) + 3 * np.sin(2 * np.pi * seconds / 1.1))
        picture[30:170, 60:270] = leaves[30:170, 60 + sway : 270 + sway]
        return picture

    mask = opened(noisy(scene), until_s=60)
    assert share(mask, 0, 3) > 0.5, "it takes the gate a while to learn the tree"
    assert share(mask, 40, 60) < 0.1


def rain(street: np.ndarray, drops: int = 150, levels: int = 35) -> Scene:
    rng = np.random.default_rng(4)

    def shot(_: float) -> np.ndarray:
        water = np.zeros_like(street)
        for _ in range(drops):
            x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
            cv2.line(water, (x, y), (x + 3, y + 30), levels, 1)
        return cv2.add(street, water)

    return shot


def test_rain_does_not_hold_it_open(street: np.ndarray) -> None:
    mask = opened(noisy(rain(street)), until_s=30)
    assert share(mask, 15, 30) < 0.2


def test_a_vehicle_in_the_rain_opens_it(street: np.ndarray) -> None:
    wet, car = rain(street), with_box(street, at_s=15, px_per_s=20, levels=50)
    mask = opened(noisy(lambda s: np.maximum(wet(s), car(s))), until_s=20)
    assert share(mask, 15.3, 20) == 1


def test_a_cloud_or_the_exposure_does_not_open_it(street: np.ndarray) -> None:
    def scene(seconds: float) -> np.ndarray:
        return street * np.float32(1 + 0.25 * np.sin(2 * np.pi * seconds / 20))

    assert share(opened(noisy(scene), until_s=20), 3, 20) == 0


@pytest.mark.parametrize("duty", [0.2, 0.5, 0.7])
def test_dense_traffic_never_shuts_it(street: np.ndarray, duty: float) -> None:
    """A column of vehicles 140 px apart: every spot of the lane is covered for `duty` of the time."""

    def scene(seconds: float) -> np.ndarray:
        picture = street.astype(np.int16)
        for left in range(int(seconds * 70) % 140 - 140, WIDTH, 140):
            picture[130:230, max(0, left) : max(0, left + int(140 * duty))] += 60
        return picture

    assert opened(noisy(scene), until_s=30).all()


def test_a_fast_vehicle_opens_it_at_five_frames_a_second(street: np.ndarray) -> None:
    """It does not overlap with itself from frame to frame, and must not need to."""
    scene = noisy(with_box(street, at_s=5, px_per_s=400, size=(40, 26), levels=40))
    mask = opened(scene, until_s=6.4, fps=5)
    assert not mask[10:25].any()
    assert mask[26:].all()


@pytest.mark.parametrize("size", [(180, 320), (1080, 1920), (721, 1279)])
def test_any_size_of_picture_and_padded_rows(size: tuple[int, int]) -> None:
    gate = MotionGate()
    padded = np.full((size[0], size[1] + 64), 90, np.uint8)
    view = padded[:, : size[1]]
    assert gate.is_open(view, at_s=0.0)
    assert not gate.is_open(view, at_s=5.0)
    view[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = 200
    assert gate.is_open(view, at_s=5.5)


def test_the_picture_that_it_looks_at_is_left_alone(street: np.ndarray) -> None:
    picture = street.copy()
    picture.setflags(write=False)
    gate = MotionGate()
    gate.is_open(picture, at_s=0.0)
    gate.is_open(picture, at_s=0.04)
    assert (picture == street).all()


def test_outside_its_region_nothing_counts(street: np.ndarray) -> None:
    """The box crosses at two fifths of the height; the region begins at three."""
    below = ((0.0, 0.75), (1.0, 0.75), (1.0, 1.0), (0.0, 1.0))
    around = ((0.0, 0.3), (1.0, 0.3), (1.0, 0.8), (0.0, 0.8))
    scene = noisy(with_box(street, at_s=4, px_per_s=60))
    assert share(opened(scene, until_s=8, gate=MotionGate(region=below)), 3, 8) == 0
    assert share(opened(scene, until_s=8, gate=MotionGate(region=around)), 4.2, 8) == 1


def test_it_says_how_long_something_moved(street: np.ndarray) -> None:
    def scene(seconds: float) -> np.ndarray:
        return with_box(street, at_s=4, px_per_s=60)(seconds) if seconds < 6 else street

    gate = MotionGate()
    opened(noisy(scene), until_s=9, gate=gate)
    assert gate.stayed_s == pytest.approx(2.0, abs=0.2)


def test_a_glance_ahead_leaves_no_trace_where_something_moves(street: np.ndarray) -> None:
    still, moving = noisy(lambda _: street), with_box(street, at_s=0, px_per_s=0, size=(60, 60), levels=80)
    glanced, other = MotionGate(), MotionGate()
    for gate in (glanced, other):
        opened(lambda _: street, until_s=4, gate=gate)
    assert glanced.glance(moving(6), at_s=6)
    assert not glanced.is_open(still(4.1), at_s=4.1)
    assert glanced.stayed_s == other.stayed_s


def test_a_glance_at_a_still_picture_is_one_more_picture(street: np.ndarray) -> None:
    """The light falls by so little a key frame that each one is still, and by much over all of them."""
    gate = MotionGate()
    opened(lambda _: street, until_s=4, gate=gate)
    for step in range(1, 12):
        shade = street.copy()
        shade[:, :320] -= np.uint8(4 * step)
        assert not gate.glance(shade, at_s=4 + 2 * step)


def test_it_says_where_something_moves(street: np.ndarray) -> None:
    gate = MotionGate()
    opened(noisy(with_box(street, at_s=4, px_per_s=40, levels=60)), until_s=6, gate=gate)
    (box,) = gate.moving(width=1920, height=1080)
    left, top = 3 * (30 + 2 * 40), 3 * 170  # px of 1920 for those of 640
    assert box.x < left < left + 60 < box.x + box.width
    assert box.y < top < top + 48 < box.y + box.height
    assert box.width < 500


def test_where_nothing_moves_it_says_nothing(street: np.ndarray) -> None:
    gate = MotionGate()
    opened(noisy(lambda _: street), until_s=3, gate=gate)
    assert gate.moving(width=1920, height=1080) == ()
