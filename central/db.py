"""The database: its tables, and how to open it (SQLite by default, PostgreSQL by its URL).

It holds what is hot or small: hot rows until they are sealed, the received ranges that outlive them, dead
letters, the hotlist, alerts, pictures' places, health and the audit log. Times are microseconds since 1970 UTC.
Tables are had from here, not from `central.tables`, so that `metadata` has all of them wherever it is used.

`engine.begin()` is for writing: on SQLite it takes the write lock at once, so that nothing that was read in it
can be stale when it is written. `reading(engine)` is for reading: one snapshot, and no writer waits for it.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from central.errors import StoreError
from central.migrations.run import NewerTablesError, upgrade
from central.tables.api import api_answer, api_key
from central.tables.edges import dead_letter, edge_health, gone_range, ptz_state, received_range
from central.tables.hits import (
    alert,
    alert_event,
    alert_trail,
    hotlist,
    hotlist_copy,
    hotlist_entry,
    hunt_trace,
    suppressed_read,
    suppression,
    table_version,
    taken_file,
)
from central.tables.law import audit, erased_file, erased_mark, erased_read, erasure, held_read, legal_hold
from central.tables.media import clip, clip_part, picture
from central.tables.metadata import metadata
from central.tables.outbox import delivery, subscriber
from central.tables.reads import hot_read, late_update, seal, sealed_update
from central.tables.restoring import restoring
from central.tables.units import unit

__all__ = [
    "Clock",
    "alert",
    "alert_event",
    "alert_trail",
    "api_answer",
    "api_key",
    "at_a_time",
    "audit",
    "clip",
    "clip_part",
    "dead_letter",
    "delivery",
    "described",
    "edge_health",
    "erased_file",
    "erased_mark",
    "erased_read",
    "erasure",
    "from_us",
    "gone_range",
    "held_read",
    "hot_read",
    "hotlist",
    "hotlist_copy",
    "hotlist_entry",
    "hunt_trace",
    "late_update",
    "legal_hold",
    "metadata",
    "open_database",
    "picture",
    "ptz_state",
    "reading",
    "received_range",
    "restoring",
    "seal",
    "sealed_update",
    "subscriber",
    "suppressed_read",
    "suppression",
    "table_version",
    "taken_file",
    "to_us",
    "unit",
]

Clock = Callable[[], datetime]
"""Now, UTC-aware; injected wherever time matters."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Parameter = TypeVar("_Parameter", int, str)
_AT_A_TIME = 1_000  # parameters of a statement, which databases bound


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly (no float on the way)."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """The UTC-aware time of `to_us`."""
    return _EPOCH + timedelta(microseconds=moment_us)


def at_a_time(values: Collection[_Parameter]) -> Iterator[list[_Parameter]]:
    """Values in portions that a statement takes as its parameters, in order."""
    ordered = sorted(values)
    for first in range(0, len(ordered), _AT_A_TIME):
        yield ordered[first : first + _AT_A_TIME]


def open_database(url: str, *, half_restored: bool = False) -> Engine:
    """Open the database and bring its tables up to date.

    A password of PostgreSQL stands in no setting: name its file (`?passfile=...`) or use libpq's own.

    Args:
        url: as in the settings.
        half_restored: one into which a restore was cut off is not refused.

    Raises:
        StoreError: it cannot be reached, its tables are of a newer version, or a restore into it was cut off.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            Path(parsed.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The parameters are plates, and the message of a fault goes into a log that anybody may read.
        options = {"hide_parameters": True} | _CONNECT.get(parsed.get_backend_name(), {})
        engine = create_engine(parsed, **options)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise StoreError(f"database {described(url)}: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            upgrade(connection)
            cut_off = None if half_restored else connection.scalar(select(restoring.c.snapshot))
    except (SQLAlchemyError, NewerTablesError) as error:
        engine.dispose()
        raise StoreError(f"database {described(url)}: {getattr(error, 'orig', None) or error}") from error
    if cut_off is not None:
        engine.dispose()
        raise StoreError(
            f"database {described(url)}: the restore of snapshot {cut_off} has not come to its end; run "
            "`restore` again, it goes on"
        )
    return engine


def described(url: str | URL) -> str:
    """Which database it is, for logs and errors: its kind, host and name, and nothing that may be secret."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "(not a database URL)"
    host = parsed.host or parsed.query.get("host", "")
    place = parsed.database or ""
    return f"{parsed.get_backend_name()} {f'{host}/{place}' if host else place}"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that reads one snapshot and keeps no writer waiting."""
    if engine.dialect.name == "sqlite":
        options: dict[str, Any] = {"read_only": True}
    else:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


_CONNECT: dict[str, dict[str, Any]] = {
    "sqlite": {"connect_args": {"timeout": 30.0}},  # seconds that a writer waits for another
    "postgresql": {"connect_args": {"connect_timeout": 10}, "pool_pre_ping": True},
}
_MIGRATION_LOCK = 0x6C7072  # any number that every process of ours takes for this


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    # FULL: what is committed is acknowledged, and then the edge deletes it; it must survive a power cut.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
