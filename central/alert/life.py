"""The life of an alert: what a person may do with it, and what must be said (pure).

    raised -> seen -> confirmed -> claimed -> dispatched -> closed
    and from each of the first four  -> rejected

Nothing is dispatched that a named person has not confirmed, by typing what the picture shows, and only by the one who
has claimed it. Reads go on to join an alert in any state; they decide nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from central.alert.log import Act, AlertEvent
from central.errors import AlertError
from central.types import EventKind


class State(StrEnum):
    """How far an alert has come; as the database has it."""

    RAISED = "raised"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CLAIMED = "claimed"
    DISPATCHED = "dispatched"
    CLOSED = "closed"
    MERGED = "merged"


class RejectedAs(StrEnum):
    """What was wrong with an alert."""

    MISREAD = "misread"
    WRONG_VEHICLE = "wrong-vehicle"
    STALE_ENTRY = "stale-entry"


class Outcome(StrEnum):
    """What came of an alert."""

    RECOVERED = "recovered"
    ARRESTED = "arrested"
    NOT_FOUND = "not-found"
    FALSE = "false"
    TEST = "test"


OVER: Final = (State.REJECTED, State.CLOSED, State.MERGED)
"""In these nobody can do anything with an alert any more."""

MOVES: Final[Mapping[EventKind, Mapping[State, State]]] = {
    EventKind.SEEN: {State.RAISED: State.SEEN},
    EventKind.CONFIRMED: dict.fromkeys((State.RAISED, State.SEEN), State.CONFIRMED),
    EventKind.REJECTED: dict.fromkeys(
        (State.RAISED, State.SEEN, State.CONFIRMED, State.CLAIMED), State.REJECTED
    ),
    EventKind.CLAIMED: {State.CONFIRMED: State.CLAIMED},
    EventKind.RELEASED: {State.CLAIMED: State.CONFIRMED},
    # Once more where another unit is sent instead.
    EventKind.DISPATCHED: dict.fromkeys((State.CLAIMED, State.DISPATCHED), State.DISPATCHED),
    EventKind.OUTCOME: dict.fromkeys((State.CLAIMED, State.DISPATCHED), State.CLOSED),
}
"""What a person may do in which state, and what comes of it."""

_DECISIVE: Final = frozenset({*MOVES, EventKind.MERGED, EventKind.NOTED})
"""What somebody who decides must have seen: what people did, and a better look."""

_MOST: Final = {"note": 500, "saw": 20, "unit_id": 63}
"""Characters that people may type."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a person does with an alert.

    Attributes:
        after: the number of the last event that this person has seen; None: whatever the last one is.
        saw: the plate that this person reads in the picture; compulsory to confirm.
        rejected_as: compulsory to reject.
        outcome: compulsory to close.
        unit_id: whom to send; compulsory to dispatch.
        note: in the person's own words; compulsory to release what somebody else has claimed.
    """

    kind: EventKind
    actor: str
    at: datetime
    after: int | None = None
    saw: str | None = None
    rejected_as: RejectedAs | None = None
    outcome: Outcome | None = None
    unit_id: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands when somebody does something with it.

    Attributes:
        plate: of its entry.
        has_picture: a picture of one of its reads is kept.
        events: all that happened to it, in order.
        against: what speaks against stopping anybody for it now (`central.alert.wanted`); empty: nothing does.
    """

    alert_id: int
    state: State
    plate: str
    claimed_by: str | None
    has_picture: bool
    events: Sequence[AlertEvent]
    merged_into: int | None = None
    against: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an alert.

    Attributes:
        values: columns of `alert`, the state among them.
    """

    act: Act
    values: Mapping[str, str | None] = field(default_factory=dict)


def decide(standing: Standing, step: Step) -> Change:
    """What a step makes of an alert.

    Raises:
        AlertError: it may not be done, or not so: who did what before, or what is missing; never a plate.
    """
    _check_looked(standing, step)
    after = MOVES[step.kind].get(standing.state)
    if after is None:
        raise AlertError(_told(standing))
    _check_wanted(standing, step)
    _CHECKS.get(step.kind, _need_nothing)(standing, step)
    _check_typed(step)
    values, detail = _consequences(step)
    if words := step.note.strip():
        detail["note"] = words
    return Change(Act(step.kind, step.at, step.actor, detail), {"state": str(after), **values})


def plain_plate(typed: str) -> str:
    """A plate as people type it, without what stands between its characters."""
    return "".join(c for c in typed.upper() if c.isalnum())


def _check_typed(step: Step) -> None:
    for name, most in _MOST.items():
        typed = getattr(step, name) or ""
        if len(typed) > most:
            raise AlertError(f"{name}: {len(typed)} characters, expected at most {most}")
        if not typed.isprintable():
            raise AlertError(f"{name}: holds characters that cannot be printed")


def _check_looked(standing: Standing, step: Step) -> None:
    """Of two who decide at once one wins; the other is told."""
    if step.after is None:
        return
    if step.after > max((event.number for event in standing.events), default=0):
        raise AlertError(f"alert #{standing.alert_id} has no event {step.after} yet")
    later = [e for e in standing.events if e.number > step.after and e.act.kind in _DECISIVE]
    if later:
        raise AlertError(
            f"alert #{standing.alert_id} has changed since event {step.after}: {_spoken(later[-1])}; look again"
        )


def _check_wanted(standing: Standing, step: Step) -> None:
    """Nobody is stopped for a vehicle that was found meanwhile, or after somebody was stopped without reason."""
    if standing.against and step.kind in (EventKind.CONFIRMED, EventKind.CLAIMED, EventKind.DISPATCHED):
        raise AlertError(f"alert #{standing.alert_id}: {standing.against}")


def _told(standing: Standing) -> str:
    """Why nothing comes of a step: what the alert is, and who made it so."""
    if standing.merged_into is not None:
        return f"alert #{standing.alert_id} is one with alert #{standing.merged_into}: go on with that one"
    done = [event for event in standing.events if event.act.kind in MOVES]
    by = f": {_spoken(done[-1])}" if done else ", and nobody has confirmed it"
    return f"alert #{standing.alert_id} is {standing.state}{by}"


def _spoken(event: AlertEvent) -> str:
    return f"{event.act.kind} by {event.act.actor} at {event.act.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _need_nothing(_standing: Standing, _step: Step) -> None:
    pass


def _need_what_was_read(standing: Standing, step: Step) -> None:
    if not standing.has_picture:
        raise AlertError(
            f"alert #{standing.alert_id}: no picture of it is kept, and an unreadable picture cannot be confirmed"
        )
    if step.saw is None:
        raise AlertError("to confirm an alert, say which plate you read in its picture (--saw)")
    if plain_plate(step.saw) != standing.plate:
        raise AlertError(
            f"alert #{standing.alert_id} is not confirmed: what you read is not the plate that is looked for. If "
            "the picture shows another plate, reject it as misread"
        )


def _need_a_fault(_standing: Standing, step: Step) -> None:
    if step.rejected_as is None:
        raise AlertError(f"to reject an alert, say why (--because): {', '.join(RejectedAs)}")


def _need_the_claimer_or_a_reason(standing: Standing, step: Step) -> None:
    if step.actor != standing.claimed_by and not step.note.strip():
        raise AlertError(
            f"alert #{standing.alert_id} is {standing.claimed_by}'s: say why you release it (--note)"
        )


def _need_the_claimer_and_a_unit(standing: Standing, step: Step) -> None:
    if step.actor != standing.claimed_by:
        raise AlertError(f"alert #{standing.alert_id} is {standing.claimed_by}'s: {_told(standing)}")
    if not step.unit_id:
        raise AlertError("to dispatch, say which unit is sent (--unit)")


def _need_an_outcome(_standing: Standing, step: Step) -> None:
    if step.outcome is None:
        raise AlertError(f"say what came of it: {', '.join(Outcome)}")


_CHECKS: Final = {
    EventKind.CONFIRMED: _need_what_was_read,
    EventKind.REJECTED: _need_a_fault,
    EventKind.RELEASED: _need_the_claimer_or_a_reason,
    EventKind.DISPATCHED: _need_the_claimer_and_a_unit,
    EventKind.OUTCOME: _need_an_outcome,
}


def _consequences(step: Step) -> tuple[dict[str, str | None], dict[str, object]]:
    """The columns of the alert that change, and what the event tells beside who and when.

    Of what was read only another plate is kept: what was confirmed is the entry's.
    """
    match step.kind:
        case EventKind.CLAIMED:
            return {"claimed_by": step.actor}, {}
        case EventKind.RELEASED:
            return {"claimed_by": None}, {}
        case EventKind.DISPATCHED:
            return {"unit_id": step.unit_id}, {"unit_id": step.unit_id}
        case EventKind.OUTCOME:
            return {"outcome": step.outcome}, {"outcome": step.outcome}
        case EventKind.REJECTED:
            saw = {"saw": plain_plate(step.saw)} if step.saw else {}
            return {"outcome": step.rejected_as}, {"as": step.rejected_as, **saw}
        case _:
            return {}, {}
