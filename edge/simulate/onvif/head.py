"""A pan-tilt-zoom head that takes its time, as motors do."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from edge.types import Position

_PAN_TILT: Final = (-1.0, 1.0)
_ZOOM: Final = (0.0, 1.0)
HOME: Final = Position(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Journey:
    """From one position to another, evenly, within so many seconds; none at all where the two are the same."""

    start: Position
    end: Position
    takes_s: float

    @classmethod
    def between(cls, start: Position, end: Position, *, takes_s: float) -> Self:
        """A journey that takes so long, where there is any way to go."""
        return cls(start, end, 0.0 if start == end else takes_s)

    def at(self, elapsed_s: float) -> Position:
        """Where it has come to."""
        if elapsed_s >= self.takes_s:
            return self.end
        done = elapsed_s / self.takes_s
        return Position(
            _between(self.start.pan, self.end.pan, done),
            _between(self.start.tilt, self.end.tilt, done),
            _between(self.start.zoom or 0.0, self.end.zoom or 0.0, done),
        )


class Head:
    """Where a camera looks, in ONVIF's generic spaces: pan and tilt -1..1, zoom 0..1. Safe from any thread.

    Args:
        travel_s: every journey to a position takes this long.
        now: seconds from anywhere, ascending.
    """

    def __init__(self, *, travel_s: float = 2.0, now: Callable[[], float] = time.monotonic) -> None:
        self.travel_s = travel_s
        self._now = now
        self._lock = threading.Lock()
        self._newest = (Journey(HOME, HOME, 0.0), now())  # and when it began

    @property
    def position(self) -> Position:
        """Where it looks now."""
        journey, began_s = self._newest
        return journey.at(self._now() - began_s)

    @property
    def is_moving(self) -> bool:
        """Whether it is on its way."""
        return self.journey[1] is not None

    @property
    def journey(self) -> tuple[Journey, float | None]:
        """Its newest journey, and since how many seconds it is on it; None: it has arrived."""
        journey, began_s = self._newest
        elapsed_s = self._now() - began_s
        return journey, elapsed_s if elapsed_s < journey.takes_s else None

    def go(self, target: Position) -> None:
        """Set out for a position; returns at once, as GotoPreset and AbsoluteMove do."""
        self._set_out(_within(target), self.travel_s)

    def drift(self, pan: float, tilt: float, zoom: float, *, for_s: float = 10.0) -> None:
        """Move with these speeds (range a second) until `stop`, or so many seconds."""
        start = self.position
        end = Position(start.pan + pan * for_s, start.tilt + tilt * for_s, (start.zoom or 0.0) + zoom * for_s)
        self._set_out(_within(end), for_s)

    def stop(self) -> None:
        """Halt where it is."""
        with self._lock:
            here = self.position
            self._newest = (Journey(here, here, 0.0), self._now())

    def _set_out(self, end: Position, takes_s: float) -> None:
        with self._lock:
            self._newest = (Journey.between(self.position, end, takes_s=takes_s), self._now())


def _between(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


def _within(position: Position) -> Position:
    def clamp(value: float, limits: tuple[float, float]) -> float:
        return min(max(value, limits[0]), limits[1])

    return Position(
        clamp(position.pan, _PAN_TILT), clamp(position.tilt, _PAN_TILT), clamp(position.zoom or 0.0, _ZOOM)
    )
