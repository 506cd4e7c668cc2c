"""How far a replay has come: whole transactions, a tamed pickle, and a queue that the spool empties once."""

import pickle
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from edge_reads import NOON, Clock, plate_read
from fakes import FakeEngine, frame, reading

from edge.analyser import new_pipeline
from edge.capture.video import VideoSource
from edge.contract.delivery import Stream
from edge.contract.read import PictureRef, PlateRead
from edge.errors import ConfigError, SpoolError
from edge.ground import GroundPoint, GroundSettings
from edge.pipeline import Pipeline
from edge.publish.publisher import Publisher
from edge.read.vehicle_colour import palette
from edge.replay import snapshot
from edge.replay.deliver import Delivery
from edge.replay.files import identity
from edge.replay.kept import Said
from edge.replay.state import State
from edge.settings import CameraSettings, LaneSettings, VoteSettings
from edge.spool.queue import Spool
from edge.types import Box

CAMERA = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", countries={"CO": 1})
VOTE = VoteSettings()


def said(key: str, plate: str = "ABC123", *, crop: bytes | None = b"crop") -> Said:
    read = plate_read(1, 1, plate=plate, pictures=PictureRef(crop=True))
    return Said(key=key, origin="0.0 s", read=read, crop=crop)


def commit(state: State, number: int, *all_said: Said, done: bool = False) -> None:
    state.commit(number, said=list(all_said), snapshot=b"memory", figures={"n": 1}, done=done)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state", is_publishing=True) as state:
        yield state


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool", edge_id="edge-1", max_bytes=10_000_000, clock=Clock()) as spool:
        yield spool


