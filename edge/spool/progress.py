"""How far the source of the reads has come, kept in the very transaction that stores a read.

A source that can go back, such as a recording, asks after a break what the spool holds of it, and puts nothing twice.
"""

import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from edge.contract.read import ReadId

_KEY: Final = "progress"


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest.

    Attributes:
        text: the source's own words.
        epoch, seq: of the read that was stored or updated with it.
    """

    text: str
    epoch: int
    seq: int


def write_progress(db: sqlite3.Connection, text: str | None, read: ReadId) -> None:
    """Within the caller's transaction; None leaves it as it is."""
    if text is not None:
        db.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, json.dumps([text, read.epoch, read.seq]))
        )


def read_progress(db: sqlite3.Connection) -> Progress | None:
    """The newest, or None where nothing was stored."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return None if row is None else Progress(*json.loads(row[0]))
