"""A request that is sent again is answered again, not done again: by the client's Idempotency-Key.

What was answered is written in the transaction that did what was asked. So whoever hears nothing, for the line or the
centre broke, sends the same once more: it was either done, and he hears what came of it, or it was not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select

from central.db import api_answer, reading, to_us
from central.errors import AccessError

KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered to one request of one key.

    Attributes:
        key_id: whose.
        token: its Idempotency-Key; only its hash is kept, for it may be anything, a plate too.
        request: SHA-256 of all that is asked, hexadecimal.
    """

    engine: Engine
    key_id: int
    token: str
    request: str

    def given(self, *, at: datetime) -> str | None:
        """What was answered to this very request within the last week, JSON; None where nothing was.

        Raises:
            AccessError: something else was asked with the same token.
        """
        which = (api_answer.c.key_id == self.key_id) & (api_answer.c.token == self._hashed)
        with reading(self.engine) as connection:
            query = select(api_answer).where(which, api_answer.c.at_us >= to_us(at - KEPT))
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        if row["request"] != self.request:
            raise AccessError("this Idempotency-Key was used for another request")
        found: str = row["answer"]
        return found

    def keep(self, connection: Connection, answer: str, *, at: datetime) -> None:
        """Write it down where what was asked is done."""
        forget(connection, at=at)
        row = {"key_id": self.key_id, "token": self._hashed, "request": self.request}
        connection.execute(insert(api_answer).values(**row, answer=answer, at_us=to_us(at)))

    @property
    def _hashed(self) -> str:
        return sha256(self.token.encode()).hexdigest()


def forget(connection: Connection, *, at: datetime) -> int:
    """Delete the answers that are older than a week; how many. They may name plates."""
    return connection.execute(delete(api_answer).where(api_answer.c.at_us < to_us(at - KEPT))).rowcount
