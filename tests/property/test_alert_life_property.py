"""However people and reads come at an alert: nothing is dispatched unconfirmed, and the log alone tells the state."""

from datetime import timedelta

from central_reads import NOON
from hypothesis import given
from hypothesis import strategies as st

from central.alert.life import MOVES, OVER, Outcome, RejectedAs, Standing, State, Step, decide
from central.alert.log import Act, AlertEvent
from central.errors import AlertError
from central.types import EventKind

PLATE = "ABC012"
PEOPLE = st.sampled_from(["ana", "luis", "eva"])
STEPS = st.builds(
    Step,
    kind=st.sampled_from(list(MOVES)),
    actor=PEOPLE,
    at=st.just(NOON),
    after=st.none() | st.integers(0, 12),
    saw=st.sampled_from([None, PLATE, "abc 012", "ABCO12"]),
    rejected_as=st.none() | st.sampled_from(RejectedAs),
    outcome=st.none() | st.sampled_from(Outcome),
    unit_id=st.none() | st.just("moto-7"),
    note=st.sampled_from(["", "why"]),
)
READS = st.sampled_from([EventKind.JOINED, EventKind.NOTED, EventKind.ESCALATED])


def told(events: list[AlertEvent]) -> State:
    """The state as the log tells it."""
    state = State.RAISED
    for event in events:
        state = MOVES.get(event.act.kind, {}).get(state, state)
    return state


@given(st.lists(STEPS | READS, max_size=30), st.booleans())
def test_whatever_is_tried(tries: list[Step | EventKind], has_picture: bool) -> None:
    values: dict[str, str | None] = {"state": "raised", "claimed_by": None}
    events = [AlertEvent(1, 5, 1, Act(EventKind.RAISED, NOON))]
    refused: list[str] = []
    for at, tried in enumerate(tries, start=1):
        state = State(str(values["state"]))
        if isinstance(tried, EventKind):
            act = Act(tried, NOON + timedelta(seconds=at))
        else:
            now = Standing(5, state, PLATE, values["claimed_by"], has_picture, tuple(events))
            try:
                change = decide(now, tried)
            except AlertError as error:
                refused.append(str(error))
                continue
            assert state not in OVER
            act = change.act
            values |= change.values
        events.append(AlertEvent(len(events) + 1, 5, len(events) + 1, act))
        assert told(events) == values["state"]
    assert PLATE not in "".join(refused)
    _check([event.act for event in events], values, has_picture=has_picture)


def _check(acts: list[Act], values: dict[str, str | None], *, has_picture: bool) -> None:
    kinds = [act.kind for act in acts]
    assert has_picture or EventKind.CONFIRMED not in kinds
    for at, act in enumerate(acts):
        if act.kind is EventKind.DISPATCHED:
            assert EventKind.CONFIRMED in kinds[:at]
            claims = [a for a in acts[:at] if a.kind in {EventKind.CLAIMED, EventKind.RELEASED}]
            assert claims[-1].kind is EventKind.CLAIMED
            assert claims[-1].actor == act.actor
    ends = [kind for kind in kinds if kind in {EventKind.REJECTED, EventKind.OUTCOME}]
    assert len(ends) == (values["state"] in OVER)
    assert (values.get("outcome") is not None) == bool(ends)
