"""Clips in the spool: each request is answered once, a clip is given up whole, and older files are brought up."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edge_clips import clip_parts, clip_request, no_clip
from edge_reads import Clock, ack, builder
from spools import Opener, spools

from edge.contract.clip import PART_BYTES, unpacked
from edge.contract.delivery import SeqRange, Stream
from edge.contract.topics import Address, Kind, Numbered, parse
from edge.errors import SpoolError
from edge.spool import clips
from edge.spool.file import ANSWERED
from edge.spool.queue import Spool

ADDRESS = Address("site-1", "edge-1")
MIB = 1_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@pytest.fixture
def open_spool(path: Path) -> Iterator[Opener]:
    with spools(path, clock=Clock()) as opener:
        yield opener


def put(spool: Spool, number: int, *, size: int, seq: int = 7) -> bool:
    request = clip_request(number, seq=seq)
    return spool.put_clip(ADDRESS, request, lambda: clip_parts(request, b"x" * size))


def waiting(spool: Spool) -> list[int]:
    return [message.seq for message in spool.pending(Stream.CLIP, limit=1_000)]


def gone(spool: Spool) -> set[int]:
    spans = [each.dropped for each in spool.gone() if each.stream is Stream.CLIP]
    numbers = [n for span in spans for n in range(span.first, span.last + 1)]
    assert len(numbers) == len(set(numbers)), "no number is announced twice"
    return set(numbers)


def test_each_part_bears_a_number_and_names_the_read(open_spool: Opener) -> None:
    spool = open_spool()
    assert put(spool, 1, size=2 * PART_BYTES + 5, seq=9)
    messages = spool.pending(Stream.CLIP, limit=9)
    topics = [parse(message.topic) for message in messages]
    assert topics == [Numbered(ADDRESS, "cam-1", Kind.CLIP, spool.epoch, n, 9) for n in (1, 2, 3)]
    parts = [unpacked(message.payload) for message in messages]
    assert [(answer.part, answer.parts) for answer, _ in parts] == [(1, 3), (2, 3), (3, 3)]
    assert b"".join(data for _, data in parts) == b"x" * (2 * PART_BYTES + 5)


def test_a_request_is_answered_once_also_after_its_delivery_and_a_restart(open_spool: Opener) -> None:
    spool = open_spool()
    assert put(spool, 1, size=10)
    spool.acknowledge(ack(spool.epoch, {Stream.CLIP: [1]}))
    spool.close()
    again = open_spool()
    assert again.is_empty()
    made: list[str] = []
    assert not again.put_clip(ADDRESS, clip_request(1), lambda: made.append("made") or [])
    assert made == [], "what is answered is not made again"
    assert not again.is_answered(clip_request(2).request)


def test_a_build_that_fails_leaves_nothing(open_spool: Opener) -> None:
    spool = open_spool()

    def build() -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spool.put_clip(ADDRESS, clip_request(1), build)
    assert spool.is_empty()
    assert not spool.is_answered(clip_request(1).request)


def test_a_full_spool_gives_up_clips_first_the_oldest_whole(open_spool: Opener) -> None:
    spool = open_spool(max_bytes=3 * MIB)
    spool.put_read(builder(crop=True, overview=True), crop=b"c" * 5_000, overview=b"o" * 90_000)
    for number in range(1, 9):
        put(spool, number, size=5 * PART_BYTES)
        assert spool.stats().bytes <= 3 * MIB
        assert gone(spool) | set(waiting(spool)) == set(range(1, 5 * number + 1))
        assert gone(spool).isdisjoint(waiting(spool))
    assert len(waiting(spool)) % 5 == 0, "never a piece of a clip"
    kept = len(waiting(spool)) // 5
    assert 2 <= kept <= 4
    answered = [n for n in range(1, 9) if spool.is_answered(clip_request(n).request)]
    assert answered == list(range(9 - kept, 9)), "the request of what was given up is open again"
    stats = spool.stats()
    assert {s: stats.streams[s].dropped for s in Stream if stats.streams[s].dropped} == {
        Stream.CLIP: 5 * (8 - kept)
    }


def test_what_was_acknowledged_of_a_clip_is_not_announced_as_gone(open_spool: Opener) -> None:
    spool = open_spool()
    put(spool, 1, size=6 * PART_BYTES)
    spool.acknowledge(ack(spool.epoch, {Stream.CLIP: [SeqRange(first=2, last=3), 5]}))
    assert spool.drop(Stream.CLIP, 4, reason="no broker takes it")
    assert waiting(spool) == []
    assert gone(spool) == {1, 4, 6}
    assert spool.stats().bytes == 0
    assert not spool.is_answered(clip_request(1).request)


def test_a_spool_full_of_clips_with_holes_gives_up_each_number_once(open_spool: Opener) -> None:
    spool = open_spool()
    for number in (1, 2, 3):
        put(spool, number, size=4 * PART_BYTES)
    spool.acknowledge(ack(spool.epoch, {Stream.CLIP: [2, 7, 10]}))
    spool.close()
    small = open_spool(max_bytes=PART_BYTES)
    small.put_read(builder())
    assert waiting(small) == []
    assert gone(small) == set(range(1, 13)) - {2, 7, 10}
    assert small.stats().streams[Stream.CLIP].dropped == 9


def test_an_answer_without_a_clip_is_a_message_like_any_other(open_spool: Opener) -> None:
    spool = open_spool()
    assert spool.put_clip(ADDRESS, clip_request(1), lambda: no_clip(clip_request(1)))
    ((answer, data),) = [unpacked(m.payload) for m in spool.pending(Stream.CLIP, limit=9)]
    assert (answer.outcome, answer.reason, data) == ("gone", "no longer held", b"")


def test_a_new_epoch_numbers_what_waits_and_remembers_what_was_answered(open_spool: Opener) -> None:
    spool = open_spool()
    put(spool, 1, size=3 * PART_BYTES)
    put(spool, 2, size=3 * PART_BYTES)
    before = {m.payload for m in spool.pending(Stream.CLIP, limit=99)}
    old = spool.epoch
    spool.acknowledge(ack(old, {Stream.CLIP: [1, 2, 3, 5]}))
    spool.acknowledge(ack(old, {Stream.READ: [1]}))  # never given: this spool is an old copy
    assert spool.epoch > old
    assert waiting(spool) == [1, 2]
    messages = spool.pending(Stream.CLIP, limit=99)
    assert {m.payload for m in messages} <= before, "they name the read as the centre asked for it"
    assert {parse(m.topic).epoch for m in messages} == {spool.epoch}
    assert all(spool.is_answered(clip_request(n).request) for n in (1, 2))
    assert spool.drop(Stream.CLIP, 1, reason="test")
    assert waiting(spool) == []
    assert spool.is_answered(clip_request(1).request)
    assert not spool.is_answered(clip_request(2).request)


def forget_what_goes_first(db: sqlite3.Connection) -> None:
    db.execute("DROP INDEX message_first")
    db.execute("ALTER TABLE message DROP COLUMN first")


def test_a_file_of_before_there_were_clips_is_brought_up(open_spool: Opener, path: Path) -> None:
    spool = open_spool()
    spool.put_read(builder())
    epoch = spool.epoch
    spool.close()
    db = sqlite3.connect(path)
    db.execute("DROP TABLE answered")
    db.execute("DELETE FROM counter WHERE stream = 'clip'")
    forget_what_goes_first(db)
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    again = open_spool()
    assert again.epoch == epoch
    assert put(again, 1, size=10)
    again.close()
    third = open_spool()
    assert (third.stats().streams[Stream.CLIP].spooled, third.stats().streams[Stream.READ].spooled) == (1, 1)
    assert third.is_answered(clip_request(1).request)


def test_a_file_of_before_clips_were_put_in_bulks_is_brought_up(open_spool: Opener, path: Path) -> None:
    spool = open_spool()
    put(spool, 1, size=2 * PART_BYTES)
    spool.close()
    db = sqlite3.connect(path)
    db.execute("DROP INDEX answered_half")
    db.execute("ALTER TABLE answered DROP COLUMN whole")
    forget_what_goes_first(db)
    db.execute("PRAGMA user_version = 2")
    db.commit()
    db.close()
    again = open_spool()
    assert waiting(again) == [1, 2]
    assert again.is_answered(clip_request(1).request)
    assert put(again, 2, size=9 * PART_BYTES)
    assert sorted(waiting(again)) == [*range(1, 12)]


def test_a_bulk_is_a_mebibyte_at_most_and_every_part_is_in_one() -> None:
    parts = [bytes([n]) * size for n, size in enumerate([300_000, 800_000, 200_000, 2_000_000, 1, 1])]
    bulks = list(clips.bulks(parts))
    assert [each for bulk in bulks for each in bulk.parts] == parts
    assert [[len(part) for part in bulk.parts] for bulk in bulks] == [
        [300_000], [800_000, 200_000], [2_000_000], [1, 1],
    ]  # fmt: skip
    assert [(bulk.is_first, bulk.is_last) for bulk in bulks] == [
        (True, False), (False, False), (False, False), (False, True),
    ]  # fmt: skip


def put_and_look(spool: Spool, look: Callable[[int], None], *, parts: int = 20, number: int = 1) -> bool:
    """Put a clip, looking before each part is taken: what was taken before is on disk in part."""
    request = clip_request(number)

    def build() -> Iterator[bytes]:
        for n, part in enumerate(clip_parts(request, os.urandom(parts * PART_BYTES))):
            look(n)
            yield part

    return spool.put_clip(ADDRESS, request, build)


def test_no_part_can_leave_before_the_last_one_is_there(open_spool: Opener) -> None:
    spool = open_spool()
    put(spool, 1, size=2 * PART_BYTES)
    held: list[int] = []

    def look(_: int) -> None:
        held.append(spool.stats().streams[Stream.CLIP].waiting)
        assert waiting(spool) == [1, 2]
        assert spool.get(Stream.CLIP, 2) is not None
        assert spool.get(Stream.CLIP, 3) is None
        assert not spool.is_answered(clip_request(2).request)

    assert put_and_look(spool, look, number=2)
    assert held[0] == 2
    assert held[-1] > 10, "the most of it lies there already, unsent"
    assert waiting(spool) == [*range(1, 23)]
    assert spool.get(Stream.CLIP, 3) is not None


def test_the_backlog_s_share_holds_while_a_clip_is_put(open_spool: Opener) -> None:
    """What lies from before the start is no more live because something is half put behind it."""
    first = open_spool()
    put(first, 1, size=5 * PART_BYTES)
    first.close()
    spool = open_spool()
    seen: set[tuple[int, ...]] = set()

    def look(_: int) -> None:
        seen.add(tuple(m.seq for m in spool.pending(Stream.CLIP, limit=9, backlog=2)))

    assert put_and_look(spool, look, number=2)
    assert seen == {(1, 2)}
    assert [m.seq for m in spool.pending(Stream.CLIP, limit=30, backlog=2)] == [*range(6, 26), 1, 2]


def test_a_read_is_stored_while_a_clip_is_put(open_spool: Opener) -> None:
    """By another thread, between two transactions: in one it would wait for all of them."""
    spool = open_spool()
    began, done = threading.Event(), threading.Event()
    stored: list[float] = []

    def reads() -> None:
        began.wait()
        while not done.is_set():
            spool.put_read(builder())
            stored.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=reads)
    thread.start()
    assert put_and_look(spool, lambda n: began.set() if n == 8 else None, parts=64)
    put_at = time.monotonic()
    done.set()
    thread.join()
    assert len([at for at in stored if at < put_at]) >= 4, "in nine pauses"


def test_what_a_failing_build_left_is_given_up_and_the_request_is_open(open_spool: Opener) -> None:
    spool = open_spool()

    def fail(n: int) -> None:
        if n == 17:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_look(spool, fail)
    given = spool.stats().streams[Stream.CLIP]
    assert (given.waiting, given.dropped, given.spooled) == (0, 14, 14)
    assert gone(spool) == set(range(1, 15))
    assert spool.stats().bytes == 0
    assert put(spool, 1, size=10), "it may be answered after all"
    assert waiting(spool) == [15]


def test_a_clip_that_a_full_spool_has_no_room_for_is_given_up_while_it_is_put(open_spool: Opener) -> None:
    spool = open_spool(max_bytes=2 * MIB)
    spool.put_read(builder(crop=True, overview=True), crop=b"c" * 5_000, overview=b"o" * 90_000)
    put(spool, 1, size=PART_BYTES)
    most = 0

    def look(_: int) -> None:
        nonlocal most
        most = max(most, spool.stats().bytes)

    assert not put_and_look(spool, look, parts=60, number=2)
    assert MIB < most <= 2 * MIB
    stats = spool.stats()
    assert stats.streams[Stream.CLIP].waiting == 0
    assert stats.streams[Stream.CLIP].spooled < 30, "it was not gone on with"
    assert gone(spool) == set(range(1, stats.streams[Stream.CLIP].spooled + 1))
    assert [stats.streams[s].waiting for s in (Stream.READ, Stream.CROP, Stream.OVERVIEW)] == [1, 1, 1]
    assert not spool.is_answered(clip_request(2).request)


def test_reads_that_need_the_room_take_it_from_a_clip_put_half(open_spool: Opener) -> None:
    spool = open_spool(max_bytes=2 * MIB)

    def look(n: int) -> None:
        if n == 10:
            for _ in range(15):
                spool.put_read(builder(overview=True), overview=b"o" * 100_000)

    assert not put_and_look(spool, look, parts=12)
    stats = spool.stats()
    assert (stats.streams[Stream.CLIP].waiting, stats.streams[Stream.OVERVIEW].dropped) == (0, 0)
    assert gone(spool) == set(range(1, 8))


def test_a_part_that_is_given_up_while_the_rest_is_put_takes_it_along(open_spool: Opener) -> None:
    spool = open_spool()

    def look(n: int) -> None:
        if n == 16:
            assert spool.drop(Stream.CLIP, 3, reason="test")

    assert not put_and_look(spool, look)
    assert waiting(spool) == []
    assert gone(spool) == set(range(1, 15))


def test_a_new_epoch_while_a_clip_is_put(open_spool: Opener) -> None:
    spool = open_spool()
    put(spool, 1, size=3 * PART_BYTES)
    old = spool.epoch
    spool.acknowledge(ack(old, {Stream.CLIP: [1]}))

    def look(n: int) -> None:
        if n == 16:
            spool.acknowledge(ack(old, {Stream.READ: [1]}))  # never given: this spool is an old copy
            assert waiting(spool) == [1, 2]

    assert put_and_look(spool, look, number=2)
    assert spool.epoch > old
    messages = sorted(spool.pending(Stream.CLIP, limit=99), key=lambda message: message.seq)
    assert [m.seq for m in messages] == [*range(1, 23)]
    assert {parse(m.topic).epoch for m in messages} == {spool.epoch}
    assert [unpacked(m.payload)[0].part for m in messages[2:]] == [*range(1, 21)]


def test_a_disk_that_is_full_in_the_middle_leaves_no_half_and_the_next_time_finds_room(
    open_spool: Opener,
) -> None:
    spool = open_spool()
    put(spool, 1, size=3 * PART_BYTES)

    def fill(n: int) -> None:
        if n == 16:
            (pages,) = spool._db.execute("PRAGMA page_count").fetchone()
            spool._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's way of a full disk

    with pytest.raises(SpoolError):
        put_and_look(spool, fill, number=2)
    assert not spool.is_answered(clip_request(2).request)
    held = spool.stats().streams[Stream.CLIP]
    assert gone(spool) | set(waiting(spool)) == set(range(1, held.spooled + 1))
    assert len(waiting(spool)) in (0, 3), "whole or not at all"
    spool._db.execute("PRAGMA max_page_count = 100000")
    assert put_and_look(spool, lambda _: None, number=2)
    assert spool.is_answered(clip_request(2).request)


def test_so_many_answers_are_remembered_and_no_more(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "db")
    db.execute(ANSWERED)
    for number in range(1, 1_101):
        clips.enter(db, f"{number}", SeqRange(first=number, last=number))
    assert db.execute("SELECT count(*) FROM answered").fetchone() == (1_000,)
    assert clips.is_answered(db, "1100")
    assert not clips.is_answered(db, "100")
    db.close()
