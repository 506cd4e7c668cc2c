"""A process that ends before one of its statements, as a crash ends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class CutOffError(BaseException):
    """What a crash looks like to the code that it hits: no handler of ours catches it."""


@contextmanager
def cut_off_at(engine: Engine, statement: int) -> Iterator[None]:
    """The process ends before the n-th statement from here; the open transaction rolls back."""
    left = statement

    def count_down(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        nonlocal left
        if statement.startswith("SELECT pg_") or "pg_locks" in statement:
            return  # the lock's own: they change nothing
        left -= 1
        if left < 0:
            cursor.close()  # psycopg warns of one that is left open
            raise CutOffError

    event.listen(engine, "before_cursor_execute", count_down)
    try:
        yield
    except CutOffError:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", count_down)
