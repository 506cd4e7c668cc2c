"""How likely a read must be a listed plate to raise an alert: what a list's budget of false alerts allows (pure).

Every read is a little likely to be many strings. How often one is wrongly held to be a given listed plate, and how
often a listed plate is held less likely than a limit, was measured once (`python -m central bench match --calibrate`,
on pictures and seeds that no figure is reported from): the curve in curve.json beside this file. From it follows, for
a list's length, the reads of a day and the false alerts that somebody is ready to look at, the lowest limit that keeps
to them, and what it costs: the listed vehicles that pass unnoticed.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from central.sections import MatchSettings

GRID: Final = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65,
               0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)  # fmt: skip
"""Limits that are tried."""

LEAST: Final = 0.1
"""However short the list, who looks at an alert shall find the listed plate more than one time in ten."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What limits cost.

    Attributes:
        limits: likelihoods, ascending.
        false: of each, probability that one read is wrongly held at least so likely to be one given listed plate.
        missed: of each, share of the passages of listed vehicles whose plate is held less likely.
    """

    limits: tuple[float, ...]
    false: tuple[float, ...]
    missed: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a list is matched by.

    Attributes:
        least: likelihood from which on a read raises an alert.
        false_a_day: false alerts that are to be expected of it.
        missed: share of the passages of listed vehicles that raise none.
        is_kept: whether the budget is kept; where it is not, even the surest reads err too often.
    """

    least: float
    false_a_day: float
    missed: float
    is_kept: bool


def limit(curve: Curve, *, entries: int, reads_a_day: float, false_a_day: float) -> Limit:
    """The lowest limit that keeps to a budget; the highest, if none does.

    Args:
        curve: as measured.
        entries: of the list.
        reads_a_day: of all cameras.
        false_a_day: the budget.
    """
    first = bisect_left(curve.limits, LEAST)
    expected = [share * reads_a_day * entries for share in curve.false]
    last = len(curve.limits) - 1
    place = next((n for n in range(first, last) if expected[n] <= false_a_day), last)
    return Limit(curve.limits[place], expected[place], curve.missed[place], expected[place] <= false_a_day)


def limit_of_list(entries: int, budget: MatchSettings, allowed: float | None) -> Limit:
    """What a list of so many entries is matched by, with the shipped reader.

    Args:
        entries: of the list.
        budget: reads a day, and the false alerts of a day that a list may raise which says nothing itself.
        allowed: false alerts of a day that the list itself allows; None: it says nothing.
    """
    false_a_day = budget.false_a_day if allowed is None else allowed
    return limit(shipped(), entries=entries, reads_a_day=budget.reads_a_day, false_a_day=false_a_day)


@cache
def shipped() -> Curve:
    """The curve of the shipped reader."""
    return from_json(json.loads((files("central") / "hotlist" / "curve.json").read_text(encoding="utf-8")))


def from_json(told: Mapping[str, Any]) -> Curve:
    """A curve from what `as_json` gave."""
    return Curve(tuple(told["limits"]), tuple(told["false"]), tuple(told["missed"]))


def as_json(curve: Curve) -> dict[str, Any]:
    """Plain values, rounded to what was measured."""
    return {
        "limits": list(curve.limits),
        "false": [float(f"{share:.3g}") for share in curve.false],
        "missed": [round(share, 5) for share in curve.missed],
    }
