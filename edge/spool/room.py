"""Removing messages: acknowledged ones, and where there is no room, the least precious first."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from edge.contract.delivery import SeqRange, Stream
from edge.spool import clips, gone
from edge.spool.tally import Tally

_DROP_ORDER: Final = (Stream.CLIP, Stream.OVERVIEW, Stream.CROP, Stream.UPDATE, Stream.READ)
_REST: Final = (
    "SELECT seq, size FROM message WHERE stream = ? AND seq NOT IN"
    " (SELECT seq FROM message WHERE first = 1 AND stream = ?) ORDER BY seq"
)
_FIRST: Final = "SELECT seq, size FROM message WHERE first = 1 AND stream = ? ORDER BY seq"
_HEADROOM: Final = 0.02  # a full spool makes this share of room at once, not a message at a time
_FULL: Final = "the spool was full"


def remove(db: sqlite3.Connection, tally: Tally, stream: Stream, span: SeqRange) -> int:
    """Delete what waits of these numbers; how many messages it was."""
    key = (stream, span.first, span.last)
    count, size = db.execute(
        "SELECT count(*), sum(size) FROM message WHERE stream = ? AND seq BETWEEN ? AND ?", key
    ).fetchone()
    if count:
        db.execute("DELETE FROM message WHERE stream = ? AND seq BETWEEN ? AND ?", key)
        tally.waiting[stream] -= count
        tally.bytes -= size
    return int(count)


def drop(db: sqlite3.Connection, tally: Tally, stream: Stream, span: SeqRange, *, reason: str) -> None:
    """Give up these numbers, which must all wait: counted and announced."""
    tally.dropped[stream] += remove(db, tally, stream, span)
    gone.announce(db, stream, span, reason=reason)
    if stream is Stream.CLIP:
        clips.open_again(db, tally, [span])


def make_room(db: sqlite3.Connection, tally: Tally, *, max_bytes: int, reason: str = _FULL) -> None:
    """Where the bound is passed, drop the oldest clips, then pictures, then updates, reads last.

    Of each kind, what was put to go first goes after the others.
    """
    if tally.bytes <= max_bytes:
        return
    target = int(max_bytes * (1 - _HEADROOM))
    for stream in _DROP_ORDER:
        while spans := _runs(_oldest(db, stream, surplus=tally.bytes - target)):
            # A part takes the others of its clip along: what is left then has to be looked up again.
            for span in spans[:1] if stream is Stream.CLIP else spans:
                drop(db, tally, stream, span, reason=reason)


def _oldest(db: sqlite3.Connection, stream: Stream, *, surplus: int) -> Iterator[int]:
    """The oldest numbers of a stream, those put to go first behind the others: enough for `surplus` bytes, or all."""
    for query, values in ((_REST, (stream, stream)), (_FIRST, (stream,))):
        for seq, size in db.execute(query, values):
            if surplus <= 0:
                return
            yield seq
            surplus -= size


def _runs(seqs: Iterable[int]) -> list[SeqRange]:
    """Numbers as ranges, each of which rises."""
    runs: list[list[int]] = []
    for seq in seqs:
        if runs and seq == runs[-1][1] + 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    return [SeqRange(first=first, last=last) for first, last in runs]
