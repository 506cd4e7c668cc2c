"""Which alert a hit belongs to: one for each vehicle while somebody is at it, with a trail that grows (pure).

A hit of the same passage (the same camera, close enough in time) belongs to the alert of that passage, whatever became
of it: what was rejected is not raised again by its own next frame. A hit at any other time or camera joins an alert of
its entry that is open and was seen shortly before or after; where there is none, a new one is raised. Messages come in
any order, so a hit may lie before an alert's sightings as well as after them, and may prove that two alerts are one.
Where somebody has claimed both, or is under way to both, they stay apart: a unit that was sent must not lose its alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from central.alert.life import OVER, State
from central.alert.rules import Said

_PROGRESS: Final = (State.RAISED, State.SEEN, State.CONFIRMED, State.CLAIMED, State.DISPATCHED)
_TAKEN: Final = (State.CLAIMED, State.DISPATCHED)
"""Somebody's: taken into no other alert."""

_ENDS: Final = {
    "misread": ("mala lectura", "misread"),
    "wrong-vehicle": ("otro vehículo", "wrong vehicle"),
    "stale-entry": ("entrada desactualizada", "stale entry"),
    "recovered": ("recuperado", "recovered"),
    "arrested": ("captura", "arrested"),
    "not-found": ("no encontrado", "not found"),
    "false": ("falsa", "false"),
    "test": ("prueba", "test"),
}
"""What came of an alert, in Spanish and English."""


@dataclass(frozen=True, slots=True)
class Known:
    """An alert of the entry that was hit.

    Attributes:
        camera_id: of its first sighting.
        first_at, last_at: capture times of its first and last sighting, at any camera.
        passage: the number of the event with which the hit's own passage came into its trail; None: it is not there.
        is_other: that passage was read as exactly the plate, and the hit is of one that looks alike: it may be the next
            vehicle's.
    """

    alert_id: int
    state: State
    camera_id: str
    first_at: datetime
    last_at: datetime
    passage: int | None
    is_other: bool = False

    @property
    def in_passage(self) -> bool:
        """Whether one of its sightings is of the same passage as the hit."""
        return self.passage is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a hit goes.

    Attributes:
        takes_in: alerts that this hit proves to be the same vehicle's: they go into the one that it joins.
        beside: such alerts that stay, for somebody has claimed them.
    """

    joins: Known
    takes_in: tuple[Known, ...] = ()
    beside: tuple[Known, ...] = ()

    @property
    def is_new_passage(self) -> bool:
        """Whether nobody who looked at these alerts can have seen the passage of the hit."""
        return not any(_covers(each) for each in (self.joins, *self.takes_in))


def choose(at: datetime, known: Sequence[Known], *, within: timedelta) -> Choice | None:
    """The alert that a hit joins; None: it raises one.

    Of several the one with which people have come furthest stays, and of these the first raised; but of those that
    somebody has claimed the one whose passage it is.

    Args:
        at: when the hit was captured.
        known: the alerts of its entry that no other has taken in.
        within: how long before or after its sightings an open alert takes a hit of another passage; zero: never.
    """
    passage = [each for each in known if each.in_passage]
    if passage and all(each.state in OVER for each in passage):
        return Choice(max(passage, key=lambda each: each.alert_id))
    open_ones = [each for each in known if each.state not in OVER and _takes(each, at, within)]
    if not open_ones:
        return None
    first, *others = sorted(open_ones, key=_turn)
    return Choice(
        first,
        takes_in=tuple(each for each in others if each.state not in _TAKEN),
        beside=tuple(each for each in others if each.state in _TAKEN),
    )


def is_confirmed(number: int, confirmation: int | None, *, refuted: bool = False) -> bool | None:
    """Whether a sighting was there to be compared when somebody confirmed its alert; None: nobody has.

    Args:
        number: of the event with which its passage came into the trail.
        confirmation: of the event that confirmed the alert.
        refuted: a better look has spoken against it, whatever somebody saw before.
    """
    if refuted:
        return False
    return None if confirmation is None else number <= confirmation


def told_of_before(alert_id: int, state: State, outcome: str) -> Said:
    """What a new alert says of the one before it."""
    spanish, english = _ENDS[outcome]
    did = {State.REJECTED: ("se rechazó", "was rejected")}.get(state, ("se cerró", "was closed"))
    return (
        f"The alert before, #{alert_id}, {did[1]} as: {english}.",
        f"La alerta anterior, #{alert_id}, {did[0]} como: {spanish}.",
    )


def _covers(each: Known) -> bool:
    """Whether who looked at it has seen the passage of the hit; to one that is over, no passage of its own is new."""
    return each.in_passage and (not each.is_other or each.state in OVER)


def _turn(each: Known) -> tuple[bool, int, int]:
    is_its_own = each.in_passage and each.state in _TAKEN
    return not is_its_own, -_PROGRESS.index(each.state), each.alert_id


def _takes(each: Known, at: datetime, within: timedelta) -> bool:
    if each.in_passage:
        return True
    return bool(within) and each.first_at - within <= at <= each.last_at + within
