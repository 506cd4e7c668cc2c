"""The pace of work that nobody waits for: half of the time it rests."""

from collections.abc import Callable
from typing import Final

from central.types import Wait

_STEP_S: Final = 2.0
"""A rest is slept in steps of so long, and looks in between whether it is to end."""
_MOST_OWED_S: Final = 60.0
"""A rest that ends early is owed; no more than so much."""


class Pace:
    """Rests as long as it worked, whatever that was: all is work between two rests. One thread's."""

    def __init__(self, wait: Wait, monotonic: Callable[[], float]) -> None:
        """Begin to work.

        Args:
            wait: sleeps, and says when it is time to stop.
            monotonic: seconds.
        """
        self._wait: Final = wait
        self._monotonic: Final = monotonic
        self._owed_s, self._awake_s = 0.0, monotonic()

    def rest(self, least_s: float = 0.0, *, until: Callable[[], bool]) -> bool:
        """Rest as long as was worked, or longer; whether it is time to stop.

        Args:
            least_s: so long at least.
            until: ends it early. What was not rested then is owed, and beyond a minute of that nothing ends it early:
                so half of any long time is rested, however often it is woken.
        """
        self._owed_s += self._monotonic() - self._awake_s
        left_s = max(least_s, self._owed_s)
        try:
            while left_s > 0:
                step_s = min(left_s, _STEP_S)
                if self._wait(step_s):
                    return True
                left_s -= step_s
                self._owed_s = max(0.0, self._owed_s - step_s)
                if self._owed_s <= _MOST_OWED_S and until():
                    return False
        finally:
            self._awake_s = self._monotonic()
        return False
