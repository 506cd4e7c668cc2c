"""The spool: numbered, durable, given up in order, deleted only by an acknowledgement."""

import multiprocessing
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from edge_clips import clip_parts, clip_request
from edge_reads import Clock, ack, builder, plate_read
from spools import Opener, spools

from edge.contract.delivery import Gone, SeqRange, Stream
from edge.contract.read import PictureRef, PlateRead
from edge.contract.topics import Address, Kind, Numbered, parse
from edge.errors import SpoolError, SpoolFullError
from edge.spool.intake import MAX_PICTURE_BYTES
from edge.spool.queue import FRESH, Spool
from edge.spool.tally import inspect

MIB = 1_000_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool.sqlite"


@pytest.fixture
def open_spool(path: Path, clock: Clock) -> Iterator[Opener]:
    with spools(path, clock=clock) as opener:
        yield opener


@pytest.fixture
def spool(open_spool: Opener) -> Spool:
    return open_spool()


def waiting(spool: Spool, stream: Stream) -> list[int]:
    return [message.seq for message in spool.pending(stream, limit=10_000)]


def numbers_by_kind(spool: Spool) -> dict[Kind, set[int]]:
    found: dict[Kind, set[int]] = {kind: set() for kind in Kind}
    for topic in (parse(m.topic) for stream in Stream for m in spool.pending(stream, limit=10_000)):
        assert isinstance(topic, Numbered)
        found[topic.kind].add(topic.seq)
    return found


def put_pictures(spool: Spool, *, crop: int = 0, overview: int = 0) -> PlateRead:
    """A read with pictures of so many bytes."""
    build = builder(crop=bool(crop), overview=bool(overview))
    return spool.put_read(build, crop=b"c" * crop or None, overview=b"o" * overview or None)


