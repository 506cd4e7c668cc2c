"""How much of a frame to look at for plates. Pure.

Looking is what analysis costs, and it goes with the area. New plates are searched for everywhere, some four times a
second while something moves that no known vehicle explains, else once a second. In the frames between, only those
plates are looked at that are not read yet, each in its place; what has been lost waits for the next search.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.types import Box

_SEARCH_S: Final = 0.25  # between searches while something unknown moves; at 0.375 fast plates were missed
_REST_S: Final = 1.0  # and while nothing does
_FRESH_S: Final = 0.6  # a plate that was found longer ago than that may have left, and explains nothing
_EARLY_S: Final = 0.02  # frames do not come to the millisecond
_UNSURE: Final = 3.0  # plate widths: what may be farther than that from where it should be has no place
_JUST_S: Final = 0.2  # what was found so lately is worth a look at everything: that tells how it moves
_AROUND: Final = 0.7  # plate widths on each side beyond where a plate may be: what is cut is not seen
_SIDE: Final = 3.0  # plate widths from a plate to its vehicle's sides
_ABOVE: Final = 5.0  # plate widths up to its roof
_BELOW: Final = 2.0  # and down to its shadow
_EXPLAINED: Final = 0.85  # of what moves must lie within a known vehicle; another one beside it moves too


@dataclass(frozen=True, slots=True)
class Known:
    """A plate that is being followed.

    Attributes:
        box: where it should be now, px.
        reach_px: how far from there it may well be.
        rests: whether nothing is to be read of it now: its text is known for certain, or it is far too small yet.
        seen_at: capture time of the frame in which it was found last.
    """

    box: Box
    reach_px: float
    rests: bool
    seen_at: datetime


class Attention:
    """One camera's; asked about every frame, in order."""

    def __init__(self) -> None:
        self._searched_at: datetime | None = None

    def near(self, moving: Sequence[Box] | None, known: Iterable[Known], *, at: datetime) -> list[Box] | None:
        """Where to look.

        Args:
            moving: where something moves in this frame, px; None where nobody knows.
            known: the plates that are being followed.
            at: the frame's capture time.

        Returns:
            Boxes, none where this frame tells nothing new; None: everywhere.
        """
        plates = list(known)
        if moving is None or self._is_due(moving, plates, at):
            self._searched_at = at
            return None
        return [_around(p) for p in plates if not p.rests and _has_place(p, at)]

    def _is_due(self, moving: Sequence[Box], plates: Sequence[Known], at: datetime) -> bool:
        if self._searched_at is None:
            return True
        fresh = [p for p in plates if p.rests and (at - p.seen_at).total_seconds() <= _FRESH_S]
        vehicles = [_vehicle(p.box) for p in fresh]
        has_news = any(all(m.share_in(vehicle) < _EXPLAINED for vehicle in vehicles) for m in moving)
        return (at - self._searched_at).total_seconds() >= (_SEARCH_S if has_news else _REST_S) - _EARLY_S

    def turn(self) -> None:
        """The camera shows something else: look at everything next."""
        self._searched_at = None


def _has_place(plate: Known, at: datetime) -> bool:
    """Whether to look for it between searches.

    A plate that was missed may be farther away with every frame; to look for it everywhere is what a search is for.
    """
    return plate.reach_px <= _UNSURE * plate.box.width or (at - plate.seen_at).total_seconds() <= _JUST_S


def _around(plate: Known) -> Box:
    box, margin = plate.box, _AROUND * plate.box.width + plate.reach_px
    return Box(box.x - margin, box.y - margin, box.width + 2 * margin, box.height + 2 * margin)


def _vehicle(plate: Box) -> Box:
    """Where the vehicle is that bears this plate, generously."""
    x, y = plate.centre
    w = plate.width
    return Box(x - _SIDE * w, y - _ABOVE * w, 2 * _SIDE * w, (_ABOVE + _BELOW) * w)
