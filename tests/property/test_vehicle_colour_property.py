import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.read.vehicle_colour import Colours, palette, shares
from edge.types import Box

NAMES = sorted(set(palette().names))
FRAMES = st.lists(
    st.tuples(
        st.lists(st.floats(0, 1), min_size=len(NAMES), max_size=len(NAMES)).filter(lambda s: sum(s) > 0.01),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=8,
)
SIDE = st.floats(-400, 1400)
BOXES = st.builds(Box, SIDE, SIDE, st.floats(0.1, 900), st.floats(0.1, 400))
WITHIN = st.builds(Box, st.floats(1, 150), st.floats(1, 150), st.floats(2, 160), st.floats(2, 80))


@settings(max_examples=80, deadline=None)
@given(box=st.one_of(BOXES, WITHIN), seed=st.integers(0, 99))
def test_any_box_gives_shares_or_nothing_and_one_within_the_picture_shares(box, seed):
    picture = np.random.default_rng(seed).integers(0, 256, (240, 320, 3), np.uint8)
    found = shares(picture, box, background={"white": 0.5}, known=palette())
    is_within = min(box.x, box.y) >= 0 and box.x + box.width <= 320 and box.y + box.height <= 240
    if is_within and min(box.width, box.height) >= 2:
        assert found
    if found:
        assert set(found) == set(NAMES)
        assert sum(found.values()) == pytest.approx(1, abs=1e-4)
        assert min(found.values()) >= 0


def tally(frames):
    colours = Colours()
    for found, weight in frames:
        colours.add(dict(zip(NAMES, (f / sum(found) for f in found), strict=True)), weight=weight)
    return colours


@settings(max_examples=100, deadline=None)
@given(frames=FRAMES, cut=st.integers(0, 8))
def test_joined_tracks_say_what_all_their_frames_say(frames, cut):
    whole, first, second = tally(frames), tally(frames[:cut]), tally(frames[cut:])
    first.absorb(second)
    one, two = whole.best(sure=0.01), first.best(sure=0.01)
    assert (one is None) is (two is None)
    if one and two:
        assert one.likelihood == pytest.approx(two.likelihood, abs=1e-6)
        assert 0.01 <= one.likelihood <= 1