class TestPutting:
    def test_reads_are_numbered_densely_from_one_in_the_spools_epoch(self, spool: Spool) -> None:
        ids = [spool.put_read(builder()).id for _ in range(3)]
        assert ids == [("edge-1", spool.epoch, seq) for seq in (1, 2, 3)]

    def test_what_waits_is_the_message_with_its_number_inside(self, spool: Spool) -> None:
        read = spool.put_read(builder())
        (message,) = spool.pending(Stream.READ, limit=9)
        assert PlateRead.model_validate_json(message.payload) == read
        assert parse(message.topic).read_id == read.id

    def test_crops_and_overviews_are_numbered_in_streams_of_their_own_and_name_their_read(
        self, spool: Spool
    ) -> None:
        spool.put_read(builder())
        put_pictures(spool, crop=3, overview=5)
        (crop,), (overview,) = (spool.pending(stream, limit=9) for stream in (Stream.CROP, Stream.OVERVIEW))
        assert (crop.seq, crop.payload, overview.seq, overview.payload) == (1, b"ccc", 1, b"ooooo")
        topics = [parse(each.topic) for each in (crop, overview)]
        assert [(t.kind, t.seq, t.read_seq) for t in topics if isinstance(t, Numbered)] == [
            (Kind.CROP, 1, 2),
            (Kind.OVERVIEW, 1, 2),
        ]

    def test_an_update_bears_the_reads_identity_and_a_number_of_its_own(self, spool: Spool) -> None:
        spool.put_read(builder())
        read = spool.put_read(builder())
        better = read.model_copy(update={"votes": 4, "pictures": PictureRef(crop=True)})
        assert spool.put_update(better, crop=b"new") == 1
        (message,) = spool.pending(Stream.UPDATE, limit=9)
        topic = parse(message.topic)
        assert isinstance(topic, Numbered)
        assert (topic.kind, topic.seq, topic.read_seq) == (Kind.UPDATE, 1, 2)
        assert PlateRead.model_validate_json(message.payload) == better
        assert waiting(spool, Stream.CROP) == [1]

    def test_an_update_may_leave_the_pictures_as_they_are(self, spool: Spool) -> None:
        read = put_pictures(spool, crop=3, overview=5)
        spool.put_update(read)
        assert (waiting(spool, Stream.CROP), waiting(spool, Stream.OVERVIEW)) == ([1], [1])
        with pytest.raises(ValueError, match="does not name the overview"):
            spool.put_update(read.model_copy(update={"pictures": PictureRef(crop=True)}), overview=b"o")

    @pytest.mark.parametrize(
        ("epoch_off", "seq", "edge_id"), [(1, 1, "edge-1"), (0, 2, "edge-1"), (0, 1, "edge-2")]
    )
    def test_an_update_of_a_read_that_was_never_put_is_refused(
        self, spool: Spool, epoch_off: int, seq: int, edge_id: str
    ) -> None:
        spool.put_read(builder())
        with pytest.raises(ValueError, match="never put"):
            spool.put_update(plate_read(spool.epoch + epoch_off, seq, edge_id=edge_id))
        assert waiting(spool, Stream.UPDATE) == []

    def test_a_read_with_another_number_is_refused_and_its_number_given_again(self, spool: Spool) -> None:
        with pytest.raises(ValueError, match="given was"):
            spool.put_read(lambda epoch, seq: plate_read(epoch, seq + 1))
        assert spool.put_read(builder()).seq == 1

    @pytest.mark.parametrize(
        "named", [PictureRef(), PictureRef(overview=True), PictureRef(crop=True, overview=True)]
    )
    def test_a_read_names_exactly_the_pictures_that_come_with_it(
        self, spool: Spool, named: PictureRef
    ) -> None:
        with pytest.raises(ValueError, match="names other pictures"):
            spool.put_read(lambda epoch, seq: plate_read(epoch, seq, pictures=named), crop=b"crop")
        assert spool.is_empty()

    def test_what_fails_to_be_built_leaves_nothing_behind(self, spool: Spool) -> None:
        def fails(_epoch: int, _seq: int) -> PlateRead:
            raise RuntimeError("no plate")

        with pytest.raises(RuntimeError, match="no plate"):
            spool.put_read(fails)
        assert spool.is_empty()
        assert spool.put_read(builder()).seq == 1

    def test_watchers_are_told_once_it_is_stored(self, spool: Spool) -> None:
        seen: list[list[int]] = []
        spool.watch(lambda: seen.append(waiting(spool, Stream.READ)))
        read = spool.put_read(builder())
        spool.put_update(read)
        assert seen == [[1], [1]]

    def test_threads_share_it(self, spool: Spool) -> None:
        def put() -> None:
            for _ in range(25):
                spool.put_read(builder())

        threads = [threading.Thread(target=put) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert waiting(spool, Stream.READ) == list(range(1, 101))


class TestPending:
    def test_no_more_than_asked_and_nothing_that_is_under_way(self, spool: Spool) -> None:
        for _ in range(6):
            spool.put_read(builder())
        found = spool.pending(Stream.READ, limit=2, skip={1, 2, 4})
        assert [message.seq for message in found] == [3, 5]

    def test_live_messages_overtake_the_backlog_each_oldest_first(self, spool: Spool, clock: Clock) -> None:
        for _ in range(3):
            spool.put_read(builder())
        clock.advance(FRESH.total_seconds() + 1)
        for _ in range(2):
            spool.put_read(builder())
        assert waiting(spool, Stream.READ) == [4, 5, 1, 2, 3]
        clock.advance(FRESH.total_seconds() + 1)
        assert waiting(spool, Stream.READ) == [1, 2, 3, 4, 5]

    def test_of_the_backlog_no_more_than_asked(self, spool: Spool, clock: Clock) -> None:
        for _ in range(5):
            spool.put_read(builder())
        clock.advance(11)
        spool.put_read(builder())
        for backlog, found in ((0, [6]), (2, [6, 1, 2]), (9, [6, 1, 2, 3, 4, 5]), (None, [6, 1, 2, 3, 4, 5])):
            assert [m.seq for m in spool.pending(Stream.READ, limit=9, backlog=backlog)] == found
        assert [m.seq for m in spool.pending(Stream.READ, limit=2, backlog=9)] == [6, 1]

    def test_a_clock_that_is_set_does_not_mix_them_up(self, spool: Spool, clock: Clock) -> None:
        for step_s in (0.0, -3600.0, 7200.0, -40.0):
            clock.advance(step_s)
            backlog = [m.seq for m in spool.pending(Stream.READ, limit=100)]
            spool.put_read(builder())
            clock.advance(0.5)
            newest = spool.stats().streams[Stream.READ].spooled
            assert [m.seq for m in spool.pending(Stream.READ, limit=100)] == [newest, *sorted(backlog)]
            clock.advance(11)

    def test_after_a_restart_all_is_backlog(self, open_spool: Opener) -> None:
        first = open_spool()
        first.put_read(builder())
        first.close()
        second = open_spool()
        second.put_read(builder())
        assert waiting(second, Stream.READ) == [2, 1]

    def test_one_message_by_its_number(self, spool: Spool) -> None:
        spool.put_read(builder())
        message = spool.get(Stream.READ, 1)
        assert message is not None
        assert message.seq == 1
        assert spool.get(Stream.READ, 2) is None


class TestAcknowledging:
    def test_exactly_the_acknowledged_leaves(self, spool: Spool) -> None:
        for _ in range(6):
            put_pictures(spool, crop=10)
        left = spool.acknowledge(ack(spool.epoch, {Stream.READ: [1, 2, 5], Stream.CROP: [6]}))
        assert left == 4
        assert waiting(spool, Stream.READ) == [3, 4, 6]
        assert waiting(spool, Stream.CROP) == [1, 2, 3, 4, 5]

    def test_the_same_acknowledgement_again_changes_nothing(self, spool: Spool) -> None:
        spool.put_read(builder())
        said = ack(spool.epoch, {Stream.READ: [1]})
        assert [spool.acknowledge(said), spool.acknowledge(said)] == [1, 0]
        assert spool.is_empty()

    def test_numbers_are_not_given_again(self, open_spool: Opener) -> None:
        spool = open_spool()
        spool.put_read(builder())
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [1]}))
        spool.close()
        assert open_spool().put_read(builder()).seq == 2

    @pytest.mark.parametrize(("epoch_off", "edge_id"), [(1, "edge-1"), (-1, "edge-1"), (0, "edge-2")])
    def test_that_of_another_epoch_or_edge_is_ignored_and_counted(
        self, spool: Spool, epoch_off: int, edge_id: str
    ) -> None:
        spool.put_read(builder())
        assert spool.acknowledge(ack(spool.epoch + epoch_off, {Stream.READ: [1]}, edge_id=edge_id)) == 0
        assert waiting(spool, Stream.READ) == [1]
        assert spool.stats().acks_ignored == 1

    def test_one_beyond_what_was_given_deletes_nothing_and_ends_the_epoch(self, spool: Spool) -> None:
        put_pictures(spool, crop=10)
        old = spool.epoch
        said = ack(old, {Stream.READ: [1, 2], Stream.CROP: [1]})
        assert spool.acknowledge(said) == 0
        assert spool.epoch > old
        assert (waiting(spool, Stream.READ), waiting(spool, Stream.CROP)) == ([1], [1])
        assert spool.acknowledge(said) == 0
        assert spool.stats().acks_ignored == 1


