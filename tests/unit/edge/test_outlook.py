"""A head that turns a picture: what is seen from where, on the way, and when nothing is drawn yet."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from clips import HEIGHT, WIDTH, write_clip

from edge.errors import ConfigError
from edge.simulate.clip import AccessUnit, Clip, load_clip
from edge.simulate.onvif.head import Head, Journey
from edge.simulate.onvif.outlook import Outlook
from edge.simulate.onvif.panorama import FPS, Panorama, encode, first_picture
from edge.types import Position

WEST, EAST = Position(-0.5, 0.1, 0.2), Position(0.5, 0.0, 0.4)


def scene(seed: int) -> np.ndarray:
    """Something to recognise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (HEIGHT // 20, WIDTH // 20, 3), dtype=np.uint8)
    return small.repeat(20, 0).repeat(20, 1)


class Now:
    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        return self.s


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures."""
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


class TestPanorama:
    panorama = Panorama([(EAST, scene(2)), (WEST, scene(1))])

    def test_at_a_preset_it_is_the_presets_picture(self) -> None:
        assert (self.panorama.at(WEST) == scene(1)).all()
        assert (self.panorama.at(EAST) == scene(2)).all()

    def test_half_way_it_is_half_of_each(self) -> None:
        middle = self.panorama.at(Position(0.0, 0.05, 0.3))
        assert (middle[:, : WIDTH // 2] == scene(1)[:, WIDTH // 2 :]).all()
        assert (middle[:, WIDTH // 2 :] == scene(2)[:, : WIDTH // 2]).all()

    def test_zoom_magnifies_about_the_middle_and_tilt_lifts(self) -> None:
        near = self.panorama.at(Position(WEST.pan, WEST.tilt, WEST.zoom + 1 / 3))  # an octave
        centre = scene(1)[HEIGHT // 4 : HEIGHT - HEIGHT // 4, WIDTH // 4 : WIDTH - WIDTH // 4]
        assert alike(near[::2, ::2], centre) > 0.9
        up = self.panorama.at(Position(WEST.pan, WEST.tilt + 0.5, WEST.zoom))
        assert alike(up[HEIGHT // 2 :], scene(1)[: HEIGHT // 2]) > 0.9

    def test_every_position_of_a_head_has_a_picture(self) -> None:
        for pan in (-1.0, 0.2, 1.0):
            for tilt in (-1.0, 1.0):
                for zoom in (0.0, 1.0):
                    assert self.panorama.at(Position(pan, tilt, zoom)).shape == (HEIGHT, WIDTH, 3)

    def test_a_journey_ends_where_it_leads_and_is_smeared_on_the_way(self) -> None:
        pictures = list(self.panorama.journey(WEST, EAST, takes_s=1.0))
        assert len(pictures) == 2 * FPS
        assert (pictures[-1] == scene(2)).all()
        edges = [float((np.diff(p.astype(int), axis=1) ** 2).mean()) for p in pictures]
        assert edges[FPS // 2] < edges[-1] / 2


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def head(now: Now) -> Head:
    head = Head(travel_s=1.0, now=now)
    head.go(WEST)
    now.s += 1.0
    return head


@pytest.fixture
def clips(tmp_path: Path) -> dict[Position, Clip]:
    return {
        place: load_clip(write_clip(tmp_path / f"{n}.mp4", frames=25, draw=lambda _, n=n: scene(n)))
        for n, place in enumerate((WEST, EAST), start=1)
    }


@pytest.fixture
def outlook(head: Head, clips: dict[Position, Clip]) -> Iterator[Outlook]:
    with Outlook(head, clips) as outlook:
        yield outlook


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_at_a_preset_its_clip_plays(
    outlook: Outlook, head: Head, now: Now, clips: dict[Position, Clip]
) -> None:
    assert outlook() is clips[WEST]
    assert outlook() is outlook()
    head.go(EAST)
    now.s += 1.0
    assert outlook() is clips[EAST]


def test_the_way_between_presets_was_drawn_beforehand(outlook: Outlook, head: Head, now: Now) -> None:
    outlook()
    head.go(EAST)
    way = outlook()
    assert len(way.units) == 2 * FPS
    now.s += 0.5
    assert outlook() is way, "it plays on"
    now.s += 0.5
    assert outlook() is not way


def test_who_comes_late_to_a_journey_joins_it_where_it_is(outlook: Outlook, head: Head, now: Now) -> None:
    head.go(EAST)
    now.s += 0.5
    late = outlook()
    head.go(WEST)
    now.s += 1.0
    outlook()
    head.go(EAST)
    assert outlook().units[0].nals != late.units[0].nals


def test_where_an_operator_leaves_it_it_stands_once_that_is_drawn(
    outlook: Outlook, head: Head, now: Now, clips: dict[Position, Clip]
) -> None:
    outlook()
    head.drift(0.5, 0.0, 0.0, for_s=1.0)
    assert outlook() is clips[WEST], "nothing is waited for"
    until(lambda: outlook() is not clips[WEST])
    now.s += 1.0
    before = outlook()
    until(lambda: outlook() is not before)
    assert len(outlook().units) == FPS
    head.go(WEST)
    now.s += 1.0
    assert outlook() is clips[WEST]


def test_what_is_drawn_can_be_played(tmp_path: Path) -> None:
    path = encode(
        Panorama([(WEST, scene(1)), (EAST, scene(2))]).stand(EAST), tmp_path / "s.mp4", size=(WIDTH, HEIGHT)
    )
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) == FPS
    assert alike(frames[-1], scene(2)) > 0.95


def test_views_of_two_sizes_are_refused(head: Head, clips: dict[Position, Clip], tmp_path: Path) -> None:
    small = load_clip(write_clip(tmp_path / "small.mp4", frames=5, draw=lambda _: scene(1)[:90, :160]))
    with pytest.raises(ConfigError, match="of one size"):
        Outlook(head, {**clips, Position(0.9, 0.0, 0.0): small})


def test_two_views_of_one_pan_are_refused(head: Head, clips: dict[Position, Clip]) -> None:
    with pytest.raises(ConfigError, match="same pan"):
        Outlook(head, {**clips, Position(EAST.pan, -0.5, 0.0): clips[WEST]})


def test_a_view_that_cannot_be_decoded_is_named(head: Head, clips: dict[Position, Clip]) -> None:
    broken = replace(clips[WEST], units=(AccessUnit(0, (b"\x65no picture",)),))
    with pytest.raises(ConfigError, match=r"1\.mp4: clip cannot be decoded"):
        Outlook(head, {WEST: broken})


def test_a_view_may_be_a_part_of_a_recording(head: Head, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "both.mp4", frames=50, gop=25, draw=lambda n: scene(1 if n < 25 else 2))
    part = load_clip(path).part(1.0, 2.0)
    assert alike(first_picture(part), scene(2)) > 0.95


def test_a_way_of_no_length_takes_no_time() -> None:
    assert Journey.between(WEST, WEST, takes_s=2.0).takes_s == 0.0
