"""Which frames of a turning camera may be read, and as whose: what the tour's thread knows, for the camera's thread.

A frame belongs to the moment it was taken at, not to the moment it is looked at, so what the tour says is kept for a
while. And the tour asks the device a few times a second, while a frame shows at once that an operator turns the
camera: where the picture turns, frames are held back until the device was asked again and says that it stands.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from edge.capture.gate import Luma
from edge.capture.ptz.stillness import Stillness
from edge.types import Position

_CALM: Final = timedelta(seconds=1)
_STALE: Final = timedelta(seconds=2)  # a picture so old says nothing of now
_APART_S: Final = 0.1  # between two looks: a turn takes longer


class Reading(Enum):
    """Whether frames may be read."""

    NO = "no"
    STILL = "while the picture stands still"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Stand:
    """How the camera stands, from a moment on.

    Attributes:
        preset, position: known only where frames may be read for certain.
        stay: set by `Aim`.
    """

    since: datetime
    reading: Reading
    preset: str | None = None
    position: Position | None = None
    stay: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What a frame shows; the fields are those of `edge.types.Frame`."""

    preset: str | None
    position: Position | None
    stay: int


class Aim:
    """One camera's. The tour's thread says, the camera's thread looks.

    Args:
        doubt: called from the camera's thread where the picture turns and the device should be asked at once.
    """

    def __init__(self, *, doubt: Callable[[], None] = lambda: None) -> None:
        self._doubt = doubt
        self._lock = threading.Lock()
        self._stands: deque[Stand] = deque(maxlen=64)
        self._stay = 0
        self._confirmed: datetime | None = None
        self._stillness = Stillness()
        self._looked_s = float("-inf")
        self._looked_at: datetime | None = None
        self._turning = False
        self._turned_at: datetime | None = None  # when the picture was last seen to turn
        self._doubtful: datetime | None = None  # since when, unless the device has been asked after it

    @property
    def is_reading(self) -> bool:
        """Whether frames of now may be read at all."""
        with self._lock:
            return bool(self._stands) and self._stands[-1].reading is not Reading.NO

    def stands(self, stand: Stand) -> None:
        """The tour says how the camera stands from now on."""
        with self._lock:
            if self._stands and stand.since < self._stands[-1].since:
                self._stands.clear()  # this machine's clock was set back
            if stand.reading is not Reading.NO:
                self._stay += 1
            self._stands.append(replace(stand, stay=self._stay))
            self._confirmed = stand.since

    def confirmed(self, at: datetime) -> None:
        """The device, asked at this moment, says that the camera stands as it stood."""
        with self._lock:
            self._confirmed = at

    def still_s(self, now: datetime) -> float | None:
        """How long the picture has stood still; 0 while it turns; None where there is none."""
        with self._lock:
            if self._looked_at is None or now - self._looked_at > _STALE:
                return None
            if self._turning:
                return 0.0
            since = self._turned_at
        return 3600.0 if since is None else max(0.001, (now - since).total_seconds())

    def look(self, luma: Luma, *, at: datetime) -> View | None:
        """What a frame taken at this moment shows; None: it may not be read."""
        at_s = at.timestamp()
        if at_s < self._looked_s:  # this machine's clock was set back: what was seen lies in the future
            self._stillness, self._looked_s = Stillness(), float("-inf")
            with self._lock:
                self._turned_at = self._doubtful = self._confirmed = None
        if at_s - self._looked_s >= _APART_S:
            self._looked_s = at_s
            self._turning = self._stillness.turns(luma, at_s=at_s)
        with self._lock:
            self._looked_at = at
            self._note_turn(at)
            stand = self._stand_at(at)
            doubtful = self._doubtful is not None
        if stand is None or stand.reading is Reading.NO:
            return None
        if stand.reading is Reading.YES and doubtful:
            self._doubt()
            return None
        if stand.reading is Reading.STILL and self._turned_at is not None and at - self._turned_at < _CALM:
            return None
        return View(stand.preset, stand.position, stand.stay)

    def _note_turn(self, at: datetime) -> None:
        began = self._turning and (self._turned_at is None or at - self._turned_at > _CALM)
        if self._turning:
            self._turned_at = at
        if began:
            self._doubtful = at
            if self._stands and self._stands[-1].reading is Reading.STILL:  # it will look elsewhere
                self._stay += 1
                self._stands[-1] = replace(self._stands[-1], stay=self._stay)
        if self._doubtful is not None and self._confirmed is not None and self._confirmed > self._doubtful:
            self._doubtful = None

    def _stand_at(self, at: datetime) -> Stand | None:
        return next((stand for stand in reversed(self._stands) if stand.since <= at), None)
