"""A courier, and all that a test moves by hand: its stream, its clock, its channel."""

import threading
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from told_alerts import AT, Interested, Told

from central.access.key import AuditKey
from central.outbox.courier import Courier
from central.outbox.stream import Stream

KEY = AuditKey(b"k" * 32)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = AT

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Going:
    """Stops when a test says so."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def is_over(self) -> bool:
        return self._over.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._over.wait(0.01 if timeout_s else timeout_s)


class Post:
    """A courier, and all that a test moves by hand: its stream, its clock, its channel."""

    def __init__(self, engine: Engine, *, of: Interested | None = None, told: Told | None = None) -> None:
        self.engine, self.told, self.clock, self.going = engine, told or Told(), Clock(), Going()
        self.stream = Stream(engine)
        subscriber: Any = of or Interested()
        self.courier = Courier(
            engine,
            self.stream,
            subscriber,
            channel=lambda: self.told,
            key=KEY,
            clock=self.clock,
            chance=lambda: 1.0,
        )
        self.stream.look()
        self.courier.begin(engine)

    def turn(self, *, after_s: float = 0.0) -> int:
        """Look, plan and try, so many seconds later; nobody is waited for."""
        self.clock.pass_s(after_s)
        self.courier._pause_until_s = 0.0
        self.stream.look()
        return self.courier.turn(self.engine, self.told, self.going)
