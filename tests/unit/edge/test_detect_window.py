"""Windows: the cheapest that hold what matters; and the head's arithmetic against ultralytics' own, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detect import head
from edge.detect.window import BAND, PART, Window, area, cover
from edge.types import Box

WIDTH, HEIGHT = 832, 480
WHOLE = Window(0, 0, WIDTH, HEIGHT)


def boxes() -> st.SearchStrategy[Box]:
    return st.tuples(st.floats(0, 800), st.floats(0, 450), st.floats(4, 400), st.floats(4, 300)).map(
        lambda t: Box(t[0], t[1], min(t[2], WIDTH - t[0]), min(t[3], HEIGHT - t[1]))
    )


def holds(window: Window, box: Box) -> bool:
    return (
        window.x - 0.51 <= box.x
        and window.y - 0.51 <= box.y
        and box.x + box.width <= window.x + window.width + 0.51
        and box.y + box.height <= window.y + window.height + 0.51
    )


@given(st.lists(boxes(), max_size=6))
def test_every_box_lies_in_a_window_and_every_window_in_the_input(given_boxes: list[Box]) -> None:
    windows = cover(given_boxes, WHOLE, width=WIDTH, height=HEIGHT)
    if windows == [WHOLE]:
        return
    assert len(windows) <= min(4, len(given_boxes))
    for window in windows:
        assert 0 <= window.x <= WIDTH - window.width
        assert 0 <= window.y <= HEIGHT - window.height
        assert (window.width, window.height) == PART
    assert all(any(holds(window, box) for window in windows) for box in given_boxes)


def test_nothing_to_look_at_needs_no_window() -> None:
    assert cover([], WHOLE, width=WIDTH, height=HEIGHT) == []


def test_a_small_place_takes_the_smallest_window_with_the_place_in_its_middle() -> None:
    assert cover([Box(400, 200, 20, 10)], WHOLE, width=WIDTH, height=HEIGHT) == [Window(314, 141, 192, 128)]


def test_at_the_edge_the_window_ends_with_the_input() -> None:
    assert cover([Box(2, 470, 20, 10)], WHOLE, width=WIDTH, height=HEIGHT) == [Window(0, 352, 192, 128)]


def test_two_far_places_take_a_window_each() -> None:
    windows = cover([Box(10, 300, 40, 20), Box(780, 300, 40, 20)], WHOLE, width=WIDTH, height=HEIGHT)
    assert sorted(w.x for w in windows) == [0, 640]


def test_neighbours_share_a_window() -> None:
    row = [Box(x, 300, 30, 15) for x in (100, 180, 250)]
    assert cover(row, WHOLE, width=WIDTH, height=HEIGHT) == [Window(94, 244, 192, 128)]


def test_what_spreads_over_all_is_looked_at_whole() -> None:
    corners = [Box(x, y, 30, 15) for x in (0, 400, 800) for y in (0, 230, 460)]
    for searched in (WHOLE, Window(0, 224, WIDTH, BAND)):
        assert cover(corners, searched, width=WIDTH, height=HEIGHT) == [searched]
        assert cover([Box(0, 0, 100, 300)], searched, width=WIDTH, height=HEIGHT) == [searched]


def test_an_input_smaller_than_the_windows_is_looked_at_whole() -> None:
    whole = area(Box(10, 10, 20, 10), width=160, height=96)
    assert whole == Window(0, 0, 160, 96)
    assert cover([Box(10, 10, 20, 10)], whole, width=160, height=96) == [whole]


@given(boxes())
def test_what_is_searched_holds_where_plates_matter(within: Box) -> None:
    searched = area(within, width=WIDTH, height=HEIGHT)
    assert holds(searched, within)
    assert searched.width == WIDTH
    assert searched.height == (BAND if within.height <= BAND else HEIGHT)
    assert 0 <= searched.y <= HEIGHT - searched.height


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (None, WHOLE),
        (Box(0, 245, 832, 229), Window(0, 224, 832, 256)),  # the near two fifths: to the lower edge
        (Box(100, 0, 300, 100), Window(0, 0, 832, 256)),
        (Box(0, 100, 832, 200), Window(0, 72, 832, 256)),
        (Box(0, 100, 832, 257), WHOLE),
    ],
)
def test_in_a_region_that_is_low_enough_a_band_is_searched(within: Box | None, expected: Window) -> None:
    assert area(within, width=WIDTH, height=HEIGHT) == expected


def row(x: float, y: float, width: float = 20, height: float = 10) -> list[float]:
    return [x, y, width, height, 0.9]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        # In the middle of the input each edge of the window may cut.
        (Window(200, 100, 416, 256), [[300, 150]]),
        # In its corner two edges are the input's own.
        (Window(0, 0, 416, 256), [[11, 50], [100, 6], [100, 50]]),
        (Window(416, 224, 416, 256), [[516, 274], [821, 274], [516, 475]]),
    ],
)
def test_a_box_that_the_windows_edge_cuts_is_dropped(window: Window, expected: list[list[float]]) -> None:
    rows = np.array([row(100, 50), row(11, 50), row(100, 6), row(405, 50), row(100, 251)], np.float32).T
    kept = window.whole(rows, width=WIDTH, height=HEIGHT)
    assert sorted(kept[:2].T.tolist()) == sorted(expected)
    assert (kept[2:4] == [[20], [10]]).all()


class TestHead:
    """One plate in one cell: sides of 2, 1, 3 and 1.5 cells."""

    def maps(self, logit: float = 2.0, scale: int = 1) -> head.Maps:
        made = [
            (np.zeros((64, 8, 12), np.float32), np.full((1, 8, 12), -9, np.float32)) for _ in head.STRIDES
        ]
        box, plate = made[scale]
        plate[0, 5, 7] = logit
        for side, cells in enumerate((2, 1, 3)):
            box[16 * side + cells, 5, 7] = 30.0
        box[[16 * 3 + 1, 16 * 3 + 2], 5, 7] = 30.0  # half one cell, half two
        return made

    def test_a_cell_becomes_a_box(self) -> None:
        found = head.rows(self.maps(), least_score=0.5)
        assert found.shape == (5, 1)
        x, y, width, height, score = found[:, 0]
        left, right, top, bottom = 7.5 - 2, 7.5 + 3, 5.5 - 1, 5.5 + 1.5
        assert x == pytest.approx(16 * (left + right) / 2, abs=0.01)
        assert y == pytest.approx(16 * (top + bottom) / 2, abs=0.01)
        assert (width, height) == pytest.approx((16 * 5, 16 * 2.5), abs=0.01)
        assert score == pytest.approx(1 / (1 + np.exp(-2)))

    def test_the_scales_stand_one_behind_the_other(self) -> None:
        sizes = [float(head.rows(self.maps(scale=n), least_score=0.5)[2, 0]) for n in range(3)]
        assert sizes == pytest.approx([40, 80, 160], abs=0.05)

    def test_what_is_not_sure_enough_is_left_out(self) -> None:
        assert head.rows(self.maps(logit=-0.1), least_score=0.5).shape == (5, 0)
        assert head.rows(self.maps(logit=-0.1), least_score=0.4).shape == (5, 1)
