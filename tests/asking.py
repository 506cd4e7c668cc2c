"""Somebody who asks without end, in a thread beside whatever a test does."""

import threading
from abc import ABC, abstractmethod

from sqlalchemy import Engine

from central.db import open_database
from central.query.reads import Reads


class Asker(ABC):
    """Asks, and holds every answer against what it must be.

    Attributes:
        faults: what was wrong with answers, questions that failed among them.
    """

    def __init__(self, database_url: str, *, pause_s: float = 0.0) -> None:
        self._database_url, self._pause_s = database_url, pause_s
        self.faults: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def opened(self, engine: Engine) -> Reads:
        """What is asked."""

    @abstractmethod
    def ask(self, reads: Reads) -> None:
        """Every question once."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.close()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Ask nothing more, without waiting for the last answer."""
        self._over.set()

    def _run(self) -> None:
        engine = open_database(self._database_url)
        with self.opened(engine) as reads:
            while not self._over.wait(self._pause_s):
                try:
                    self.ask(reads)
                except Exception as error:  # noqa: BLE001  # whatever it is, a question failed
                    self.faults.append(f"{type(error).__name__}: {error}")
        engine.dispose()
