"""Reads against a camera's own past: a dead lens is told, a quiet night is not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.health.rate import ReadRate, Usual

MONDAY = datetime(2026, 3, 2, 0, tzinfo=UTC)
STEP = timedelta(seconds=60)


def street(now: datetime, *, busy: float = 240.0) -> float:
    """Reads an hour of a street: a tenth of its noon at three in the morning, half on Sundays."""
    of_day = 0.55 - 0.45 * np.cos((now.hour + now.minute / 60 - 3) / 24 * 2 * np.pi)
    return float(busy * of_day * (0.5 if now.weekday() == 6 else 1.0))


class Life:
    """A camera's reads, minute by minute."""

    def __init__(self, *, busy: float = 240.0, usual: Usual | None = None, seed: int = 1) -> None:
        self.rate = ReadRate(usual)
        self.now = MONDAY
        self.reads = 0
        self._busy = busy
        self._dice = np.random.default_rng(seed)
        self.alarms: list[datetime] = []

    def go(self, hours: float, *, sees: float = 1.0, watching: bool = True) -> None:
        for _ in range(round(hours * 60)):
            self.now += STEP
            # Traffic comes in bunches: twice as uneven as chance alone.
            expected = sees * street(self.now, busy=self._busy) / 60
            self.reads += 2 * int(self._dice.poisson(expected / 2)) if watching else 0
            self.rate.tick(self.now, reads=self.reads, is_watching=watching)
            if self.rate.is_few:
                self.alarms.append(self.now)


@pytest.mark.parametrize("busy", [20.0, 240.0, 1500.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_days_of_an_ordinary_street_raise_no_alarm(busy: float, seed: int) -> None:
    life = Life(busy=busy, seed=seed)
    life.go(10 * 24)
    assert life.alarms == []


@pytest.mark.parametrize(
    ("after_h", "sees"),
    [(9.0, 0.0), (4 * 24 + 9.0, 0.04), (16 * 24 + 9.0, 0.1)],
    ids=["running", "hour-of-day", "hour-of-week"],
)
def test_a_lens_that_reads_hardly_anything_is_told_and_how_much(after_h: float, sees: float) -> None:
    """The more is known, the sooner it tells."""
    life = Life(busy=600.0)
    life.go(after_h)
    assert life.alarms == []
    life.go(2, sees=sees)
    assert life.rate.is_few
    assert life.alarms[0] - (life.now - timedelta(hours=2)) < timedelta(minutes=75)
    assert life.rate.share == pytest.approx(sees, abs=0.1)
    life.go(1)
    assert not life.rate.is_few, "and taken back"


def test_a_fall_by_a_half_is_no_alarm() -> None:
    life = Life()
    life.go(16 * 24 + 9)
    life.go(4, sees=0.5)
    assert life.alarms == []


def test_what_is_not_watched_counts_for_nothing() -> None:
    """A camera that cannot be reached has a fault of its own."""
    life = Life()
    life.go(4 * 24 + 9)
    usual = list(life.rate.usual.day)
    life.go(5, watching=False)
    assert life.alarms == []
    assert [d for d in life.rate.usual.day if d == 0] == []
    assert sum(a != b for a, b in zip(usual, life.rate.usual.day, strict=True)) <= 1
    life.go(24)
    assert life.alarms == []


def test_an_alarm_does_not_become_the_usual_within_days_but_in_the_end() -> None:
    life = Life()
    life.go(16 * 24 + 9)
    life.go(24, sees=0.05)
    assert life.rate.is_few
    life.go(3 * 24, sees=0.05)
    assert not life.rate.is_few, "the street was closed"


def test_what_is_usual_outlives_a_restart() -> None:
    life = Life()
    life.go(16 * 24 + 9)
    later = Life(usual=life.rate.usual)
    later.now = life.now
    later.go(1.5, sees=0.05)
    assert later.rate.is_few


def test_a_clock_that_is_set_begins_a_new_stretch() -> None:
    life = Life()
    life.go(30)
    stretches = life.rate.usual.stretches
    life.now -= timedelta(hours=5)
    life.go(0.05)
    life.now += timedelta(hours=7)
    life.go(0.05)
    assert life.rate.usual.stretches == stretches
    assert life.alarms == []


def test_a_clock_that_was_never_set_teaches_nothing() -> None:
    life = Life()
    life.now = datetime(1970, 1, 1, tzinfo=UTC)
    life.go(12)
    assert life.rate.usual == Usual()


def test_before_anything_is_known_nothing_is_said() -> None:
    life = Life()
    life.go(0.5)
    assert life.rate.share is None