class TestRoom:
    def test_clips_go_first_then_overviews_crops_then_updates_and_reads_last(
        self, open_spool: Opener
    ) -> None:
        spool = open_spool()
        for _ in range(20):
            read = put_pictures(spool, crop=4_000, overview=50_000)
            spool.put_update(read.model_copy(update={"pictures": PictureRef()}))
            request = clip_request(read.seq, seq=read.seq)
            spool.put_clip(Address("site-1", "edge-1"), request, partial(clip_parts, request, b"x" * 20_000))
        before = numbers_by_kind(spool)
        full = spool.stats().bytes
        spool.close()

        worst_hit = []
        for bound in [int(full * 0.8**step) for step in range(25)]:
            spool = open_spool(max_bytes=bound)
            spool.put_read(builder())
            assert spool.stats().bytes <= bound
            after = numbers_by_kind(spool)
            order = [Kind.CLIP, Kind.OVERVIEW, Kind.CROP, Kind.UPDATE, Kind.READ]
            hit = [kind for kind in order if not before[kind] <= after[kind]]
            worst_hit.append(hit[-1])
            assert hit == order[: len(hit)]
            assert all(after[kind] == set() for kind in hit[:-1]), (
                "one is exhausted before the next is touched"
            )
            last = after[hit[-1]]
            assert last >= {seq for seq in before[hit[-1]] if last and seq > min(last)}, "the oldest go first"
            spool.close()
        assert set(worst_hit) == set(Kind), "every kind had its turn"

    def test_the_bound_holds_after_every_put(self, open_spool: Opener) -> None:
        spool = open_spool(max_bytes=MIB)
        for _ in range(60):
            put_pictures(spool, crop=5_000, overview=90_000)
            assert spool.stats().bytes <= MIB
        stats = spool.stats()
        assert stats.streams[Stream.READ].dropped == 0
        assert stats.dropped == stats.streams[Stream.OVERVIEW].dropped > 40

    def test_every_number_is_waiting_gone_or_acknowledged(self, open_spool: Opener) -> None:
        spool = open_spool(max_bytes=MIB)
        for _ in range(30):
            put_pictures(spool, overview=90_000)
        gone = {
            seq
            for each in spool.gone()
            if each.stream is Stream.OVERVIEW
            for seq in range(each.dropped.first, each.dropped.last + 1)
        }
        assert gone | set(waiting(spool, Stream.OVERVIEW)) == set(range(1, 31))
        assert gone.isdisjoint(waiting(spool, Stream.OVERVIEW))

    def test_ranges_that_touch_are_announced_as_one(self, open_spool: Opener) -> None:
        spool = open_spool(max_bytes=MIB)
        for _ in range(30):
            put_pictures(spool, overview=90_000)
        (only,) = spool.gone()
        dropped = spool.stats().dropped
        assert only == Gone(
            edge_id="edge-1",
            epoch=spool.epoch,
            stream=Stream.OVERVIEW,
            dropped=SeqRange(first=1, last=dropped),
            reason="the spool was full",
        )

    def test_thousands_of_drops_stay_a_handful_of_ranges(self, open_spool: Opener) -> None:
        spool = open_spool(max_bytes=MIB)
        for _ in range(3_000):
            put_pictures(spool, crop=600, overview=1_500)
        streams = spool.stats().streams
        assert streams[Stream.OVERVIEW].dropped > 2_900
        assert streams[Stream.CROP].dropped > 2_000
        assert len(spool.gone()) == spool.stats().gone <= 4
        centre = {each.stream: [each.dropped] for each in spool.gone()}
        assert len(ack(spool.epoch, centre).model_dump_json()) < 1_000

    def test_settling_touches_only_the_ranges_that_the_centre_names(self, open_spool: Opener) -> None:
        spool = open_spool()
        for _ in range(100):
            spool.put_read(builder())
        for seq in range(1, 100, 2):
            spool.drop(Stream.READ, seq, reason="odd")
        touched: list[str] = []
        spool._db.set_trace_callback(touched.append)
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [SeqRange(first=10, last=15)]}))
        spool._db.set_trace_callback(None)
        assert sum(line.startswith("DELETE FROM gone") for line in touched) == 3
        assert [g.dropped.first for g in spool.gone()] == [
            seq for seq in range(1, 100, 2) if not 10 <= seq <= 15
        ]

    def test_ranges_of_two_reasons_stay_apart(self, spool: Spool) -> None:
        for _ in range(6):
            spool.put_read(builder())
        for seq, reason in ((1, "a"), (3, "a"), (2, "b"), (5, "a"), (4, "a"), (6, "b")):
            spool.drop(Stream.READ, seq, reason=reason)
        assert [(g.dropped.first, g.dropped.last, g.reason) for g in spool.gone()] == [
            (1, 1, "a"), (2, 2, "b"), (3, 5, "a"), (6, 6, "b"),
        ]  # fmt: skip

    def test_an_announcement_stays_until_acknowledged_in_parts_if_need_be(self, open_spool: Opener) -> None:
        spool = open_spool()
        for _ in range(7):
            spool.put_read(builder())
        for seq in (2, 3, 4, 5):
            assert spool.drop(Stream.READ, seq, reason="test")
        spool.close()

        spool = open_spool()
        assert [(g.dropped.first, g.dropped.last) for g in spool.gone()] == [(2, 5)]
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [3, 6]}))
        assert [(g.dropped.first, g.dropped.last) for g in spool.gone()] == [(2, 2), (4, 5)]
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [SeqRange(first=1, last=7)]}))
        assert spool.gone() == []
        assert spool.is_empty()

    def test_only_so_many_announcements_are_given_at_once(self, spool: Spool) -> None:
        for _ in range(8):
            spool.put_read(builder())
        for seq in (1, 3, 5, 7):
            spool.drop(Stream.READ, seq, reason="test")
        assert [g.dropped.first for g in spool.gone(limit=3)] == [1, 3, 5]

    def test_what_has_left_cannot_be_dropped(self, spool: Spool) -> None:
        assert spool.drop(Stream.READ, 1, reason="test") is False
        assert spool.stats().dropped == 0

    def test_a_picture_too_large_is_given_up_and_its_read_kept(self, spool: Spool) -> None:
        put_pictures(spool, crop=10, overview=MAX_PICTURE_BYTES + 1)
        assert waiting(spool, Stream.READ) == [1]
        assert (waiting(spool, Stream.CROP), waiting(spool, Stream.OVERVIEW)) == ([1], [])
        (gone,) = spool.gone()
        assert (gone.stream, gone.dropped) == (Stream.OVERVIEW, SeqRange(first=1, last=1))
        assert str(MAX_PICTURE_BYTES) in gone.reason


