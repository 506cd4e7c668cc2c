"""The desk: each request is answered once, with a clip or with why there is none; late, twice, too often, too long."""

import io
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import av
import pytest
from clips import clip_file, number_of
from edge_clips import clip_request
from edge_reads import NOON, Clock, ack
from packets import FORMAT, feed, packet, real, taken

from edge.capture.ring import Cut, PacketRing
from edge.clips.desk import ClipDesk, rings
from edge.contract.clip import ClipAnswer, ClipCommands, ClipRequest, unpacked
from edge.contract.delivery import Stream
from edge.contract.health import ClipHealth
from edge.contract.topics import Address, Numbered, parse
from edge.settings import CameraSettings, ClipSettings
from edge.spool.queue import Spool

ADDRESS = Address("site-1", "edge-1")


class Scene:
    """A desk, its ring and its spool, on a clock that stands still until it is moved."""

    def __init__(self, path: Path, **settings: float) -> None:
        self.path = path
        self.clock = Clock()
        self.settings = ClipSettings.model_validate({"seconds": 4.0, **settings})
        self.ring = PacketRing(seconds=self.settings.seconds, max_bytes=self.settings.max_bytes)
        self.spool = Spool(path, edge_id="edge-1", max_bytes=50_000_000, clock=self.clock)
        self.kept = {"cam-1": self.ring}
        self.desk = self.a_desk()

    def a_desk(self) -> ClipDesk:
        return ClipDesk(
            self.kept,
            self.spool,
            ADDRESS,
            self.settings,
            clock=self.clock,
            monotonic=lambda: self.clock.now.timestamp(),  # noqa: PLW0108  # `now` is another one later
        )

    def film(self, *, frames: int = 250) -> list[float]:
        """A camera that sends its clip from NOON on; the clock follows. Times of its pictures, seconds after NOON."""
        packets = list(real(clip_file(frames=frames, suffix=".ts")))
        first = packets[0][2]
        self.ring.begin(packets[0][1])
        times = []
        for each, _, at in packets:
            self.clock.now = NOON + (at - first)
            self.ring.add(each, captured_at=self.clock.now)
            times.append((at - first).total_seconds())
        return times

    def ask(self, *requests: ClipRequest) -> None:
        commands = ClipCommands(edge_id="edge-1", clips=requests)
        self.desk.command(commands.model_dump_json().encode())

    def answers(self) -> dict[str, tuple[ClipAnswer, bytes]]:
        """The newest answer to each request, its parts put together."""
        found: dict[str, tuple[ClipAnswer, bytes]] = {}
        for message in self.spool.pending(Stream.CLIP, limit=1_000):
            topic = parse(message.topic)
            assert isinstance(topic, Numbered)
            answer, data = unpacked(message.payload)
            before = found[answer.request][1] if answer.part > 1 else b""
            found[answer.request] = (answer, before + data)
        return found

    def only(self) -> tuple[ClipAnswer, bytes]:
        (answer,) = self.answers().values()
        return answer


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "spool.sqlite")
    yield scene
    scene.spool.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def maker(**settings: float) -> Scene:
        made.append(Scene(tmp_path / f"{len(made)}.sqlite", **settings))
        return made[-1]

    yield maker
    for each in made:
        each.spool.close()


def at(seconds: float) -> ClipRequest:
    return clip_request(at=NOON + timedelta(seconds=seconds), before_s=2.0, after_s=1.0)


def test_a_request_brings_the_seconds_before_and_after(scene: Scene) -> None:
    scene.film()
    scene.ask(at(8.0))
    assert scene.desk.work() == 5.0
    answer, data = scene.only()
    assert (answer.outcome, answer.reason, answer.epoch) == ("clip", "", 5)
    assert answer.size == len(data)
    assert answer.began_at == NOON + timedelta(seconds=6)
    assert answer.ended_at == NOON + timedelta(seconds=9)
    with av.open(io.BytesIO(data)) as container:
        numbers = [number_of(f.to_ndarray(format="bgr24")) for f in container.decode(video=0)]
    assert numbers == [*range(150, 226)]
    assert scene.desk.counts == ClipHealth(made=1)


def test_seconds_that_have_not_come_are_waited_for_and_kept_meanwhile(scene: Scene) -> None:
    scene.ring.begin(FORMAT)
    feed(scene.ring, range(100))
    scene.clock.now = taken(100)
    request = clip_request(at=taken(90), before_s=3.0, after_s=4.0)
    scene.ask(request)
    assert scene.desk.work() < 1.0
    for number in range(100, 191):
        assert scene.answers() == {}
        scene.clock.now = taken(number)
        feed(scene.ring, range(number, number + 1))
        scene.desk.work()
    assert scene.ring.holds(taken(15)), "more than its four seconds: they were pinned"
    feed(scene.ring, range(191, 192))
    scene.desk.work()
    ((answer, _),) = scene.answers().values()
    assert answer.outcome == "gone", "these packets show nothing"
    feed(scene.ring, range(192, 260))
    assert not scene.ring.holds(taken(15)), "let go"


