"""Looks that are written down: before anything is read, and again with what was shown."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeVar

from central.access.audit import AuditLog
from central.errors import CentralError
from central.types import Look

Form = Literal["table", "json", "csv", "parquet"]
"""What an answer goes out as: what a program can take away is no mere look."""

_T = TypeVar("_T")


class Logged:
    """Asks on behalf of one look."""

    def __init__(self, look: Look, log: AuditLog) -> None:
        self._look: Final = look
        self._log: Final = log

    def __call__(
        self,
        action: str,
        detail: Mapping[str, object],
        ask: Callable[[], _T],
        count: Callable[[_T], int],
        *,
        more: Callable[[_T], Mapping[str, object]] = lambda _: {},
    ) -> _T:
        """The answer of `ask`, logged before and after.

        Args:
            action: what is done.
            detail: what is asked, for the log.
            ask: reads the answer.
            count: how many rows an answer shows.
            more: what else of an answer is for the log.
        """
        begun = self._log.begin(self._look, action, detail)
        try:
            answer = ask()
        except (CentralError, KeyboardInterrupt) as error:
            self._log.fail(self._look, action, begun=begun, why=type(error).__name__)
            raise
        self._log.end(self._look, action, begun=begun, rows=count(answer), more=more(answer))
        return answer
