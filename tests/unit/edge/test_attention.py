"""How much of a frame is looked at: everything now and then, and what is not read yet always."""

from fakes import at
from hypothesis import given
from hypothesis import strategies as st

from edge.attention import Attention, Known
from edge.types import Box

PLATE = Box(500, 600, 100, 50)
CAR = Box(300, 250, 500, 450)  # of that plate
OTHER = Box(1300, 300, 400, 400)


def searches(moving: list[Box] | None, known: list[Known]) -> list[int]:
    """The frames of two seconds at 8 a second that are looked at whole."""
    attention = Attention()
    return [n for n in range(17) if attention.near(moving, known, at=at(n / 8)) is None]


def test_while_something_unknown_moves_everything_is_searched_four_times_a_second() -> None:
    assert searches([OTHER], []) == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_while_nothing_moves_once_a_second() -> None:
    assert searches([], []) == [0, 8, 16]


def test_where_nobody_knows_what_moves_every_frame_is_looked_at_whole() -> None:
    assert searches(None, [Known(PLATE, rests=True)]) == list(range(17))


def test_a_vehicle_whose_plate_is_known_is_no_news_and_another_one_is() -> None:
    read = Known(PLATE, rests=True)
    assert searches([CAR], [read]) == [0, 8, 16]
    assert len(searches([CAR, OTHER], [read])) == 9


def test_a_vehicle_whose_plate_is_not_read_yet_does_not_hide_what_moves_beside_it() -> None:
    assert len(searches([CAR], [Known(PLATE, rests=False)])) == 9


def test_one_that_drives_so_close_to_a_known_one_that_both_move_as_one_is_news() -> None:
    both = Box(CAR.x, CAR.y, CAR.width + 250, CAR.height)
    assert len(searches([both], [Known(PLATE, rests=True)])) == 9


def test_where_the_camera_turned_to_is_looked_at_whole() -> None:
    attention = Attention()
    assert attention.near([], [], at=at(0)) is None
    assert attention.near([], [], at=at(0.1)) == []
    attention.turn()
    assert attention.near([], [], at=at(0.2)) is None


@given(
    st.lists(st.tuples(st.floats(0, 1800), st.floats(0, 1000), st.floats(10, 400), st.booleans()), max_size=6)
)
def test_between_searches_each_plate_that_is_not_read_yet_is_looked_at_and_no_other(
    plates: list[tuple[float, float, float, bool]],
) -> None:
    known = [Known(Box(x, y, w, w / 2), rests=rests) for x, y, w, rests in plates]
    attention = Attention()
    attention.near([], [], at=at(0))
    looked = attention.near([OTHER], known, at=at(0.1))
    assert looked is not None
    unread = [k.box for k in known if not k.rests]
    assert len(looked) == len(unread)
    assert all(box.share_in(around) > 0.999 for box, around in zip(unread, looked, strict=True))
