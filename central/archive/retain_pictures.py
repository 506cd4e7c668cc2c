"""Retention of pictures and clips: whole packs go when their time is over; what is tied to a read that matters stays.

    pack of an expired hour --- a picture that is tied ---> kept pack, put there first; then its row is switched
                            '-- the others ---------------> their rows are deleted
    an expired pack that no row names any more ------------> its file is deleted

Each arrow can be cut off and is taken again by the next call: rows always name a file that is there, and a file goes
only after the rows that named it. What a killed call or a killed writer left behind is named by nothing and goes too.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exists,
    not_,
    or_,
    select,
    update,
)

from central.archive.packing import MAX_PACK_BYTES, Place
from central.archive.pictures import Packs
from central.db import alert_trail, clip, clip_part, picture, reading, to_us
from central.errors import DamagedError, MissingError
from central.types import ClipState

Tie = Callable[[ColumnElement[str], ColumnElement[int], ColumnElement[int]], ColumnElement[bool]]
"""Whether something needs the pictures of a read, as one SQL condition on its edge_id, epoch and seq."""

Progress = Callable[[int, int], None]
"""Told after each pack that was looked into: how many of how many."""

GRACE: Final = timedelta(hours=1)
"""So young a file may be named by a transaction that has not ended yet."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Retained:
    """What a call did.

    Attributes:
        dropped: pictures and parts of clips whose time was over.
        kept: those that were brought into kept packs.
        damaged: tied ones that cannot be read; their rows, and what is left of their packs, stay.
        packs: files deleted.
        freed_bytes: their size.
    """

    dropped: int = 0
    kept: int = 0
    damaged: int = 0
    packs: int = 0
    freed_bytes: int = 0


def in_a_trail(
    edge_id: ColumnElement[str], epoch: ColumnElement[int], seq: ColumnElement[int]
) -> ColumnElement[bool]:
    """Reads of an alert's passage."""
    trail = alert_trail.c
    return exists().where(trail.edge_id == edge_id, trail.epoch == epoch, trail.seq == seq)


def retain_pictures(
    engine: Engine,
    packs: Packs,
    *,
    keep: timedelta,
    now: datetime,
    ties: Sequence[Tie] = (in_a_trail,),
    progress: Progress = lambda _done, _of: None,
) -> Retained:
    """Remove the pictures and clips that came longer ago than `keep`, but for what is tied.

    Exact to the hour: a pack goes when the last of its hour is old enough.

    Args:
        engine: the database.
        packs: where the pictures lie.
        keep: how long pictures are kept that nothing needs.
        now: UTC-aware.
        ties: what needs a picture for longer; one of them is enough.
        progress: called after each pack.

    Raises:
        StoreError: the packs cannot be reached; the next call goes on where this one ended.
    """
    run = _Run(engine, packs, _sources(ties), now=now, expired=f"{now - keep:%Y-%m-%d/%H}")
    names = _due(run)
    done = 0
    for day, of_day in groupby(names, key=lambda name: name.partition("/")[0]):
        for name in of_day:
            _rescue(run, day, name)
            done += 1
            progress(done, len(names))
        _switch(run, day)
    _sweep(run)
    return run.result


@dataclass(frozen=True, slots=True)
class _Source:
    """A table whose rows name places in packs, and which of them are tied."""

    table: Table
    tied: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class _Found:
    """A row whose picture is to be kept, and its bytes."""

    table: Table
    key: ColumnElement[bool]
    data: bytes


@dataclass(slots=True)
class _Run:
    engine: Engine
    packs: Packs
    sources: tuple[_Source, ...]
    now: datetime
    expired: str  # the names of expired packs come before this one
    result: Retained = field(default_factory=Retained)
    rescued: list[_Found] = field(default_factory=list)


