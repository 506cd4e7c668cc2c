"""The second look's views show the box where and as large as the net was taught."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.letterbox import letterbox
from edge.detect.views import FAR, FAR_RISE, FAR_SIZES, NEAR, NEAR_SIZES, far_view, near_view, size_of, view
from edge.types import Bgr, Box

WIDE = Box(800, 600, 240, 60)
HIGH = Box(800, 600, 120, 100)


def bright(box: Box, *, width: int = 1920, height: int = 1080) -> Bgr:
    """A black frame with a white box."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[int(box.y) : int(box.y + box.height), int(box.x) : int(box.x + box.width)] = 255
    return frame


def extent(seen: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is white, px."""
    rows, columns = np.nonzero(seen > 127)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_a_box_is_measured_by_its_width_or_twice_its_height() -> None:
    assert size_of(WIDE) == 240
    assert size_of(HIGH) == 200


@pytest.mark.parametrize("box", [WIDE, HIGH, Box(10, 10, 1500, 700), Box(400, 300, 24, 6)])
def test_the_near_view_holds_the_box_in_its_middle(box: Box) -> None:
    seen = near_view(bright(box), box)
    assert seen.shape == NEAR[::-1]
    px = NEAR[0] / (NEAR_SIZES * size_of(box))
    left, top, right, bottom = extent(seen)
    assert left == pytest.approx(NEAR[0] / 2 - box.width * px / 2, abs=1.5)
    assert right == pytest.approx(NEAR[0] / 2 + box.width * px / 2, abs=1.5)
    assert top == pytest.approx(max(0.0, NEAR[1] / 2 - box.height * px / 2), abs=1.5)
    assert bottom == pytest.approx(min(NEAR[1], NEAR[1] / 2 + box.height * px / 2), abs=1.5)


@pytest.mark.parametrize("box", [WIDE, HIGH])
def test_the_far_view_holds_the_box_below_its_middle(box: Box) -> None:
    seen = far_view(bright(box), box)
    assert seen.shape == FAR[::-1]
    px = FAR[0] / (FAR_SIZES * size_of(box))
    left, top, right, bottom = extent(seen)
    assert (left + right) / 2 == pytest.approx(FAR[0] / 2, abs=1)
    assert (top + bottom) / 2 == pytest.approx(FAR[1] / 2 + FAR_RISE * size_of(box) * px, abs=1)
    assert right - left == pytest.approx(box.width * px, abs=2)


def test_the_far_view_is_the_same_from_the_frame_and_from_the_detectors_input() -> None:
    frame = bright(WIDE)
    picture, fit = letterbox(frame, width=832, height=480)
    whole = far_view(frame, WIDE).astype(int)
    small = far_view(picture, fit.to_input(WIDE)).astype(int)
    inside = np.s_[14:52, 14:50]
    assert np.abs(whole - small)[inside].mean() < 4


def test_a_box_goes_to_the_input_and_back() -> None:
    _, fit = letterbox(bright(WIDE, width=1000, height=900), width=832, height=480)
    there = fit.to_input(WIDE)
    back = fit.to_frame(there.x, there.y, there.x + there.width, there.y + there.height)
    assert back is not None
    assert (back.x, back.y, back.width, back.height) == pytest.approx((800, 600, 200, 60), abs=1e-6)


def test_what_lies_outside_the_frame_is_grey() -> None:
    box = Box(0, 0, 100, 40)
    seen = near_view(np.full((1080, 1920, 3), 255, np.uint8), box)
    assert (seen[:5, :5] == 114).all()
    assert (seen[-5:, -5:] == 255).all()


def test_a_view_wholly_outside_is_grey() -> None:
    assert (view(np.zeros((50, 50, 3), np.uint8), (500.0, 500.0), width=20.0, shape=(8, 8)) == 114).all()


def test_a_grey_picture_is_seen_as_one_of_three_equal_colours() -> None:
    grey = np.random.default_rng(1).integers(0, 255, (300, 400), np.uint8)
    box = Box(150, 120, 90, 30)
    assert (near_view(grey, box) == near_view(np.repeat(grey[:, :, None], 3, axis=2), box)).all()


def test_a_fine_pattern_is_averaged_not_sampled() -> None:
    stripes = np.zeros((1000, 1600, 3), np.uint8)
    stripes[:, ::2] = 255
    seen = near_view(stripes, Box(300, 300, 700, 200))
    assert seen.min() > 110
    assert seen.max() < 145


def test_nothing_is_written_to() -> None:
    frame = bright(WIDE)
    frame.setflags(write=False)
    near_view(frame, WIDE)
    far_view(frame, WIDE)


@given(
    st.floats(-200, 900),
    st.floats(-200, 700),
    st.floats(0.5, 2000),
    st.floats(0.5, 2000),
    st.sampled_from([(1, 1), (7, 300), (480, 640)]),
)
def test_any_box_has_both_views(x: float, y: float, wide: float, high: float, shape: tuple[int, int]) -> None:
    frame = np.full((*shape, 3), 60, np.uint8)
    box = Box(x, y, wide, high)
    assert near_view(frame, box).shape == NEAR[::-1]
    assert far_view(frame, box).shape == FAR[::-1]
