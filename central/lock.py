"""Locks over every process that shares a database, on whatever node: one seals at a time, one maintains.

    with exclusive(engine, "sealing", wait=True) as engine: ...     # work with this engine

SQLite: flock on a file beside the database, which is never removed. The kernel gives it back when its process
ends, however it ends, and never before.

PostgreSQL: an advisory lock of a session of its own, which ends with its process. The server may end it sooner
(it is restarted, a network breaks) and let somebody else in. So each transaction of the engine given here takes
a shared lock, the fence, and then looks whether the session still has its lock; whoever gets the lock waits for
the fence before it begins. So what such a transaction commits was committed by the only holder. Work elsewhere
needs a fence of its own: a commit to the Delta log conflicts with every other seal since the table was opened.
"""

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final
from zlib import crc32

from sqlalchemy import Connection, Engine, event

from central.db import described
from central.errors import BusyError, StoreError

_LOCK: Final = 0
_FENCE: Final = 1
_NUMBERS: Final = 0x7FFF_FFFF
_HOLDERS: Final = (
    "SELECT pid, application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory'"
    " AND granted AND classid = %s AND objid = %s AND objsubid = 2 AND datname = current_database()"
)


def exclusive(engine: Engine, name: str, *, wait: bool) -> AbstractContextManager[Engine]:
    """Be the only one who does this.

    Gives the engine to work with: once the lock is lost, its transactions raise StoreError.

    Args:
        engine: the database over which it holds.
        name: what is done, such as `sealing`; also the ending of the file beside a SQLite database.
        wait: until nobody else does it.

    Raises:
        BusyError: somebody else does it and we are not to wait.
        StoreError: the file cannot be made.
        sqlalchemy.exc.SQLAlchemyError: PostgreSQL is away.
    """
    return (_by_file if engine.dialect.name == "sqlite" else _by_session)(engine, name, wait=wait)


def take_turns(connection: Connection, name: str, numbers: Iterable[int]) -> None:
    """Wait until no other transaction has any of these numbers, and have them until this one ends.

    On SQLite transactions for writing wait for one another as they are.

    Args:
        connection: in a transaction.
        name: what is numbered.
        numbers: any; two that differ by a multiple of 2^31 wait for each other too.
    """
    if connection.dialect.name == "postgresql":
        # In order, so that no two wait for each other.
        turns = "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::integer[]) AS number"
        connection.exec_driver_sql(
            turns, (_key(name), sorted({number & _NUMBERS for number in numbers}))
        ).all()


@contextmanager
def _by_file(engine: Engine, name: str, *, wait: bool) -> Iterator[Engine]:
    path = Path(f"{engine.url.database}.{name}")
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
    with file:
        _lock_file(file, path, wait=wait)
        if not wait:
            _sign(file)
        yield engine


def _sign(file: IO[str]) -> None:
    """Say who has the lock, for whoever is refused; a full disk keeps nobody from having it."""
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())


def _lock_file(file: IO[str], path: Path, *, wait: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = f"process {file.read().strip() or '?'}"
        raise BusyError(_refusal(f"database {path.with_suffix('')}", path.suffix[1:], who)) from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be locked: {error.strerror}") from error


@contextmanager
def _by_session(engine: Engine, name: str, *, wait: bool) -> Iterator[Engine]:
    key = _key(name)
    lost: type[Exception] = engine.dialect.loaded_dbapi.Error
    with ExitStack() as stack, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        session.detach()  # never back into the pool, where its lock would live on
        driver: Any = session.connection.dbapi_connection
        stack.callback(driver.close)  # whatever ends this: its lock ends with it
        _lock_session(session, name, key, wait=wait)
        pid = session.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

        def look(connection: Connection) -> None:
            # Without waiting: only who has got our lock takes the fence for itself.
            fence = "SELECT pg_try_advisory_xact_lock_shared(%s, %s)"
            is_fenced = connection.exec_driver_sql(fence, (key, _FENCE)).scalar_one()
            holders = connection.exec_driver_sql(_HOLDERS, (key, _LOCK)).scalars().all()
            if not is_fenced or pid not in holders:
                raise StoreError(
                    f"database {described(engine.url)}: the lock for {name} was lost with its connection; "
                    "what is under way is left to the next turn"
                )

        held = engine.execution_options()
        event.listen(held, "begin", look)
        try:
            yield held
        finally:  # said, for the server would notice the end of the connection a moment after us
            try:
                driver.execute("SELECT pg_advisory_unlock(%s, %s)", (key, _LOCK))
            except lost:  # the connection is lost, and its lock with it
                session.invalidate()


def _lock_session(session: Connection, name: str, key: int, *, wait: bool) -> None:
    who = f"{socket.gethostname()[:24]} process {os.getpid()}, {name}"
    session.exec_driver_sql("SELECT set_config('application_name', %s, false)", (who,))
    if wait:
        session.exec_driver_sql("SELECT pg_advisory_lock(%s, %s)", (key, _LOCK))
    elif not session.exec_driver_sql("SELECT pg_try_advisory_lock(%s, %s)", (key, _LOCK)).scalar_one():
        others = [found for _, found in session.exec_driver_sql(_HOLDERS, (key, _LOCK))]
        where = f"database {described(session.engine.url)}"
        raise BusyError(_refusal(where, name, others[0] if others else "?"))
    session.exec_driver_sql("SELECT pg_advisory_lock(%s, %s)", (key, _FENCE))
    session.exec_driver_sql("SELECT pg_advisory_unlock(%s, %s)", (key, _FENCE))


def _key(name: str) -> int:
    return crc32(name.encode()) & _NUMBERS


def _refusal(where: str, name: str, who: str) -> str:
    return f"{where}: another one is {name} already ({who}); there can be one"
