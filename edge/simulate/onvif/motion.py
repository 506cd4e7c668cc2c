"""The device's motion detector and who has subscribed to it; knows nothing of SOAP."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_MOST_WAITING: Final = 256  # messages of one subscription; the oldest make way
_MOST_SUBSCRIPTIONS: Final = 10


class TooManyError(Exception):
    """The device serves no more subscriptions."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the detector says.

    Attributes:
        operation: Initialized: as it is now, said to a newcomer; Changed.
    """

    moves: bool
    operation: str


@dataclass(slots=True)
class _Subscriber:
    until_s: float
    waiting: deque[Change] = field(default_factory=lambda: deque(maxlen=_MOST_WAITING))


class MotionDetector:
    """Says when something begins to move and when it ends. Safe from any thread.

    Args:
        now: seconds from anywhere, ascending.

    Attributes:
        is_mute: it detects nothing more, and goes on answering: a camera whose detection was switched off.
        subscribed: subscriptions made since the start.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self.is_mute = False
        self.subscribed = 0
        self._now = now
        self._moves = False
        self._changed = threading.Condition()
        self._subscribers: dict[str, _Subscriber] = {}
        self._names = (f"{n}" for n in itertools.count(1))

    @property
    def subscriptions(self) -> int:
        """How many last still."""
        with self._changed:
            self._expire()
            return len(self._subscribers)

    def says(self, *, moves: bool) -> None:
        """Something moves now, or nothing does."""
        with self._changed:
            if self.is_mute or moves is self._moves:
                return
            self._moves = moves
            for subscriber in self._subscribers.values():
                subscriber.waiting.append(Change(moves, "Changed"))
            self._changed.notify_all()

    def forget_all(self) -> None:
        """Lose every subscription, as a restart of the device does."""
        with self._changed:
            self._subscribers.clear()
            self._changed.notify_all()

    def subscribe(self, *, lasts_s: float) -> str:
        """A new subscription's name.

        Raises:
            TooManyError: there are too many.
        """
        with self._changed:
            self._expire()
            if len(self._subscribers) >= _MOST_SUBSCRIPTIONS:
                raise TooManyError
            name = next(self._names)
            self.subscribed += 1
            subscriber = self._subscribers[name] = _Subscriber(self._now() + lasts_s)
            subscriber.waiting.append(Change(self._moves, "Initialized"))
            return name

    def pull(self, name: str, *, limit: int, timeout_s: float) -> list[Change]:
        """What there is to tell, waiting so long for the first.

        Raises:
            KeyError: there is no such subscription any more.
        """

        def ready() -> bool:
            return name not in self._subscribers or bool(self._subscribers[name].waiting)

        with self._changed:
            self._expire()
            self._changed.wait_for(ready, timeout_s)
            waiting = self._subscribers[name].waiting
            return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def renew(self, name: str, *, lasts_s: float) -> None:
        """Let a subscription go on for so long from now.

        Raises:
            KeyError: there is no such subscription any more.
        """
        with self._changed:
            self._expire()
            self._subscribers[name].until_s = self._now() + lasts_s

    def unsubscribe(self, name: str) -> None:
        """End one.

        Raises:
            KeyError: there is no such subscription any more.
        """
        with self._changed:
            del self._subscribers[name]

    def _expire(self) -> None:
        now_s = self._now()
        self._subscribers = {name: s for name, s in self._subscribers.items() if s.until_s > now_s}
