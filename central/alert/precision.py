"""How often alerts were right, as people have judged them (pure)."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from central.alert.life import Outcome, RejectedAs, State

_Z: Final = 1.959964  # of 95 %, two-sided
_CONFIRMED: Final = (State.CONFIRMED, State.CLAIMED, State.DISPATCHED)
_FOUND: Final = (Outcome.RECOVERED, Outcome.ARRESTED, Outcome.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Judged:
    """Alerts of one kind: how many, and what people found.

    Attributes:
        state, outcome: as the database has them.
    """

    of: str
    state: str
    outcome: str | None
    alerts: int


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the alerts of a list, or of a camera.

    Attributes:
        of: the list or the camera.
        judged: alerts that people have confirmed or rejected, or closed; tests are not among them.
        right: confirmed, and not closed as false.
        waiting: not judged yet.
        precision: right of judged; None where nothing is judged.
        low, high: its 95 % interval (Wilson).
    """

    of: str
    judged: int
    right: int
    misread: int
    wrong_vehicle: int
    stale_entry: int
    false: int
    waiting: int
    precision: float | None
    low: float
    high: float


def precisions(rows: Iterable[Judged]) -> list[Precision]:
    """Each list's or camera's, in the order of their names."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.of, Counter())[_kind(row)] += row.alerts
    return [_precision(of, counts[of]) for of in sorted(counts)]


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share; 0 to 1 where nothing was counted."""
    if of == 0:
        return 0.0, 1.0
    share, square = right / of, _Z * _Z
    middle = share + square / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    whole = 1 + square / of
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)


def _kind(row: Judged) -> str:
    state, outcome = State(row.state), row.outcome
    if state in _CONFIRMED or (state is State.CLOSED and outcome in _FOUND):
        return "right"
    if state in {State.REJECTED, State.CLOSED} and outcome in {*RejectedAs, Outcome.FALSE}:
        return str(outcome)
    return "waiting" if state in {State.RAISED, State.SEEN} else "passed over"


def _precision(of: str, counts: Counter[str]) -> Precision:
    right = counts["right"]
    wrong = {kind: counts[kind] for kind in (*RejectedAs, Outcome.FALSE)}
    judged = right + sum(wrong.values())
    low, high = wilson(right, judged)
    return Precision(
        of=of,
        judged=judged,
        right=right,
        misread=wrong[RejectedAs.MISREAD],
        wrong_vehicle=wrong[RejectedAs.WRONG_VEHICLE],
        stale_entry=wrong[RejectedAs.STALE_ENTRY],
        false=wrong[Outcome.FALSE],
        waiting=counts["waiting"],
        precision=right / judged if judged else None,
        low=low,
        high=high,
    )
