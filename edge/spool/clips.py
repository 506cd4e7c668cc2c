"""Clips in the spool: which requests are answered, so that each is answered once, and none is left without.

    answered    request -> the numbers of its answer's parts in the stream of clips, and whether that is all of them

A clip of many megabytes is put in several transactions (`bulks`), so that a read never waits behind more than one. The
row is written with the first parts and grows with the others. Until it is whole none of them is sent, and no other clip
is put: what is half is the end of its stream.

Where a part is given up, the clip is worth nothing, be it whole or half: the parts that wait go with it, and so does
the row. The request, which the centre repeats until it is answered, is then open again, and its answer will be that
the clip is gone, unless its packets are held still.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from edge.contract.delivery import BEYOND, SeqRange, Stream
from edge.spool import gone
from edge.spool.tally import Tally

_REMEMBERED: Final = 1_000  # the centre waits for 50 at most
_INCOMPLETE: Final = "another part of its clip was given up"
_HALF: Final = "the rest of its clip was never put"
_BULK_BYTES: Final = 1024 * 1024
"""What one transaction takes: 0.1 s on a card that writes 10 MB/s."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """The parts that one transaction takes."""

    parts: list[bytes]
    is_first: bool
    is_last: bool


def is_answered(db: sqlite3.Connection, request: str) -> bool:
    """Whether this request has its answer, delivered or waiting."""
    row = db.execute("SELECT 1 FROM answered WHERE request = ? AND whole = 1", (request,)).fetchone()
    return row is not None


def bulks(parts: Iterable[bytes]) -> Iterator[Bulk]:
    """An answer by the transaction, each of a MiB at most."""
    bulk: list[bytes] = []
    is_first = True
    for part in parts:
        if bulk and sum(map(len, bulk)) + len(part) > _BULK_BYTES:
            yield Bulk(bulk, is_first, is_last=False)
            bulk, is_first = [], False
        bulk.append(part)
    yield Bulk(bulk, is_first, is_last=True)


def enter(db: sqlite3.Connection, request: str, span: SeqRange, *, is_whole: bool = True) -> None:
    """These numbers answer this request, or begin to; the oldest of many answers is forgotten."""
    row = (request, span.first, span.last, is_whole)
    number = db.execute(
        "INSERT INTO answered (request, first, last, whole) VALUES (?, ?, ?, ?)", row
    ).lastrowid
    db.execute("DELETE FROM answered WHERE number <= ?", ((number or 0) - _REMEMBERED,))


def is_half(db: sqlite3.Connection, request: str) -> bool:
    """Whether the answer to this request was begun, and has not been given up."""
    row = db.execute("SELECT 1 FROM answered WHERE request = ? AND whole = 0", (request,)).fetchone()
    return row is not None


def extend(db: sqlite3.Connection, request: str, *, last: int, is_whole: bool) -> None:
    """The answer that was begun goes on to this number."""
    db.execute("UPDATE answered SET last = ?, whole = ? WHERE request = ?", (last, is_whole, request))


def sendable_below(db: sqlite3.Connection) -> int:
    """The first number that may not be sent yet: of what is put half."""
    (first,) = db.execute("SELECT min(first) FROM answered WHERE whole = 0").fetchone()
    return BEYOND if first is None else int(first)


def give_up_half(db: sqlite3.Connection, tally: Tally) -> int:
    """Drop what is put half, counted and announced; how many parts it was."""
    before = tally.dropped[Stream.CLIP]
    rows = db.execute("SELECT first, last FROM answered WHERE whole = 0").fetchall()
    spans = [SeqRange(first=first, last=last) for first, last in rows]
    open_again(db, tally, spans, reason=_HALF)
    return tally.dropped[Stream.CLIP] - before


def open_again(
    db: sqlite3.Connection, tally: Tally, dropped: Iterable[SeqRange], *, reason: str = _INCOMPLETE
) -> None:
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
                gone.announce(db, Stream.CLIP, SeqRange(first=seq, last=seq), reason=reason)


def renumber(db: sqlite3.Connection, numbers: dict[int, int]) -> None:
    """A new epoch: `numbers` says which number each part that waits bears now, rising with the old ones."""
    rows = db.execute("SELECT number, first, last FROM answered").fetchall()
    for number, first, last in rows:
        now = [new for old, new in numbers.items() if first <= old <= last]
        # A range that holds no number, where nothing waits any more.
        span = (min(now), max(now)) if now else (0, -1)
        db.execute("UPDATE answered SET first = ?, last = ? WHERE number = ?", (*span, number))
    db.execute("DELETE FROM answered WHERE whole = 0 AND last < first")
