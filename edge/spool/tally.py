"""What a spool holds, has held and has given up, counted."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.contract.delivery import Stream
from edge.errors import SpoolError
from edge.spool.file import open_for_reading, set_aside


@dataclass(frozen=True, slots=True)
class StreamStats:
    """One stream since its epoch began: every number given is waiting, dropped or acknowledged."""

    spooled: int
    waiting: int
    dropped: int

    @property
    def acknowledged(self) -> int:
        """Messages that the centre has confirmed."""
        return self.spooled - self.waiting - self.dropped


@dataclass(frozen=True, slots=True)
class SpoolStats:
    """The spool at one moment.

    Attributes:
        messages, bytes: what waits (payloads and topics).
        dropped: messages given up in this epoch, because there was no room or no broker would take them.
        gone: ranges of dropped numbers that the centre has not acknowledged yet.
        acks_ignored: acknowledgements of another epoch or edge, since the start.
        renewed: how often since the start all that waited was numbered anew, in a new epoch (`edge.spool.renew`).
        set_aside: damaged files beside this one.
    """

    epoch: int
    messages: int
    bytes: int
    dropped: int
    gone: int
    acks_ignored: int
    renewed: int
    set_aside: int
    streams: dict[Stream, StreamStats]


def _zeros() -> dict[Stream, int]:
    return dict.fromkeys(Stream, 0)


@dataclass(slots=True)
class Tally:
    """Counts kept in memory, equal to the database after every commit."""

    bytes: int = 0
    last: dict[Stream, int] = field(default_factory=_zeros)
    waiting: dict[Stream, int] = field(default_factory=_zeros)
    dropped: dict[Stream, int] = field(default_factory=_zeros)

    def copy(self) -> "Tally":
        """The same counts, to be changed apart from these."""
        return replace(self, last=dict(self.last), waiting=dict(self.waiting), dropped=dict(self.dropped))


def inspect(path: Path) -> SpoolStats:
    """Look at a spool from outside, also while its edge uses it.

    Raises:
        SpoolError: there is none, or it cannot be read.
    """
    with closing(open_for_reading(path)) as db:
        try:
            return stats(db, path, *count(db))
        except sqlite3.Error as error:
            raise SpoolError(f"{path}: spool cannot be read: {error}") from error


def count(db: sqlite3.Connection) -> tuple[int, Tally]:
    """The epoch, and the counts as they stand in the database."""
    tally = Tally()
    for name, last, dropped in db.execute("SELECT stream, last_seq, dropped FROM counter"):
        tally.last[Stream(name)], tally.dropped[Stream(name)] = last, dropped
    for name, messages, size in db.execute("SELECT stream, count(*), sum(size) FROM message GROUP BY stream"):
        tally.waiting[Stream(name)] = messages
        tally.bytes += size
    (epoch,) = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    return epoch, tally


def stats(
    db: sqlite3.Connection, path: Path, epoch: int, tally: Tally, *, acks_ignored: int = 0, renewed: int = 0
) -> SpoolStats:
    """The counts as others see them."""
    (gone,) = db.execute("SELECT count(*) FROM gone").fetchone()
    return SpoolStats(
        epoch=epoch,
        messages=sum(tally.waiting.values()),
        bytes=tally.bytes,
        dropped=sum(tally.dropped.values()),
        gone=gone,
        acks_ignored=acks_ignored,
        renewed=renewed,
        set_aside=len(set_aside(path)),
        streams={s: StreamStats(tally.last[s], tally.waiting[s], tally.dropped[s]) for s in Stream},
    )