KILLED_AT_VACUUM = """
import os, signal, sys
from pathlib import Path
from edge.replay.state import State

def told(statement):
    if statement == "VACUUM":
        os.kill(os.getpid(), signal.SIGKILL)

state = State(Path(sys.argv[1]), is_publishing=True)
state._db.set_trace_callback(told)
state.prune()
"""


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """5 MiB of a file system of its own."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "atalaya-test", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


class TestState:
    def test_what_was_kept_is_there_again(self, tmp_path: Path) -> None:
        with State(tmp_path / "state") as one:
            row = one.begin("10-abc", name="film.mp4", settings={"fps": 8})
            assert not row.is_broken_off, "there is nothing to go on with"
            commit(one, row.number, said("cam/1"), said("cam/2", "XYZ987"))
            commit(one, row.number, said("cam/1", "ABC128", crop=None))
            first_id = one.id
        with State(tmp_path / "state") as again:
            found = again.find("10-abc")
            assert found is not None
            assert (found.name, found.settings, found.is_broken_off) == ("film.mp4", {"fps": 8}, True)
            assert (found.snapshot, found.figures) == (b"memory", {"n": 1})
            kept = again.kept(found.number)
            assert [(k.number, k.read.seq, k.read.plate, k.crop) for k in kept] == [
                (1, 1, "ABC128", b"crop"),
                (2, 2, "XYZ987", b"crop"),
            ]
            assert again.id == first_id
            assert again.find("11-abc") is None

    def test_a_transaction_that_fails_leaves_nothing(self, state: State) -> None:
        row = state.begin("x", name="x", settings={})
        commit(state, row.number, said("cam/1"))
        with pytest.raises(TypeError):
            state.commit(row.number, said=[said("cam/2")], snapshot=None, figures={"n": object()}, done=True)
        assert [k.read.plate for k in state.kept(row.number)] == ["ABC123"]
        assert not state.row(row.number).is_done

    def test_of_many_recordings_the_one_asked_for_is_read(self, tmp_path: Path, state: State) -> None:
        numbers = [state.begin(name, name=name, settings={}).number for name in ("x", "y")]
        db = sqlite3.connect(tmp_path / "state")
        db.execute("UPDATE recording SET settings = 'no JSON' WHERE identity = 'x'")
        db.commit()
        db.close()
        found = state.find("y")
        assert found is not None
        assert (state.row(numbers[1]).name, found.number, found.identity) == ("y", numbers[1], "y")
        with pytest.raises(LookupError, match="no recording 9"):
            state.row(9)

    def test_what_was_let_go_is_begun_anew_whatever_its_identity(self, state: State) -> None:
        row = state.begin("10#abc", name="x", settings={"parts": ["10#abc"]})
        commit(state, row.number, said("a"), done=True)
        assert state.by_part() == {"10#abc": (state.row(row.number), ("10#abc",))}
        state.forget(row.number)
        assert (state.find("10#abc"), state.row(row.number).identity, state.by_part()) == (None, None, {})
        assert state.begin("10#abc", name="x", settings={}).number != row.number

    def test_a_state_of_the_version_before_is_gone_on_with(self, tmp_path: Path) -> None:
        path = tmp_path / "state"
        with State(path, is_publishing=True) as one:
            rows = [one.begin(name, name=name, settings={}) for name in ("x", "y")]
            commit(one, rows[0].number, said("a"), done=True)
            commit(one, rows[1].number, said("b", "XYZ987"))
            before = one.rows()
        db = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "CREATE TABLE old (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL, settings TEXT"
            " NOT NULL, done INTEGER NOT NULL DEFAULT 0, snapshot BLOB, figures TEXT NOT NULL DEFAULT '{}')",
            "INSERT INTO old SELECT * FROM recording",
            "INSERT INTO old VALUES (7, 'x#7', 'x', '{}', 1, NULL, '{}')",
            "DROP TABLE recording",
            "ALTER TABLE old RENAME TO recording",
            "PRAGMA user_version = 0",
        ):
            db.execute(statement)
        db.close()
        for _ in range(2):
            with State(path, is_publishing=True) as again:
                assert again.rows()[:2] == before
                assert (again.row(7).identity, again.row(7).is_done) == (None, True)
                assert [k.read.plate for k in again.kept(rows[1].number)] == ["XYZ987"]
        with State(path) as again:
            again.forget(rows[0].number)
            assert again.find("x") is None

    def test_one_process_at_a_time(self, tmp_path: Path, state: State) -> None:
        with pytest.raises(ConfigError, match="state: another replay is at it"):
            State(tmp_path / "state")

    def test_something_else_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "letter").write_text("dear reader, " * 100)
        with pytest.raises(ConfigError, match="letter: not the state of a replay"):
            State(tmp_path / "letter")
        assert (tmp_path / "letter").read_text().startswith("dear reader")
        with Spool(tmp_path / "spool", edge_id="edge-1", max_bytes=10_000_000, clock=Clock()):
            pass
        with pytest.raises(ConfigError, match="spool: a database of something else"):
            State(tmp_path / "spool")

    def test_it_is_its_owners_alone(self, tmp_path: Path, state: State) -> None:
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600

    def test_removed_it_is_gone(self, tmp_path: Path) -> None:
        one = State(tmp_path / "state")
        commit(one, one.begin("x", name="x", settings={}).number, said("a"))
        one.remove()
        assert list(tmp_path.iterdir()) == []

    def test_a_recording_is_known_by_its_content(self, tmp_path: Path) -> None:
        one, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
        one.write_bytes(bytes(3_000_000))
        other.write_bytes(bytes(3_000_000))
        assert identity(one) == identity(other)
        for place in (5, 2_999_999):
            other.write_bytes(bytes(place) + b"x" + bytes(3_000_000 - place - 1))
            assert identity(one) != identity(other)
        other.write_bytes(bytes(3_000_001))
        assert identity(one) != identity(other)
        with pytest.raises(ConfigError, match=r"none\.mp4: cannot be read"):
            identity(tmp_path / "none.mp4")


class TestDelivery:
    def reads(self, spool: Spool) -> list[PlateRead]:
        messages = sorted(spool.pending(Stream.READ, limit=100), key=lambda message: message.seq)
        return [PlateRead.model_validate_json(message.payload) for message in messages]

    def test_reads_and_updates_go_out_in_order_with_their_numbers(self, state: State, spool: Spool) -> None:
        row = state.begin("x", name="x", settings={})
        commit(state, row.number, said("a"), said("b", "XYZ987"), said("a", "ABC128", crop=None))
        assert Delivery(state, spool, max_bytes=10_000_000).drain() == 3
        assert [(r.seq, r.plate) for r in self.reads(spool)] == [(1, "ABC123"), (2, "XYZ987")]
        (update,) = spool.pending(Stream.UPDATE, limit=9)
        assert update.topic.endswith("/1/1")
        assert state.next_queued() is None
        assert [k.read.epoch for k in state.kept(row.number)] == [spool.epoch] * 2

    @pytest.mark.parametrize("survives", [0, 1, 2, 3])
    def test_killed_between_the_spool_and_the_state_nothing_goes_out_twice(
        self, tmp_path: Path, survives: int
    ) -> None:
        """The spool has the entry, the state does not know it yet: the moment that no transaction spans."""

        class Killed(BaseException):
            pass

        class Dying(State):
            left = survives

            def delivered(self, n: int, *, epoch: int, seq: int) -> None:
                if self.left == 0:
                    raise Killed
                self.left -= 1
                super().delivered(n, epoch=epoch, seq=seq)

        path = tmp_path / "spool"
        with Dying(tmp_path / "state", is_publishing=True) as state:
            row = state.begin("x", name="x", settings={})
            updated = said("a", "ABC128", crop=None)
            commit(state, row.number, said("a"), updated, said("b", "XYZ987"), said("c", "JKL456"))
            with (
                Spool(path, edge_id="edge-1", max_bytes=10_000_000, clock=Clock()) as spool,
                pytest.raises(Killed),
            ):
                Delivery(state, spool, max_bytes=10_000_000).drain()
        with (
            State(tmp_path / "state", is_publishing=True) as state,
            Spool(path, edge_id="edge-1", max_bytes=10_000_000, clock=Clock()) as spool,
        ):
            assert Delivery(state, spool, max_bytes=10_000_000).drain() == 4 - survives - 1
            assert [(r.seq, r.plate) for r in self.reads(spool)] == [
                (1, "ABC123"),
                (2, "XYZ987"),
                (3, "JKL456"),
            ]
            (update,) = spool.pending(Stream.UPDATE, limit=9)
            assert update.topic.endswith("/1/1")

    def test_another_replay_s_progress_is_not_taken_for_ours(self, state: State, spool: Spool) -> None:
        row = state.begin("x", name="x", settings={})
        commit(state, row.number, said("a"))
        spool.put_read(
            lambda epoch, seq: plate_read(epoch, seq, pictures=PictureRef()), progress="0123456789abcdef:7"
        )
        assert Delivery(state, spool, max_bytes=10_000_000).drain() == 1

    def test_what_waits_for_the_spool_keeps_its_pictures(self, state: State, spool: Spool) -> None:
        one, other = (state.begin(name, name=name, settings={}) for name in ("x", "y"))
        commit(state, one.number, said("a"), done=True)
        commit(state, other.number, said("b", "XYZ987"))
        state.forget(one.number)
        state.prune()
        assert len(state.rows()) == 2, "what is queued still goes out"
        assert Delivery(state, spool, max_bytes=10_000_000).drain() == 2
        assert [m.payload for m in spool.pending(Stream.CROP, limit=9)] == [b"crop", b"crop"]
        state.prune()
        (row,) = state.rows()
        assert [kept.crop for kept in state.kept(row.number)] == [b"crop"], "it is not done"
        commit(state, row.number, said("b", "XYZ981", crop=None), done=True)
        state.prune()
        assert [kept.read.plate for kept in state.kept(row.number)] == ["XYZ981"], "its update waits"
        assert Delivery(state, spool, max_bytes=10_000_000).drain() == 1
        assert len(spool.pending(Stream.UPDATE, limit=9)) == 1
        state.prune()
        assert (state.kept(row.number), state.find("y") is not None) == ([], True)

    def test_no_plate_stays_in_the_file(self, tmp_path: Path, spool: Spool) -> None:
        with State(tmp_path / "state", is_publishing=True) as state:
            row = state.begin("x", name="x", settings={})
            commit(state, row.number, *(said(str(n), f"KAB{n:03}", crop=bytes(9000)) for n in range(50)))
            commit(state, row.number, done=True)
            Delivery(state, spool, max_bytes=10_000_000).drain()
            before = len(state.kept(row.number))
            state.prune()
        assert before == 50
        assert b"KAB0" not in (tmp_path / "state").read_bytes()
        assert {path.name for path in tmp_path.glob("state*")} == {"state", "state.lock"}

    def test_a_process_killed_before_the_file_is_made_smaller_leaves_no_plate_and_the_next_time_does_it(
        self, tmp_path: Path, spool: Spool
    ) -> None:
        path = tmp_path / "state"
        with State(path, is_publishing=True) as state:
            row = state.begin("x", name="x", settings={})
            commit(state, row.number, *(said(str(n), f"KAB{n:03}", crop=bytes(9000)) for n in range(50)))
            commit(state, row.number, done=True)
            Delivery(state, spool, max_bytes=10_000_000).drain()
        done = subprocess.run([sys.executable, "-c", KILLED_AT_VACUUM, str(path)], check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL
        with State(path, is_publishing=True) as state:
            assert state.kept(row.number) == []
        assert b"KAB0" not in path.read_bytes()
        size = path.stat().st_size
        with State(path, is_publishing=True) as state:
            state.prune()  # nothing to let go of any more
        assert path.stat().st_size < size / 10

    def test_a_disk_without_room_to_make_the_file_smaller_does_not_end_the_replay(
        self, tmp_path: Path
    ) -> None:
        with small_disk(tmp_path / "disk") as disk:
            with State(disk / "state") as state:
                old, new = (state.begin(name, name=name, settings={}) for name in ("x", "y"))
                commit(state, old.number, said("a", "KAB001", crop=bytes(50_000)), done=True)
            for n in range(8):  # the more at once, the more SQLite writes ahead
                with State(disk / "state") as state:
                    commit(state, new.number, said(str(n), "KAB987", crop=bytes(400_000)))
            with State(disk / "state") as state, structlog.testing.capture_logs() as logs:
                state.prune()
                assert [each["event"] for each in logs] == ["no room to make the state of the replay smaller"]
                assert state.kept(old.number) == []
                assert [kept.read.plate for kept in state.kept(new.number)] == ["KAB987"] * 8
            assert b"KAB001" not in (disk / "state").read_bytes()

    def test_a_full_spool_is_waited_for(self, state: State, tmp_path: Path) -> None:
        words = []
        with Spool(tmp_path / "small", edge_id="edge-1", max_bytes=1_000_000, clock=Clock()) as spool:

            def made_room(told: str) -> None:
                words.append(told)
                for message in spool.pending(Stream.CROP, limit=100):
                    spool.drop(Stream.CROP, message.seq, reason="the test makes room")

            row = state.begin("x", name="x", settings={})
            commit(state, row.number, *(said(str(n), crop=bytes(100_000)) for n in range(8)))
            Delivery(state, spool, max_bytes=1_000_000, told=made_room).drain()
            assert spool.stats().streams[Stream.READ].waiting == 8
        assert words
        assert "waiting for the centre" in words[0]

    def test_a_spool_that_cannot_be_written_keeps_the_queue(self, state: State, spool: Spool) -> None:
        row = state.begin("x", name="x", settings={})
        commit(state, row.number, said("a"))
        delivery = Delivery(state, spool, max_bytes=10_000_000)
        spool.close()
        with pytest.raises(SpoolError):
            delivery.drain()
        assert state.next_queued() is not None


def parts(engine: FakeEngine) -> dict[str, object]:
    return {
        "detector": engine.detector,
        "reader": engine.reader,
        "grammar": engine.grammar,
        "camera": CAMERA,
        "vote": VOTE,
        "palette": palette(),
        "new_vote": lambda: super(FakeEngine, engine).new_vote(VOTE, CAMERA.countries),
    }


class Real(FakeEngine):
    new_vote = FakeEngine.__mro__[1].new_vote


def half_way(engine: FakeEngine) -> Pipeline:
    pipeline = new_pipeline(CAMERA, VOTE, engine)
    for k in range(2):
        assert pipeline.feed(film(k), now=film(k).captured_at) == []
    return pipeline


def film(k: int):
    boxes = {7: Box(40 + 20.0 * k, 100, 120, 60)}
    if k >= 8:
        boxes[9] = Box(300, 250, 96, 48)
    return frame(k / 8, boxes)


def engine() -> FakeEngine:
    return Real.that_says({7: reading("KAB123", sure=0.8), 9: reading("XYZ987", sure=0.9)})


class _Method:
    """Pickled as a method of an object."""

    def __init__(self, owner: object, name: str) -> None:
        self._of = owner, name

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, self._of


class TestSnapshot:
    def test_a_pipeline_goes_on_as_if_nothing_had_been(self) -> None:
        nets = engine()
        one = half_way(nets)
        content = snapshot.dumped(one, parts=parts(nets))
        other = snapshot.loaded(content, parts=parts(nets))
        for pipeline in (one, other):
            pipeline.told = []
            for k in range(2, 24):
                pipeline.told += pipeline.feed(film(k), now=film(k).captured_at)
            pipeline.told += pipeline.flush(now=NOON + timedelta(hours=1))
        assert one.told
        assert [(e.kind, e.track_id, e.verdict, e.shot.captured_at) for e in one.told] == [
            (e.kind, e.track_id, e.verdict, e.shot.captured_at) for e in other.told
        ]
        assert one.counts == other.counts

    def test_the_nets_are_not_in_it(self) -> None:
        nets = engine()
        content = snapshot.dumped(half_way(nets), parts=parts(nets))
        again = engine()
        other = snapshot.loaded(content, parts=parts(again))
        assert other._detector is again.detector
        assert b"FakeDetector" not in content

    @pytest.mark.parametrize(
        "content",
        [
            b"cos\nsystem\n(S'touch owned'\ntR.",
            b"cbuiltins\neval\n(S'1'\ntR.",
            b"cbuiltins\ngetattr\n(cedge.cli\n_Commands\nS'__init__'\ntR.",
            b"cedge.cli\nos.system\n(S'touch owned'\ntR.",
            b"cedge.cli\nmain\n(tR.",
            b"cedge.outbox\nPath\n(S'x'\ntR.",
            b"cedge.capture.video\nVideoSource\n.",
            b"cbuiltins\ngetattr\n(cedge.pipeline\nPipeline\n)\x81S'flush'\ntR.",
            b"rubbish",
            b"",
            pickle.dumps(Path("x")),
        ],
    )
    def test_code_from_elsewhere_is_not_run(
        self, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="written by another version, or is damaged"):
            snapshot.loaded(content, parts={})
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("owner", "name"), [(VideoSource, "frames"), (Publisher, "start"), (Pipeline, "flush")]
    )
    def test_nothing_that_opens_or_does_something_is_in_it(self, owner: type, name: str) -> None:
        """An object made past its constructor, and a method of it: enough for a connection to an address of choice."""
        content = pickle.dumps(_Method(owner.__new__(owner), name))
        with pytest.raises(ConfigError, match=r"has no place in it|is no method that is remembered"):
            snapshot.loaded(content, parts={})

    def test_lanes_and_ground_are_in_it(self) -> None:
        corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
        points = tuple(GroundPoint(picture=(x, 0.2 + 0.6 * y), metres=(3 * x, 20 * y)) for x, y in corners)
        camera = CAMERA.model_copy(
            update={
                "lanes": (LaneSettings(name="left", polygon=corners),),
                "ground": GroundSettings(points=points),
            }
        )
        nets = engine()
        one = new_pipeline(camera, VOTE, nets)
        told = [e for k in range(12) for e in one.feed(film(k), now=film(k).captured_at)]
        assert told, "something of it has been said"
        named = {**parts(nets), "camera": camera}
        other = snapshot.loaded(snapshot.dumped(one, parts=named), parts=named)
        for k in range(12, 24):
            now = film(k).captured_at
            assert [e.verdict for e in one.feed(film(k), now=now)] == [
                e.verdict for e in other.feed(film(k), now=now)
            ]
        assert one.counts == other.counts

    def test_a_function_of_nobody_cannot_be_kept(self) -> None:
        with pytest.raises(TypeError, match="a function that is no part"):
            snapshot.dumped([lambda: 1], parts={})