def test_a_camera_that_is_lost_meanwhile_gives_what_there_is_and_it_says_so(scene: Scene) -> None:
    scene.film()
    scene.ask(clip_request(at=NOON + timedelta(seconds=9), before_s=2.0, after_s=5.0))
    assert scene.desk.work() == 0.1
    scene.clock.advance(7.0)
    scene.desk.work()
    assert scene.answers() == {}
    scene.clock.advance(0.1)
    scene.desk.work()
    answer, _ = scene.only()
    assert answer.outcome == "clip"
    assert answer.reason == "ends 4.0 s earlier than asked"
    assert answer.ended_at == NOON + timedelta(seconds=9.96)


def test_a_beginning_that_is_no_longer_held_is_said(scene: Scene) -> None:
    scene.film()
    scene.ask(clip_request(at=NOON + timedelta(seconds=7), before_s=5.0, after_s=1.0))
    scene.desk.work()
    answer, _ = scene.only()
    assert (answer.outcome, answer.reason) == ("clip", "begins 3.0 s later than asked")


def test_what_is_no_longer_held_is_gone_plainly_and_at_once(scene: Scene) -> None:
    scene.film()
    scene.ask(at(2.0))
    scene.desk.work()
    answer, data = scene.only()
    assert (answer.outcome, data) == ("gone", b"")
    assert answer.reason == "what the camera sent then is not held; 4 s are kept"
    assert scene.desk.counts == ClipHealth(gone=1)


def test_a_box_that_was_away_says_gone_of_all_that_was_asked_meanwhile(scene: Scene) -> None:
    """Nothing has come from its camera yet."""
    scene.clock.now = NOON + timedelta(days=2)
    scene.ask(*(clip_request(n, at=NOON + timedelta(hours=n)) for n in range(1, 6)))
    scene.desk.work()
    assert {answer.outcome for answer, _ in scene.answers().values()} == {"gone"}
    assert len(scene.answers()) == 5


def test_one_that_comes_twice_is_answered_once_also_after_a_restart(scene: Scene) -> None:
    scene.film()
    for _ in range(3):
        scene.ask(at(8.0))
        scene.desk.work()
    scene.spool.acknowledge(ack(scene.spool.epoch, {Stream.CLIP: [1]}))
    scene.ask(at(8.0))
    scene.desk = scene.a_desk()
    scene.ask(at(8.0))
    scene.desk.work()
    stats = scene.spool.stats().streams[Stream.CLIP]
    assert (stats.spooled, stats.waiting) == (1, 0)


def test_what_nobody_waits_for_any_more_is_let_go(scene: Scene) -> None:
    scene.ring.begin(FORMAT)
    feed(scene.ring, range(100))
    scene.clock.now = taken(100)
    scene.ask(clip_request(at=taken(95), before_s=3.0, after_s=4.0))
    scene.desk.work()
    scene.ask()
    assert scene.desk.work() == 5.0
    feed(scene.ring, range(100, 400))
    assert not scene.ring.holds(taken(95))
    assert scene.answers() == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"camera_id": "cam-9"}, "this box has no camera cam-9"),
        ({"before_s": 15.0, "after_s": 6.0}, r"21 s are asked, 20 s at most are made \(clips.longest_s\)"),
        ({"at": NOON + timedelta(hours=1)}, "lies in the future of this box"),
    ],
)
def test_what_this_box_will_not_make_is_refused_with_the_reason(
    scene: Scene, change: dict[str, object], reason: str
) -> None:
    scene.film()
    fields = {"at": NOON + timedelta(seconds=8), "before_s": 1.0, "after_s": 1.0, **change}
    scene.ask(clip_request(**fields))
    scene.desk.work()
    answer, _ = scene.only()
    assert answer.outcome == "refused"
    assert re.search(reason, answer.reason)
    assert scene.desk.counts == ClipHealth(refused=1)


def test_more_than_so_many_an_hour_are_refused_and_later_made_again(make: Callable[..., Scene]) -> None:
    scene = make(per_hour=3, seconds=60)
    scene.film()
    requests = [
        clip_request(n, at=NOON + timedelta(seconds=n), before_s=1.0, after_s=1.0) for n in range(2, 7)
    ]
    for request in requests:
        scene.ask(request)
        scene.desk.work()
    outcomes = [scene.answers()[request.request][0].outcome for request in requests]
    assert outcomes == ["clip"] * 3 + ["refused"] * 2
    reasons = {answer.reason for answer, _ in scene.answers().values()}
    assert "3 clips an hour at most are made (clips.per_hour)" in reasons
    scene.clock.advance(3_600)
    scene.ask(clip_request(99, at=NOON + timedelta(seconds=8), before_s=1.0, after_s=1.0))
    scene.desk.work()
    assert scene.answers()[f"{99:032x}"][0].outcome == "clip"


