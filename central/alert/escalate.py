"""Alerts that nobody sees, or that nobody confirms, in time: the rule (pure), and who carries it out.

Who carries it out tells those who are under way, too, that a vehicle is looked for no longer by now.

Waiting is measured by a clock that nobody sets: when the wall clock is put right, forwards or backwards, nothing is
escalated for it. Only how long an alert had waited before this centre began is told by the times in the database.
An alert that was escalated as often as it may be begins anew when its vehicle comes by once more (central.alert.trail).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, RowMapping, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from central.alert.life import State
from central.alert.log import Act, note
from central.alert.wanted import tell_under_way
from central.db import Clock, alert, alert_event, reading, to_us
from central.sections import AlertSettings
from central.types import EventKind

MOST: Final = 3
"""So often an alert is escalated in each state."""

LOOK_S: Final = 2.0
"""So often the alerts are looked at."""

_OLD: Final = timedelta(days=1)
"""Who waited longer before this centre began, before it had this rule maybe, is no emergency any more."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an alert of priority 1 may wait; one of priority 5 waits five times as long.

    Attributes:
        unseen_s: until somebody has seen it.
        unconfirmed_s: then, until somebody has confirmed or rejected it.
    """

    unseen_s: float
    unconfirmed_s: float

    def level(self, state: State, priority: int, *, waited_s: float) -> int:
        """How often an alert should have been escalated by now: after its time, twice and four times that."""
        once_s = {State.RAISED: self.unseen_s, State.SEEN: self.unconfirmed_s}.get(state)
        if once_s is None:
            return 0
        return sum(waited_s >= once_s * priority * 2**level for level in range(MOST))


def escalate(settings: AlertSettings, engine: Engine, wait: Callable[[float], bool], clock: Clock) -> None:
    """Escalate what waits too long until `wait` says that it is over; a thread's whole life."""
    patience = Patience(settings.unseen_s, settings.unconfirmed_s)
    Escalator(engine, patience, clock=clock, elapsed_s=time.monotonic).run(wait)


class Escalator:
    """Escalates what waits too long; one thread's."""

    def __init__(
        self, engine: Engine, patience: Patience, *, clock: Clock, elapsed_s: Callable[[], float]
    ) -> None:
        """Prepare.

        Args:
            engine: the database.
            patience: the rule.
            clock: now, UTC-aware; for what is written.
            elapsed_s: seconds of a clock that nobody sets; for what is measured.
        """
        self._engine: Final = engine
        self._patience: Final = patience
        self._clock: Final = clock
        self._elapsed_s: Final = elapsed_s
        self._since: dict[tuple[int, str], float] = {}  # by alert and state, of `elapsed_s`
        self._first: int | None = None  # the oldest alert that is looked at

    def run(self, wait: Callable[[float], bool]) -> None:
        """Look at the alerts every `LOOK_S` until `wait` says that it is over."""
        while not wait(LOOK_S):
            try:
                self.look()
                tell_under_way(self._engine, self._clock())
            except SQLAlchemyError as error:
                _log.error("alerts cannot be looked at now", fault=type(error).__name__)

    def look(self) -> int:
        """Escalate what is due; how many."""
        is_first = self._first is None
        with reading(self._engine) as connection:
            first = self._oldest(connection) if self._first is None else self._first
            rows = _waiting(connection, first)
        self._first = first
        now_us, elapsed_s = to_us(self._clock()), self._elapsed_s()
        ages_s = [max(0.0, (now_us - row["since_us"]) / 1e6) if is_first else 0.0 for row in rows]
        keys = [(row["alert_id"], row["state"]) for row in rows]
        self._since = {
            key: self._since.get(key, elapsed_s - age_s) for key, age_s in zip(keys, ages_s, strict=True)
        }
        return sum(
            self._escalate_if_due(row, elapsed_s - self._since[key])
            for row, key in zip(rows, keys, strict=True)
        )

    def _oldest(self, connection: Connection) -> int:
        young = alert.c.raised_us >= to_us(self._clock() - _OLD)
        last = func.coalesce(func.max(alert.c.alert_id), 0) + 1
        first = select(func.coalesce(func.min(alert.c.alert_id).filter(young), last))
        return int(connection.execute(first).scalar_one())

    def _escalate_if_due(self, row: RowMapping, waited_s: float) -> bool:
        level = self._patience.level(State(row["state"]), row["priority"], waited_s=waited_s)
        if level <= row["escalation"] or not self._escalate(row, level, waited_s):
            return False
        if level == MOST:  # should it begin anew, it waits from then on
            del self._since[row["alert_id"], row["state"]]
        return True

    def _escalate(self, row: Mapping[str, object] | RowMapping, level: int, waited_s: float) -> bool:
        """Whether it was us: another centre may be at it, and somebody may have seen it just now."""
        due = (
            alert.c.alert_id == row["alert_id"],
            alert.c.state == row["state"],
            alert.c.escalation < level,
        )
        told = {"level": level, "state": row["state"], "waited_s": round(waited_s)}
        alert_id = int(str(row["alert_id"]))
        with self._engine.begin() as connection:
            if connection.execute(update(alert).where(*due).values(escalation=level)).rowcount == 0:
                return False
            note(connection, alert_id, Act(EventKind.ESCALATED, self._clock(), detail=told))
        _log.warning("an alert waits", alert_id=alert_id, level=level, state=row["state"])
        return True


def _waiting(connection: Connection, first: int) -> list[RowMapping]:
    """The alerts that wait, from this number on, and since when by the times in the database.

    What was noted since begins the time anew here: whether the alert began anew by it is not told.
    """
    its = alert_event.c.alert_id == alert.c.alert_id
    began = alert_event.c.kind.in_((EventKind.RAISED, EventKind.SEEN, EventKind.NOTED))
    since = select(func.max(alert_event.c.at_us)).where(its, began).scalar_subquery()
    query = select(
        alert.c.alert_id,
        alert.c.state,
        alert.c.priority,
        alert.c.escalation,
        func.coalesce(since, alert.c.raised_us).label("since_us"),
    ).where(
        alert.c.state.in_((State.RAISED, State.SEEN)),
        alert.c.escalation < MOST,
        alert.c.alert_id >= first,
    )
    return list(connection.execute(query).mappings())
