"""The received ranges: which numbers of each edge's streams are committed, so that each counts once.

They outlive the rows: a message that comes again after its row was sealed, a day later, is still known.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Self

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from central.db import received_range
from central.lock import take_turns
from edge.contract.delivery import SeqRange, Stream
from edge.contract.topics import partition

Span = tuple[int, int]
"""First and last number, both included."""


class Source(NamedTuple):
    """A stream of one epoch of an edge."""

    edge_id: str
    epoch: int
    stream: Stream


class _Line:
    """What one stream has received: what the database held before, and what this batch adds.

    Plain pairs (first, last), and not the message's models: a stream that came in pieces has thousands.
    """

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.before = sorted(spans)
        self._firsts = [first for first, _ in self.before]
        self._single: set[int] = set()
        self._spans: list[Span] = []
        self._after: Sequence[Span] | None = self.before

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self._firsts, seq) - 1
        return (
            (at >= 0 and seq <= self.before[at][1])
            or seq in self._single
            or any(first <= seq <= last for first, last in self._spans)
        )

    def add(self, seq: int) -> None:
        self._single.add(seq)
        self._after = None

    def add_span(self, span: Span) -> None:
        self._spans.append(span)
        self._after = None

    def is_changed(self) -> bool:
        return bool(self._single or self._spans)

    def after(self) -> Sequence[Span]:
        """All of it: sorted, disjoint, not touching."""
        if self._after is None:
            self._after = _merged([*self.before, *self._spans, *((seq, seq) for seq in self._single)])
        return self._after


def _merged(spans: list[Span]) -> list[Span]:
    spans.sort()
    merged = spans[:1]
    for first, last in spans[1:]:
        end = merged[-1][1]
        if first > end + 1:
            merged.append((first, last))
        elif last > end:
            merged[-1] = (merged[-1][0], last)
    return merged


class Ledger:
    """The ranges of the edges that a batch touches, for the length of one transaction."""

    def __init__(self, lines: dict[Source, _Line]) -> None:
        self._lines = lines

    @classmethod
    def load(cls, connection: Connection, edges: Collection[str]) -> Self:
        """Read the ranges of these edges, every epoch of them; nobody else changes them until the transaction ends."""
        spans: dict[Source, list[Span]] = {}
        if edges:
            # Two consumers may both have a partition, while it moves from one to the other.
            take_turns(connection, "partition", {partition(edge_id) for edge_id in edges})
            rows = connection.execute(select(received_range).where(received_range.c.edge_id.in_(edges)))
            for edge_id, epoch, stream, first, last in rows:
                spans.setdefault(Source(edge_id, epoch, Stream(stream)), []).append((first, last))
        return cls({source: _Line(found) for source, found in spans.items()})

    def holds(self, source: Source, seq: int) -> bool:
        """Whether this number has been received, in this batch or before."""
        line = self._lines.get(source)
        return line is not None and seq in line

    def take(self, source: Source, seq: int) -> bool:
        """Count a number as received; False where it was already."""
        line = self._lines.setdefault(source, _Line())
        if seq in line:
            return False
        line.add(seq)
        return True

    def take_range(self, source: Source, span: SeqRange) -> bool:
        """Count a whole range as received; False where all of it was already."""
        line = self._lines.setdefault(source, _Line())
        if any(first <= span.first and span.last <= last for first, last in line.after()):
            return False
        line.add_span((span.first, span.last))
        return True

    def after(self, edge_id: str, epoch: int) -> dict[Stream, Sequence[Span]]:
        """Everything that will be held of an edge's epoch once this transaction is committed."""
        lines = ((stream, self._lines.get(Source(edge_id, epoch, stream))) for stream in Stream)
        return {stream: line.after() for stream, line in lines if line is not None}

    def newest_epochs(self) -> dict[str, int]:
        """Of each edge the newest epoch of which anything was received."""
        newest: dict[str, int] = {}
        for edge_id, epoch, _ in self._lines:
            newest[edge_id] = max(epoch, newest.get(edge_id, 0))
        return newest

    def save(self, connection: Connection) -> None:
        """Write what has changed."""
        removed, extended, added = [], [], []
        for source, line in self._lines.items():
            if not line.is_changed():
                continue
            key = {"at_edge": source.edge_id, "at_epoch": source.epoch, "at_stream": str(source.stream)}
            before = dict(line.before)
            after = dict(line.after())
            removed += [key | {"at_first": first} for first in before.keys() - after.keys()]
            extended += [
                key | {"at_first": first, "new_last": after[first]}
                for first in before.keys() & after.keys()
                if before[first] != after[first]
            ]
            added += [(*source, first, after[first]) for first in sorted(after.keys() - before.keys())]
        if removed:
            connection.execute(delete(received_range).where(*_AT), removed)
        if extended:
            statement = update(received_range).where(*_AT).values(last_seq=bindparam("new_last"))
            connection.execute(statement, extended)
        if added:
            names = [column.name for column in received_range.c]
            connection.execute(insert(received_range), [dict(zip(names, row, strict=True)) for row in added])


_AT = (
    received_range.c.edge_id == bindparam("at_edge"),
    received_range.c.epoch == bindparam("at_epoch"),
    received_range.c.stream == bindparam("at_stream"),
    received_range.c.first_seq == bindparam("at_first"),
)
