"""Clips in the spool: each request is answered once, a clip is given up whole, and older files are brought up."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edge_clips import clip_parts, clip_request, no_clip
from edge_reads import Clock, ack, builder

from edge.contract.clip import PART_BYTES, unpacked
from edge.contract.delivery import SeqRange, Stream
from edge.contract.topics import Address, Kind, Numbered, parse
from edge.spool import clips
from edge.spool.file import ANSWERED
from edge.spool.queue import Spool

ADDRESS = Address("site-1", "edge-1")
MIB = 1_000_000
Opener = Callable[..., Spool]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@pytest.fixture
def open_spool(path: Path) -> Iterator[Opener]:
    opened: list[Spool] = []

    def opener(*, max_bytes: int = 100 * MIB) -> Spool:
        opened.append(Spool(path, edge_id="edge-1", max_bytes=max_bytes, clock=Clock()))
        return opened[-1]

    yield opener
    for each in opened:
        each.close()


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


def test_a_file_of_before_there_were_clips_is_brought_up(open_spool: Opener, path: Path) -> None:
    spool = open_spool()
    spool.put_read(builder())
    epoch = spool.epoch
    spool.close()
    db = sqlite3.connect(path)
    db.execute("DROP TABLE answered")
    db.execute("DELETE FROM counter WHERE stream = 'clip'")
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


def test_so_many_answers_are_remembered_and_no_more(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "db")
    db.execute(ANSWERED)
    for number in range(1, 1_101):
        clips.enter(db, f"{number}", SeqRange(first=number, last=number))
    assert db.execute("SELECT count(*) FROM answered").fetchone() == (1_000,)
    assert clips.is_answered(db, "1100")
    assert not clips.is_answered(db, "100")
    db.close()
