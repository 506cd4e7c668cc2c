from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest
from fakes import at

from edge.capture.ptz.aim import Aim, Reading, Stand, View
from edge.capture.ptz.stillness import Stillness
from edge.types import Position

HERE = Position(0.5, 0.0, 0.2)
WORLD = cv2.GaussianBlur(
    np.random.default_rng(5).integers(0, 255, (120, 400), dtype=np.uint8).repeat(6, 0).repeat(6, 1), (0, 0), 3
)

NOISE = np.random.default_rng(9).integers(-3, 4, (4, 360, 640), dtype=np.int16)


def luma(offset_px: float = 0.0, *, seed: int = 0) -> np.ndarray:
    """(360, 640) uint8: a street seen from a camera turned so far, with the sensor's noise."""
    shift = np.float32([[1, 0, -offset_px], [0, 1, 0]])
    view = cv2.warpAffine(WORLD, shift, (640, 360)).astype(np.int16) + NOISE[seed % 4]
    return np.clip(view, 0, 255).astype(np.uint8)


class Camera:
    """Feeds an aim with ten pictures a second."""

    def __init__(self, aim: Aim) -> None:
        self.aim, self.now_s, self.offset_px = aim, 0.0, 0.0

    @property
    def now(self) -> datetime:
        return at(self.now_s)

    def show(self, seconds: float, *, px_per_s: float = 0.0) -> list[View | None]:
        views = []
        for _ in range(round(10 * seconds)):
            self.now_s += 0.1
            self.offset_px += px_per_s * 0.1
            views.append(self.aim.look(luma(self.offset_px, seed=round(10 * self.now_s)), at=self.now))
        return views


def watching(aim: Aim, since: datetime) -> None:
    aim.stands(Stand(since, Reading.YES, "gate", HERE))


def test_before_anybody_says_anything_nothing_is_read() -> None:
    aim = Aim()
    assert set(Camera(aim).show(1)) == {None}
    assert not aim.is_reading


def test_a_watch_marks_its_frames() -> None:
    aim = Aim()
    camera = Camera(aim)
    watching(aim, at(0))
    assert set(camera.show(1)) == {View("gate", HERE, 1)}
    assert aim.is_reading


def test_a_frame_belongs_to_the_moment_it_was_taken_at() -> None:
    """It is decoded later than it was taken: by then the camera may have turned, or have come to rest."""
    aim = Aim()
    picture = luma()
    aim.stands(Stand(at(0), Reading.NO))
    watching(aim, at(10))
    aim.stands(Stand(at(20), Reading.NO))
    watching(aim, at(30))
    taken = {s: aim.look(picture, at=at(s)) for s in (5.0, 9.9, 10.0, 19.9, 20.0, 29.9, 30.1)}
    assert {s for s, view in taken.items() if view} == {10.0, 19.9, 30.1}
    assert {view.stay for view in taken.values() if view} == {1, 2}


def test_every_stay_has_another_number() -> None:
    aim = Aim()
    stays = []
    for n in range(3):
        aim.stands(Stand(at(10 * n), Reading.NO))
        watching(aim, at(10 * n + 5))
        view = aim.look(luma(), at=at(10 * n + 6))
        assert view is not None
        stays.append(view.stay)
    assert stays == [1, 2, 3]


def test_a_picture_that_turns_is_held_back_until_the_device_was_asked() -> None:
    asked: list[int] = []
    aim = Aim(doubt=lambda: asked.append(1))
    camera = Camera(aim)
    watching(aim, at(0))
    camera.show(1)
    assert not asked
    turned = camera.show(1, px_per_s=400)
    assert turned[-5:] == [None] * 5
    assert asked
    assert camera.show(1)[-1] is None, "at rest again, but where?"
    aim.confirmed(camera.now)
    assert camera.show(1) == [View("gate", HERE, 1)] * 10


def test_a_bus_before_the_lens_costs_a_moment_only() -> None:
    aim = Aim()
    camera = Camera(aim)
    watching(aim, at(0))
    camera.show(1)
    camera.show(0.5, px_per_s=400)
    aim.confirmed(camera.now)  # asked while the picture moved: the device says that it does not
    assert None not in camera.show(1, px_per_s=400)


def test_an_answer_from_before_the_turn_confirms_nothing() -> None:
    aim = Aim()
    camera = Camera(aim)
    watching(aim, at(0))
    camera.show(1)
    asked_at = camera.now
    camera.show(0.5, px_per_s=400)
    aim.confirmed(asked_at)
    assert set(camera.show(0.5, px_per_s=400)) == {None}


def test_out_of_reach_frames_are_read_while_the_picture_stands_still_and_claim_nothing() -> None:
    aim = Aim()
    camera = Camera(aim)
    aim.stands(Stand(at(0), Reading.STILL))
    still = set(camera.show(2))
    assert still == {View(None, None, 1)}
    turning = camera.show(2, px_per_s=400)
    assert set(turning[3:]) == {None}
    settling = camera.show(3)
    assert set(settling[:8]) == {None}
    assert settling[-1] == View(None, None, 2), "it looks elsewhere now: another stay"


def test_how_long_the_picture_has_stood_still() -> None:
    aim = Aim()
    camera = Camera(aim)
    assert aim.still_s(at(0)) is None
    camera.show(1, px_per_s=400)
    assert aim.still_s(camera.now) == 0.0
    camera.show(2)
    assert 1.4 < (aim.still_s(camera.now) or 0.0) <= 2.0
    assert aim.still_s(camera.now + timedelta(seconds=3)) is None, "no picture any more"


def test_a_clock_that_is_set_back_starts_the_memory_anew() -> None:
    """Else every picture would be held against one of the future, of another view, and count as turning."""
    aim = Aim()
    camera = Camera(aim)
    camera.now_s = 3600.0
    aim.stands(Stand(at(3600), Reading.STILL))
    assert None not in camera.show(3)
    camera.now_s, camera.offset_px = 0.0, 300.0
    aim.stands(Stand(at(0), Reading.STILL))
    assert None not in camera.show(3)[15:]
    still_s = aim.still_s(camera.now)
    assert still_s is not None
    assert still_s > 1


def test_what_turns_and_what_does_not() -> None:
    def share(px_per_s: float) -> float:
        stillness = Stillness()
        for n in range(20):
            stillness.turns(luma(n / 10 * px_per_s, seed=n), at_s=n / 10)
        return stillness.share

    assert share(0) == 0.0
    assert share(40) >= 0.85  # a sixteenth of the picture's width a second
    assert share(400) >= 0.85


def test_traffic_is_no_turn() -> None:
    stillness = Stillness()
    for n in range(30):
        picture = luma(seed=n)
        picture[100:300, 20 * n : 20 * n + 250] = luma(900 + 20 * n)[
            100:300, : max(0, min(250, 640 - 20 * n))
        ]
        assert not stillness.turns(picture, at_s=n / 10)


@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_a_change_of_light_is_no_turn(factor: float) -> None:
    stillness = Stillness()
    stillness.turns(luma(), at_s=0.0)
    brighter = np.clip(luma(seed=1).astype(np.float32) * factor, 0, 255).astype(np.uint8)
    assert not stillness.turns(brighter, at_s=0.5)


def test_in_fog_nothing_can_be_told() -> None:
    stillness = Stillness()
    rng = np.random.default_rng(1)
    for n in range(5):
        fog = np.clip(128 + rng.normal(0, 2, (360, 640)), 0, 255).astype(np.uint8)
        assert not stillness.turns(fog, at_s=n / 5)