class TestCounting:
    def test_stats_add_up(self, spool: Spool) -> None:
        for _ in range(5):
            put_pictures(spool, crop=100)
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [1, 2]}))
        spool.drop(Stream.READ, 3, reason="test")
        reads = spool.stats().streams[Stream.READ]
        assert (reads.spooled, reads.waiting, reads.dropped, reads.acknowledged) == (5, 2, 1, 2)
        stats = spool.stats()
        assert (stats.messages, stats.dropped, stats.gone) == (7, 1, 1)
        messages = [m for s in Stream for m in spool.pending(s, limit=99)]
        assert stats.bytes == sum(len(m.topic) + len(m.payload) for m in messages)

    def test_they_are_the_same_after_a_restart_and_from_outside(self, open_spool: Opener, path: Path) -> None:
        spool = open_spool(max_bytes=MIB)
        for _ in range(20):
            put_pictures(spool, crop=100, overview=80_000)
        spool.acknowledge(ack(spool.epoch, {Stream.READ: [1, 2]}))
        before = spool.stats()
        assert inspect(path) == before
        spool.close()
        assert open_spool(max_bytes=MIB).stats() == before

    def test_looking_from_outside_changes_nothing(self, spool: Spool, path: Path) -> None:
        spool.put_read(builder())
        inspect(path)
        assert spool.put_read(builder()).seq == 2

    def test_there_must_be_something_to_look_at(self, tmp_path: Path) -> None:
        with pytest.raises(SpoolError, match="cannot be read"):
            inspect(tmp_path / "none.sqlite")
        (tmp_path / "text").write_text("just text, and long enough to be no empty database\n" * 40)
        with pytest.raises(SpoolError, match="cannot be read"):
            inspect(tmp_path / "text")
        sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE t (x)").connection.close()
        with pytest.raises(SpoolError, match="not a spool"):
            inspect(tmp_path / "other.sqlite")


