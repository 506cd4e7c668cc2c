"""Where a frame is looked at: at what moves and is not known, and at everything now and then."""

from datetime import datetime

from fakes import at
from hypothesis import given
from hypothesis import strategies as st

from edge.attention import Attention, Known
from edge.types import Box

PLATE = Box(500, 600, 100, 50)
CAR = Box(300, 250, 500, 450)  # of that plate
OTHER = Box(1300, 300, 400, 400)


def known(box: Box = PLATE, *, rests: bool = True, seen_s: float = 10.0) -> Known:
    return Known(box, rests=rests, seen_at=at(seen_s))


def awake() -> Attention:
    """One that has looked at everything at second 10."""
    attention = Attention()
    assert attention.near([], [], at=at(10)) is None
    return attention


def test_the_first_frame_is_looked_at_whole_and_then_one_a_second() -> None:
    attention = Attention()
    whole = [n for n in range(41) if attention.near([], [], at=at(n / 10)) is None]
    assert whole == [0, 10, 20, 30, 40]


def test_where_nobody_knows_what_moves_every_frame_is_looked_at_whole() -> None:
    attention = awake()
    assert all(attention.near(None, [known()], at=at(10 + n / 10)) is None for n in range(5))


def test_where_the_camera_turned_to_is_looked_at_whole() -> None:
    attention = awake()
    attention.turn()
    assert attention.near([], [], at=at(10.1)) is None


def test_what_moves_and_is_unknown_is_looked_at() -> None:
    assert awake().near([OTHER], [], at=at(10.1)) == [OTHER]


def test_a_vehicle_whose_plate_is_known_is_left_alone_and_another_one_is_not() -> None:
    attention = awake()
    assert attention.near([CAR], [known()], at=at(10.1)) == []
    assert attention.near([CAR, OTHER], [known()], at=at(10.2)) == [OTHER]


def test_one_that_drives_so_close_to_it_that_both_move_as_one_is_looked_at() -> None:
    both = Box(CAR.x, CAR.y, CAR.width + 250, CAR.height)
    assert awake().near([both], [known()], at=at(10.1)) == [both]


def test_a_known_plate_is_looked_for_now_and_then_so_that_it_is_not_lost() -> None:
    (around,) = awake().near([CAR], [known(seen_s=9.7)], at=at(10.1)) or [None]
    assert around is not None
    assert PLATE.share_in(around) == 1
    assert around.width < CAR.width


def test_a_plate_that_is_not_known_yet_is_looked_at_in_every_frame() -> None:
    attention = awake()
    for n in range(1, 9):
        boxes = attention.near([], [known(rests=False, seen_s=10 + n / 10)], at=at(10 + n / 10))
        assert boxes is not None
        assert [PLATE.share_in(b) for b in boxes] == [1]


def boxes() -> st.SearchStrategy[Box]:
    sizes = st.floats(10, 900)
    return st.builds(Box, st.floats(0, 1800), st.floats(0, 1000), sizes, sizes)


@given(st.lists(boxes(), max_size=5), st.lists(st.tuples(boxes(), st.booleans()), max_size=5))
def test_nothing_that_moves_is_overlooked(moving: list[Box], plates: list[tuple[Box, bool]]) -> None:
    """Each moving thing is looked at, or lies within the vehicle of a plate that needs no look."""
    followed = [known(box, rests=rests) for box, rests in plates]
    when: datetime = at(10.1)
    looked = awake().near(moving, followed, at=when)
    assert looked is not None
    for thing in moving:
        if thing not in looked:
            assert any(thing.share_in(Box(b.x - 5 * b.width, b.y - 6 * b.width, 11 * b.width, 12 * b.width)) > 0.84
                       for b, rests in plates if rests)  # fmt: skip
    for box, rests in plates:
        assert rests or any(box.share_in(near) > 0.99 for near in looked)
