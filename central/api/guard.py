"""Who asks, how often, and whether he may: before anything else of a request is looked at."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine

from central.access import keys
from central.access.rights import Principal, Right
from central.api.problems import Problem
from central.db import Clock

_TOLD_S: Final = 60.0
_log = structlog.get_logger(__name__)
_bearer: Final = HTTPBearer(auto_error=False, description="a key of `python -m central api key make`")


class Guard:
    """Knows keys, and counts.

    Counts are this process's own and in memory, one a key: no client wears the centre out. Who has no key is not made
    to wait: he would keep others of his address out, a whole city behind a proxy, and is up against 256 bits anyway.

    Args:
        engine: the database.
        clock: now, UTC-aware.
        requests_a_minute: of each key.
    """

    def __init__(self, engine: Engine, *, clock: Clock, requests_a_minute: int) -> None:
        self._engine: Final = engine
        self._clock: Final = clock
        self._limiter: Final = MovingWindowRateLimiter(MemoryStorage())
        self._of_keys: Final = RateLimitItemPerMinute(requests_a_minute)
        self._refused, self._told_at = 0, -_TOLD_S

    def principal(self, text: str | None, *, address: str) -> Principal:
        """Who holds this key.

        Args:
            text: what came as the key; None where nothing did.
            address: where the request came from.

        Raises:
            Problem: nobody does, or too often.
        """
        found = keys.known(self._engine, text, at=self._clock()) if text else None
        if found is None:
            self._tell(address)
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "expected a key in force: Authorization: Bearer atalaya_...",
                {"WWW-Authenticate": "Bearer"},
            )
        if not self._limiter.hit(self._of_keys, "key", str(found.number)):
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS, "too many requests within a minute: wait", {"Retry-After": "60"}
            )
        return found

    def _tell(self, address: str) -> None:
        """A line a minute at most, however many try; a count that two threads take at once may be one short."""
        self._refused += 1
        if time.monotonic() - self._told_at >= _TOLD_S:
            self._told_at = time.monotonic()
            _log.warning("refused: no key in force", address=address, since_the_last_line=self._refused)
            self._refused = 0


def requires(right: Right) -> Callable[..., Principal]:
    """A dependency: who asks, if he has this right."""

    def guarded(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        guard: Guard = request.app.state.guard
        text = None if credentials is None else credentials.credentials
        found = guard.principal(text, address=request.client.host if request.client else "")
        if not found.may(right):
            raise Problem(HTTPStatus.FORBIDDEN, f"key {found.name!r} may not: {right}")
        return found

    guarded.right = right  # type: ignore[attr-defined]  # a test walks all routes and asks
    return guarded