class TestOpening:
    def test_the_epoch_is_the_files_and_outlives_a_restart(self, open_spool: Opener, clock: Clock) -> None:
        spool = open_spool()
        epoch = spool.epoch
        assert epoch == int(clock.now.timestamp() * 1_000_000)
        spool.put_read(builder())
        spool.close()
        clock.advance(60)
        again = open_spool()
        assert again.epoch == epoch
        assert waiting(again, Stream.READ) == [1]

    def test_a_commit_outlives_a_power_cut(self, spool: Spool) -> None:
        # No test can cut the power; SQLite promises it for exactly these two settings.
        assert spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        for _ in range(2):
            spool.put_read(builder())
            assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
            spool.acknowledge(ack(spool.epoch, {Stream.READ: [1]}))  # which itself may be undone

    def test_it_is_its_owners_alone(self, spool: Spool, path: Path) -> None:
        spool.put_read(builder())
        for each in path.parent.iterdir():
            assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each

    def test_one_process_at_a_time(self, spool: Spool, open_spool: Opener) -> None:
        with pytest.raises(SpoolError, match="another process uses this spool"):
            open_spool()
        spool.put_read(builder())

    def test_closing_lets_the_next_one_in_and_may_be_done_twice(self, open_spool: Opener) -> None:
        first = open_spool()
        first.close()
        first.close()
        with open_spool() as second:
            second.put_read(builder())

    def test_a_killed_process_holds_nothing(self, open_spool: Opener, path: Path) -> None:
        context = multiprocessing.get_context("spawn")
        child = context.Process(target=_put_and_die, args=(path,))
        child.start()
        child.join(60)
        assert child.exitcode == 9
        assert waiting(open_spool(), Stream.READ) == [1, 2, 3]

    @pytest.mark.parametrize(
        "content",
        [b"this is no database " * 500, b"SQLite format 3\0" + b"\xff" * 5000],
        ids=["no database", "broken header"],
    )
    def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
        self, open_spool: Opener, path: Path, clock: Clock, content: bytes
    ) -> None:
        path.parent.mkdir()
        path.write_bytes(content)
        spool = open_spool()
        (aside,) = path.parent.glob("*.damaged-*")
        assert aside.read_bytes() == content
        assert spool.stats().set_aside == 1
        assert spool.put_read(builder()).seq == 1

    def test_damage_inside_is_found_at_the_next_opening(
        self, open_spool: Opener, path: Path, clock: Clock
    ) -> None:
        spool = open_spool()
        old = spool.epoch
        for _ in range(200):
            put_pictures(spool, crop=3_000)
        spool.close()
        size = path.stat().st_size
        with path.open("r+b") as file:
            for offset in range(8_192, size - 4_096, 8_192):
                file.seek(offset)
                file.write(os.urandom(2_048))
        clock.advance(1)
        spool = open_spool()
        assert spool.epoch > old
        assert spool.is_empty()
        assert spool.stats().set_aside == 1

    def test_a_second_damaged_file_does_not_replace_the_first(
        self, open_spool: Opener, path: Path, clock: Clock
    ) -> None:
        path.parent.mkdir()
        for content in (b"first " * 2000, b"second " * 2000):
            path.write_bytes(content)
            clock.advance(1)
            open_spool().close()
        assert len(list(path.parent.glob("*.damaged-*"))) == 2

    def test_another_programs_database_is_left_alone(self, open_spool: Opener, path: Path) -> None:
        path.parent.mkdir()
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE precious (x)")
        db.close()
        before = path.read_bytes()
        with pytest.raises(SpoolError, match=r"spool\.sqlite: a database of something else"):
            open_spool()
        assert path.read_bytes() == before

    def test_a_newer_format_is_left_alone(self, open_spool: Opener, path: Path) -> None:
        open_spool().close()
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version = 5")
        db.close()
        with pytest.raises(SpoolError, match=r"newer version \(format 5, known is 4\)"):
            open_spool()

    def test_another_edges_spool_is_left_alone(self, open_spool: Opener) -> None:
        open_spool().close()
        with pytest.raises(SpoolError, match="spool of edge 'edge-1', not of 'edge-2'"):
            open_spool(edge_id="edge-2")

    def test_a_path_that_cannot_be_used_is_named(self, tmp_path: Path, clock: Clock) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(SpoolError, match="file/spool.sqlite: spool cannot be opened"):
            Spool(tmp_path / "file" / "spool.sqlite", edge_id="edge-1", max_bytes=MIB, clock=clock)
        (tmp_path / "folder").mkdir()
        with pytest.raises(SpoolError, match="folder: spool cannot be opened"):
            Spool(tmp_path / "folder", edge_id="edge-1", max_bytes=MIB, clock=clock)

    def test_once_closed_it_says_so_and_is_no_full_disk(self, spool: Spool) -> None:
        spool.close()
        with pytest.raises(
            SpoolError, match="cannot be written: Cannot operate on a closed database"
        ) as error:
            spool.put_read(builder())
        assert not isinstance(error.value, SpoolFullError)

    def test_after_a_failed_opening_the_claim_is_released(self, open_spool: Opener) -> None:
        open_spool().close()
        with pytest.raises(SpoolError):
            open_spool(edge_id="edge-2")
        open_spool().put_read(builder())

    def test_a_full_disk_is_an_error_that_loses_nothing(self, spool: Spool) -> None:
        spool.put_read(builder())
        pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
        spool._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's way of a full disk
        with pytest.raises(SpoolError, match=r"cannot be written: database or disk is full"):
            put_pictures(spool, overview=100_000)
        assert spool.stats().streams[Stream.READ].spooled == 1
        spool._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
        assert put_pictures(spool, overview=100_000).seq == 2


def _put_and_die(path: Path) -> None:
    spool = Spool(path, edge_id="edge-1", max_bytes=MIB, clock=Clock())
    for _ in range(3):
        spool.put_read(builder())
    os._exit(9)
