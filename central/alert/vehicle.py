"""Which alert a hit belongs to: one for each vehicle while somebody is at it, with a trail that grows (pure).

A hit of the same passage (the same camera, close enough in time) belongs to the alert of that passage, whatever became
of it: what was rejected is not raised again by its own next frame. A hit at any other time or camera joins an alert of
its entry that is open and was seen shortly before or after; where there is none, a new one is raised. Messages come in
any order, so a hit may lie before an alert's sightings as well as after them, and may prove that two alerts are one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from central.alert.life import OVER, State
from central.alert.rules import Said

_PROGRESS: Final = (State.RAISED, State.SEEN, State.CONFIRMED, State.CLAIMED, State.DISPATCHED)

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
        in_passage: one of its sightings is of the same passage as the hit.
    """

    alert_id: int
    state: State
    camera_id: str
    first_at: datetime
    last_at: datetime
    in_passage: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a hit goes.

    Attributes:
        takes_in: alerts that this hit proves to be the same vehicle's: they go into the one that it joins.
    """

    joins: Known
    takes_in: tuple[Known, ...] = ()


def choose(at: datetime, known: Sequence[Known], *, within: timedelta) -> Choice | None:
    """The alert that a hit joins; None: it raises one.

    Of several the one with which people have come furthest stays, and of these the first raised.

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
    first, *others = sorted(open_ones, key=lambda each: (-_PROGRESS.index(each.state), each.alert_id))
    return Choice(first, tuple(others))


def told_of_before(alert_id: int, state: State, outcome: str) -> Said:
    """What a new alert says of the one before it."""
    spanish, english = _ENDS[outcome]
    did = {State.REJECTED: ("se rechazó", "was rejected")}.get(state, ("se cerró", "was closed"))
    return (
        f"The alert before, #{alert_id}, {did[1]} as: {english}.",
        f"La alerta anterior, #{alert_id}, {did[0]} como: {spanish}.",
    )


def _takes(each: Known, at: datetime, within: timedelta) -> bool:
    if each.in_passage:
        return True
    return bool(within) and each.first_at - within <= at <= each.last_at + within
