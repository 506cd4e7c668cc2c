"""Whether a camera's timestamps can be believed.

Some cameras stamp their pictures with the rate that they were set to, not with the one that they reach (25 told,
12.5 sent: their time runs half as fast as ours), some stamp them twice as far apart, some not at all. Nothing is to
be learnt from such stamps, so where they lie, a picture's time is that of its arrival.

A stream that is read late, in bursts, or after a stall runs fast and slow by turns; a liar is constant. And a box
that cannot keep up with its camera, for which time would seem to run slowly too, never waits for a packet.
"""

import statistics
from collections import deque
from typing import Final

_SETTLE_S: Final = 1.0  # what was sent at once at the beginning tells nothing
_WINDOW_S: Final = 4.0
_GROSS: Final = (0.8, 1.25)  # two windows in a row beyond these that agree
_ALIKE: Final = 0.15
_FINE: Final = (0.96, 1.04)  # mean and median of a minute: the capture clock follows no more than that
_WINDOWS: Final = 15
_WAITING: Final = 0.2
_EQUAL: Final = 25  # pictures in a row with one stamp


class Timekeeper:
    """One connection's; told of every packet that bears a time, in order."""

    def __init__(self) -> None:
        self._begun_s: float | None = None
        self._from: tuple[float, float, float] = (
            0.0,
            0.0,
            0.0,
        )  # stamp, our time, waited: where this window began
        self._rates: deque[float] = deque(maxlen=_WINDOWS)
        self._newest_s: float | None = None
        self._equal = 0
        self.rate: float | None = None

    @property
    def is_lying(self) -> bool:
        """Whether its time is of no use; once so, always so. `rate` says by how much it runs faster than ours."""
        return self.rate is not None

    def note(self, media_s: float, *, read_s: float, waited_s: float) -> bool:
        """A packet.

        Args:
            media_s: its presentation time, seconds from anywhere.
            read_s: when it was read, seconds from anywhere.
            waited_s: how long packets have been waited for in all.

        Returns:
            Whether this one gave the lie away.
        """
        if self.is_lying:
            return False
        self._equal = self._equal + 1 if media_s == self._newest_s else 0
        self._newest_s = media_s
        if self._equal >= _EQUAL:
            self.rate = 0.0
            return True
        if self._begun_s is None:
            self._begun_s = read_s
        if read_s - self._begun_s < _SETTLE_S:
            self._from = (media_s, read_s, waited_s)
            return False
        began_media_s, began_s, began_waited_s = self._from
        run_s = read_s - began_s
        if run_s < _WINDOW_S:
            return False
        self._from = (media_s, read_s, waited_s)
        if waited_s - began_waited_s < _WAITING * run_s:
            self._rates.clear()
            return False
        self._rates.append((media_s - began_media_s) / run_s)
        self.rate = self._judged()
        return self.is_lying

    def _judged(self) -> float | None:
        """The rate at which the camera's time runs, where that is surely not that of ours."""
        rates = tuple(self._rates)
        last = rates[-2:]
        if len(last) == 2 and min(last) >= 0 and max(last) - min(last) < _ALIKE * max(last):
            gross = sum(last) / 2
            if not _GROSS[0] <= gross <= _GROSS[1]:
                return gross
        if len(rates) < _WINDOWS:
            return None
        mean, median = statistics.fmean(rates), statistics.median(rates)
        if max(mean, median) < _FINE[0] or min(mean, median) > _FINE[1]:
            return mean
        return None
