"""The ledger of dropped numbers: merged ranges, kept until the centre has acknowledged them too.

The ranges of a stream are disjoint, so that the neighbours of a number are found by two look-ups, however
long the ledger is.
"""

import sqlite3

from edge.contract.delivery import Gone, Received, SeqRange, Stream

_MET = (
    "SELECT first, last, reason FROM gone WHERE stream = :stream AND first <= :last AND last >= :first AND first >="
    " coalesce((SELECT max(first) FROM gone WHERE stream = :stream AND first <= :first), :first)"
)
"""The ranges that share a number with :first..:last: none begins before the last that begins at :first or earlier."""


def announce(db: sqlite3.Connection, stream: Stream, span: SeqRange, *, reason: str) -> None:
    """Enter dropped numbers, merged with the ranges of the same reason that they touch."""
    first, last = span.first, span.last
    for old_first, old_last, old_reason in _meeting(db, stream, first - 1, last + 1):
        if old_reason == reason:
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
    for span in received:
        for first, last, reason in _meeting(db, stream, span.first, span.last):
            db.execute("DELETE FROM gone WHERE stream = ? AND first = ?", (stream, first))
            rest = ((first, span.first - 1), (span.last + 1, last))
            left = [(stream, a, b, reason) for a, b in rest if a <= b]
            db.executemany("INSERT INTO gone VALUES (?, ?, ?, ?)", left)


def _meeting(db: sqlite3.Connection, stream: Stream, first: int, last: int) -> list[tuple[int, int, str]]:
    return db.execute(_MET, {"stream": stream, "first": first, "last": last}).fetchall()
