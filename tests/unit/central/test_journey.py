"""A vehicle's way: passages in order, travel times between them, and what cannot be."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from central_reads import NOON, kept
from hypothesis import given
from hypothesis import strategies as st

from central.query.area import Position
from central.query.cameras import CameraPlace
from central.query.journey import SAME_PASSAGE, passages

GAP = timedelta(hours=1)
CAMERAS = {  # a tenth of a degree of latitude is 11.1 km
    "south": CameraPlace("Sabaneta", Position(6.15, -75.6)),
    "north": CameraPlace("Bello", Position(6.25, -75.6)),
    "beside": CameraPlace("", Position(6.2505, -75.6)),
}


def at(seconds: float, camera_id: str, **more):
    moment = NOON + timedelta(seconds=seconds)
    return kept(int(seconds) + 1, camera_id=camera_id, plate="ABC123", captured_at=moment, **more)


def test_a_way_is_told_in_order_with_time_distance_and_speed() -> None:
    south, north = passages([at(1000, "north"), at(0, "south")], CAMERAS, gap=GAP)
    assert (south.camera_id, south.camera, south.travel_s, south.distance_m) == (
        "south",
        "Sabaneta",
        None,
        None,
    )
    assert (north.trip, north.travel_s) == (1, 1000)
    assert north.distance_m == pytest.approx(11_119.5, rel=1e-4)
    assert north.speed_kmh == pytest.approx(40.03, rel=1e-3)
    assert not north.impossible


def test_reads_in_a_row_at_one_camera_are_one_passage() -> None:
    near = SAME_PASSAGE.total_seconds()
    found = passages(
        [at(0, "south"), at(near, "south"), at(2 * near + 1, "south"), at(200, "north")], CAMERAS, gap=GAP
    )
    assert [(p.camera_id, p.reads) for p in found] == [("south", 2), ("south", 1), ("north", 1)]
    assert (found[0].first_at, found[0].last_at) == (NOON, NOON + SAME_PASSAGE)
    assert found[1].travel_s == near + 1
    assert (found[1].distance_m, found[1].speed_kmh) == (0, 0)


@pytest.mark.parametrize(("travel_s", "impossible"), [(190, True), (198, True), (199, False), (2000, False)])
def test_faster_than_200_kmh_is_impossible(travel_s: float, impossible: bool) -> None:
    assert passages([at(0, "south"), at(travel_s, "north")], CAMERAS, gap=GAP)[1].impossible is impossible


def test_two_poles_of_one_junction_are_no_miracle() -> None:
    together = passages([at(5, "north"), at(5, "beside")], CAMERAS, gap=GAP)
    assert [p.speed_kmh for p in together] == [None, None]
    assert not any(p.impossible for p in together)
    apart = passages([at(5, "north"), at(5, "south")], CAMERAS, gap=GAP)
    assert apart[1].impossible
    assert apart[1].speed_kmh is None


def test_a_gap_begins_a_new_trip() -> None:
    found = passages(
        [at(0, "south"), at(3599, "north"), at(7199, "south"), at(7300, "north")], CAMERAS, gap=GAP
    )
    assert [p.trip for p in found] == [1, 1, 2, 2]
    assert [p.travel_s for p in found] == [None, 3599, None, 101]
    assert found[2].distance_m is None


def test_a_moving_camera_tells_its_own_place() -> None:
    patrol = at(500, "patrol", lat=6.25, lon=-75.6)
    found = passages([at(0, "south"), patrol, at(800, "unknown")], CAMERAS, gap=GAP)
    assert [(p.lat, p.lon) for p in found] == [(6.15, -75.6), (6.25, -75.6), (None, None)]
    assert found[1].distance_m == pytest.approx(11_119.5, rel=1e-4)
    assert (found[2].travel_s, found[2].distance_m, found[2].speed_kmh) == (300, None, None)


def test_nothing_is_no_way() -> None:
    assert passages([], CAMERAS, gap=GAP) == ()


@given(
    st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from(["south", "north", "nowhere"])), max_size=30),
    st.randoms(use_true_random=False),
)
def test_every_read_is_in_one_passage_whatever_the_order(seen: list[tuple[int, str]], chance: Random) -> None:
    reads = [at(when, camera) for when, camera in dict(seen).items()]
    found = passages(reads, CAMERAS, gap=GAP)
    chance.shuffle(reads)
    assert passages(reads, CAMERAS, gap=GAP) == found
    assert sum(p.reads for p in found) == len(reads)
    assert all(p.first_at <= p.last_at for p in found)
    for before, after in pairwise(found):
        assert before.last_at < after.first_at
        between = after.first_at - before.last_at
        assert (after.trip == before.trip) == (between < GAP)
        assert after.travel_s == (between.total_seconds() if between < GAP else None)
