"""The ledger of dropped numbers: merged ranges, kept until the centre has acknowledged them too."""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable

from edge.contract.delivery import Gone, Received, SeqRange, Stream


def announce(db: sqlite3.Connection, stream: Stream, seqs: Iterable[int], *, reason: str) -> None:
    """Enter dropped numbers, merged with the ranges of the same reason that they touch."""
    for run in Received().adding(seqs):
        first, last = run.first, run.last
        touching = db.execute(
            "SELECT first, last FROM gone WHERE stream = ? AND reason = ? AND first <= ? AND last >= ?",
            (stream, reason, last + 1, first - 1),
        ).fetchall()
        for old_first, old_last in touching:
            db.execute("DELETE FROM gone WHERE stream = ? AND first = ?", (stream, old_first))
            first, last = min(first, old_first), max(last, old_last)
        db.execute("INSERT INTO gone VALUES (?, ?, ?, ?)", (stream, first, last, reason))


def announced(db: sqlite3.Connection, *, edge_id: str, epoch: int, limit: int) -> list[Gone]:
    """The first ranges of the ledger, in order."""
    rows = db.execute("SELECT stream, first, last, reason FROM gone ORDER BY stream, first LIMIT ?", (limit,))
    return [
        Gone(
            edge_id=edge_id,
            epoch=epoch,
            stream=Stream(stream),
            dropped=SeqRange(first=first, last=last),
            reason=reason,
        )
        for stream, first, last, reason in rows
    ]


def settle(db: sqlite3.Connection, stream: Stream, received: Received) -> None:
    """Forget ranges as far as the centre holds them."""
    rows = db.execute("SELECT first, last, reason FROM gone WHERE stream = ?", (stream,)).fetchall()
    for first, last, reason in rows:
        rest = _without(first, last, received)
        if rest == [(first, last)]:
            continue
        db.execute("DELETE FROM gone WHERE stream = ? AND first = ?", (stream, first))
        db.executemany("INSERT INTO gone VALUES (?, ?, ?, ?)", [(stream, a, b, reason) for a, b in rest])


def _without(first: int, last: int, received: Received) -> list[tuple[int, int]]:
    """The parts of first..last that are not in `received`."""
    rest, start = [], first
    spans = received.ranges
    for span in spans[bisect_left(spans, first, key=lambda s: s.last) :]:
        if span.first > last:
            break
        if span.first > start:
            rest.append((start, span.first - 1))
        start = span.last + 1
    if start <= last:
        rest.append((start, last))
    return rest
