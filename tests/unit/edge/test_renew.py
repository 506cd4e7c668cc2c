"""A spool restored from a copy: its numbers are given twice, and yet no read may be lost."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_reads import Clock, ack, builder
from spools import Opener, spools

from edge.contract.delivery import Ack, Received, SeqRange, Stream
from edge.contract.read import PictureRef, PlateRead, ReadId
from edge.contract.topics import Kind, Numbered, parse
from edge.errors import SpoolError
from edge.spool.queue import Spool
from edge.spool.tally import inspect


class Centre:
    """Commits by number, as the real one does: what bears a number that it holds is taken for a repetition."""

    def __init__(self) -> None:
        self.received: dict[tuple[int, Stream], Received] = {}
        self.plates: Counter[str] = Counter()
        self.reads: dict[ReadId, PlateRead] = {}
        self.pictures: dict[tuple[ReadId, Stream], bytes] = {}
        self._newest: dict[tuple[ReadId, Stream], int] = {}

    def take(self, spool: Spool, *, streams: tuple[Stream, ...] = tuple(Stream), limit: int = 10_000) -> None:
        for stream in streams:
            for message in spool.pending(stream, limit=limit):
                topic = parse(message.topic)
                assert isinstance(topic, Numbered)
                assert (topic.kind.stream, topic.seq) == (stream, message.seq)
                if message.seq not in self._held(topic.epoch, stream):
                    self._commit(topic, message.payload)
                    self.received[topic.epoch, stream] = self._held(topic.epoch, stream).adding([topic.seq])
        for gone in spool.gone():
            key = (gone.epoch, gone.stream)
            self.received[key] = self._held(*key).adding([gone.dropped])

    def ack(self, epoch: int) -> Ack:
        return ack(epoch, {s: tuple(held) for (e, s), held in self.received.items() if e == epoch})

    def _held(self, epoch: int, stream: Stream) -> Received:
        return self.received.get((epoch, stream), Received())

    def _commit(self, topic: Numbered, payload: bytes) -> None:
        key = (topic.read_id, topic.kind.stream)
        is_newest = topic.seq > self._newest.get(key, 0)
        self._newest[key] = max(topic.seq, self._newest.get(key, 0))
        if topic.kind in (Kind.CROP, Kind.OVERVIEW):
            if is_newest:
                self.pictures[key] = payload
            return
        read = PlateRead.model_validate_json(payload)
        assert read.id == topic.read_id, "a message says what its topic says"
        if is_newest:
            self.reads[read.id] = read
        self.plates[read.plate] += topic.kind is Kind.READ


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.sqlite"


@pytest.fixture
def open_spool(path: Path, clock: Clock) -> Iterator[Opener]:
    with spools(path, clock=clock) as opener:
        yield opener


def plate(number: int) -> str:
    return f"ABC{number:03d}"


def put(spool: Spool, *numbers: int) -> list[PlateRead]:
    return [
        spool.put_read(builder(crop=True, plate=plate(n)), crop=plate(n).encode()) for n in numbers
    ]  # fmt: skip


def deliver(spool: Spool, centre: Centre) -> None:
    for _ in range(5):
        centre.take(spool)
        spool.acknowledge(centre.ack(spool.epoch))


def restored(open_spool: Opener, path: Path, centre: Centre, *, waiting: int = 0) -> Spool:
    """A spool of 5 reads, the last so many of them waiting; the centre holds 1 to 10 of the life that was lost."""
    spool = open_spool()
    put(spool, *range(1, 6 - waiting))
    deliver(spool, centre)
    put(spool, *range(6 - waiting, 6))
    spool.close()
    shutil.copy(path, path.with_suffix(".copy"))
    spool = open_spool()
    put(spool, *range(6, 11))
    deliver(spool, centre)
    assert spool.is_empty()
    spool.close()
    shutil.copy(path.with_suffix(".copy"), path)
    return open_spool()


@pytest.mark.parametrize("waiting", [0, 3])
def test_reads_put_after_a_restoration_all_arrive(open_spool: Opener, path: Path, waiting: int) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre, waiting=waiting)
    old = spool.epoch
    put(spool, 11)
    spool.acknowledge(centre.ack(old))
    put(spool, *range(12, 16))
    spool.acknowledge(centre.ack(old))
    deliver(spool, centre)
    assert spool.is_empty()
    assert set(centre.plates) == {plate(n) for n in range(1, 16)}
    twice = {name for name, times in centre.plates.items() if times > 1}
    assert twice == {plate(n) for n in range(6 - waiting, 6)}, "no more than what waited in the copy"
    crops = {centre.reads[number].plate: jpeg for (number, _), jpeg in centre.pictures.items()}
    assert crops == {name: name.encode() for name in centre.plates}


def test_the_new_epoch_is_later_and_numbers_from_one(open_spool: Opener, path: Path, clock: Clock) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    old = spool.epoch
    clock.advance(-3600)  # a restored machine's clock may be anywhere
    put(spool, 11, 12)
    assert spool.acknowledge(centre.ack(old)) == 0
    assert spool.epoch > old
    assert [m.seq for s in (Stream.READ, Stream.CROP) for m in spool.pending(s, limit=9)] == [1, 2, 1, 2]
    assert put(spool, 13)[0].id == ("edge-1", spool.epoch, 3)
    epoch, before = spool.epoch, spool.stats().streams
    assert inspect(path).streams == before
    spool.close()
    again = open_spool()
    assert (again.epoch, again.stats().streams) == (epoch, before)


def test_it_is_counted_and_said(open_spool: Opener, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    put(spool, 11)
    assert spool.stats().renewed == 0
    spool.acknowledge(centre.ack(spool.epoch))
    assert spool.stats().renewed == 1
    assert "restored from a copy" in capsys.readouterr().out


def test_counts_add_up_after_it(open_spool: Opener, path: Path) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre, waiting=3)
    put(spool, 11)
    spool.acknowledge(centre.ack(spool.epoch))
    stats = spool.stats()
    messages = [m for s in Stream for m in spool.pending(s, limit=99)]
    assert stats.messages == len(messages) == 8
    assert stats.bytes == sum(len(m.topic) + len(m.payload) for m in messages)


def test_updates_follow_their_read_and_one_without_becomes_a_read(open_spool: Opener, path: Path) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    known, new = plate_of(centre, 3), put(spool, 11)[0]
    for votes in (4, 5):
        for read in (known, new):
            spool.put_update(read.model_copy(update={"votes": votes, "frames": 9, "pictures": PictureRef()}))
    spool.acknowledge(centre.ack(spool.epoch))
    late = new.model_copy(update={"votes": 6, "frames": 9, "pictures": PictureRef(crop=True)})
    assert spool.put_update(late, crop=b"late") == 4, "its identity is of the epoch before"
    deliver(spool, centre)
    assert spool.is_empty()
    of_now = {number.seq: read for number, read in centre.reads.items() if number.epoch == spool.epoch}
    assert {seq: (read.plate, read.votes) for seq, read in of_now.items()} == {
        1: (plate(11), 6),
        2: (plate(3), 5),
    }
    assert centre.pictures[ReadId("edge-1", spool.epoch, 1), Stream.CROP] == b"late"


def plate_of(centre: Centre, number: int) -> PlateRead:
    return next(read for read in centre.reads.values() if read.plate == plate(number))


def test_an_update_of_a_read_delivered_in_the_epoch_before_becomes_a_read_once(
    open_spool: Opener, path: Path
) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    known = plate_of(centre, 3)
    put(spool, 11)
    spool.acknowledge(centre.ack(spool.epoch))
    for votes in (4, 5):
        spool.put_update(known.model_copy(update={"votes": votes, "frames": 9, "pictures": PictureRef()}))
    deliver(spool, centre)
    assert centre.plates[plate(3)] == 2, "once in each epoch"
    assert centre.reads[ReadId("edge-1", spool.epoch, 2)].votes == 5


def test_what_cannot_be_carried_over_is_gone_and_announced(open_spool: Opener, path: Path) -> None:
    centre = Centre()
    spool = open_spool()
    put(spool, 1, 2, 3)
    centre.take(spool, streams=(Stream.READ,))
    spool.drop(Stream.CROP, 2, reason="too large")
    spool.acknowledge(ack(spool.epoch, {Stream.READ: [1, 2, 3]}))
    put(spool, 4)
    spool.acknowledge(ack(spool.epoch, {Stream.READ: [SeqRange(first=1, last=9)]}))
    crops = spool.stats().streams[Stream.CROP]
    assert (crops.spooled, crops.waiting, crops.dropped, crops.acknowledged) == (4, 1, 3, 0)
    gone = [(g.epoch, g.stream, g.dropped.first, g.dropped.last, g.reason) for g in spool.gone()]
    assert gone == [
        (spool.epoch, Stream.CROP, 2, 3, "its read was delivered before this disk was restored from a copy"),
        (spool.epoch, Stream.CROP, 4, 4, "too large"),
    ]
    deliver(spool, centre)
    assert spool.is_empty()
    assert centre.plates[plate(4)] == 1


def test_twice_restored(open_spool: Opener, path: Path) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    first = put(spool, 11)[0]
    spool.acknowledge(centre.ack(spool.epoch))
    centre.received[spool.epoch, Stream.READ] = Received().adding([SeqRange(first=1, last=50)])
    spool.acknowledge(centre.ack(spool.epoch))
    assert spool.stats().renewed == 2
    better = first.model_copy(update={"votes": 5, "frames": 9, "pictures": PictureRef()})
    assert spool.put_update(better) == 1
    deliver(spool, centre)
    assert spool.is_empty()
    assert centre.reads[ReadId("edge-1", spool.epoch, 1)].votes == 5


def test_one_that_fails_changes_nothing_and_is_tried_again(open_spool: Opener, path: Path) -> None:
    centre = Centre()
    spool = restored(open_spool, path, centre)
    put(spool, *range(11, 15))
    before, old = spool.stats(), spool.epoch
    spool._db.execute("CREATE TEMP TRIGGER no BEFORE UPDATE ON main.message WHEN old.seq > 7 "
                      "BEGIN SELECT RAISE(ABORT, 'disk is ailing'); END")  # fmt: skip
    with pytest.raises(SpoolError, match="disk is ailing"):
        spool.acknowledge(centre.ack(old))
    assert (spool.epoch, spool.stats().streams) == (old, before.streams)
    spool._db.execute("DROP TRIGGER no")
    spool.acknowledge(centre.ack(old))
    deliver(spool, centre)
    assert {plate(n) for n in range(11, 15)} <= set(centre.plates)
