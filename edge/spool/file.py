"""The spool's file: made, opened, checked and, where it is damaged, set aside."""

import fcntl
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from edge.contract.delivery import Stream
from edge.errors import SpoolError, SpoolFullError

_APPLICATION_ID: Final = 0x41544C59
_VERSION: Final = 4
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE counter (stream TEXT PRIMARY KEY, last_seq INTEGER NOT NULL, dropped INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    stream TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL,
    size INTEGER NOT NULL, payload BLOB NOT NULL, first INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (stream, seq)
);
CREATE INDEX message_size ON message (stream, seq, size);
CREATE TABLE gone (
    stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (stream, first)
) WITHOUT ROWID
"""

ANSWERED: Final = """
CREATE TABLE IF NOT EXISTS answered (
    number INTEGER PRIMARY KEY AUTOINCREMENT, request TEXT NOT NULL UNIQUE,
    first INTEGER NOT NULL, last INTEGER NOT NULL, whole INTEGER NOT NULL DEFAULT 1
)
"""
"""Which requests for clips are answered (`clips`)."""

_HALF: Final = "CREATE INDEX IF NOT EXISTS answered_half ON answered (first) WHERE whole = 0"

_FIRST: Final = "CREATE INDEX IF NOT EXISTS message_first ON message (stream, seq, first) WHERE first = 1"
"""What goes before the rest of the backlog (`queue`)."""

FULL_CODES: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
"""No room on the disk; and beyond what this user may have of it, which SQLite does not tell from other faults."""

_log = structlog.get_logger(__name__)


class _DamagedError(Exception):
    """The file is not whole."""


class Claim:
    """The right of one process to write a spool; ends with `release` or with the process."""

    def __init__(self, path: Path) -> None:
        """Claim the spool at `path`, making its folder.

        Raises:
            SpoolError: another process has it, or the folder cannot be written.
        """
        lock = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SpoolError(f"{path}: spool cannot be opened: {error}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise SpoolError(f"{path}: another process uses this spool") from error

    def release(self) -> None:
        """Let others in; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_spool(path: Path, *, edge_id: str, now: datetime) -> sqlite3.Connection:
    """Open the spool of an edge, or make it; a damaged one is renamed and a new epoch begins.

    Raises:
        SpoolFullError: the disk is full.
        SpoolError: it belongs to something else, to another edge or to a newer version, or cannot be read.
    """
    try:
        return _connect(path, edge_id, now)
    except _DamagedError as error:
        aside = _set_aside(path, now)
        _log.error("spool damaged: set aside, a new epoch begins", damage=str(error), kept_as=str(aside))
        return _connect(path, edge_id, now)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open any spool to look at it, beside the process that uses it.

    Raises:
        SpoolError: there is none, or it is not a spool.
    """
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise SpoolError(f"{path}: spool cannot be read: {error}") from error
    try:
        if _pragma(db, "application_id") != _APPLICATION_ID:
            raise SpoolError(f"{path}: not a spool")
    except sqlite3.Error as error:
        db.close()
        raise SpoolError(f"{path}: spool cannot be read: {error}") from error
    except SpoolError:
        db.close()
        raise
    return db


def set_aside(path: Path) -> list[Path]:
    """The damaged files that were set aside beside this spool."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*[0-9]"))


def _connect(path: Path, edge_id: str, now: datetime) -> sqlite3.Connection:
    try:
        # Plates are personal data: the file, and with it SQLite's own beside it, is its owner's alone.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"{path}: spool cannot be opened: {error}") from error
    try:
        _prepare(db, path, edge_id, now)
    except sqlite3.DatabaseError as error:
        db.close()
        if isinstance(error, sqlite3.OperationalError):
            is_full = error.sqlite_errorcode in FULL_CODES
            kind = SpoolFullError if is_full else SpoolError
            raise kind(f"{path}: spool cannot be opened: {error}") from error
        raise _DamagedError(str(error)) from error
    except SpoolError:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, edge_id: str, now: datetime) -> None:
    application, version = _pragma(db, "application_id"), _pragma(db, "user_version")
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not empty and application != _APPLICATION_ID:
        raise SpoolError(f"{path}: a database of something else, not a spool; give another path")
    if version > _VERSION:
        raise SpoolError(f"{path}: written by a newer version (format {version}, known is {_VERSION})")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 16777216")
    if empty:
        _create(db, edge_id, now)
    elif (finding := _pragma(db, "quick_check(1)")) != "ok":
        raise sqlite3.DatabaseError(finding)
    elif version < _VERSION:
        _bring_up(db, version)
    owner = db.execute("SELECT value FROM meta WHERE key = 'edge_id'").fetchone()
    if owner != (edge_id,):
        raise SpoolError(f"{path}: spool of edge {owner[0]!r}, not of {edge_id!r}; give another path")


def _create(db: sqlite3.Connection, edge_id: str, now: datetime) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        db.execute(statement)
    # Microseconds: two files made in one second, or after a clock was set back, still differ.
    meta = (("epoch", int(now.timestamp() * 1_000_000)), ("edge_id", edge_id))
    db.executemany("INSERT INTO meta VALUES (?, ?)", meta)
    db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    _add_streams(db)
    db.execute("COMMIT")


def _bring_up(db: sqlite3.Connection, version: int) -> None:
    """A file of format 1 knows no clips, one of format 2 none that is put half, one of format 3 nothing to go first."""
    db.execute("BEGIN IMMEDIATE")
    if version == 2:
        db.execute("ALTER TABLE answered ADD COLUMN whole INTEGER NOT NULL DEFAULT 1")
    db.execute("ALTER TABLE message ADD COLUMN first INTEGER NOT NULL DEFAULT 0")
    _add_streams(db)
    db.execute("COMMIT")


def _add_streams(db: sqlite3.Connection) -> None:
    db.execute(ANSWERED)
    db.execute(_HALF)
    db.execute(_FIRST)
    db.executemany("INSERT OR IGNORE INTO counter VALUES (?, 0, 0)", [(stream,) for stream in Stream])
    db.execute(f"PRAGMA user_version = {_VERSION}")


def _set_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{int(now.timestamp() * 1_000_000)}")
    try:
        path.rename(aside)
        for tail in ("-wal", "-shm"):
            beside = path.with_name(path.name + tail)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + tail))
    except OSError as error:
        raise SpoolError(f"{path}: damaged, and cannot be set aside: {error}") from error
    return aside


def _pragma(db: sqlite3.Connection, name: str) -> Any:  # noqa: ANN401  # SQLite decides
    return db.execute(f"PRAGMA {name}").fetchone()[0]
