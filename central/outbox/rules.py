"""Who is told, when a try is made again, and when it is given up (pure)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from central.outbox.event import Happening, Subject

FIRST_S: Final = 1.0
LONGEST_S: Final = 600.0
"""Between two tries: the first time, and at most."""
FEWEST: Final = 10
"""Tries before anything is given up: a clock that jumps forward ages everything at once."""

_US: Final = 1_000_000


class Interest(Protocol):
    """Who wants to know what (a part of its settings); no list or station named: of all."""

    @property
    def name(self) -> str:
        """Of the subscriber."""
        ...

    @property
    def events(self) -> Collection[str]:
        """Kinds."""
        ...

    @property
    def lists(self) -> Collection[str]:
        """Hotlists."""
        ...

    @property
    def stations(self) -> Collection[str]:
        """Where alerts are routed to."""
        ...

    @property
    def priority(self) -> int:
        """As urgent as this or more; 1 is the most urgent."""
        ...

    @property
    def only_sent(self) -> bool:
        """Of an alert nothing before somebody was sent."""
        ...


class Verdict(StrEnum):
    """What came of a try."""

    TAKEN = "taken"
    """The other side has it."""
    REFUSED = "refused"
    """The other side answers, and does not take this one."""
    AWAY = "away"
    """Nobody answers, so nothing else would get through either."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try, and what was said; never words of the other side, which may repeat a plate.

    Attributes:
        again_s: it asks for so many seconds of patience.
    """

    verdict: Verdict
    said: str
    again_s: float | None = None


class State(StrEnum):
    """Of a delivery; as the database has it."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given-up"


def wants(interest: Interest, happening: Happening) -> Subject | None:
    """The alert that a subscriber is told of, where it is told; of one that is gone nobody is."""
    subject = happening.subject
    if subject is None or happening.kind not in interest.events or subject.priority > interest.priority:
        return None
    if interest.only_sent and not happening.is_sent:
        return None
    if interest.lists and subject.list_name not in interest.lists:
        return None
    if interest.stations and subject.station not in interest.stations:
        return None
    return subject


def pause_s(tries: int, *, chance: float) -> float:
    """Seconds until the next try: twice as long each time, and at random between half of that and all of it.

    Args:
        tries: made so far, from 1.
        chance: 0 to 1, so that many that failed together do not come back together.
    """
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(tries - 1, 30))
    return longest * (0.5 + 0.5 * chance)


def next_pause_s(answer: Answer, tries: int, *, chance: float) -> float:
    """The same, but as long as the other side asks for, within our own bound."""
    return max(pause_s(tries, chance=chance), min(answer.again_s or 0.0, LONGEST_S))


def is_over(*, tries: int, since_us: int, now_us: int, give_up_h: float) -> bool:
    """Whether to give up: after so many hours, and never before some tries were made.

    Args:
        tries: of this delivery; or of any to this subscriber in a row, where nobody answered.
        since_us: when it happened.
        now_us: now.
        give_up_h: as the settings say.
    """
    return tries >= FEWEST and since_us <= oldest_us(now_us, give_up_h)


def oldest_us(now_us: int, give_up_h: float) -> int:
    """What happened then, or before, has had its time."""
    return now_us - round(give_up_h * 3600 * _US)


def latest_due_us(now_us: int) -> int:
    """A next try that is planned beyond this was planned by a clock that has been set back, and is due now."""
    return now_us + round(LONGEST_S * _US)
