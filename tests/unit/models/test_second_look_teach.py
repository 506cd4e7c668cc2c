"""Which vehicle the teacher's boxes say bears a plate, and what is written where no plate is."""

from typing import Any

import numpy as np
import pytest

from edge.types import Box
from models.second_look.recipe import read_recipe
from models.second_look.teach import Seen, dumped, loaded, named
from models.second_look.written import notice, over

RULES: dict[str, Any] = read_recipe()["teacher"]
PLATE = Box(200, 300, 60, 15)
CAR = Box(100, 100, 300, 230)
BIG = Box(0, 0, 600, 450)
ELSEWHERE = Box(450, 100, 100, 100)


def seen(box: Box, *, car: float = 0.0, moto: float = 0.0, bus: float = 0.0, truck: float = 0.0) -> Seen:
    return Seen(box, (car, moto, bus, truck, 0.0, 0.0))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([[seen(CAR, car=0.9)]], "car"),
        ([[seen(CAR, moto=0.8), seen(ELSEWHERE, car=0.9)]], "motorcycle"),
        ([[seen(BIG, truck=0.9), seen(CAR, car=0.8)]], "car"),  # the smallest of which it is sure
        ([[seen(CAR, car=0.3)]], None),
        ([[seen(CAR, car=0.6, truck=0.5)]], None),
        ([[seen(ELSEWHERE, car=0.9)]], None),
        ([[]], None),
        ([[seen(CAR, car=0.9)], [seen(CAR, truck=0.9)]], None),
        ([[seen(CAR, car=0.9)], [seen(CAR, car=0.7)]], "car"),
        ([[], [seen(CAR, bus=0.7)]], "bus"),
        ([[Seen(CAR, (0.0, 0.6, 0.0, 0.0, 0.0, 0.7))]], None),  # a bicycle
    ],
)
def test_the_smallest_sure_box_around_the_plate_names_it(
    looks: list[list[Seen]], expected: str | None
) -> None:
    assert named(looks, PLATE, RULES) == expected


def test_a_plate_that_hangs_a_little_below_its_vehicle_is_borne_by_it() -> None:
    assert seen(Box(100, 100, 300, 205), car=0.9).bears(PLATE)
    assert not seen(Box(100, 100, 300, 150), car=0.9).bears(PLATE)


def test_what_was_seen_survives_writing() -> None:
    rows = [seen(CAR, car=0.9), seen(BIG, bus=0.2)]
    assert loaded(dumped(rows)) == rows


def test_a_panel_never_bears_what_could_be_a_plate() -> None:
    rng = np.random.default_rng(9)
    notices = [notice(rng) for _ in range(2000)]
    panels = [n for n in notices if n.panel]
    assert len(panels) > 200
    assert all(len(n.lines) > 2 or max(map(len, n.lines)) >= 9 for n in panels)


def test_notices_are_written_beside_plates_never_over_them() -> None:
    rng = np.random.default_rng(11)
    bgr = rng.integers(90, 110, (480, 640, 3), np.uint8)
    before = bgr.copy()
    made = list(over(bgr, [PLATE], rng, 60))
    assert len(made) > 30
    assert (bgr == before).all()
    for picture, box in made:
        changed = np.abs(picture.astype(int) - bgr).max(axis=2) > 20
        rows, columns = np.nonzero(changed)
        assert not changed[300:315, 200:260].any()
        assert len(rows)
        inside = (columns >= box.x - 1) & (columns <= box.x + box.width + 1)
        assert inside.any()
        assert (rows >= box.y - 1).all()
        assert (rows <= box.y + box.height + 1).all()
