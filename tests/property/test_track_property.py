"""What holds of the tracker whatever the detector finds."""

from datetime import timedelta

from fakes import START
from hypothesis import given
from hypothesis import strategies as st

from edge.track import Tracker
from edge.types import Box, Detection

boxes = st.builds(
    Box,
    x=st.floats(0, 1900),
    y=st.floats(0, 1000),
    width=st.floats(8, 400),
    height=st.floats(4, 300),
)
detections = st.builds(Detection, box=boxes, score=st.floats(0.1, 1.0))
films = st.lists(st.tuples(st.floats(0.01, 4.0), st.lists(detections, max_size=5)), min_size=1, max_size=10)


@given(films)
def test_every_detection_gets_one_track_and_no_track_two_detections(
    film: list[tuple[float, list[Detection]]],
) -> None:
    tracker, now, seen, ended = Tracker(), START, set(), set()
    for gap_s, found in film:
        now += timedelta(seconds=gap_s)
        step = tracker.update(now, found)
        numbers = [track.id for track, _ in step.sightings]
        assert len(set(numbers)) == len(numbers)
        key = [(d.box.x, d.box.y, d.box.width, d.box.height, d.score) for d in found]
        given_back = [(d.box.x, d.box.y, d.box.width, d.box.height, d.score) for _, d in step.sightings]
        assert sorted(given_back) == sorted(key)
        gone = {track.id for track in step.ended}
        assert not gone & (ended | set(numbers)), "a track ends once and is not seen after"
        ended |= gone
        seen |= set(numbers)
        assert all(t.box == d.box and t.last_at == now for t, d in step.sightings)
    ended |= {track.id for track in tracker.end()}
    assert ended == seen == set(range(len(seen))), "numbers are dense and every track ends"


@given(films, st.randoms(use_true_random=False))
def test_numbers_do_not_depend_on_the_order_of_detections(film, chance) -> None:
    one, other, now = Tracker(), Tracker(), START
    for gap_s, found in film:
        now += timedelta(seconds=gap_s)
        shuffled = list(found)
        chance.shuffle(shuffled)
        left = one.update(now, found)
        right = other.update(now, shuffled)
        assert [(t.id, d) for t, d in left.sightings] == [(t.id, d) for t, d in right.sightings]
        assert [t.id for t in left.ended] == [t.id for t in right.ended]


@given(boxes, st.lists(st.floats(0.05, 1.4), min_size=1, max_size=12))
def test_a_lone_plate_that_stands_still_is_one_track_at_any_frame_rate(box: Box, gaps: list[float]) -> None:
    tracker, now = Tracker(), START
    tracker.update(now, [Detection(box, 0.9)])
    for gap_s in gaps:
        now += timedelta(seconds=gap_s)
        tracker.update(now, [Detection(box, 0.9)])
    assert [(t.id, t.sightings) for t in tracker.tracks] == [(0, len(gaps) + 1)]


@given(st.floats(-20, 20), st.floats(-8, 8), st.floats(20, 200), st.lists(st.floats(0.08, 0.5), max_size=8))
def test_a_steady_plate_within_the_gate_is_followed(
    across: float, down: float, width: float, gaps: list[float]
) -> None:
    """Up to 20 widths a second: ten widths between two frames."""
    tracker, now, moved = Tracker(), START, 0.0
    tracker.update(now, [Detection(Box(0, 0, width, width / 2), 0.9)])
    for gap_s in gaps:
        now += timedelta(seconds=gap_s)
        moved += gap_s
        box = Box(across * width * moved, down * width * moved, width, width / 2)
        tracker.update(now, [Detection(box, 0.9)])
    assert [t.sightings for t in tracker.tracks] == [len(gaps) + 1]
