"""Room on the disk that nobody else can take, to let go of when the disk is full.

Deleting from a database takes room first: the deletion is written down before it is done. On a disk that is full, by
this box's own reads or by anything else, what the centre acknowledges could never leave, and the disk stay full for
ever. So a file of nothing lies beside the spool; it makes way, what is to go goes, and it is laid down again.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.errors import SpoolFullError

_MOST_BYTES: Final = 8 * 1024 * 1024  # what SQLite writes ahead (4 MB, and a picture more), and as much again
_SHARE: Final = 8  # a spool of less is not outweighed by it
_LEFT_BYTES: Final = 65_536  # it never takes the last of the disk


class Reserve:
    """A file beside the spool.

    Args:
        path: of the spool.
        max_bytes: the spool's bound.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path.with_name(path.name + ".reserve")
        self._bytes = min(_MOST_BYTES, max_bytes // _SHARE)
        self._held = 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it was laid down when it was looked at last; somebody may have deleted it since."""
        return self._held >= self._bytes

    def hold(self) -> None:
        """Lay it down, as large as the disk allows."""
        self._held = 0
        # A disk that is full once more: the next time is soon enough.
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                held = os.fstat(file).st_blocks * 512
                disk = os.fstatvfs(file)
                wanted = min(self._bytes, held + disk.f_bavail * disk.f_frsize - _LEFT_BYTES)
                if wanted > held:
                    os.posix_fallocate(file, 0, wanted)
                self._held = os.fstat(file).st_blocks * 512
            finally:
                os.close(file)

    @contextlib.contextmanager
    def given(self, db: sqlite3.Connection) -> Iterator[None]:
        """Its room for what deletes from the spool.

        Raises:
            SpoolFullError: it has none.
        """
        if not self.let_go():
            self.hold()  # there may be room by now, for the next time
            raise SpoolFullError(f"{self._path}: the disk is full, and nothing was held in reserve")
        try:
            _shrink(db)
            yield
            _shrink(db)
        finally:
            self.hold()

    def let_go(self) -> bool:
        """Delete it, until `hold`; whether there was anything of it."""
        try:
            held = self._path.stat().st_blocks > 0
            self._path.unlink()
        except OSError:
            return False
        return held


def _shrink(db: sqlite3.Connection) -> None:
    """Let SQLite give back what it has written ahead."""
    with contextlib.suppress(sqlite3.Error):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
