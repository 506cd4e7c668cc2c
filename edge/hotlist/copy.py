"""The copy on disk: its parts by their digests, and the head that is in force.

    part    digest -> the payload as it came: those of the head in force, and some of the one that is to follow
    head    one row: the text that was signed

A head is put in force in one transaction, which deletes the parts that it does not name: killed at any moment, the box
finds the whole copy of before or the whole new one. A part that is found damaged is not held any more, and is had again
with the next head. A file that is damaged otherwise is thrown away at the next start, and all of it is had anew.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from edge.contract.hotlist import EMPTY, Head, digest
from edge.errors import HotlistError

_APPLICATION_ID: Final = 0x41544C48
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS part (digest BLOB PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), signed TEXT NOT NULL)
"""
_TAILS: Final = ("", "-wal", "-shm", "-journal")

_log = structlog.get_logger(__name__)


class CopyFile:
    """A copy on disk while it is open; from any thread. Only one process may have it open: the one that has the spool.

    Raises:
        HotlistError: it cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise HotlistError(f"{path}: copy of the hotlists cannot be opened: {error}") from error
            _log.error("copy of the hotlists damaged: it is had anew", damage=str(error))
            delete(path)
            try:
                self._db = _open(path)
            except sqlite3.Error as again:
                raise HotlistError(f"{path}: copy of the hotlists cannot be made: {again}") from again

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._db.close()

    def head(self) -> Head | None:
        """The head that is in force; None where none is, or nobody understands it any more.

        Raises:
            HotlistError: the file cannot be read.
        """
        with self._using():
            row = self._db.execute("SELECT signed FROM head").fetchone()
        try:
            return None if row is None else Head.model_validate_json(row[0])
        except ValidationError:  # of another version of us
            return None

    def part(self, name: bytes) -> bytes:
        """The part of this digest.

        Raises:
            HotlistError: it is not held, or the file cannot be read. One that is damaged is not held from now on.
        """
        if name == EMPTY:
            return b""
        with self._using():
            row = self._db.execute("SELECT payload FROM part WHERE digest = ?", (name,)).fetchone()
            if row is not None and digest(row[0]) == name:
                return bytes(row[0])
            self._db.execute("DELETE FROM part WHERE digest = ?", (name,))
        raise HotlistError("a part of the hotlists is missing, or was damaged")

    def held(self) -> set[bytes]:
        """The digests of the parts that are held.

        Raises:
            HotlistError: the file cannot be read.
        """
        with self._using():
            return {EMPTY, *(name for (name,) in self._db.execute("SELECT digest FROM part"))}

    def put(self, payload: bytes) -> None:
        """Keep a part for a head that is to follow.

        Raises:
            HotlistError: the file cannot be written.
        """
        with self._using():
            self._db.execute("INSERT OR REPLACE INTO part VALUES (?, ?)", (digest(payload), payload))

    def keep_only(self, names: Iterable[bytes]) -> None:
        """Delete every part but these.

        Raises:
            HotlistError: the file cannot be written.
        """
        stale = self.held() - set(names) - {EMPTY}
        with self._using():
            self._db.executemany("DELETE FROM part WHERE digest = ?", [(name,) for name in stale])

    def put_in_force(self, head: Head, signed: str) -> None:
        """Match by this head from now on; all of its parts must be held. The others are deleted.

        Raises:
            HotlistError: the file cannot be written, or a part is missing: the head of before stays in force.
        """
        named = set(head.parts)
        if missing := named - self.held():
            raise HotlistError(f"{len(missing)} parts of the hotlists are missing")
        with self._using():
            self._db.execute("INSERT OR REPLACE INTO head VALUES (1, ?)", (signed,))
            stale = [row for row in self._db.execute("SELECT digest FROM part") if row[0] not in named]
            self._db.executemany("DELETE FROM part WHERE digest = ?", stale)
        # Whoever was taken off a list stands nowhere any more.
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """One transaction."""
        with self._lock:
            try:
                self._db.execute("BEGIN")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise HotlistError(f"{self._path}: copy of the hotlists cannot be used: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    """Open or make the file, for its owner alone: it says who is looked for.

    Raises:
        sqlite3.Error: it cannot be; not an OperationalError where it is damaged, or of another version.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from error
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        about = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if about not in ([0, 0], [_APPLICATION_ID, _VERSION]):
            raise sqlite3.DatabaseError(f"of another kind or version: {about}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may bring back the copy of before, whole
        db.execute("PRAGMA secure_delete = ON")
        if (finding := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(finding)
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def delete(path: Path) -> None:
    """Delete a copy that nobody has open, where there is one."""
    for tail in _TAILS:
        with contextlib.suppress(OSError):
            path.with_name(path.name + tail).unlink()
