"""A pan-tilt-zoom head that takes its time, as motors do."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.types import Position

_PAN_TILT: Final = (-1.0, 1.0)
_ZOOM: Final = (0.0, 1.0)
HOME: Final = Position(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Journey:
    """From one position to another, evenly, between two moments (seconds)."""

    start: Position
    end: Position
    began_s: float
    ends_s: float

    def at(self, now_s: float) -> Position:
        if now_s >= self.ends_s:
            return self.end
        done = (now_s - self.began_s) / (self.ends_s - self.began_s)
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
        began_s = now()
        self._journey = _Journey(HOME, HOME, began_s, began_s)

    @property
    def position(self) -> Position:
        """Where it looks now."""
        return self._journey.at(self._now())

    @property
    def is_moving(self) -> bool:
        """Whether it is on its way."""
        return self._now() < self._journey.ends_s

    def go(self, target: Position) -> None:
        """Set out for a position; returns at once, as GotoPreset and AbsoluteMove do."""
        self._set_out(_within(target), self.travel_s)

    def drift(self, pan: float, tilt: float, zoom: float, *, for_s: float = 10.0) -> None:
        """Move with these speeds (range a second) until `stop`, or so many seconds."""
        with self._lock:
            start = self._journey.at(self._now())
        end = Position(start.pan + pan * for_s, start.tilt + tilt * for_s, (start.zoom or 0.0) + zoom * for_s)
        self._set_out(_within(end), for_s)

    def stop(self) -> None:
        """Halt where it is."""
        with self._lock:
            now_s = self._now()
            here = self._journey.at(now_s)
            self._journey = _Journey(here, here, now_s, now_s)

    def _set_out(self, end: Position, takes_s: float) -> None:
        with self._lock:
            now_s = self._now()
            start = self._journey.at(now_s)
            self._journey = _Journey(start, end, now_s, now_s if start == end else now_s + takes_s)


def _between(start: float, end: float, done: float) -> float:
    return start + (end - start) * done


def _within(position: Position) -> Position:
    def clamp(value: float, limits: tuple[float, float]) -> float:
        return min(max(value, limits[0]), limits[1])

    return Position(
        clamp(position.pan, _PAN_TILT), clamp(position.tilt, _PAN_TILT), clamp(position.zoom or 0.0, _ZOOM)
    )
