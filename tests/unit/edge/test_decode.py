"""A head's output becomes detections: threshold, doubles, order, bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect.decode import CANDIDATES, MOST, decode, suppress
from edge.detect.letterbox import Fit
from edge.types import Box

SAME = Fit(scale_x=1.0, scale_y=1.0, left=0, top=0, frame_width=640, frame_height=384)


def raw(*rows: tuple[float, float, float, float, float]) -> np.ndarray:
    """Rows of (centre x, centre y, width, height, score) as a head gives them."""
    return np.array(rows, np.float32).reshape(-1, 5).T


def test_nothing_found_is_an_empty_list() -> None:
    assert decode(raw((100, 100, 40, 20, 0.1)), fit=SAME, least_score=0.5, most_overlap=0.5) == []
    assert decode(np.zeros((5, 0), np.float32), fit=SAME, least_score=0.5, most_overlap=0.5) == []


def test_boxes_are_corners_in_the_frame_best_first() -> None:
    fit = Fit(scale_x=0.5, scale_y=0.5, left=0, top=10, frame_width=1280, frame_height=700)
    found = decode(
        raw((100, 110, 40, 20, 0.6), (300, 210, 60, 30, 0.9)), fit=fit, least_score=0.5, most_overlap=0.5
    )
    assert [d.score for d in found] == pytest.approx([0.9, 0.6])
    assert found[1].box == Box(160, 180, 80, 40)


def test_a_score_on_the_threshold_counts() -> None:
    assert len(decode(raw((50, 50, 20, 10, 0.5)), fit=SAME, least_score=0.5, most_overlap=0.5)) == 1


def test_doubles_go_and_neighbours_stay() -> None:
    found = decode(
        raw((100, 100, 40, 20, 0.9), (102, 101, 40, 20, 0.8), (145, 100, 40, 20, 0.7)),
        fit=SAME,
        least_score=0.5,
        most_overlap=0.5,
    )
    assert [d.score for d in found] == pytest.approx([0.9, 0.7])


def test_a_box_in_the_border_is_no_detection() -> None:
    fit = Fit(scale_x=1.0, scale_y=1.0, left=0, top=100, frame_width=640, frame_height=184)
    assert decode(raw((300, 40, 40, 20, 0.9)), fit=fit, least_score=0.5, most_overlap=0.5) == []


def test_a_crowd_is_bounded() -> None:
    rng = np.random.default_rng(1)
    boxes = np.concatenate(
        [rng.uniform(0, 640, (1, 4000)), rng.uniform(0, 384, (1, 4000)), np.full((2, 4000), 2.0)]
    )
    crowd = np.concatenate([boxes, rng.uniform(0.5, 1, (1, 4000))]).astype(np.float32)
    found = decode(crowd, fit=SAME, least_score=0.1, most_overlap=0.5)
    assert len(found) == MOST
    assert found[0].score == pytest.approx(float(crowd[4].max()))
    assert MOST < CANDIDATES


boxes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40)), max_size=30
)


@given(boxes, st.sampled_from([0.3, 0.5, 0.7]))
def test_kept_boxes_never_overlap_more_than_allowed_and_every_dropped_one_does(
    rows: list[tuple[int, int, int, int]], most_overlap: float
) -> None:
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
    kept = suppress(corners, most_overlap=most_overlap)
    as_boxes = [Box(*row) for row in rows]
    assert kept == sorted(kept)  # best first, as given
    for place, index in enumerate(kept):
        assert all(as_boxes[index].iou(as_boxes[other]) <= most_overlap + 1e-6 for other in kept[:place])
    for index in set(range(len(rows))) - set(kept):
        better = [other for other in kept if other < index]
        assert any(as_boxes[index].iou(as_boxes[other]) > most_overlap - 1e-6 for other in better)
