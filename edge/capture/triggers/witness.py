"""What one source beside the stream says of motion: told by its own thread, asked by the camera's."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

_REMEMBERED: Final = 64  # times of motion


class Witness:
    """One source's word. Safe from any thread; times are seconds since 1970, of this machine.

    Args:
        name: of the source, as health tells it.
        clock: now, UTC.
        lasts_s: how long a word holds; after that it is silent until it says something again.
    """

    def __init__(self, name: str, *, clock: Callable[[], datetime], lasts_s: float = float("inf")) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._lasts_s = lasts_s
        self._said_s = float("-inf")
        self._speaks = False
        self._fault = "not connected yet"
        self._alarms = 0
        self._since_s: float | None = None
        self._moved: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self.wanted = threading.Event()
        """Whether anybody would act on what it says; it may rest meanwhile."""
        self.wanted.set()

    def says(self, *, moves: bool) -> None:
        """Something moves now, or nothing does."""
        now_s = self._clock().timestamp()
        with self._lock:
            self._age(now_s)
            self._speaks, self._fault, self._said_s = True, "", now_s
            if moves and self._since_s is None:
                self._since_s = now_s
                self._alarms += 1
            elif not moves:
                self._end(now_s)

    def is_silent(self, why: str = "") -> None:
        """It cannot say anything now; `why` where that is a fault."""
        with self._lock:
            self._speaks, self._fault = False, why
            self._end(self._clock().timestamp())

    @property
    def speaks(self) -> bool:
        """Whether it would say so, did something move now."""
        with self._lock:
            self._age(self._clock().timestamp())
            return self._speaks

    @property
    def fault(self) -> str:
        """Why it is silent; empty where it is not, or rests."""
        with self._lock:
            self._age(self._clock().timestamp())
            return self._fault

    @property
    def moves(self) -> bool:
        """Whether it says that something moves now."""
        with self._lock:
            self._age(self._clock().timestamp())
            return self._since_s is not None

    @property
    def alarms(self) -> int:
        """How often something began to move."""
        with self._lock:
            return self._alarms

    def moved(self, *, since_s: float, until_s: float) -> bool:
        """Whether it said that something moved at any time between the two."""
        with self._lock:
            self._age(self._clock().timestamp())
            if self._since_s is not None and self._since_s <= until_s:
                return True
            return any(began_s <= until_s and ended_s >= since_s for began_s, ended_s in self._moved)

    def _age(self, now_s: float) -> None:
        """Where its last word holds no longer: what moved then has ended for all that it knows."""
        until_s = self._said_s + self._lasts_s
        if self._speaks and now_s > until_s:
            self._speaks, self._fault = False, f"it has said nothing for {self._lasts_s:g} s"
            self._end(until_s)

    def _end(self, now_s: float) -> None:
        if self._since_s is not None:
            self._moved.append((self._since_s, now_s))
            self._since_s = None
