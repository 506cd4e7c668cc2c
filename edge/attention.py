"""Where in a frame it is worth looking for plates: where something moves that is not known yet. Pure.

Looking is what analysis costs. A vehicle whose plate is known for certain needs no more of it; it is only followed, so
that what moves there goes on being explained by it. What is known nowhere stands still, and is found by a look at
everything now and then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.types import Box

_WHOLE_S: Final = 1.0  # between looks at everything
_FOLLOW_S: Final = 0.35  # between looks at a plate that is known
_AROUND: Final = 1.5  # plate widths on each side in which a plate is looked for again
_SIDE: Final = 3.0  # plate widths from a plate to its vehicle's sides
_ABOVE: Final = 5.0  # plate widths up to its roof
_BELOW: Final = 2.0  # and down to its shadow
_EXPLAINED: Final = 0.85  # of what moves must lie within a known vehicle; another one beside it moves too


@dataclass(frozen=True, slots=True)
class Known:
    """A plate that is being followed.

    Attributes:
        box: where it should be now, px.
        rests: whether nothing is to be read of it now: its text is known for certain, or it is far too small yet.
        seen_at: capture time of the frame in which it was found last.
    """

    box: Box
    rests: bool
    seen_at: datetime


class Attention:
    """One camera's; asked about every frame, in order."""

    def __init__(self) -> None:
        self._whole_at: datetime | None = None

    def near(self, moving: Sequence[Box] | None, known: Iterable[Known], *, at: datetime) -> list[Box] | None:
        """Where to look.

        Args:
            moving: where something moves in this frame, px; None where nobody knows.
            known: the plates that are being followed.
            at: the frame's capture time.

        Returns:
            Boxes, none where this frame tells nothing new; None: everywhere.
        """
        if moving is None or self._whole_at is None or (at - self._whole_at).total_seconds() >= _WHOLE_S:
            self._whole_at = at
            return None
        plates = list(known)
        due = [p for p in plates if not p.rests or (at - p.seen_at).total_seconds() >= _FOLLOW_S]
        vehicles = [_vehicle(p.box) for p in plates if p.rests]
        news = [m for m in moving if all(m.share_in(vehicle) < _EXPLAINED for vehicle in vehicles)]
        return [*(_around(p.box) for p in due), *news]

    def turn(self) -> None:
        """The camera shows something else: look at everything next."""
        self._whole_at = None


def _around(plate: Box) -> Box:
    margin = _AROUND * plate.width
    return Box(plate.x - margin, plate.y - margin, plate.width + 2 * margin, plate.height + 2 * margin)


def _vehicle(plate: Box) -> Box:
    """Where the vehicle is that bears this plate, generously."""
    x, y = plate.centre
    w = plate.width
    return Box(x - _SIDE * w, y - _ABOVE * w, 2 * _SIDE * w, (_ABOVE + _BELOW) * w)
