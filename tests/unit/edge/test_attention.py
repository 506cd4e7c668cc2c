"""How much of a frame is looked at: everything now and then, and what is not read yet always."""

from dataclasses import replace

from fakes import at
from hypothesis import given
from hypothesis import strategies as st

from edge.attention import Attention, Known
from edge.types import Box

PLATE = Box(500, 600, 100, 50)
CAR = Box(300, 250, 500, 450)  # of that plate
OTHER = Box(1300, 300, 400, 400)


def known(box: Box = PLATE, *, rests: bool = True, seen_s: float = 0.0) -> Known:
    return Known(box, reach_px=20.0, rests=rests, seen_at=at(seen_s))


def searches(moving: list[Box] | None, plates: list[Known], *, ages_s: float = 0.0) -> list[int]:
    """The frames of two seconds at 8 a second that are looked at whole; the plates were found so long before each."""
    attention = Attention()
    found = []
    for n in range(17):
        followed = [replace(p, seen_at=at(n / 8 - ages_s)) for p in plates]
        if attention.near(moving, followed, at=at(n / 8)) is None:
            found.append(n)
    return found


def test_while_something_unknown_moves_everything_is_searched_in_every_other_frame() -> None:
    assert searches([OTHER], []) == [0, 2, 4, 6, 8, 10, 12, 14, 16]


def test_while_nothing_moves_once_a_second() -> None:
    assert searches([], []) == [0, 8, 16]


def test_where_nobody_knows_what_moves_every_frame_is_looked_at_whole() -> None:
    assert searches(None, [known(rests=True)]) == list(range(17))


def test_a_vehicle_whose_plate_is_known_is_no_news_and_another_one_is() -> None:
    read = known(rests=True)
    assert searches([CAR], [read]) == [0, 8, 16]
    assert len(searches([CAR, OTHER], [read])) == 9


def test_a_vehicle_whose_plate_is_not_read_yet_does_not_hide_what_moves_beside_it() -> None:
    assert len(searches([CAR], [known(rests=False)])) == 9


def test_one_that_drives_so_close_to_a_known_one_that_both_move_as_one_is_news() -> None:
    both = Box(CAR.x, CAR.y, CAR.width + 250, CAR.height)
    assert len(searches([both], [known(rests=True)])) == 9


def test_a_known_plate_that_was_not_found_for_a_while_explains_nothing() -> None:
    assert len(searches([CAR], [known()], ages_s=0.5)) == 3
    assert len(searches([CAR], [known()], ages_s=0.7)) == 9


def test_a_lost_plate_that_may_be_anywhere_waits_for_the_next_search() -> None:
    attention = Attention()
    attention.near([OTHER], [], at=at(0.0))
    lost = replace(known(rests=False), reach_px=301.0, seen_at=at(0.0))
    assert attention.near([OTHER], [lost], at=at(0.21)) == []
    assert attention.near([OTHER], [lost], at=at(0.25)) is None


def test_a_lost_plate_that_cannot_be_far_is_looked_for_in_its_place() -> None:
    attention = Attention()
    attention.near([OTHER], [], at=at(0.0))
    lost = replace(known(rests=False), reach_px=300.0, seen_at=at(0.0))
    assert attention.near([OTHER], [lost], at=at(0.21)) == [Box(130.0, 230.0, 840.0, 790.0)]


def test_a_newcomer_is_looked_for_at_once_however_fast_it_may_be() -> None:
    attention = Attention()
    attention.near([OTHER], [], at=at(0.0))
    newcomer = replace(known(rests=False), reach_px=450.0, seen_at=at(0.0))
    assert attention.near([OTHER], [newcomer], at=at(0.125)) == [Box(-20.0, 80.0, 1140.0, 1090.0)]


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
    followed = [known(Box(x, y, w, w / 2), rests=rests) for x, y, w, rests in plates]
    attention = Attention()
    attention.near([], [], at=at(0))
    looked = attention.near([OTHER], followed, at=at(0.1))
    assert looked is not None
    unread = [k.box for k in followed if not k.rests]
    assert len(looked) == len(unread)
    assert all(box.share_in(around) > 0.999 for box, around in zip(unread, looked, strict=True))
