"""The durable queue itself: put (`intake`), pending, acknowledge, drop."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from edge.contract.delivery import BEYOND, Ack, Gone, SeqRange, Stream
from edge.contract.read import PlateRead
from edge.errors import SpoolFullError
from edge.spool import clips, gone, room
from edge.spool.intake import Intake
from edge.spool.renew import renew
from edge.spool.tally import SpoolStats, stats

FRESH: Final = timedelta(seconds=10)
"""A message younger than this is live: it overtakes the backlog of its stream."""

_WAITING: Final = "SELECT seq FROM message WHERE stream = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"
_FIRST: Final = (
    "SELECT seq FROM message WHERE first = 1 AND stream = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?"
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that waits for the centre's acknowledgement."""

    stream: Stream
    seq: int
    topic: str
    payload: bytes


class Spool(Intake):
    """The durable queue of one edge box; every method may be called from any thread.

    Raises:
        SpoolError: the file belongs to something else, to another edge or to a newer version, another
            process uses it, or it cannot be read or written. A damaged file is no error: it is renamed
            (`.damaged-...`), said in the log, and a new epoch begins.
    """

    def __init__(self, path: Path, *, edge_id: str, max_bytes: int, clock: Callable[[], datetime]) -> None:
        super().__init__(path, edge_id=edge_id, max_bytes=max_bytes, clock=clock)
        self._acks_ignored = self._renewed = 0

    def pending(
        self, stream: Stream, *, limit: int, skip: Collection[int] = frozenset(), backlog: int | None = None
    ) -> list[Outgoing]:
        """What waits in a stream: live messages (see FRESH), then those put to go first, then the rest of the backlog.

        Each oldest first.

        Args:
            stream: which.
            limit: at most so many.
            skip: numbers that are under way already.
            backlog: at most so many of that rest; None: as many as there is room for.
        """
        with self._reading():
            end = clips.sendable_below(self._db) if stream is Stream.CLIP else BEYOND
            floor = min(self._fresh_from(stream), end)
            chosen: list[int] = []
            for query, low, high in ((_WAITING, floor, end), (_FIRST, 1, floor)):
                chosen += self._numbers(query, (stream, low, high), limit - len(chosen), skip)
            most = limit - len(chosen) if backlog is None else min(limit - len(chosen), backlog)
            chosen += self._numbers(_WAITING, (stream, 1, floor), most, {*skip, *chosen})
            found = [self._get(stream, seq) for seq in chosen]
            return [message for message in found if message is not None]

    def get(self, stream: Stream, seq: int) -> Outgoing | None:
        """One message, or None where it has left the spool, or must not leave it yet."""
        with self._reading():
            if stream is Stream.CLIP and seq >= clips.sendable_below(self._db):
                return None
            return self._get(stream, seq)

    def gone(self, *, limit: int = 200) -> list[Gone]:
        """What was dropped and not acknowledged as such yet, the first so many ranges."""
        with self._reading():
            return gone.announced(self._db, edge_id=self._edge_id, epoch=self._epoch, limit=limit)

    def acknowledge(self, ack: Ack) -> int:
        """Delete exactly what the centre has committed; how many messages left.

        An acknowledgement of another epoch or edge deletes nothing and is counted. One of numbers that were
        never given proves that this spool is an old copy, whose numbers the centre knows from the disk that
        it was copied from: nothing is deleted, and all that waits gets new numbers in a new epoch. (A copy
        that has given more numbers than the centre knows before it first hears of it cannot be told from a
        sound spool.)

        Raises:
            SpoolError: the spool cannot be written.
        """
        with self._lock:
            if (ack.edge_id, ack.epoch) != (self._edge_id, self._epoch):
                self._acks_ignored += 1
                return 0
            given = self._tally.last
            if any(r.ranges and r.ranges[-1].last > given[s] for s, r in ack.streams.items()):
                self._renew()
                return 0
            try:
                return self._forget(ack)
            except SpoolFullError:
                with self._reserve.given(self._db):
                    return self._forget(ack)

    def drop(self, stream: Stream, seq: int, *, reason: str) -> bool:
        """Give up one message that can never be delivered; counted and announced. False if it has left."""
        with self._transaction() as tally:
            if self._get(stream, seq) is None:
                return False
            room.drop(self._db, tally, stream, SeqRange(first=seq, last=seq), reason=reason)
            return True

    def is_empty(self) -> bool:
        """Whether nothing waits, neither a message nor an announcement of dropped ones."""
        with self._reading():
            (announced,) = self._db.execute("SELECT count(*) FROM gone").fetchone()
            return announced == 0 and sum(self._tally.waiting.values()) == 0

    def stats(self) -> SpoolStats:
        """How full, how much was given up, how much waits."""
        with self._reading():
            return stats(
                self._db,
                self._path,
                self._epoch,
                self._tally,
                acks_ignored=self._acks_ignored,
                renewed=self._renewed,
            )

    def oldest_read_at(self) -> datetime | None:
        """When the oldest read that waits was emitted, by the box's clock of that moment; None where none waits."""
        with self._reading():
            row = self._db.execute(
                "SELECT payload FROM message WHERE stream = ? ORDER BY seq LIMIT 1", (Stream.READ,)
            ).fetchone()
        try:
            return None if row is None else PlateRead.model_validate_json(row[0]).emitted_at
        except ValueError:  # written by another version of us: it is the centre's to judge
            return None

    def _forget(self, ack: Ack) -> int:
        with self._transaction(fsync=False) as tally:
            for stream, received in ack.streams.items():
                for span in received:
                    room.remove(self._db, tally, stream, span)
                gone.settle(self._db, stream, received)
            return sum(self._tally.waiting.values()) - sum(tally.waiting.values())

    def _renew(self) -> None:
        """Begin a new epoch; see `edge.spool.renew`."""
        old, new = self._epoch, max(int(self._clock().timestamp() * 1_000_000), self._epoch + 1)
        with self._transaction() as tally:
            heirs = renew(self._db, tally, epoch=new)
        self._epoch = new
        self._renewed += 1
        self._lineage.renew(old, heirs)
        for fresh in self._fresh.values():
            fresh.clear()
        _log.error(
            "numbers acknowledged that were never given: this disk was restored from a copy; what waits gets"
            " new numbers, and a read that waited in the copy may arrive twice",
            old_epoch=old, new_epoch=new, messages=sum(self._tally.waiting.values()),
        )  # fmt: skip

    def _numbers(
        self, query: str, span: tuple[Stream, int, int], most: int, skip: Collection[int]
    ) -> list[int]:
        """The first so many numbers that a query finds, but these."""
        if most <= 0:
            return []
        rows = self._db.execute(query, (*span, most + len(skip)))
        return [seq for (seq,) in rows if seq not in skip][:most]

    def _get(self, stream: Stream, seq: int) -> Outgoing | None:
        row = self._db.execute(
            "SELECT topic, payload FROM message WHERE stream = ? AND seq = ?", (stream, seq)
        ).fetchone()
        return None if row is None else Outgoing(stream, seq, *row)

    def _fresh_from(self, stream: Stream) -> int:
        """The lowest number of this stream that is live; one past the highest where none is."""
        fresh, now = self._fresh[stream], self._clock()
        # What was put before the clock was set back lies in the future: it would be live for as long as it was set.
        while fresh and not now - FRESH <= fresh[0][0] <= now:
            fresh.popleft()
        return fresh[0][1] if fresh else self._tally.last[stream] + 1