def _sources(ties: Sequence[Tie]) -> tuple[_Source, ...]:
    of_picture = or_(*(tie(picture.c.edge_id, picture.c.epoch, picture.c.read_seq) for tie in ties))
    of_clip = or_(*(tie(clip.c.edge_id, clip.c.epoch, clip.c.read_seq) for tie in ties))
    its_clip = exists().where(clip.c.request == clip_part.c.request, of_clip)
    return _Source(picture, of_picture), _Source(clip_part, its_clip)


def _due(run: _Run) -> list[str]:
    """Expired packs from which something goes; of kept ones only those that hold what is tied no longer."""
    names: set[str] = set()
    with reading(run.engine) as connection:
        for source in run.sources:
            pack = source.table.c.pack
            due = or_(not_(pack.contains("/kept-")), not_(source.tied))
            names |= set(connection.scalars(select(pack).where(pack < run.expired, due).distinct()))
    return sorted(names)


def _rescue(run: _Run, day: str, name: str) -> None:
    """Take the tied pictures of a pack, and drop the rows of the others."""
    for source in run.sources:
        for found in _tied(run, source, name):
            run.rescued.append(found)
    if sum(len(found.data) for found in run.rescued) >= MAX_PACK_BYTES:
        _switch(run, day)
    with run.engine.begin() as connection:
        _end_clips(connection, run, name)
        for source in run.sources:
            others = delete(source.table).where(source.table.c.pack == name, not_(source.tied))
            run.result.dropped += connection.execute(others).rowcount


def _tied(run: _Run, source: _Source, name: str) -> Iterator[_Found]:
    table = source.table
    query = select(table).where(table.c.pack == name, source.tied).order_by(table.c.offset)
    with reading(run.engine) as connection:
        rows = connection.execute(query).mappings().all()
    for row in rows:
        try:
            data = run.packs.read(Place(name, row["offset"], row["length"], row["sha256"]))
        except (DamagedError, MissingError) as error:
            run.result.damaged += 1
            _log.error("a picture that is to be kept cannot be read", table=table.name, error=str(error))
            continue
        # The place too: a better picture may have taken the row meanwhile.
        same = (*table.primary_key.columns, table.c.pack, table.c.offset)
        yield _Found(table, and_(*(column == row[column.name] for column in same)), data)


def _switch(run: _Run, day: str) -> None:
    """Store what was taken in a kept pack of that day, then switch its rows, all of them or none."""
    if not run.rescued:
        return
    name = f"{day}/kept-{secrets.token_hex(8)}.pack"
    run.packs.put(name, b"".join(found.data for found in run.rescued))
    offset = 0
    with run.engine.begin() as connection:
        for found in run.rescued:
            to: dict[str, Any] = {"pack": name, "offset": offset}
            run.result.kept += connection.execute(update(found.table).where(found.key).values(to)).rowcount
            offset += len(found.data)
    run.rescued.clear()


def _end_clips(connection: Connection, run: _Run, name: str) -> None:
    """Say of the clips that lose a part what became of them."""
    _, parts = run.sources
    lost = select(clip_part.c.request).where(clip_part.c.pack == name, not_(parts.tied))
    ended = update(clip).where(clip.c.request.in_(lost), clip.c.state == ClipState.CAME)
    reason = "it came, and was removed when its time was over (pictures.keep_days)"
    connection.execute(ended.values(state=ClipState.EXPIRED, reason=reason, answered_us=to_us(run.now)))


def _sweep(run: _Run) -> None:
    """Delete the expired files that nothing names."""
    for day in run.packs.days():
        if day > run.expired:
            continue
        for file in run.packs.of_day(day):
            if file.name >= run.expired or file.modified_at > run.now - GRACE or _is_named(run, file.name):
                continue
            if run.packs.delete(file.name):
                run.result.packs += 1
                run.result.freed_bytes += file.length


def _is_named(run: _Run, name: str) -> bool:
    with reading(run.engine) as connection:
        return any(
            connection.execute(
                select(source.table.c.pack).where(source.table.c.pack == name).limit(1)
            ).first()
            for source in run.sources
        )
