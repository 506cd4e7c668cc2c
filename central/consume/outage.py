"""A fault that lasts, told in a few lines: at once, whenever its reason is another one, and once a minute."""

import time
from typing import Final

import structlog

AGAIN_S: Final = 60.0

_log = structlog.get_logger(__name__)


class Outage:
    """One thing that fails again and again; one thread's."""

    def __init__(self, what: str) -> None:
        """Prepare.

        Args:
            what: cannot be done, in words.
        """
        self._what: Final = what
        self._reason = ""
        self._began_s = self._again_s = 0.0

    def tell(self, reason: str) -> None:
        """It has failed once more."""
        now_s = time.monotonic()
        if not self._reason:
            self._began_s = now_s
        if reason != self._reason or now_s >= self._again_s:
            _log.error(f"{self._what}, trying again", error=reason)
            self._reason, self._again_s = reason, now_s + AGAIN_S

    def end(self) -> None:
        """It has gone well."""
        if self._reason:
            _log.info("it goes on", after=self._what, outage_s=round(time.monotonic() - self._began_s, 1))
            self._reason = ""
