"""A frame goes into the net's input and its boxes come back to where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.letterbox import GREY, letterbox


def frame(width: int, height: int, value: int = 200) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_1080p_frame_fills_the_width_and_leaves_grey_bands() -> None:
    picture, fit = letterbox(frame(1920, 1080), width=640, height=384)
    assert picture.shape == (384, 640, 3)
    assert (fit.left, fit.top) == (0, 12)
    assert fit.scale_x == pytest.approx(1 / 3)
    assert (picture[:12] == GREY).all()
    assert (picture[-12:] == GREY).all()
    assert (picture[12:-12] == 200).all()


def test_a_portrait_frame_is_centred() -> None:
    picture, fit = letterbox(frame(300, 600), width=640, height=384)
    assert (fit.left, fit.top) == (224, 0)
    assert (picture[:, 224:416] == 200).all()
    assert (picture[:, :224] == GREY).all()


def test_a_small_frame_is_enlarged() -> None:
    picture, fit = letterbox(frame(64, 32), width=640, height=384)
    assert fit.scale_x == pytest.approx(10.0)
    assert (picture[32:-32] == 200).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 2000), (2000, 1), (4000, 3)])
def test_odd_shapes_still_fit(width: int, height: int) -> None:
    picture, fit = letterbox(frame(width, height), width=640, height=384)
    assert picture.shape == (384, 640, 3)
    assert fit.scale_x > 0
    assert fit.scale_y > 0


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
    ],
)
def test_a_wrong_frame_is_refused_by_shape_and_type(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8, found"):
        letterbox(wrong, width=640, height=384)


def test_a_thin_line_survives_shrinking_as_its_average() -> None:
    # One white column in three: plain linear interpolation at this scale would see all of it or nothing.
    bgr = frame(1920, 1080, value=0)
    bgr[:, ::3] = 255
    picture, _ = letterbox(bgr, width=640, height=384)
    middle = picture[100:200].astype(float)
    assert middle.mean() == pytest.approx(85, abs=8)
    assert middle.max() < 200


@given(
    width=st.integers(16, 2500),
    height=st.integers(16, 2500),
    left=st.floats(0, 0.9),
    top=st.floats(0, 0.9),
    size=st.floats(0.02, 0.1),
)
def test_a_box_comes_back_to_where_it_was(
    width: int, height: int, left: float, top: float, size: float
) -> None:
    _, fit = letterbox(frame(width, height), width=640, height=384)
    x1, y1, x2, y2 = left * width, top * height, (left + size) * width, (top + size) * height
    box = fit.to_frame(
        x1 * fit.scale_x + fit.left,
        y1 * fit.scale_y + fit.top,
        x2 * fit.scale_x + fit.left,
        y2 * fit.scale_y + fit.top,
    )
    assert box is not None
    assert (box.x, box.y) == pytest.approx((x1, y1), abs=1e-6 * max(width, height))
    assert (box.x + box.width, box.y + box.height) == pytest.approx((x2, y2), abs=1e-6 * max(width, height))


def test_boxes_are_clipped_to_the_frame_and_vanish_outside() -> None:
    _, fit = letterbox(frame(1920, 1080), width=640, height=384)
    box = fit.to_frame(-10, 0, 20, 400)
    assert box is not None
    assert (box.x, box.y, box.width, box.height) == pytest.approx((0, 0, 60, 1080))
    assert fit.to_frame(10, 0, 20, 11) is None  # in the upper grey band
    assert fit.to_frame(-30, 50, -5, 80) is None
