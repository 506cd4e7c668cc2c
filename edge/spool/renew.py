"""A new epoch for all that waits, where the numbers of the present one turned out to have been given before.

A disk restored from a copy gives numbers again that the centre holds already: it would take the new messages
for repetitions, and its acknowledgement would delete them here. So everything that waits is numbered anew, from
1 in an epoch of its own, payloads included. Nothing that waits is lost; the price is that a read that waited
when the copy was made, and was delivered from the disk that is no more, comes to the centre under two identities.

An update whose read does not wait any more becomes a read, because a number without a read would be a hole. Only
a picture of such a read is given up, counted and announced: there is no read here that could show it. A clip
belongs to the read under the number by which the centre asked for it, and goes on naming that.
"""

import sqlite3
from dataclasses import dataclass, field
from typing import Final

from edge.contract.delivery import SeqRange, Stream
from edge.contract.read import PlateRead, ReadId
from edge.contract.topics import Kind, Numbered, parse
from edge.spool import clips, gone
from edge.spool.tally import Tally, count

FORSAKEN: Final = "its read was delivered before this disk was restored from a copy"
_REMEMBERED: Final = 10_000  # reads of the epochs before that updates may still come for

Heirs = dict[int, int]
"""Numbers of reads: in the epoch before, and now."""


@dataclass(slots=True)
class Lineage:
    """Which number a read of an epoch before bears now, since this process began."""

    _epochs: set[int] = field(default_factory=set)
    _now: dict[tuple[int, int], int] = field(default_factory=dict)

    def knows(self, epoch: int) -> bool:
        """Whether it is one that was renewed."""
        return epoch in self._epochs

    def find(self, number: ReadId) -> int | None:
        """The number that this read bears now; None where it did not wait when its epoch ended."""
        return self._now.get((number.epoch, number.seq))

    def enter(self, number: ReadId, seq: int) -> None:
        """This read of an epoch before bears a number now."""
        self._now[number.epoch, number.seq] = seq

    def renew(self, epoch: int, heirs: Heirs) -> None:
        """`epoch` has ended."""
        self._epochs.add(epoch)
        older = {key: heirs[seq] for key, seq in self._now.items() if seq in heirs}
        newest = list(heirs.items())[-_REMEMBERED:]
        self._now = older | {(epoch, old): new for old, new in newest}


def renew(db: sqlite3.Connection, tally: Tally, *, epoch: int) -> Heirs:
    """Number everything anew, within the caller's transaction; `tally` is brought up to date."""
    dropped = db.execute("SELECT stream, first, last, reason FROM gone ORDER BY stream, first").fetchall()
    db.execute("DELETE FROM gone")
    last = dict.fromkeys(Stream, 0)
    heirs: Heirs = {}
    # An update may become a read, which takes a number that must be free by then: reads go first.
    parts: dict[int, int] = {}
    for stream in Stream:
        forsaken = 0
        for seq in _waiting(db, stream):
            forsaken += not _carry_over(db, stream, seq, epoch=epoch, last=last, heirs=heirs)
            if stream is Stream.CLIP:
                parts[seq] = last[stream]
        if forsaken:
            dropped.insert(0, (stream, 1, forsaken, FORSAKEN))
    clips.renumber(db, parts)
    db.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (epoch,))
    announced = dict.fromkeys(Stream, 0)
    for name, first, end, reason in dropped:
        stream, numbers = Stream(name), end - first + 1
        span = SeqRange(first=last[stream] + 1, last=last[stream] + numbers)
        gone.announce(db, stream, span, reason=reason)
        last[stream] += numbers
        announced[stream] += numbers
    _, counted = count(db)
    tally.bytes, tally.waiting, tally.last, tally.dropped = counted.bytes, counted.waiting, last, announced
    return heirs


def _waiting(db: sqlite3.Connection, stream: Stream) -> list[int]:
    rows = db.execute("SELECT seq FROM message WHERE stream = ? ORDER BY seq", (stream,))
    return [seq for (seq,) in rows]


def _carry_over(
    db: sqlite3.Connection, stream: Stream, seq: int, *, epoch: int, last: dict[Stream, int], heirs: Heirs
) -> bool:
    """Give one message its new number; False where it had to be given up."""
    (old,) = db.execute("SELECT topic FROM message WHERE stream = ? AND seq = ?", (stream, seq)).fetchone()
    topic = parse(old)
    if not isinstance(topic, Numbered):
        raise TypeError(f"{stream} {seq} has no numbered topic: {old}")
    kind = topic.kind
    heir = topic.read_seq if kind is Kind.CLIP else heirs.get(topic.read_seq)
    if heir is None:
        if kind in (Kind.CROP, Kind.OVERVIEW):
            db.execute("DELETE FROM message WHERE stream = ? AND seq = ?", (stream, seq))
            return False
        kind = Kind.READ
        heir = heirs[topic.read_seq] = last[Stream.READ] + 1
    last[kind.stream] += 1
    new = Numbered(topic.address, topic.camera_id, kind, epoch, last[kind.stream], heir)
    _rewrite(db, (stream, seq), new, ReadId(topic.address.edge_id, epoch, heir))
    return True


def _rewrite(db: sqlite3.Connection, key: tuple[Stream, int], topic: Numbered, read_id: ReadId) -> None:
    """Numbers only fall, and those below are done already: the new place is free."""
    if topic.kind in (Kind.READ, Kind.UPDATE):
        (payload,) = db.execute("SELECT payload FROM message WHERE stream = ? AND seq = ?", key).fetchone()
        read = PlateRead.model_validate_json(payload)
        read = read.model_copy(update={"epoch": read_id.epoch, "seq": read_id.seq})
        db.execute(
            "UPDATE message SET payload = ? WHERE stream = ? AND seq = ?",
            (read.model_dump_json().encode(), *key),
        )
    db.execute(
        "UPDATE message SET stream = ?, seq = ?, topic = ?, size = length(payload) + ? WHERE stream = ? AND seq = ?",
        (topic.kind.stream, topic.seq, str(topic), len(str(topic)), *key),
    )
