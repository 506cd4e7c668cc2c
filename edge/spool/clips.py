"""Clips in the spool: which requests are answered, so that each is answered once, and none is left without.

    answered    request -> the numbers of its answer's parts in the stream of clips

The row is written in the transaction of the parts. Where a part is given up, the clip is worth nothing: the parts
that wait go with it, and so does the row. The request, which the centre repeats until it is answered, is then open
again, and its answer will be that the clip is gone.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from edge.contract.delivery import SeqRange, Stream
from edge.spool import gone
from edge.spool.tally import Tally

_REMEMBERED: Final = 1_000  # the centre waits for 50 at most
_INCOMPLETE: Final = "another part of its clip was given up"


def is_answered(db: sqlite3.Connection, request: str) -> bool:
    """Whether this request has its answer, delivered or waiting."""
    return db.execute("SELECT 1 FROM answered WHERE request = ?", (request,)).fetchone() is not None


def enter(db: sqlite3.Connection, request: str, span: SeqRange) -> None:
    """These numbers answer this request; the oldest of many answers is forgotten."""
    row = (request, span.first, span.last)
    number = db.execute("INSERT INTO answered (request, first, last) VALUES (?, ?, ?)", row).lastrowid
    db.execute("DELETE FROM answered WHERE number <= ?", ((number or 0) - _REMEMBERED,))


def open_again(db: sqlite3.Connection, tally: Tally, dropped: Iterable[SeqRange]) -> None:
    """These numbers were given up: so is the rest of their clips."""
    for span in dropped:
        met = db.execute(
            "SELECT number, first, last FROM answered WHERE first <= ? AND last >= ?", (span.last, span.first)
        ).fetchall()
        for number, first, last in met:
            db.execute("DELETE FROM answered WHERE number = ?", (number,))
            rest = db.execute(
                "SELECT seq, size FROM message WHERE stream = ? AND seq BETWEEN ? AND ? ORDER BY seq",
                (Stream.CLIP, first, last),
            ).fetchall()
            for seq, size in rest:
                db.execute("DELETE FROM message WHERE stream = ? AND seq = ?", (Stream.CLIP, seq))
                tally.waiting[Stream.CLIP] -= 1
                tally.dropped[Stream.CLIP] += 1
                tally.bytes -= size
                gone.announce(db, Stream.CLIP, SeqRange(first=seq, last=seq), reason=_INCOMPLETE)


def renumber(db: sqlite3.Connection, numbers: dict[int, int]) -> None:
    """A new epoch: `numbers` says which number each part that waits bears now, rising with the old ones."""
    rows = db.execute("SELECT number, first, last FROM answered").fetchall()
    for number, first, last in rows:
        now = [new for old, new in numbers.items() if first <= old <= last]
        # A range that holds no number, where nothing waits any more.
        span = (min(now), max(now)) if now else (0, -1)
        db.execute("UPDATE answered SET first = ?, last = ? WHERE number = ?", (*span, number))
