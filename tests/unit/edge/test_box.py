"""Boxes: what two of them have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.types import Box


def boxes() -> st.SearchStrategy[Box]:
    return st.builds(Box, *[st.integers(0, 50).map(float)] * 2, *[st.integers(1, 50).map(float)] * 2)


def cells(box: Box) -> set[tuple[int, int]]:
    """The pixels of a box with whole corners."""
    x, y = int(box.x), int(box.y)
    return {(c, r) for c in range(x, x + int(box.width)) for r in range(y, y + int(box.height))}


@given(boxes(), boxes())
def test_shares_are_of_what_both_cover(one: Box, other: Box) -> None:
    common = cells(one) & cells(other)
    assert one.share_in(other) == pytest.approx(len(common) / len(cells(one)))
    assert one.iou(other) == pytest.approx(len(common) / len(cells(one) | cells(other)))


def test_boxes_that_touch_have_nothing_in_common() -> None:
    assert Box(0, 0, 10, 10).iou(Box(10, 0, 5, 5)) == Box(0, 0, 10, 10).share_in(Box(10, 0, 5, 5)) == 0.0
