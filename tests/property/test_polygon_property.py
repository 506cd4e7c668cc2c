"""Outlines of regions: those that go round are taken, those whose corners were swapped are told."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.check import _polygon

Corner = tuple[float, float]


@st.composite
def rounds(draw: st.DrawFn) -> list[Corner]:
    """Corners around a middle, in the order of their angles: an outline that never crosses itself."""
    steps = draw(st.lists(st.floats(0.5, 1.0), min_size=4, max_size=9))
    radii = draw(st.lists(st.floats(0.1, 0.45), min_size=len(steps), max_size=len(steps)))
    angles = [2 * math.pi * sum(steps[: n + 1]) / sum(steps) for n in range(len(steps))]
    return [(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


@given(rounds(), st.booleans())
def test_an_outline_that_goes_round_is_taken_either_way(corners: list[Corner], backwards: bool) -> None:
    assert _polygon("region", corners[::-1] if backwards else corners) == []


@given(st.floats(0.0, 0.4), st.floats(0.6, 1.0), st.floats(0.0, 0.4), st.floats(0.6, 1.0))
def test_a_rectangle_with_two_corners_swapped_is_told(
    left: float, right: float, top: float, bottom: float
) -> None:
    ((key, what),) = _polygon("region", [(left, top), (right, bottom), (right, top), (left, bottom)])
    assert key == "region"
    assert "crosses itself" in what
