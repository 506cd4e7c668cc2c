"""The durable queue itself: put, pending, acknowledge, drop."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from edge.contract.clip import ClipRequest
from edge.contract.delivery import BEYOND, Ack, Gone, SeqRange, Stream
from edge.contract.read import PictureRef, PlateRead
from edge.contract.topics import Address, Kind, Numbered
from edge.errors import SpoolFullError
from edge.spool import clips, gone, room
from edge.spool.ledger import Ledger
from edge.spool.progress import Progress, read_progress, write_progress
from edge.spool.renew import Lineage, renew
from edge.spool.tally import SpoolStats, Tally, stats

MAX_PICTURE_BYTES: Final = 1024 * 1024
"""A larger picture is given up at once: on a slow uplink it would outlast the connection's keep-alive."""

FRESH: Final = timedelta(seconds=10)
"""A message younger than this is live: it overtakes the backlog of its stream."""

_TOO_LARGE: Final = f"larger than {MAX_PICTURE_BYTES} bytes"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that waits for the centre's acknowledgement."""

    stream: Stream
    seq: int
    topic: str
    payload: bytes


class Spool(Ledger):
    """The durable queue of one edge box; every method may be called from any thread.

    Raises:
        SpoolError: the file belongs to something else, to another edge or to a newer version, another
            process uses it, or it cannot be read or written. A damaged file is no error: it is renamed
            (`.damaged-...`), said in the log, and a new epoch begins.
    """

    def __init__(self, path: Path, *, edge_id: str, max_bytes: int, clock: Callable[[], datetime]) -> None:
        super().__init__(path, edge_id=edge_id, max_bytes=max_bytes, now=clock())
        self._clock = clock
        self._watchers: list[Callable[[], None]] = []
        self._fresh: dict[Stream, deque[tuple[datetime, int]]] = {s: deque(maxlen=10_000) for s in Stream}
        self._acks_ignored = self._renewed = 0
        self._lineage = Lineage()

    def watch(self, callback: Callable[[], None]) -> None:
        """Call back after every message put, in the putting thread; it must not block."""
        self._watchers.append(callback)

    def put_read(
        self,
        build: Callable[[int, int], PlateRead],
        *,
        crop: bytes | None = None,
        overview: bytes | None = None,
        progress: str | None = None,
    ) -> PlateRead:
        """Number, build and store a read with its pictures; on disk when this returns.

        Args:
            build: makes the read from (epoch, seq); must not use the spool.
            crop: JPEG of the plate.
            overview: JPEG of the scene.
            progress: how far the read's source has come with it, stored with it (`edge.spool.progress`).

        Raises:
            ValueError: the read does not bear the number it was given, or names other pictures than these.
            SpoolError: the spool cannot be written.
        """
        with self._transaction() as tally:
            seq = tally.last[Stream.READ] + 1
            read = build(self._epoch, seq)
            if read.id != (self._edge_id, self._epoch, seq):
                raise ValueError(f"read bears {read.id}, given was {(self._edge_id, self._epoch, seq)}")
            self._insert(tally, read, Kind.READ, read.model_dump_json().encode())
            if read.pictures != PictureRef(crop=crop is not None, overview=overview is not None):
                raise ValueError(f"{read.id} names other pictures than those given: {read.pictures}")
            self._insert_pictures(tally, read, crop, overview)
            write_progress(self._db, progress, read.id)
            room.make_room(self._db, tally, max_bytes=self._max_bytes)
        self._tell()
        return read

    def put_update(
        self,
        read: PlateRead,
        *,
        crop: bytes | None = None,
        overview: bytes | None = None,
        progress: str | None = None,
    ) -> int:
        """Store better evidence for a read that was put before; the number of the update.

        It names the pictures of the read; those given with it take the place of the earlier ones.

        A read of an epoch that was renewed meanwhile is found under its new number. Where it had left the
        spool by then, the update is stored as a read.

        Raises:
            ValueError: the read was not put by this process or in this epoch, or does not name these pictures.
            SpoolError: the spool cannot be written.
        """
        with self._transaction() as tally:
            number, kind = read.id, Kind.UPDATE
            if number.edge_id == self._edge_id and self._lineage.knows(number.epoch):
                heir = self._lineage.find(number)
                kind = Kind.READ if heir is None else Kind.UPDATE
                heir = heir or tally.last[Stream.READ] + 1
                read = read.model_copy(update={"epoch": self._epoch, "seq": heir})
            elif number != (self._edge_id, self._epoch, min(read.seq, tally.last[Stream.READ])):
                raise ValueError(f"{number} was never put: edge {self._edge_id}, epoch {self._epoch}")
            seq = self._insert(tally, read, kind, read.model_dump_json().encode())
            self._insert_pictures(tally, read, crop, overview)
            write_progress(self._db, progress, read.id)
            room.make_room(self._db, tally, max_bytes=self._max_bytes)
        if kind is Kind.READ:
            self._lineage.enter(number, seq)
        self._tell()
        return seq

    def put_clip(self, address: Address, request: ClipRequest, build: Callable[[], Iterable[bytes]]) -> bool:
        """Store the answer to a request, every part of it or none; on disk when this returns.

        Args:
            address: of this edge.
            request: which.
            build: makes the parts, each as it travels; called once, and only where there is no answer yet.

        Returns:
            False where it was answered before.

        Raises:
            SpoolError: the spool cannot be written.
        """
        if self.is_answered(request.request):
            return False
        parts = [*build()]
        with self._transaction() as tally:
            first = tally.last[Stream.CLIP] + 1
            for seq, payload in enumerate(parts, start=first):
                topic = Numbered(address, request.camera_id, Kind.CLIP, self._epoch, seq, request.seq)
                self._insert_at(tally, topic, payload)
            clips.enter(self._db, request.request, SeqRange(first=first, last=tally.last[Stream.CLIP]))
            room.make_room(self._db, tally, max_bytes=self._max_bytes)
        self._tell()
        return True

    @property
    def progress(self) -> Progress | None:
        """What was stored last as a source's progress; None where nothing was."""
        with self._reading():
            return read_progress(self._db)

    def is_answered(self, request: str) -> bool:
        """Whether a request for a clip has its answer here, or had it and it was delivered."""
        with self._reading():
            return clips.is_answered(self._db, request)

    def pending(
        self, stream: Stream, *, limit: int, skip: Collection[int] = frozenset(), backlog: int | None = None
    ) -> list[Outgoing]:
        """What waits in a stream: live messages (see FRESH) first, then the backlog, each oldest first.

        Args:
            stream: which.
            limit: at most so many.
            skip: numbers that are under way already.
            backlog: at most so many that are not live; None: as many as there is room for.
        """
        with self._reading():
            floor = self._fresh_from(stream)
            chosen: list[int] = []
            for low, high in ((floor, BEYOND), (1, floor)):
                most = limit if backlog is None or high == BEYOND else len(chosen) + backlog
                rows = self._db.execute(
                    "SELECT seq FROM message WHERE stream = ? AND seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
                    (stream, low, high, limit + len(skip)),
                )
                chosen += [seq for (seq,) in rows if seq not in skip][: max(most - len(chosen), 0)]
            found = [self._get(stream, seq) for seq in chosen[:limit]]
            return [message for message in found if message is not None]

    def get(self, stream: Stream, seq: int) -> Outgoing | None:
        """One message, or None where it has left the spool."""
        with self._reading():
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

    def _insert(self, tally: Tally, read: PlateRead, kind: Kind, payload: bytes) -> int:
        stream = kind.stream
        seq = tally.last[stream] + 1
        address = Address(read.site_id, read.edge_id)
        self._insert_at(tally, Numbered(address, read.camera_id, kind, read.epoch, seq, read.seq), payload)
        return seq

    def _insert_at(self, tally: Tally, numbered: Numbered, payload: bytes) -> None:
        stream, seq, topic = numbered.kind.stream, numbered.seq, str(numbered)
        size = len(payload) + len(topic)
        self._db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", (stream, seq, topic, size, payload))
        tally.last[stream] = seq
        tally.waiting[stream] += 1
        tally.bytes += size
        self._fresh[stream].append((self._clock(), seq))

    def _insert_pictures(
        self, tally: Tally, read: PlateRead, crop: bytes | None, overview: bytes | None
    ) -> None:
        named = read.pictures
        for kind, jpeg, is_named in (
            (Kind.CROP, crop, named.crop),
            (Kind.OVERVIEW, overview, named.overview),
        ):
            if jpeg is None:
                continue
            if not is_named:
                raise ValueError(f"{read.id} does not name the {kind} given: {named}")
            seq = self._insert(tally, read, kind, jpeg)
            if len(jpeg) > MAX_PICTURE_BYTES:
                # Given up at once: a picture that no broker takes must not keep its read from being stored.
                span = SeqRange(first=seq, last=seq)
                room.drop(self._db, tally, kind.stream, span, reason=_TOO_LARGE)

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

    def _tell(self) -> None:
        for callback in self._watchers:
            callback()
