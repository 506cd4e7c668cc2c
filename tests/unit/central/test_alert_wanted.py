"""Which suppression holds an alert back: one that leaves no sighting of it."""

import pytest
from central_reads import NOON
from hypothesis import given
from hypothesis import strategies as st

from central.alert.wanted import SeenAs, Stay, held_back

PLATE, TAKEN_FOR_IT = "ABC123", "A8C123"
HERE, THERE = SeenAs("edge-1", "cam-1", PLATE), SeenAs("edge-1", "cam-2", PLATE)
NEIGHBOUR, GONE = SeenAs("edge-1", "cam-1", TAKEN_FOR_IT), SeenAs("edge-1", "cam-1", None)


def stay(
    plate: str = PLATE, camera_id: str | None = None, number: int = 1, edge_id: str | None = None
) -> Stay:
    return Stay(number, plate, edge_id, camera_id, NOON)


@pytest.mark.parametrize(
    ("sightings", "stays", "number"),
    [
        ([HERE, THERE], [], None),
        ([], [stay()], None),
        ([HERE, THERE], [stay()], 1),
        ([HERE, HERE], [stay(camera_id="cam-1")], 1),
        ([HERE, THERE], [stay(camera_id="cam-1")], None),
        ([HERE], [stay(camera_id="cam-1", edge_id="edge-1")], 1),
        ([HERE], [stay(camera_id="cam-1", edge_id="edge-2")], None),
        ([HERE, THERE], [stay(camera_id="cam-1"), stay(camera_id="cam-2", number=2)], 1),
        ([NEIGHBOUR], [stay()], 1),
        ([NEIGHBOUR], [stay(TAKEN_FOR_IT)], 1),
        ([HERE], [stay(TAKEN_FOR_IT)], None),
        ([NEIGHBOUR, HERE], [stay(TAKEN_FOR_IT)], None),
        ([GONE, NEIGHBOUR], [stay(TAKEN_FOR_IT)], 1),
        ([GONE, NEIGHBOUR, THERE], [stay(TAKEN_FOR_IT)], None),
    ],
)
def test_it_leaves_no_sighting(sightings: list[SeenAs], stays: list[Stay], number: int | None) -> None:
    found = held_back(sightings, stays, plate=PLATE)
    assert (found.number if found else None) == number


@given(
    sightings=st.lists(st.sampled_from([HERE, THERE, NEIGHBOUR, GONE]), min_size=1),
    stays=st.lists(st.builds(stay, st.just(TAKEN_FOR_IT), st.sampled_from([None, "cam-1", "cam-2"]))),
)
def test_one_of_the_entry_everywhere_always_holds_back(sightings: list[SeenAs], stays: list[Stay]) -> None:
    assert held_back(sightings, [*stays, stay()], plate=PLATE) is not None
