"""How the spool is read and written: one claim, one lock, one transaction at a time, and a full disk got over."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import structlog

from edge.contract.delivery import Stream
from edge.errors import SpoolError, SpoolFullError
from edge.spool import room
from edge.spool.file import FULL_CODES, Claim, open_spool
from edge.spool.reserve import Reserve
from edge.spool.tally import Tally, count

_RELIEF: Final = 0.02
"""Share of what waits that is given up where the disk is full."""

_DISK_FULL: Final = "the disk was full"

_log = structlog.get_logger(__name__)


class Ledger:
    """A spool's file while it is open; from any thread.

    Args:
        path: of the file.
        edge_id: whose it is.
        max_bytes: the spool's bound.
        now: UTC; the epoch of a new file.

    Raises:
        SpoolError: it cannot be opened, or is not this edge's.
    """

    def __init__(self, path: Path, *, edge_id: str, max_bytes: int, now: datetime) -> None:
        self._path = path
        self._edge_id = edge_id
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._claim = Claim(path)
        self._reserve = Reserve(path, max_bytes=max_bytes)
        try:
            self._db = self._open(now)
            self._epoch, self._tally = count(self._db)
        except BaseException:
            self._claim.release()
            raise
        self._reserve.hold()
        self._is_relieved = False

    @property
    def epoch(self) -> int:
        """The life of this spool: microseconds since 1970 UTC at its creation, or when it was renewed."""
        return self._epoch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            self._db.close()
            self._claim.release()

    def _open(self, now: datetime) -> sqlite3.Connection:
        """The file; on a disk that is full the reserve makes way for what it takes to open it."""
        try:
            return open_spool(self._path, edge_id=self._edge_id, now=now)
        except SpoolFullError as error:
            if not self._reserve.let_go():
                raise
            _log.warning("disk full: the reserve makes way for the spool to be opened", fault=str(error))
            return open_spool(self._path, edge_id=self._edge_id, now=now)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise SpoolError(f"{self._path}: spool cannot be read: {error}") from error

    @contextmanager
    def _transaction(self, *, fsync: bool = True) -> Iterator[Tally]:
        """One transaction; the counts in memory follow only when it has been committed.

        Without `fsync` a power cut may undo it (the next one with covers it too): for deletions, because
        a message that comes back is sent again and recognised.

        Raises:
            SpoolFullError: the disk is full; where something was to be put, the next time may find room.
            SpoolError: it cannot be written.
        """
        with self._lock:
            tally = self._tally.copy()
            try:
                self._db.execute("PRAGMA synchronous = FULL" if fsync else "PRAGMA synchronous = NORMAL")
                self._db.execute("BEGIN IMMEDIATE")
                yield tally
                changed = [s for s in Stream if self._differs(tally, s)]
                self._db.executemany(
                    "UPDATE counter SET last_seq = ?, dropped = ? WHERE stream = ?",
                    [(tally.last[s], tally.dropped[s], s) for s in changed],
                )
                self._db.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.ProgrammingError):  # it is closed
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                if not isinstance(error, sqlite3.Error):
                    raise
                fault = f"{self._path}: spool cannot be written: {error}"
                if getattr(error, "sqlite_errorcode", None) not in FULL_CODES:
                    raise SpoolError(fault) from error
                if fsync:
                    self._relieve()
                raise SpoolFullError(fault) from error
            self._tally = tally
            if fsync and (self._is_relieved or not self._reserve.is_whole):
                self._reserve.hold()  # there is room again, or was none when it was laid down
            self._is_relieved &= not fsync

    def _relieve(self) -> None:
        """After a put that found the disk full: give up the oldest pictures, reads last; the next put finds room.

        Once only until one has: where that did not help, it would not help to give up all.
        """
        if self._is_relieved:
            return
        self._is_relieved = True
        with (
            contextlib.suppress(SpoolError),
            self._reserve.given(self._db),
            self._transaction(fsync=False) as tally,
        ):
            room.make_room(self._db, tally, max_bytes=int(tally.bytes * (1 - _RELIEF)), reason=_DISK_FULL)
            _log.error("disk full: the oldest pictures are given up", dropped=sum(tally.dropped.values()))

    def _differs(self, tally: Tally, stream: Stream) -> bool:
        now = self._tally
        return (tally.last[stream], tally.dropped[stream]) != (now.last[stream], now.dropped[stream])
