"""When was this frame taken? A stream's own timestamps, tied to our clock by the packets that came soonest.

A packet comes late (encoder, network, a full buffer), never early. So our time of its arrival less its media
time is the true difference of the two clocks plus a delay, and the least of it over some seconds is the
difference plus the least delay: jitter and bursts do not show. What remains, the camera's own least delay
(some 50 to 300 ms), is unknown here and is not taken off. Two clocks drift, so the window moves on.

The difference that is used follows the one that was found slowly: capture times always ascend, and run between
half and 1.05 times as fast as the camera's own. Only a clock that is set forward by more than half a minute is
followed at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

_BUCKET_S = 5.0  # the least is taken over this bucket and the one before
_LEAP_S = 5.0  # media time that leaps ahead of our clock by more was set anew, or our clock was set back
_SET_S = 30.0  # packets that all come later by more than any backlog: our clock was set forward
_BACK_S = 1.0  # media time that goes back by more was set anew
_FALL = 0.5  # seconds a second of media time
_RISE = 0.05
_STEP = timedelta(milliseconds=1)


class ClockSetBackError(Exception):
    """Our clock was set back while the stream ran: capture times cannot go on ascending and be true."""


class CaptureClock:
    """One connection's mapping from media time (seconds from anywhere) to UTC.

    Args:
        clock: the UTC time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._origin = clock()
        self._least: tuple[float, float] | None = None  # this bucket's and the one's before
        self._bucket_s = 0.0
        self._arrival: tuple[float, float] | None = None  # media time and our time of the newest packet
        self._offset_s: float | None = None
        self._media_s = 0.0
        self._step_s = 0.0
        self._captured: datetime | None = None

    def arrived(self, media_s: float, *, at: datetime) -> None:
        """A packet with this presentation time came at `at`."""
        at_s = (at - self._origin).total_seconds()
        difference_s = at_s - media_s
        if self._least is None or self._was_set(media_s, at_s):
            self._least = (difference_s, difference_s)
            self._bucket_s = at_s
            self._offset_s = difference_s
            self._media_s = media_s
        elif at_s - self._bucket_s >= _BUCKET_S:
            self._least = (difference_s, self._least[0])
            self._bucket_s = at_s
        else:
            self._least = (min(self._least[0], difference_s), self._least[1])
        self._arrival = (media_s, at_s)

    def estimate(self, media_s: float) -> datetime:
        """When what has this presentation time was taken, as well as is known now; asks in any order, changes nothing.

        What `captured` says follows this slowly, so that its times ascend.
        """
        if self._least is None:
            return self._clock()
        return self._origin + timedelta(seconds=media_s + min(self._least))

    def captured(self, media_s: float | None) -> datetime:
        """When a frame was taken; frames are asked for in order.

        Args:
            media_s: its presentation time; None (libav gives the first frame none, and the first one after
                a pause) stands for one step after the frame before, or for "now" where there was none.

        Raises:
            ClockSetBackError: our clock was set back by more than 5 s.
        """
        if self._least is None or self._offset_s is None or (media_s is None and self._captured is None):
            return self._ascending(self._clock())
        if media_s is None:
            media_s = self._media_s + self._step_s
        run_s = max(0.0, media_s - self._media_s)
        self._step_s = run_s or self._step_s
        error_s = min(self._least) - self._offset_s
        # A box without a clock of its own starts in 1970 and is set by the network: no gentle way leads from there.
        leaps = error_s > _SET_S
        self._offset_s += error_s if leaps else min(max(error_s, -_FALL * run_s), _RISE * run_s)
        self._media_s = max(self._media_s, media_s)
        return self._ascending(self._origin + timedelta(seconds=media_s + self._offset_s))

    def _was_set(self, media_s: float, at_s: float) -> bool:
        if self._arrival is None:
            return False
        media_run_s, our_run_s = media_s - self._arrival[0], at_s - self._arrival[1]
        return media_run_s < -_BACK_S or media_run_s - our_run_s > _LEAP_S

    def _ascending(self, at: datetime) -> datetime:
        if self._captured is not None:
            if at < self._captured - timedelta(seconds=_LEAP_S):
                raise ClockSetBackError
            at = max(at, self._captured + _STEP)
        self._captured = at
        return at
