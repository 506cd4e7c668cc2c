"""What comes into the queue: reads with their pictures, better evidence for them, answers to requests for clips."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from edge.contract.clip import ClipRequest
from edge.contract.delivery import BEYOND, SeqRange, Stream
from edge.contract.read import PictureRef, PlateRead
from edge.contract.topics import Address, Kind, Numbered
from edge.errors import SpoolError, SpoolFullError
from edge.spool import clips, room
from edge.spool.ledger import Ledger
from edge.spool.progress import Progress, read_progress, write_progress
from edge.spool.renew import Lineage
from edge.spool.tally import Tally

MAX_PICTURE_BYTES: Final = 1024 * 1024
"""A larger picture is given up at once: on a slow uplink it would outlast the connection's keep-alive."""

_TOO_LARGE: Final = f"larger than {MAX_PICTURE_BYTES} bytes"
_FRESH_AT_MOST: Final = 10_000  # messages of a stream
_LEAST_PAUSE_S: Final = 0.005

_log = structlog.get_logger(__name__)


class Intake(Ledger):
    """The side of the queue that takes; `edge.spool.queue.Spool` is the whole of it.

    Every message is numbered, built with its number inside, and on disk when its put returns.
    """

    def __init__(self, path: Path, *, edge_id: str, max_bytes: int, clock: Callable[[], datetime]) -> None:
        super().__init__(path, edge_id=edge_id, max_bytes=max_bytes, now=clock())
        self._clock = clock
        self._watchers: list[Callable[[], None]] = []
        self._fresh: dict[Stream, deque[tuple[datetime, int]]] = {
            stream: deque(maxlen=_FRESH_AT_MOST) for stream in Stream
        }
        self._lineage = Lineage()
        self._one_clip = threading.Lock()
        with contextlib.suppress(
            SpoolError
        ):  # a disk that is full: it stays unsent, and goes before the next clip
            self._give_up_half()

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
        first: bool = False,
    ) -> PlateRead:
        """Number, build and store a read with its pictures; on disk when this returns.

        Args:
            build: makes the read from (epoch, seq); must not use the spool.
            crop: JPEG of the plate.
            overview: JPEG of the scene.
            progress: how far the read's source has come with it, stored with it (`edge.spool.progress`).
            first: it and its pictures go before the rest of the backlog.

        Raises:
            ValueError: the read does not bear the number it was given, or names other pictures than these.
            SpoolError: the spool cannot be written.
        """
        with self._transaction() as tally:
            seq = tally.last[Stream.READ] + 1
            read = build(self._epoch, seq)
            if read.id != (self._edge_id, self._epoch, seq):
                raise ValueError(f"read bears {read.id}, given was {(self._edge_id, self._epoch, seq)}")
            self._insert(tally, read, Kind.READ, read.model_dump_json().encode(), first=first)
            if read.pictures != PictureRef(crop=crop is not None, overview=overview is not None):
                raise ValueError(f"{read.id} names other pictures than those given: {read.pictures}")
            self._insert_pictures(tally, read, crop, overview, first=first)
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
        first: bool = False,
    ) -> int:
        """Store better evidence for a read that was put before; the number of the update.

        It names the pictures of the read; those given with it take the place of the earlier ones. `first` as there.

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
            seq = self._insert(tally, read, kind, read.model_dump_json().encode(), first=first)
            self._insert_pictures(tally, read, crop, overview, first=first)
            write_progress(self._db, progress, read.id)
            room.make_room(self._db, tally, max_bytes=self._max_bytes)
        if kind is Kind.READ:
            self._lineage.enter(number, seq)
        self._tell()
        return seq

    def put_clip(
        self,
        address: Address,
        request: ClipRequest,
        build: Callable[[], Iterable[bytes]],
        *,
        pause: Callable[[float], object] = time.sleep,
    ) -> bool:
        """Store the answer to a request; on disk when this returns.

        It is put in several transactions where it is large (`edge.spool.clips`), with a pause after each as long as it
        took: reads come in between. No part leaves before the last one is there.

        Args:
            address: of this edge.
            request: which.
            build: makes the parts, each as it travels; called once, and only where there is no answer yet.
            pause: lets so many seconds pass; what it raises ends the put. It must not put a clip.

        Returns:
            False where it was answered before, or had to be given up because the spool is full.

        Raises:
            SpoolError: the spool cannot be written; what was put of the answer is given up, as it is for
                whatever `build` and `pause` raise.
        """
        with self._one_clip:
            self._give_up_half()
            if self.is_answered(request.request):
                return False
            try:
                for bulk in clips.bulks(build()):
                    began_at = time.monotonic()
                    if not self._put_bulk(address, request, bulk):
                        break
                    if not bulk.is_last:
                        pause(max(_LEAST_PAUSE_S, time.monotonic() - began_at))
            except BaseException:
                with contextlib.suppress(SpoolError):
                    self._give_up_half()
                raise
        self._tell()
        return self.is_answered(request.request)

    @property
    def progress(self) -> Progress | None:
        """What was stored last as a source's progress; None where nothing was."""
        with self._reading():
            return read_progress(self._db)

    def is_answered(self, request: str) -> bool:
        """Whether a request for a clip has its answer here, or had it and it was delivered."""
        with self._reading():
            return clips.is_answered(self._db, request)

    def _put_bulk(self, address: Address, request: ClipRequest, bulk: clips.Bulk) -> bool:
        """Store some parts of an answer; False where those before them were given up meanwhile."""
        with self._transaction() as tally:
            if not (bulk.is_first or clips.is_half(self._db, request.request)):
                return False
            first = tally.last[Stream.CLIP] + 1
            for seq, payload in enumerate(bulk.parts, start=first):
                topic = Numbered(address, request.camera_id, Kind.CLIP, self._epoch, seq, request.seq)
                self._insert_at(tally, topic, payload)
            if bulk.is_last:  # all of it is live from now on, what was put before included
                self._fresh[Stream.CLIP].append((self._clock(), min(first, self._sendable_below())))
            span = SeqRange(first=first, last=tally.last[Stream.CLIP])
            if bulk.is_first:
                clips.enter(self._db, request.request, span, is_whole=bulk.is_last)
            else:
                clips.extend(self._db, request.request, last=span.last, is_whole=bulk.is_last)
            room.make_room(self._db, tally, max_bytes=self._max_bytes)
        return True

    def _give_up_half(self) -> None:
        """Drop what a process that died, or a put that failed, has left half.

        Raises:
            SpoolError: the spool cannot be written.
        """
        with self._lock:
            if self._sendable_below() == BEYOND:
                return
            try:
                dropped = self._drop_half()
            except SpoolFullError:
                with self._reserve.given(self._db):
                    dropped = self._drop_half()
        _log.warning("clip put half given up: its request stands open again", parts=dropped)

    def _drop_half(self) -> int:
        with self._transaction(fsync=False) as tally:
            return clips.give_up_half(self._db, tally)

    def _sendable_below(self) -> int:
        """The first number of a clip that may not leave yet."""
        with self._reading():
            return clips.sendable_below(self._db)

    def _insert(self, tally: Tally, read: PlateRead, kind: Kind, payload: bytes, *, first: bool) -> int:
        stream = kind.stream
        seq = tally.last[stream] + 1
        numbered = Numbered(
            Address(read.site_id, read.edge_id), read.camera_id, kind, read.epoch, seq, read.seq
        )
        self._insert_at(tally, numbered, payload, first=first)
        self._fresh[stream].append((self._clock(), seq))
        return seq

    def _insert_at(self, tally: Tally, numbered: Numbered, payload: bytes, *, first: bool = False) -> None:
        stream, seq, topic = numbered.kind.stream, numbered.seq, str(numbered)
        size = len(payload) + len(topic)
        row = (stream, seq, topic, size, payload, first)
        self._db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", row)
        tally.last[stream] = seq
        tally.waiting[stream] += 1
        tally.bytes += size

    def _insert_pictures(
        self, tally: Tally, read: PlateRead, crop: bytes | None, overview: bytes | None, *, first: bool
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
            seq = self._insert(tally, read, kind, jpeg, first=first)
            if len(jpeg) > MAX_PICTURE_BYTES:
                # Given up at once: a picture that no broker takes must not keep its read from being stored.
                span = SeqRange(first=seq, last=seq)
                room.drop(self._db, tally, kind.stream, span, reason=_TOO_LARGE)

    def _tell(self) -> None:
        for callback in self._watchers:
            callback()
