"""Which alert a hit belongs to, whatever the order in which hits come."""

from dataclasses import replace
from datetime import timedelta

import pytest
from central_reads import NOON
from hypothesis import given
from hypothesis import strategies as st

from central.alert.life import OVER, Outcome, RejectedAs, State
from central.alert.vehicle import Choice, Known, choose, is_confirmed, told_of_before

DAY_PART = timedelta(hours=12)
NEVER = timedelta(0)
OPEN = [state for state in State if state not in OVER]


def known(alert_id: int, state: State = State.RAISED, *, passage: bool = False, begins_h: float = 0) -> Known:
    """Seen for an hour."""
    first = NOON + timedelta(hours=begins_h)
    return Known(alert_id, state, "cam-1", first, first + timedelta(hours=1), passage=1 if passage else None)


def chosen(at_h: float, *alerts: Known, within: timedelta = DAY_PART) -> Choice | None:
    return choose(NOON + timedelta(hours=at_h), alerts, within=within)


def joined(at_h: float, *alerts: Known, within: timedelta = DAY_PART) -> tuple[int, ...]:
    """The alert that a hit joins, then those that it takes in."""
    choice = chosen(at_h, *alerts, within=within)
    return () if choice is None else (choice.joins.alert_id, *(each.alert_id for each in choice.takes_in))


def beside(at_h: float, *alerts: Known) -> tuple[int, ...]:
    """The alert that a hit joins, then those that stay beside it."""
    choice = chosen(at_h, *alerts)
    return () if choice is None else (choice.joins.alert_id, *(each.alert_id for each in choice.beside))


@pytest.mark.parametrize(
    ("at_h", "joins"), [(-12.001, ()), (-12, (1,)), (0.5, (1,)), (13, (1,)), (13.001, ())]
)
@pytest.mark.parametrize("state", OPEN)
def test_an_open_alert_takes_what_is_seen_elsewhere_shortly_before_or_after(
    state: State, at_h: float, joins: tuple[int, ...]
) -> None:
    assert joined(at_h, known(1, state)) == joins


@pytest.mark.parametrize("state", [State.REJECTED, State.CLOSED])
def test_an_alert_that_is_over_takes_its_own_passage_alone(state: State) -> None:
    assert joined(0.5, known(1, state)) == ()
    assert joined(0.5, known(1, state, passage=True)) == (1,)
    # And what else is open has nothing to do with that passage.
    assert joined(0.5, known(1, state, passage=True), known(2)) == (1,)
    assert joined(0.5, known(1, state), known(2)) == (2,)


def test_an_open_alert_of_the_passage_goes_before_one_that_is_over() -> None:
    assert joined(0.5, known(1, State.REJECTED, passage=True), known(2, passage=True)) == (2,)
    two = (known(1, State.CLOSED, passage=True), known(2, State.REJECTED, passage=True))
    assert joined(0.5, *two) == (2,)


def test_a_hit_between_two_alerts_makes_them_one() -> None:
    assert joined(11, known(1), known(2, begins_h=20)) == (1, 2)
    assert joined(11, known(1), known(2, begins_h=24)) == (1,)


def test_the_one_with_which_people_have_come_furthest_stays() -> None:
    three = (known(1), known(2, State.DISPATCHED), known(3, State.CONFIRMED))
    assert joined(0.5, *three) == (2, 3, 1)


@pytest.mark.parametrize("state", [State.CLAIMED, State.DISPATCHED])
def test_an_alert_that_somebody_has_claimed_goes_into_no_other(state: State) -> None:
    """Its unit would be free, and whoever was told of it would never hear how it ended."""
    three = (known(1, State.DISPATCHED), known(2, state), known(3, State.CONFIRMED))
    assert joined(0.5, *three) == (1, 3)
    assert beside(0.5, *three) == (1, 2)


def test_of_two_that_are_claimed_the_hit_is_of_the_one_whose_passage_it_is() -> None:
    two = (known(1, State.DISPATCHED), known(2, State.CLAIMED, passage=True))
    assert beside(0.5, *two) == (2, 1)
    # A passage of one that nobody has claimed goes with the whole alert.
    assert joined(0.5, known(1, State.DISPATCHED), known(2, State.SEEN, passage=True)) == (1, 2)


def test_a_passage_is_new_where_none_of_its_alerts_has_it() -> None:
    def is_new(*alerts: Known) -> bool:
        choice = chosen(0.5, *alerts)
        assert choice is not None
        return choice.is_new_passage

    assert is_new(known(1))
    assert is_new(known(1), known(2))
    assert not is_new(known(1, passage=True))
    assert not is_new(known(1), known(2, passage=True)), "it comes with the one that is taken in"


def test_a_sighting_is_confirmed_that_was_there_when_somebody_confirmed() -> None:
    assert is_confirmed(1, None) is None
    assert [is_confirmed(number, 4) for number in (0, 1, 4, 5)] == [True, True, True, False]


@pytest.mark.parametrize("confirmation", [None, 1, 4])
def test_what_a_better_look_refuted_is_confirmed_by_nobody(confirmation: int | None) -> None:
    assert is_confirmed(1, confirmation, refuted=True) is False


@pytest.mark.parametrize("state", list(State))
def test_what_looks_alike_beside_an_exact_read_is_new_but_to_what_is_over(state: State) -> None:
    exact = replace(known(1, state, passage=True), is_other=True)
    choice = chosen(0.5, exact)
    assert choice is not None
    assert choice.is_new_passage is (state not in OVER)
    both = Choice(exact, takes_in=(known(2, passage=True),))
    assert not both.is_new_passage


def test_without_a_time_each_passage_is_an_alert() -> None:
    assert joined(0.5, known(1), within=NEVER) == ()
    assert joined(0.5, known(1, passage=True), within=NEVER) == (1,)


@given(
    st.lists(
        st.builds(
            known,
            st.integers(1, 9),
            st.sampled_from([state for state in State if state is not State.MERGED]),
            passage=st.booleans(),
            begins_h=st.integers(-30, 30),
        ),
        max_size=5,
        unique_by=lambda each: each.alert_id,
    ),
    st.integers(-30, 30),
)
def test_whatever_is_known(alerts: list[Known], at_h: int) -> None:
    choice = choose(NOON + timedelta(hours=at_h), alerts, within=DAY_PART)
    if choice is None:
        assert not any(each.in_passage for each in alerts)
        return
    assert choice == choose(NOON + timedelta(hours=at_h), alerts[::-1], within=DAY_PART)
    assert all(each.state not in OVER for each in choice.takes_in)
    assert not choice.takes_in or choice.joins.state not in OVER
    assert not {State.CLAIMED, State.DISPATCHED} & {each.state for each in choice.takes_in}
    assert {each.state for each in choice.beside} <= {State.CLAIMED, State.DISPATCHED}
    if any(each.in_passage for each in alerts) and choice.joins.state in OVER:
        assert all(each.state in OVER for each in alerts if each.in_passage)


@pytest.mark.parametrize("outcome", [*RejectedAs, *Outcome])
def test_a_new_alert_says_what_came_of_the_one_before(outcome: str) -> None:
    state = State.REJECTED if outcome in {str(each) for each in RejectedAs} else State.CLOSED
    english, spanish = told_of_before(7, state, outcome)
    assert english.startswith("The alert before, #7, was ")
    assert spanish.startswith("La alerta anterior, #7, se ")
    assert ("rejected" in english, "rechazó" in spanish) == (state is State.REJECTED,) * 2
    assert ("closed" in english, "cerró" in spanish) == (state is State.CLOSED,) * 2
    assert outcome.replace("-", " ") in english
