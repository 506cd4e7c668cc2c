"""A rendered street, by day, at dusk and by night: what is done to its picture is noticed, and nothing else is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from edge.capture.view import Finding, ViewTuning, ViewWatch
from models.synth.clips.film import Film
from models.synth.clips.four import DAY_STREET
from models.synth.clips.programme import Preset
from models.synth.scene import street
from models.synth.scene.camera import Camera
from models.synth.scene.frame import compose
from models.synth.scene.light import NIGHT
from models.synth.scene.night import after_dark
from models.synth.scene.view import View

Picture = np.ndarray
CAMERA = Camera((0.15, 0.0, 3.2), 0.0, 5.9, 1950.0, 960, 540)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Noise is what a look shows anew each time; the programme's few pictures repeat.
DICE = np.random.default_rng(3)


@pytest.fixture(scope="module")
def film() -> Film:
    presets = (Preset("fixed", CAMERA, DAY_STREET.seconds),)
    return Film(replace(DAY_STREET, presets=presets, actors=DAY_STREET.actors[:6]))


def grey(bgr: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))


@pytest.fixture(scope="module")
def day(film: Film) -> list[Picture]:
    """Luma, (540, 960) uint8, some seconds apart."""
    return [grey(film.shot(35 + n * 40).bgr) for n in range(6)]


@pytest.fixture(scope="module")
def night(film: Film) -> list[Picture]:
    """The same street, and vehicles at other places, under the camera's infrared lamp."""
    backdrop = film._backdrops["fixed"]
    street = after_dark(backdrop, CAMERA, NIGHT)
    view = View(CAMERA, NIGHT, 0.0015, backdrop)
    pictures = []
    for n in range(6):
        seconds = 2.2 + n * 1.6
        vehicles = [v for p in film.passages for v in p.present(seconds, DAY_STREET.seconds)]
        pictures.append(grey(compose(street, vehicles, view)[0]))
    return pictures


@pytest.fixture(scope="module")
def clouds() -> list[Picture]:
    """The empty street, without a shadow."""
    plan = replace(DAY_STREET.street, shadows=0.0, shade_m=0.0, clouds=1.0, sunny_side=(0.86, 0.9))
    return [grey(street.paint(plan, CAMERA).bgr)] * 6


class Camera2:
    """A camera on its pole, looked at every five seconds."""

    def __init__(self) -> None:
        self.watch = ViewWatch()
        self.at = START
        self._number = 0

    def sees(
        self, pictures: list[Picture], *, looks: int = 60, preset: str | None = None
    ) -> Iterator[Finding]:
        for _ in range(looks):
            self._number += 1
            self.at += timedelta(seconds=5)
            picture = pictures[self._number % len(pictures)]
            self.watch.show(noisy(picture), at=self.at, preset=preset)
            yield self.watch.finding

    def shows(self, pictures: list[Picture], *, looks: int = 60, preset: str | None = None) -> Finding:
        *_, last = self.sees(pictures, looks=looks, preset=preset)
        return last


def noisy(picture: Picture) -> Picture:
    grain = DICE.normal(0, 2.0, (90, 160)).astype(np.float32)
    return np.clip(picture + cv2.resize(grain, (960, 540), interpolation=cv2.INTER_NEAREST), 0, 255).astype(
        np.uint8
    )


def shifted(pictures: list[Picture], right: float, down: float) -> list[Picture]:
    """The same, seen by a camera that was bumped; what comes in at the border is another piece of street."""
    move = np.float32([[1, 0, right], [0, 1, down]])
    return [cv2.warpAffine(p, move, (960, 540), borderMode=cv2.BORDER_REFLECT) for p in pictures]


def blurred(pictures: list[Picture], px: float) -> list[Picture]:
    return [cv2.GaussianBlur(p, (0, 0), px) for p in pictures]


def mixed(one: list[Picture], other: list[Picture], share: float) -> list[Picture]:
    return [cv2.addWeighted(a, 1 - share, b, share, 0) for a, b in zip(one, other, strict=True)]


@pytest.fixture
def camera(day: list[Picture]) -> Camera2:
    """One that knows its street by day."""
    camera = Camera2()
    assert camera.shows(day, looks=120).is_well
    return camera


def test_a_day_with_clouds_dusk_a_night_and_a_morning_are_well(
    camera: Camera2, day: list[Picture], clouds: list[Picture], night: list[Picture]
) -> None:
    """Two days and nights, dusk and dawn within six minutes: no tropical one is as quick."""
    dusk = [(mixed(day, night, s), 8) for s in np.linspace(0.1, 0.9, 9)]
    hours = [(day, 60), (clouds, 60), (day, 20), *dusk, (night, 90), *dusk[::-1]]
    for pictures, looks in [*hours, *hours]:
        for finding in camera.sees(pictures, looks=looks):
            assert finding.is_well, finding


