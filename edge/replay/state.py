"""How far a replay has come, on disk: one SQLite file, changed in whole transactions only.

A transaction holds a snapshot of the pipeline, the place in the recording that it belongs to, and all that was read up
to there. So whatever moment a process is killed at, the next one finds the three in agreement and goes on from there;
what was read behind that place is read again, and is not in the file twice.

Reads that are to be published stand in a queue besides, until the spool has them (`edge.replay.deliver`). A read itself
is kept until its recording is done, so that a replay that was killed tells and numbers them all; then `prune` lets it
go.
"""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import structlog

from edge.contract.read import PlateRead
from edge.errors import ConfigError
from edge.replay.files import claim
from edge.replay.kept import Kept, Queued, Row, Said
from edge.spool.file import FULL_CODES

_APPLICATION_ID: Final = 0x41545250
_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE recording ( -- identity: none once it was let go
    id INTEGER PRIMARY KEY, identity TEXT UNIQUE, name TEXT NOT NULL, settings TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0, snapshot BLOB, figures TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE found (
    number INTEGER PRIMARY KEY, recording INTEGER NOT NULL, key TEXT NOT NULL, origin TEXT NOT NULL,
    read TEXT NOT NULL, crop BLOB, epoch INTEGER, seq INTEGER, UNIQUE (recording, key)
);
CREATE TABLE queue (
    n INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, read TEXT NOT NULL, crop BLOB, overview BLOB
)
"""

_FROM_VERSION_0: Final = """
CREATE TABLE changed (
    id INTEGER PRIMARY KEY, identity TEXT UNIQUE, name TEXT NOT NULL, settings TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0, snapshot BLOB, figures TEXT NOT NULL DEFAULT '{}'
);
INSERT INTO changed
    SELECT id, CASE WHEN instr(identity, '#') THEN NULL ELSE identity END, name, settings, done, snapshot, figures
    FROM recording;
DROP TABLE recording;
ALTER TABLE changed RENAME TO recording
"""
"""What was let go was marked within its identity then."""

_log = structlog.get_logger(__name__)


class State:
    """The file; one process at a time.

    Args:
        path: None keeps everything in memory: nothing survives.
        is_publishing: whether what is said is queued for the spool.

    Raises:
        ConfigError: the file is something else, another process uses it, or it cannot be written.
    """

    def __init__(self, path: Path | None, *, is_publishing: bool = False) -> None:
        self.path = path
        self.is_publishing = is_publishing
        self._lock = -1
        if path is not None:
            self._lock = claim(path)
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._prepare()
        except sqlite3.Error as error:
            self._release()
            raise ConfigError(f"{path}: not the state of a replay, or cannot be written: {error}") from error
        except ConfigError:
            self._release()
            raise
        self.id: str = self._db.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()[0]

    @property
    def is_durable(self) -> bool:
        """Whether a killed replay can go on."""
        return self.path is not None

    def rows(self) -> list[Row]:
        """Every recording known, in order."""
        return self._rows("ORDER BY id")

    def row(self, number: int) -> Row:
        """One of them.

        Raises:
            LookupError: there is none of this number.
        """
        found = self._rows("WHERE id = ?", number)
        if not found:
            raise LookupError(f"no recording {number}")
        return found[0]

    def find(self, identity: str) -> Row | None:
        """The recording of this content, where it was begun."""
        return next(iter(self._rows("WHERE identity = ?", identity)), None)

    def by_part(self) -> dict[str, tuple[Row, tuple[str, ...]]]:
        """The recording that each file known is a part of, and its parts; those that were let go are not known."""
        found: dict[str, tuple[Row, tuple[str, ...]]] = {}
        for row in self._rows("WHERE identity IS NOT NULL ORDER BY id"):
            if row.is_done or row.is_broken_off:
                parts = tuple(row.settings.get("parts", (row.identity,)))
                found |= dict.fromkeys(parts, (row, parts))
        return found

    def begin(self, identity: str, *, name: str, settings: Mapping[str, Any]) -> Row:
        """Enter a recording that is not known yet, or of which nothing has been kept."""
        with self._transaction():
            (number,) = self._db.execute(
                "INSERT INTO recording (identity, name, settings) VALUES (?, ?, ?)"
                " ON CONFLICT (identity) DO UPDATE SET name = excluded.name, settings = excluded.settings"
                " RETURNING id",
                (identity, name, json.dumps(settings)),
            ).fetchone()
        return self.row(number)

    def forget(self, number: int) -> None:
        """Let a recording be begun anew; what was read of it and waits in the queue still goes out."""
        with self._transaction():
            self._db.execute(
                "UPDATE recording SET identity = NULL, done = 1, snapshot = NULL WHERE id = ?", (number,)
            )

    def commit(
        self, number: int, *, said: list[Said], snapshot: bytes | None, figures: Mapping[str, Any], done: bool
    ) -> None:
        """All that was said since the last time, and the place that it reaches to, or nothing of it.

        Raises:
            ConfigError: the file cannot be written.
        """
        with self._transaction():
            for each in said:
                self._say(number, each)
            self._db.execute(
                "UPDATE recording SET snapshot = ?, figures = ?, done = ? WHERE id = ?",
                (snapshot, json.dumps(figures), done, number),
            )

    def kept(self, number: int) -> list[Kept]:
        """What was found in a recording, in order."""
        rows = self._db.execute(
            "SELECT number, origin, read, crop, epoch, seq FROM found WHERE recording = ? ORDER BY number",
            (number,),
        )
        found = [(n, o, PlateRead.model_validate_json(read), crop, e, s) for n, o, read, crop, e, s in rows]
        return [
            Kept(n, o, read.model_copy(update={"epoch": e or read.epoch, "seq": s or n}), crop)
            for n, o, read, crop, e, s in found
        ]

    def next_queued(self) -> Queued | None:
        """The first that waits for the spool; None where nothing does."""
        row = self._db.execute(
            "SELECT n, q.number, q.read, q.crop, q.overview, epoch, seq FROM queue AS q JOIN found USING (number)"
            " ORDER BY n LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        n, number, read, crop, overview, epoch, seq = row
        given = None if seq is None else (epoch, seq)
        return Queued(n, number, PlateRead.model_validate_json(read), crop, overview, given)

    def delivered(self, n: int, *, epoch: int, seq: int) -> None:
        """The spool has the queue up to and with this one, whose read got this number there; idempotent."""
        with self._transaction():
            self._db.execute(
                "UPDATE found SET epoch = ?, seq = ? WHERE number = (SELECT number FROM queue WHERE n = ?)",
                (epoch, seq, n),
            )
            self._db.execute("DELETE FROM queue WHERE n <= ?", (n,))

    def prune(self) -> None:
        """Let go of what nobody needs once the spool has it: the reads of what is done, and recordings let go.

        Of a recording that is done no update can come, so nothing of its reads is needed to publish none twice.

        What is deleted is overwritten at once (`secure_delete`). The room of it is given back after that, and where
        that fails for want of room, or the process is killed before, the next time.

        Raises:
            ConfigError: the file cannot be written.
        """
        with self._transaction():
            self._db.execute(
                "DELETE FROM found WHERE recording IN (SELECT id FROM recording WHERE done)"
                " AND number NOT IN (SELECT number FROM queue)"
            )
            self._db.execute(
                "DELETE FROM recording WHERE identity IS NULL AND id NOT IN (SELECT recording FROM found)"
            )
        with self._told():
            if self._db.execute("PRAGMA freelist_count").fetchone()[0]:
                self._shrink()

    def _shrink(self) -> None:
        try:
            self._db.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in FULL_CODES:
                raise
            _log.warning(
                "no room to make the state of the replay smaller", path=str(self.path), fault=str(error)
            )

    def close(self) -> None:
        """Let others in; idempotent."""
        self._db.close()
        self._release()

    def remove(self) -> None:
        """Close and delete it: there is nothing left to go on with."""
        self.close()
        if self.path is not None:
            for tail in ("", "-wal", "-shm", ".lock"):
                self.path.with_name(self.path.name + tail).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _say(self, number: int, said: Said) -> None:
        known = self._db.execute(
            "SELECT number, crop FROM found WHERE recording = ? AND key = ?", (number, said.key)
        ).fetchone()
        text = said.read.model_dump_json()
        if known is None:
            cursor = self._db.execute(
                "INSERT INTO found (recording, key, origin, read, crop) VALUES (?, ?, ?, ?, ?)",
                (number, said.key, said.origin, text, said.crop),
            )
            owner = cursor.lastrowid
        else:
            owner = known[0]
            self._db.execute(
                "UPDATE found SET read = ?, crop = ? WHERE number = ?", (text, said.crop or known[1], owner)
            )
        if self.is_publishing:
            self._db.execute(
                "INSERT INTO queue (number, read, crop, overview) VALUES (?, ?, ?, ?)",
                (owner, text, said.crop, said.overview),
            )

    def _prepare(self) -> None:
        empty = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not empty and self._db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise ConfigError(f"{self.path}: a database of something else, not the state of a replay")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")  # deleted rows show plates
        if empty:
            with self._transaction():
                self._execute_all(_SCHEMA)
                self._db.execute("INSERT INTO meta VALUES ('id', ?)", (secrets.token_hex(8),))
                self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        elif self._db.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            with self._transaction():
                self._execute_all(_FROM_VERSION_0)

    def _execute_all(self, statements: str) -> None:
        for statement in statements.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _rows(self, which: str, *values: object) -> list[Row]:
        rows = self._db.execute(
            f"SELECT id, identity, name, settings, done, snapshot, figures FROM recording {which}",  # noqa: S608
            values,
        )
        return [
            Row(n, identity, name, json.loads(s), bool(done), snap, json.loads(f))
            for n, identity, name, s, done, snap, f in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ConfigError(f"{self.path}: state of the replay cannot be written: {error}") from error

    def _release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
