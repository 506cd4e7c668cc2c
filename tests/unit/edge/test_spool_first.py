"""What may be of a listed vehicle goes before the rest of the backlog, behind what is live."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edge_reads import Clock, ack, builder
from spools import Opener, spools

from edge.contract.delivery import Stream
from edge.contract.read import PictureRef
from edge.spool import queue, room
from edge.spool.queue import FRESH, Spool


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@pytest.fixture
def open_spool(path: Path, clock: Clock) -> Iterator[Opener]:
    with spools(path, clock=clock, max_bytes=10_000_000) as opener:
        yield opener


def waiting(spool: Spool, stream: Stream) -> list[int]:
    return [message.seq for message in spool.pending(stream, limit=10_000)]


@pytest.fixture
def backlog(open_spool: Opener, clock: Clock) -> Spool:
    """Six reads with their pictures, of which 2 and 5 are to go first, and a live one."""
    spool = open_spool()
    for seq in range(1, 7):
        build = builder(crop=True, overview=True)
        spool.put_read(build, crop=b"c", overview=b"o", first=seq in {2, 5})
    clock.advance(FRESH.total_seconds() + 1)
    spool.put_read(builder(crop=True, overview=True), crop=b"c", overview=b"o")
    return spool


@pytest.mark.parametrize("stream", [Stream.READ, Stream.CROP, Stream.OVERVIEW])
def test_behind_what_is_live_with_its_pictures(backlog: Spool, stream: Stream) -> None:
    assert waiting(backlog, stream) == [7, 2, 5, 1, 3, 4, 6]
    assert waiting(backlog, Stream.UPDATE) == []


def test_with_as_much_room_as_what_is_live(backlog: Spool) -> None:
    def numbers(**more: Any) -> list[int]:
        return [m.seq for m in backlog.pending(Stream.READ, **more)]

    assert numbers(limit=99, backlog=0) == [7, 2, 5]
    assert numbers(limit=99, backlog=2) == [7, 2, 5, 1, 3]
    assert numbers(limit=2, backlog=2) == [7, 2]
    assert numbers(limit=4, skip={2, 7}, backlog=9) == [5, 1, 3, 4]


def test_and_so_does_what_is_told_better_of_it(open_spool: Opener, clock: Clock) -> None:
    spool = open_spool()
    reads = [spool.put_read(builder()) for _ in range(3)]
    named = PictureRef(crop=True)
    for read in reads:
        better = read.model_copy(update={"pictures": named})
        spool.put_update(better, crop=b"c", first=read.seq == 3)
    clock.advance(FRESH.total_seconds() + 1)
    assert waiting(spool, Stream.UPDATE) == [3, 1, 2]
    assert waiting(spool, Stream.CROP) == [3, 1, 2]
    assert waiting(spool, Stream.READ) == [1, 2, 3]


def test_also_after_a_restart_and_under_new_numbers(backlog: Spool, open_spool: Opener) -> None:
    order = [1, 4, 2, 3, 5, 6]
    backlog.acknowledge(ack(backlog.epoch, {Stream.READ: [1]}))
    backlog.acknowledge(ack(backlog.epoch, {Stream.READ: [8]}))  # never given: an old copy of a disk
    assert waiting(backlog, Stream.READ) == order, "they were 2 and 5"
    backlog.close()
    assert waiting(open_spool(), Stream.READ) == order


def test_a_file_of_before_is_brought_up(open_spool: Opener, path: Path, clock: Clock) -> None:
    spool = open_spool()
    spool.put_read(builder())
    spool.close()
    db = sqlite3.connect(path)
    db.execute("DROP INDEX message_first")
    db.execute("ALTER TABLE message DROP COLUMN first")
    db.execute("PRAGMA user_version = 3")
    db.commit()
    db.close()
    again = open_spool()
    assert again.epoch == spool.epoch
    again.put_read(builder(), first=True)
    clock.advance(FRESH.total_seconds() + 1)
    assert waiting(again, Stream.READ) == [2, 1]
    again.close()
    assert waiting(open_spool(), Stream.READ) == [2, 1]


def test_of_a_long_backlog_they_are_found_by_an_index(backlog: Spool) -> None:
    query = queue._FIRST.replace("?", "1")
    (plan,) = backlog._db.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert "USING COVERING INDEX message_first" in plan[-1]


def test_of_a_full_spool_they_are_given_up_after_the_others(open_spool: Opener) -> None:
    spool = open_spool(max_bytes=1_000_000)
    for seq in range(1, 41):
        overview = bytes([seq]) * 50_000
        spool.put_read(builder(overview=True), overview=overview, first=seq in {1, 2, 30})
    assert spool.stats().bytes <= 1_000_000
    kept = sorted(waiting(spool, Stream.OVERVIEW))
    assert kept[:2] == [1, 2]
    assert kept[2:] == list(range(kept[2], 41))
    spans = [(gone.dropped.first, gone.dropped.last) for gone in spool.gone()]
    assert spans == [(3, kept[2] - 1)], "every number is accounted for"
    assert len(waiting(spool, Stream.READ)) == 40


def test_where_nothing_else_is_left_they_go_too(open_spool: Opener) -> None:
    spool = open_spool(max_bytes=1_000_000)
    for _ in range(40):
        spool.put_read(builder(overview=True), overview=b"o" * 50_000, first=True)
    kept = sorted(waiting(spool, Stream.OVERVIEW))
    assert spool.stats().bytes <= 1_000_000
    assert kept == list(range(kept[0], 41)), "the oldest first"


def test_what_is_given_up_is_found_by_indices(backlog: Spool) -> None:
    plans = [
        backlog._db.execute(f"EXPLAIN QUERY PLAN {query.replace('?', '1')}").fetchall()
        for query in (room._REST, room._FIRST)
    ]
    assert "USING COVERING INDEX message_size" in plans[0][0][-1]
    assert "USING COVERING INDEX message_first" in plans[0][-1][-1]
    assert "INDEX message_first" in plans[1][0][-1]
