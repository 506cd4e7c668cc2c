"""What may be done with an alert in which state, and what must be said."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from central_reads import NOON

from central.alert.life import MOVES, OVER, Change, Outcome, RejectedAs, Standing, State, Step, decide
from central.alert.log import Act, AlertEvent
from central.errors import AlertError
from central.types import EventKind

PLATE = "ABC012"
SAID: Mapping[EventKind, Mapping[str, object]] = {
    EventKind.CONFIRMED: {"saw": PLATE},
    EventKind.REJECTED: {"rejected_as": RejectedAs.MISREAD},
    EventKind.DISPATCHED: {"unit_id": "moto-7"},
    EventKind.OUTCOME: {"outcome": Outcome.RECOVERED},
}
"""What each step needs to be taken."""


def standing(state: State, *kinds: EventKind, **more: object) -> Standing:
    """An alert of that state, to which ana did these things, a second apart."""
    acts = [Act(EventKind.RAISED, NOON)]
    acts += [Act(kind, NOON + timedelta(seconds=at), "ana") for at, kind in enumerate(kinds, start=1)]
    fields: dict[str, object] = {
        "claimed_by": "ana" if state in {State.CLAIMED, State.DISPATCHED} else None,
        "has_picture": True,
        "events": [AlertEvent(at, 5, at, act) for at, act in enumerate(acts, start=1)],
        **more,
    }
    return Standing(5, state, PLATE, **fields)  # type: ignore[arg-type]


def step(kind: EventKind, actor: str = "ana", **said: object) -> Step:
    return Step(kind, actor, NOON, **{**SAID.get(kind, {}), **said})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", MOVES)
@pytest.mark.parametrize("state", State)
def test_the_table_is_what_may_be_done(state: State, kind: EventKind) -> None:
    if state in MOVES[kind]:
        change = decide(standing(state), step(kind))
        assert change.values["state"] == MOVES[kind][state]
        assert (change.act.kind, change.act.actor, change.act.at) == (kind, "ana", NOON)
    else:
        with pytest.raises(AlertError, match=f"alert #5 is {state}, and nobody has confirmed it"):
            decide(standing(state), step(kind))


def test_nothing_leads_on_from_an_end() -> None:
    assert {state for moves in MOVES.values() for state in moves}.isdisjoint(OVER)
    assert {State.DISPATCHED} == {
        before for kind in MOVES for before, after in MOVES[kind].items() if before is after
    }


@pytest.mark.parametrize("typed", ["ABC012", "abc-012", " Abc 012 ", "ABC·012"])
def test_who_confirms_types_what_the_picture_shows(typed: str) -> None:
    change = decide(standing(State.SEEN), step(EventKind.CONFIRMED, saw=typed))
    assert change == Change(Act(EventKind.CONFIRMED, NOON, "ana"), {"state": "confirmed"})


@pytest.mark.parametrize("typed", ["ABCO12", "ABC01", "ABC0122", "", "???"])
def test_another_plate_confirms_nothing_and_is_not_repeated(typed: str) -> None:
    with pytest.raises(AlertError, match="reject it as misread") as told:
        decide(standing(State.SEEN), step(EventKind.CONFIRMED, saw=typed))
    assert PLATE not in str(told.value)
    assert not typed.strip("?") or typed not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        (EventKind.CONFIRMED, {"saw": None}, "say which plate you read"),
        (EventKind.REJECTED, {"rejected_as": None}, "misread, wrong-vehicle, stale-entry"),
        (EventKind.DISPATCHED, {"unit_id": None}, "which unit"),
        (EventKind.OUTCOME, {"outcome": None}, "recovered, arrested, not-found, false, test"),
        (EventKind.SEEN, {"note": "x" * 501}, "note: 501 characters, expected at most 500"),
        (EventKind.SEEN, {"note": "a\x1b[2J"}, "note: holds characters that cannot be printed"),
        (EventKind.REJECTED, {"saw": "A" * 21}, "saw: 21 characters"),
        (EventKind.DISPATCHED, {"unit_id": "u" * 64}, "unit_id: 64 characters"),
    ],
)
def test_what_must_be_said_is_asked_for(kind: EventKind, said: dict[str, object], words: str) -> None:
    with pytest.raises(AlertError, match=words):
        decide(standing(next(iter(MOVES[kind]))), step(kind, **said))


def test_without_a_picture_nothing_is_confirmed() -> None:
    with pytest.raises(AlertError, match="an unreadable picture cannot be confirmed"):
        decide(standing(State.SEEN, has_picture=False), step(EventKind.CONFIRMED))
    assert decide(standing(State.SEEN, has_picture=False), step(EventKind.REJECTED))


def test_only_who_has_claimed_it_dispatches() -> None:
    claimed = standing(State.CLAIMED, EventKind.CONFIRMED, EventKind.CLAIMED)
    with pytest.raises(AlertError, match="alert #5 is ana's: .*claimed by ana at 2025-03-04 12:00:02 UTC"):
        decide(claimed, step(EventKind.DISPATCHED, "luis"))
    sent = decide(claimed, step(EventKind.DISPATCHED))
    assert sent.values == {"state": "dispatched", "unit_id": "moto-7"}
    assert sent.act.detail == {"unit_id": "moto-7"}
    instead = decide(standing(State.DISPATCHED), step(EventKind.DISPATCHED, unit_id="moto-8"))
    assert instead.values["unit_id"] == "moto-8"


def test_who_releases_what_another_has_claimed_says_why() -> None:
    claimed = standing(State.CLAIMED)
    for note in ("", "  "):
        with pytest.raises(AlertError, match="is ana's: say why"):
            decide(claimed, step(EventKind.RELEASED, "luis", note=note))
    freed = decide(claimed, step(EventKind.RELEASED, "luis", note=" her shift is over "))
    assert freed.values == {"state": "confirmed", "claimed_by": None}
    assert freed.act.detail == {"note": "her shift is over"}
    assert decide(claimed, step(EventKind.RELEASED)).act.detail == {}


def test_what_was_wrong_and_what_came_of_it_are_kept() -> None:
    rejected = decide(standing(State.CONFIRMED), step(EventKind.REJECTED, saw="abc-o12", note="an O"))
    assert rejected.values == {"state": "rejected", "outcome": "misread"}
    assert rejected.act.detail == {"as": "misread", "saw": "ABCO12", "note": "an O"}
    closed = decide(standing(State.DISPATCHED), step(EventKind.OUTCOME, "luis", outcome=Outcome.FALSE))
    assert closed.values == {"state": "closed", "outcome": "false"}


def test_the_second_of_two_is_told_who_was_first_and_when() -> None:
    taken = standing(State.CLAIMED, EventKind.CONFIRMED, EventKind.CLAIMED)
    with pytest.raises(AlertError, match="alert #5 is claimed: claimed by ana at 2025-03-04 12:00:02 UTC"):
        decide(taken, step(EventKind.CLAIMED, "luis"))
    with pytest.raises(AlertError, match="changed since event 2: claimed by ana at .*; look again"):
        decide(taken, step(EventKind.REJECTED, "luis", after=2))
    assert decide(taken, step(EventKind.REJECTED, "luis", after=3))


def test_one_more_read_does_not_disturb_who_decides_but_a_better_look_does() -> None:
    seen = standing(State.SEEN, EventKind.SEEN, EventKind.JOINED, EventKind.JOINED)
    assert decide(seen, step(EventKind.CONFIRMED, after=2))
    with pytest.raises(AlertError, match="changed since event 2: noted"):
        decide(standing(State.SEEN, EventKind.SEEN, EventKind.NOTED), step(EventKind.CONFIRMED, after=2))
    with pytest.raises(AlertError, match="no event 9 yet"):
        decide(seen, step(EventKind.CONFIRMED, after=9))


def test_one_that_was_taken_in_names_the_other() -> None:
    with pytest.raises(AlertError, match="alert #5 is one with alert #3: go on with that one"):
        decide(standing(State.MERGED, merged_into=3), step(EventKind.SEEN))


@pytest.mark.parametrize("kind", [EventKind.CONFIRMED, EventKind.CLAIMED, EventKind.DISPATCHED])
def test_nobody_is_sent_where_something_speaks_against_it(kind: EventKind) -> None:
    state = next(iter(MOVES[kind]))
    assert decide(standing(state), step(kind))
    with pytest.raises(AlertError, match="alert #5: its entry is deleted"):
        decide(standing(state, against="its entry is deleted"), step(kind))


@pytest.mark.parametrize("kind", [EventKind.SEEN, EventKind.REJECTED, EventKind.RELEASED, EventKind.OUTCOME])
def test_but_its_alert_can_be_brought_to_an_end(kind: EventKind) -> None:
    assert decide(standing(next(iter(MOVES[kind])), against="its entry is deleted"), step(kind))