@pytest.mark.parametrize(("right", "down"), [(6, 0), pytest.param(100, -30, marks=pytest.mark.proof)])
def test_a_bump_of_the_pole_is_told_with_its_way(
    camera: Camera2, day: list[Picture], right: float, down: float
) -> None:
    """Of 960 px: the least is 12 px of a 1080p picture."""
    finding = camera.shows(shifted(day, right, down))
    assert finding.is_moved
    assert not finding.is_blurred
    assert finding.shift == pytest.approx((right / 960, down / 960), abs=0.002)
    assert camera.shows(day).is_well, "put right again"


@pytest.mark.proof
def test_a_bump_by_night_is_told_from_what_the_day_looked_like(camera: Camera2, night: list[Picture]) -> None:
    finding = camera.shows(shifted(night, 12, 6))
    assert finding.is_moved
    assert finding.shift == pytest.approx((12 / 960, 6 / 960), abs=0.002)


def test_a_bump_while_the_box_was_off_is_told(camera: Camera2, day: list[Picture]) -> None:
    later = Camera2()
    later.watch = ViewWatch(camera.watch.memories())
    assert later.shows(shifted(day, 24, 0)).is_moved


@pytest.mark.proof
def test_a_passing_shake_is_not_told(camera: Camera2, day: list[Picture]) -> None:
    """A truck that shakes the pole, a hand that cleans the lens: some looks, not a minute of them."""
    for _ in range(10):
        for finding in camera.sees(shifted(day, 20, 10), looks=3):
            assert finding.is_well
        for finding in camera.sees(day, looks=20):
            assert finding.is_well


def test_another_street_is_told(camera: Camera2, day: list[Picture]) -> None:
    finding = camera.shows([cv2.flip(cv2.rotate(p, cv2.ROTATE_180), 1) for p in day])
    assert finding.is_strange
    assert finding.shift is None


@pytest.mark.parametrize("px", [1.5, pytest.param(8.0, marks=pytest.mark.proof)])
def test_a_blur_is_told_by_day_and_by_night(
    camera: Camera2, day: list[Picture], night: list[Picture], px: float
) -> None:
    """A blur of 1.5 px of 960 is one of 3 px of a 1080p picture."""
    assert camera.shows(night, looks=120).is_well
    finding = camera.shows(blurred(night, px), looks=90)
    assert finding.is_blurred
    assert finding.sharpness is not None
    assert finding.sharpness < 0.55
    assert camera.shows(night, looks=90).is_well
    assert camera.shows(blurred(day, px), looks=90).is_blurred


@pytest.mark.proof
def test_a_slight_softness_is_not_told(camera: Camera2, day: list[Picture]) -> None:
    for finding in camera.sees(blurred(day, 0.5), looks=120):
        assert finding.is_well


def test_darkness_is_told_and_nothing_else_is_said_of_it(camera: Camera2, night: list[Picture]) -> None:
    """The infrared lamp has failed."""
    black = [(p * np.float32(0.08)).astype(np.uint8) for p in night]
    finding = camera.shows(black)
    assert finding.is_dark
    assert (finding.is_blurred, finding.is_moved, finding.is_strange) == (False, False, False)
    assert camera.shows(night).is_well


def test_a_covered_lens_is_told(camera: Camera2) -> None:
    finding = camera.shows([np.full((540, 960), 120, np.uint8)], looks=90)
    assert finding.is_strange


def test_each_preset_has_its_own_view(day: list[Picture]) -> None:
    camera, left, right = Camera2(), shifted(day, 90, 0), shifted(day, -90, 20)
    for _ in range(12):
        camera.shows(left, looks=4, preset="left")
        assert camera.shows(right, looks=4, preset="right").is_well
    for _ in range(8):
        camera.shows(left, looks=4, preset="left")
        finding = camera.shows(shifted(right, 30, 0), looks=4, preset="right")
    assert finding.is_moved
    assert finding.preset == "right"


@pytest.mark.proof
def test_a_view_that_was_meant_is_the_usual_one_after_a_day(day: list[Picture]) -> None:
    camera = Camera2()
    camera.watch = ViewWatch(tuning=ViewTuning(adopt=100))
    camera.shows(day)
    assert camera.shows(shifted(day, 60, 0)).is_moved
    assert camera.shows(shifted(day, 60, 0), looks=200).is_well
    assert camera.shows(day).is_moved


def test_between_two_looks_nothing_is_looked_at(day: list[Picture]) -> None:
    watch = ViewWatch()
    watch.show(day[0], at=START)
    before: Callable[[], int] = lambda: watch.memories()[""].looks  # noqa: E731
    looks = before()
    for n in range(1, 100):
        watch.show(day[0], at=START + timedelta(seconds=n * 0.04))
    assert before() == looks
    watch.show(day[0], at=START - timedelta(hours=1))  # the clock was set back
    assert before() == looks + 1


def test_presets_are_bounded(day: list[Picture]) -> None:
    watch = ViewWatch()
    for n in range(100):
        watch.show(day[0], at=START + timedelta(seconds=5 * n), preset=f"preset-{n}")
    assert len(watch.memories()) == ViewWatch.PRESETS
