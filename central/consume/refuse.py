"""What a court has had erased does not come back: from an edge's spool, from the broker, or a second time.

A read of an erased plate within the order's window is acknowledged, so that its edge deletes it, and not stored. Nor
is what belongs to a read that was erased or refused: an update, a picture, a clip. Of both the database holds keyed
hashes alone.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from central.access.key import AuditKey
from central.consume.batch import Batch
from central.db import erased_mark, erasure, picture, table_version, to_us
from central.types import ClipArrival, DeadLetter, PictureArrival, ReadArrival
from edge.contract.pattern import LONGEST
from edge.contract.read import ReadId
from edge.contract.spelling import normalise

_WORD: Final = re.compile(rf"[A-Za-z0-9]{{1,{LONGEST}}}(?:[ ._·-][A-Za-z0-9]{{1,{LONGEST}}})?")
_MOST_LETTER_BYTES: Final = 64 * 1024
_WITHHELD: Final = "it may hold a plate that was erased by order of a court; its content is not kept"

_Of = TypeVar("_Of", ReadArrival, PictureArrival, ClipArrival)


class Refusals:
    """Sifts batches; one thread's."""

    def __init__(self, key: AuditKey) -> None:
        self._key: Final = key
        self._version = -1
        self._windows: dict[str, list[tuple[int, int]]] = {}

    def sift(self, connection: Connection, batch: Batch) -> None:
        """Take out of a batch what must not be stored.

        Args:
            connection: in the transaction that stores the batch. An order waits for it, or it for the order: no
                read slips in between.
            batch: before anything of it is written.
        """
        self._refresh(connection)
        if not self._windows:
            return
        refused = [arrival for arrival in batch.reads if self._is_erased(arrival)]
        before = _size(batch)
        batch.reads = [arrival for arrival in batch.reads if not self._is_erased(arrival)]
        batch.updates = [arrival for arrival in batch.updates if not self._is_erased(arrival)]
        if refused:
            now_us = to_us(refused[-1].received_at)
            mark(connection, (self._key.of_read(arrival.read.id) for arrival in refused), now_us=now_us)
            self._drop_pictures(connection, refused)
        owned: list[ReadArrival | PictureArrival | ClipArrival] = [
            *batch.updates,
            *batch.pictures,
            *batch.clips,
        ]
        gone = self._gone(connection, {_read_of(arrival) for arrival in owned})
        batch.updates = _without(batch.updates, gone)
        batch.pictures = _without(batch.pictures, gone)
        batch.clips = _without(batch.clips, gone)
        batch.erased += before - _size(batch)
        batch.dead = [self._emptied(letter) for letter in batch.dead]
        batch.stray = [self._emptied(letter) for letter in batch.stray]

    def _refresh(self, connection: Connection) -> None:
        """Take note of new orders. The shared lock makes an order wait until this transaction has ended."""
        query = select(table_version.c.version).where(table_version.c.name == erasure.name)
        version = connection.scalar(query.with_for_update(read=True))
        if version == self._version:
            return
        windows: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row in connection.execute(select(erasure.c.plate_hash, erasure.c.since_us, erasure.c.until_us)):
            windows[row.plate_hash].append((row.since_us or 0, row.until_us or 2**63))
        self._windows, self._version = dict(windows), int(version or 0)

    def _is_erased(self, arrival: ReadArrival) -> bool:
        at_us = to_us(arrival.read.best_at)
        spelt = {arrival.read.plate, normalise(arrival.read.plate_raw)}
        windows = (window for plate in spelt for window in self._windows.get(self._key.of_plate(plate), ()))
        return any(since <= at_us < until for since, until in windows)

    def _gone(self, connection: Connection, reads: set[ReadId]) -> set[ReadId]:
        """Of these reads, those that were erased or refused."""
        marks = {self._key.of_read(read): read for read in reads}
        if not marks:
            return set()
        found = connection.scalars(select(erased_mark.c.mark).where(erased_mark.c.mark.in_(marks)))
        return {marks[each] for each in found}

    def _drop_pictures(self, connection: Connection, refused: list[ReadArrival]) -> None:
        """Pictures that were here before their read; what is left of them goes with their pack."""
        for read in (arrival.read.id for arrival in refused):
            mine = (picture.c.edge_id == read.edge_id, picture.c.epoch == read.epoch)
            connection.execute(delete(picture).where(*mine, picture.c.read_seq == read.seq))

    def _emptied(self, letter: DeadLetter) -> DeadLetter:
        """A letter that may spell an erased plate, without what it said; of what is too long to be a read, its text."""
        text = (
            f"{letter.payload[:_MOST_LETTER_BYTES].decode(errors='replace')} {letter.topic} {letter.reason}"
        )
        words = {
            normalise(part) for found in _WORD.findall(text) for part in (found, *re.split(r"\W", found))
        }
        if any(self._key.of_plate(word) in self._windows for word in words):
            return replace(letter, payload=b"", reason=_WITHHELD)
        return letter


def mark(connection: Connection, marks: Iterable[str], *, now_us: int) -> None:
    """Remember reads that were erased, by their keyed hashes."""
    rows = [{"mark": each, "marked_us": now_us} for each in sorted(set(marks))]
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(erased_mark).on_conflict_do_nothing(), rows)


def _size(batch: Batch) -> int:
    return len(batch.reads) + len(batch.updates) + len(batch.pictures) + len(batch.clips)


def _without(arrivals: list[_Of], gone: set[ReadId]) -> list[_Of]:
    return [arrival for arrival in arrivals if _read_of(arrival) not in gone]


def _read_of(arrival: ReadArrival | PictureArrival | ClipArrival) -> ReadId:
    return arrival.topic.read_id
