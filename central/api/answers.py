"""A request that is sent again is answered again, not done again: by the client's Idempotency-Key.

What was answered is written in the transaction that did what was asked. So whoever hears nothing, for the line or the
centre broke, sends the same once more: it was either done, and he hears what came of it, or it was not.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select

from central.api.problems import Problem
from central.db import api_answer, reading, to_us

KEPT: Final = timedelta(days=7)


class Answers:
    """What was answered to one key.

    Args:
        engine: the database.
        key_id: whose.
        token: its Idempotency-Key of this request.
        request: SHA-256 of all that it asks, hexadecimal.
    """

    def __init__(self, engine: Engine, *, key_id: int, token: str, request: str) -> None:
        self._engine: Final = engine
        self._key_id: Final = key_id
        self._token: Final = token
        self._request: Final = request

    def given(self) -> str | None:
        """What was answered to this very request before, JSON; None where nothing was.

        Raises:
            Problem: something else was asked with the same token.
        """
        which = (api_answer.c.key_id == self._key_id) & (api_answer.c.token == self._token)
        with reading(self._engine) as connection:
            row = connection.execute(select(api_answer).where(which)).mappings().first()
        if row is None:
            return None
        if row["request"] != self._request:
            raise Problem(
                HTTPStatus.CONFLICT, f"Idempotency-Key {self._token!r} was used for another request"
            )
        found: str = row["answer"]
        return found

    def keep(self, connection: Connection, answer: str, *, at: datetime) -> None:
        """Write it down where what was asked is done; what is older than a week is forgotten."""
        connection.execute(delete(api_answer).where(api_answer.c.at_us < to_us(at - KEPT)))
        row = {"key_id": self._key_id, "token": self._token, "request": self._request}
        connection.execute(insert(api_answer).values(**row, answer=answer, at_us=to_us(at)))