def test_many_at_once_count_before_they_are_made(make: Callable[..., Scene]) -> None:
    scene = make(per_hour=2)
    scene.ring.begin(FORMAT)
    feed(scene.ring, range(100))
    scene.clock.now = taken(100)
    scene.ask(*(clip_request(n, at=taken(99), before_s=1.0, after_s=5.0) for n in range(1, 6)))
    scene.desk.work()
    assert [answer.outcome for answer, _ in scene.answers().values()] == ["refused"] * 3


def test_a_box_that_keeps_nothing_says_so(make: Callable[..., Scene]) -> None:
    scene = make(seconds=0)
    scene.kept.clear()
    scene.ask(at(1.0))
    scene.desk.work()
    assert scene.only()[0].reason == "this box keeps no packets (clips.seconds is 0)"


def test_what_is_no_command_of_ours_is_counted_and_nothing_else(scene: Scene) -> None:
    scene.film()
    theirs = ClipCommands(edge_id="edge-2", clips=(at(8.0),))
    for payload in (b"", b"[]", b"{}", b"\xff", theirs.model_dump_json().encode()):
        scene.desk.command(payload)
    scene.desk.work()
    assert scene.answers() == {}
    assert scene.desk.counts == ClipHealth(unreadable=5)


def test_an_answer_that_the_spool_gave_up_is_given_again_as_gone(scene: Scene) -> None:
    scene.film()
    scene.ask(at(8.0))
    scene.desk.work()
    assert scene.spool.drop(Stream.CLIP, 1, reason="the spool was full")
    scene.desk.work()
    assert scene.answers() == {}, "not at once: a full spool would go round in circles"
    scene.ring.begin(FORMAT)
    feed(scene.ring, range(1_000, 1_200))
    scene.clock.advance(61)
    scene.desk.work()
    assert scene.only()[0].outcome == "gone"


def test_a_spool_that_cannot_be_written_is_tried_again(scene: Scene) -> None:
    scene.film()
    lock = sqlite3.connect(scene.path, isolation_level=None, timeout=0.1)
    lock.execute("BEGIN IMMEDIATE")
    scene.spool._db.execute("PRAGMA busy_timeout = 50")
    scene.ask(at(8.0))
    scene.desk.work()
    assert scene.answers() == {}
    lock.execute("ROLLBACK")
    lock.close()
    scene.clock.advance(61)
    scene.desk.work()
    assert scene.only()[0].outcome == "clip", "pinned all the while"


def film_padded(scene: Scene, each_bytes: int) -> None:
    """Four seconds from NOON on, each picture so much larger."""
    packets = list(real(clip_file(frames=100, suffix=".ts")))
    scene.ring.begin(packets[0][1])
    first = packets[0][2]
    filler = b"\x00\x00\x01\x0c" + b"\xff" * each_bytes + b"\x80"
    for each, _, moment in packets:
        padded = av.Packet(bytes(each) + filler)
        padded.pts, padded.dts, padded.time_base = each.pts, each.dts, each.time_base
        padded.is_keyframe = each.is_keyframe
        scene.clock.now = NOON + (moment - first)
        scene.ring.add(padded, captured_at=scene.clock.now)


def test_a_long_clip_travels_in_parts(scene: Scene) -> None:
    """Padded with what players skip, as cameras at a constant rate do."""
    film_padded(scene, 20_000)
    scene.ask(clip_request(at=NOON + timedelta(seconds=2.5), before_s=1.4, after_s=1.2))
    scene.desk.work()
    answer, data = scene.only()
    assert answer.parts == scene.spool.stats().streams[Stream.CLIP].spooled > 8
    assert answer.size == len(data) > 1_000_000
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 68


def test_it_works_in_a_thread_of_its_own(scene: Scene) -> None:
    scene.film()
    scene.desk.start()
    try:
        scene.ask(at(8.0))
        deadline = time.monotonic() + 10
        while not scene.answers():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        scene.desk.stop()
    assert scene.only()[0].outcome == "clip"


def test_each_camera_has_a_ring_unless_none_are_kept() -> None:
    cameras = tuple(CameraSettings(id=f"cam-{n}", url="rtsp://192.0.2.1:554/x") for n in (1, 2))
    kept = rings(cameras, ClipSettings(max_bytes=1_000_000))
    assert kept.keys() == {"cam-1", "cam-2"}
    kept["cam-1"].begin(FORMAT)
    kept["cam-1"].add(packet(0, key=True, size=1_000_001), captured_at=NOON)
    assert (kept["cam-1"].held_bytes, kept["cam-1"].dropped) == (0, 1)
    assert rings(cameras, ClipSettings(seconds=0)) == {}


