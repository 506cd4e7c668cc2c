"""A fault that lasts, told in a few lines: each reason at once, and once a minute."""

import time
from typing import Final

import structlog

AGAIN_S: Final = 60.0
MOST: Final = 8
"""Reasons a minute: some name a process or a moment, and so are new with each try."""

_log = structlog.get_logger(__name__)


class Outage:
    """One thing that fails again and again; one thread's."""

    def __init__(self, what: str) -> None:
        """Prepare.

        Args:
            what: cannot be done, in words.
        """
        self._what: Final = what
        self._again_s: dict[str, float] = {}  # when each reason of the last minute may be told again
        self._began_s: float | None = None

    def tell(self, reason: str) -> None:
        """It has failed once more."""
        now_s = time.monotonic()
        if self._began_s is None:
            self._began_s = now_s
        self._again_s = {told: at_s for told, at_s in self._again_s.items() if now_s < at_s}
        if reason not in self._again_s and len(self._again_s) < MOST:
            _log.error(f"{self._what}, trying again", error=reason)
            self._again_s[reason] = now_s + AGAIN_S

    def end(self) -> None:
        """It has gone well."""
        if self._began_s is None:
            return
        _log.info("it goes on", after=self._what, outage_s=round(time.monotonic() - self._began_s, 1))
        self._again_s, self._began_s = {}, None
