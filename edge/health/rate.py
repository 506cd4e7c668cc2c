"""How many plates a camera reads, against its own past.

A hundredth of a street's usual reads at three in the morning is a quiet night; at nine it is a spider on the lens. So
reads are counted in stretches of five minutes, and compared with the same hour of the week where that was seen in two
weeks, else with the same hour of the day where that was seen on two days, else with the last two hours. The less is
known, the fewer reads are few: Sundays are quiet, and a street may fall asleep within an hour.

Hours are of UTC: where clocks are put forward in spring, the week is learnt anew within some weeks.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

STRETCH: Final = timedelta(minutes=5)
HOURS: Final = 168
"""Of a week, from Monday 00:00 UTC."""

_WHOLE: Final = 0.8  # of a stretch that must be watched
_EXPECTED: Final = 100.0  # reads: fewer say nothing, for they come in bunches
_LEAST: Final = 3  # stretches
_LONGEST: Final = 288  # stretches: a day
_FEW: Final = 0.25
_FEWER: Final = 0.12  # where only the hour of the day is known
_HARDLY_ANY: Final = 0.08  # where only the last hours are
_SURE: Final = 3  # stretches in a row
_BACK: Final = 2.0  # so many times as much takes it back
_SEEN: Final = 2  # weeks or days
_LEARN: Final = 0.25  # share of the newest hour in what is usual at it
_RUNNING: Final = 1 / 24  # the same of a stretch in what is usual just now: two hours
_RUN: Final = 12  # stretches before that tells anything
_ACCEPT: Final = 3 * 288  # stretches after which few reads are the usual: a road was closed
_SANE_YEAR: Final = 2024  # a clock before it was never set


@dataclass(slots=True)
class Usual:
    """Reads an hour.

    Attributes:
        week, day: by hour of the week and of the day.
        weeks, days: how often each hour was seen.
        now: lately.
        stretches: that made `now`.
    """

    week: list[float] = field(default_factory=lambda: [0.0] * HOURS)
    weeks: list[int] = field(default_factory=lambda: [0] * HOURS)
    day: list[float] = field(default_factory=lambda: [0.0] * 24)
    days: list[int] = field(default_factory=lambda: [0] * 24)
    now: float = 0.0
    stretches: int = 0

    def at(self, hour: int) -> tuple[float, float] | None:
        """Reads an hour that are usual at this hour of the week, and the share of them that is few; None: not known."""
        if self.weeks[hour] >= _SEEN:
            return self.week[hour], _FEW
        if self.days[hour % 24] >= _SEEN:
            return self.day[hour % 24], _FEWER
        return (self.now, _HARDLY_ANY) if self.stretches >= _RUN else None


class ReadRate:
    """One camera's; used by one thread.

    Args:
        usual: from an earlier life.
    """

    def __init__(self, usual: Usual | None = None) -> None:
        self.usual = usual or Usual()
        self._began: datetime | None = None
        self._ticked: datetime | None = None
        self._watched = timedelta()
        self._first = 0
        # Of each stretch: reads, those expected, and which share of them is few.
        self._recent: deque[tuple[int, float, float]] = deque(maxlen=_LONGEST)
        self._hour: tuple[int, int, float] | None = None  # of the week, reads, hours watched
        self._few = self._few_for = 0
        self.is_few = False

    @property
    def share(self) -> float | None:
        """Reads of the shortest time that tells anything, as a share of the usual; None: nothing tells yet."""
        found = self._lately()
        return None if found is None else found[0] / found[1]

    def tick(self, now: datetime, *, reads: int, is_watching: bool) -> None:
        """Time goes by.

        Args:
            now: UTC.
            reads: in all, ever rising.
            is_watching: whether the camera gives pictures that may be read.
        """
        if self._began is None or self._ticked is None or not timedelta() <= now - self._ticked < STRETCH:
            self._begin(now, reads)  # the first time, or the clock was set
            return
        if is_watching:
            self._watched += now - self._ticked
        self._ticked = now
        if now - self._began >= STRETCH:
            if self._watched >= _WHOLE * STRETCH and now.year >= _SANE_YEAR:
                self._close(now, reads - self._first)
            self._begin(now, reads)

    def _begin(self, now: datetime, reads: int) -> None:
        self._began = self._ticked = now
        self._first = reads
        self._watched = timedelta()

    def _close(self, now: datetime, reads: int) -> None:
        """A stretch is over."""
        hour = now.weekday() * 24 + now.hour
        watched_h = self._watched.total_seconds() / 3600
        usual = self.usual.at(hour)
        if usual is not None:
            self._recent.append((reads, usual[0] * watched_h, usual[1]))
            self._judge()
        self._few_for = self._few_for + 1 if self.is_few else 0
        if self._few_for >= _ACCEPT:
            self.usual, self.is_few, self._few_for = Usual(), False, 0
            self._recent.clear()
        if not self.is_few:
            self._learn(hour, reads, watched_h)

    def _judge(self) -> None:
        found = self._lately()
        if found is None:
            return
        share = found[0] / found[1]
        self._few = self._few + 1 if share <= found[2] else 0
        self.is_few = share <= _BACK * found[2] if self.is_few else self._few >= _SURE

    def _lately(self) -> tuple[int, float, float] | None:
        """Of the newest stretches that tell anything together: reads, those expected, which share of them is few."""
        reads, expected, few = 0, 0.0, _FEW
        for count, (seen, usual, share) in enumerate(reversed(self._recent), start=1):
            reads, expected, few = reads + seen, expected + usual, min(few, share)
            if count >= _LEAST and expected >= _EXPECTED:
                return reads, expected, few
        return None

    def _learn(self, hour: int, reads: int, watched_h: float) -> None:
        usual, rate = self.usual, reads / watched_h
        usual.stretches += 1
        usual.now += (rate - usual.now) * max(_RUNNING, 1 / usual.stretches)
        if self._hour is not None and self._hour[0] == hour:
            self._hour = (hour, self._hour[1] + reads, self._hour[2] + watched_h)
            return
        if self._hour is not None and self._hour[2] > 0.5:  # an hour of which half was watched
            last, count, hours = self._hour
            usual.weeks[last] += 1
            usual.days[last % 24] += 1
            rate = count / hours
            usual.week[last] += (rate - usual.week[last]) * max(_LEARN, 1 / usual.weeks[last])
            usual.day[last % 24] += (rate - usual.day[last % 24]) * max(_LEARN, 1 / usual.days[last % 24])
        self._hour = (hour, reads, watched_h)