@pytest.mark.parametrize("at", ["0001-01-01T00:00:01Z", "0001-01-01T00:00:01+14:00"])
def test_a_request_that_nobody_can_reckon_with_is_gone_and_the_others_are_met(scene: Scene, at: str) -> None:
    scene.film()
    strange = clip_request(1, at=datetime.fromisoformat(at))
    scene.ask(strange, clip_request(2, at=NOON + timedelta(seconds=6), before_s=1.0, after_s=1.0))
    scene.desk.work()
    answers = {name: answer for name, (answer, _) in scene.answers().items()}
    assert answers[strange.request].outcome == "gone"
    assert answers[f"{2:032x}"].outcome == "clip"
    assert scene.desk.counts == ClipHealth(made=1, gone=1)


def test_a_clip_that_fails_to_be_cut_is_gone_and_the_others_are_met(scene: Scene) -> None:
    class Broken(PacketRing):
        def cut(self, at: datetime, *, begin: datetime, end: datetime) -> Cut | None:
            raise OverflowError(f"{begin} to {end} around {at}")

    scene.kept["cam-2"] = Broken(seconds=4.0, max_bytes=1_000_000)
    scene.film()
    at = NOON + timedelta(seconds=6)
    broken = clip_request(1, at=at, camera_id="cam-2")
    scene.ask(broken, clip_request(2, at=at, before_s=1.0, after_s=1.0))
    scene.clock.now += timedelta(seconds=30)
    scene.desk.work()
    answers = {name: answer for name, (answer, _) in scene.answers().items()}
    assert (answers[broken.request].outcome, answers[broken.request].reason) == (
        "gone", "it cannot be made: OverflowError"
    )  # fmt: skip
    assert answers[f"{2:032x}"].outcome == "clip"


@pytest.fixture
def putting(make: Callable[..., Scene]) -> Iterator[Scene]:
    """In the midst of putting a clip of 12 MB, on a disk that takes a fifth of a second for each transaction."""
    scene = make(max_bytes=60_000_000)
    film_padded(scene, 180_000)
    scene.spool._db.set_trace_callback(lambda said: time.sleep(0.2) if said == "COMMIT" else None)
    scene.desk.start()
    scene.ask(LONG)
    deadline = time.monotonic() + 10
    while scene.spool.stats().streams[Stream.CLIP].waiting < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield scene
    scene.desk.stop()


LONG = clip_request(1, at=NOON + timedelta(seconds=2.5), before_s=1.4, after_s=1.2)


def test_what_is_asked_while_a_clip_is_put_is_pinned_meanwhile(putting: Scene) -> None:
    other = PacketRing(seconds=4.0, max_bytes=1_000_000)
    other.begin(FORMAT)
    feed(other, range(100))
    putting.kept["cam-2"] = other
    putting.clock.now = taken(100)
    strange = clip_request(3, at=datetime.fromisoformat("0001-01-01T00:00:01Z"))
    refused = clip_request(4, at=taken(99), camera_id="cam-9")
    asked = clip_request(2, at=taken(99), before_s=3.0, after_s=10.0, camera_id="cam-2")
    putting.ask(LONG, strange, refused, asked)
    time.sleep(1.0)
    feed(other, range(100, 200))
    assert putting.answers() == {}, "the long one is put still"
    assert other.holds(taken(30)), "seven seconds old, of four that are kept"
    putting.spool._db.set_trace_callback(None)
    deadline = time.monotonic() + 30
    while len(answers := putting.answers()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    outcomes = {name: answer.outcome for name, (answer, _) in answers.items()}
    assert outcomes == {LONG.request: "clip", strange.request: "gone", refused.request: "refused"}


def test_a_box_that_is_stopped_does_not_wait_for_the_clip_it_puts(putting: Scene) -> None:
    began_at = time.monotonic()
    putting.desk.stop()
    assert time.monotonic() - began_at < 1.5, "the rest of it would take four seconds"
    assert not putting.spool.is_answered(LONG.request)
    stats = putting.spool.stats().streams[Stream.CLIP]
    assert (stats.waiting, stats.dropped) == (0, stats.spooled)
    assert putting.desk.counts == ClipHealth()
    putting.ring = putting.kept["cam-1"] = PacketRing(seconds=4.0, max_bytes=1_000_000)
    putting.desk = putting.a_desk()
    putting.clock.advance(10.0)
    putting.ask(LONG)
    putting.desk.work()
    assert putting.only()[0].outcome == "gone", "its packets went with the process"
