import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fakes import FakeEngine, FakeSource, at, picture, reading
from hotlist_copies import Authority, Issuer, an_entry

from edge.capture.stats import CaptureStats
from edge.contract.config import TlsSettings
from edge.contract.delivery import Stream
from edge.contract.health import CameraState, EdgeHealth
from edge.contract.read import PlateRead
from edge.contract.topics import HOTLIST_HEAD
from edge.errors import LostError, RefusedError, SpoolError, WorkerError
from edge.hotlist.copy import CopyFile
from edge.ports import FrameSource
from edge.settings import CameraSettings, EdgeSettings, MqttSettings, SpoolSettings
from edge.spool.queue import Spool
from edge.types import Box, Frame
from edge.worker import Worker, serve

SAYS = {mark: reading(f"KAB1{mark:02d}") for mark in range(1, 60)}


def settings(folder: Path, *, cameras: Sequence[str] = ("cam",)) -> EdgeSettings:
    return EdgeSettings(
        edge_id="edge-1",
        site_id="site-1",
        cameras=tuple(CameraSettings(id=name, url=f"rtsp://127.0.0.1/{name}") for name in cameras),
        mqtt=MqttSettings(port=1),  # nobody listens there
        spool=SpoolSettings(path=folder / "spool.sqlite"),
    )


def engine() -> FakeEngine:
    return FakeEngine.that_says(SAYS)


def passing(camera: str, mark: int, *, frames: int = 6) -> list[Frame]:
    return [
        Frame(camera, at(k / 8), picture({mark: Box(40 + 30.0 * k, 120, 120, 60)})) for k in range(frames)
    ]


class Street:
    """Opens fake cameras: what each shows is set beforehand."""

    def __init__(self, shows: dict[str, list[Frame]]) -> None:
        self.shows = shows
        self.opened: list[str] = []

    def __call__(self, camera: CameraSettings, stats: CaptureStats) -> FrameSource:
        self.opened.append(camera.id)
        frames = self.shows[camera.id]
        for frame in frames:
            stats.received(frame.captured_at)
        return FakeSource(frames)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    path = tmp_path / "spool.sqlite"
    with Spool(path, edge_id="edge-1", max_bytes=50_000_000, clock=lambda: at(0)) as spool:
        yield spool


def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def reads(spool: Spool) -> list[PlateRead]:
    return [PlateRead.model_validate_json(m.payload) for m in spool.pending(Stream.READ, limit=1000)]


@pytest.fixture(autouse=True)
def no_long_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.worker._DRAIN_S", 0.0)


def test_what_cameras_see_lies_in_the_spool(tmp_path: Path, spool: Spool) -> None:
    street = Street({"north": passing("north", 7), "south": passing("south", 9), "west": passing("west", 11)})
    worker = Worker(
        settings(tmp_path, cameras=list(street.shows)),
        spool=spool,
        engines=[engine(), engine()],
        connect=street,
    )
    worker.start()
    until(lambda: len(reads(spool)) == 3)
    health = {camera.camera_id: camera for camera in worker.cameras()}
    worker.stop()
    assert {(r.camera_id, r.plate) for r in reads(spool)} == {
        ("north", "KAB107"),
        ("south", "KAB109"),
        ("west", "KAB111"),
    }
    assert sorted(r.seq for r in reads(spool)) == [1, 2, 3]
    assert {c: h.reads for c, h in health.items()} == {"north": 1, "south": 1, "west": 1}
    assert all(h.state is CameraState.LIVE and h.frames_analysed >= 2 for h in health.values())


def test_what_the_box_s_copy_of_the_hotlists_names_goes_first(tmp_path: Path, spool: Spool) -> None:
    authority = Authority(tmp_path)
    issuer = Issuer(authority.client())
    head = issuer.issue([an_entry("KAB109")])
    file = CopyFile(tmp_path / "spool.sqlite.hotlist")
    file.put(next(payload for topic, payload in issuer.retained.items() if topic != HOTLIST_HEAD))
    file.put_in_force(head, head.model_dump_json())
    file.close()
    mqtt = MqttSettings(port=1, tls=TlsSettings(ca_file=authority.ca_file))
    street = Street({"north": passing("north", 7), "south": passing("south", 9), "west": passing("west", 11)})
    box = settings(tmp_path, cameras=list(street.shows)).model_copy(update={"mqtt": mqtt})
    worker = Worker(box, spool=spool, engines=[engine()], connect=street)
    worker.start()
    until(lambda: len(reads(spool)) == 3)
    worker.stop()
    marked = spool._db.execute("SELECT seq FROM message WHERE first = 1 AND stream = 'read'").fetchall()
    assert [(r.plate, (r.seq,) in marked) for r in sorted(reads(spool), key=lambda r: r.plate)] == [
        ("KAB107", False),
        ("KAB109", True),
        ("KAB111", False),
    ]
    assert (worker._hotlist.health.number, worker._hotlist.health.hits) == (1, 1)


def test_without_tls_there_is_no_copy_of_the_hotlists_which_is_said_once(
    tmp_path: Path, spool: Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    left = [tmp_path / f"spool.sqlite.hotlist{tail}" for tail in ("", "-wal", "-shm")]
    for each in left:  # mqtt.tls was set until now
        each.write_bytes(b"ABC123")
    street = Street({"cam": passing("cam", 7)})
    worker = Worker(settings(tmp_path), spool=spool, engines=[engine()], connect=street)
    worker.start()
    until(lambda: len(reads(spool)) == 1)
    worker.stop()
    assert capsys.readouterr().out.count("no copy of the hotlists is kept: mqtt.tls is not set") == 1
    assert worker._hotlist.health.number is None
    assert [each for each in left if each.exists()] == []


def test_a_clean_stop_ends_the_tracks_into_the_spool(tmp_path: Path, spool: Spool) -> None:
    doubtful = FakeEngine.that_says({7: reading("KAB123", sure=0.9)})
    street = Street({"cam": passing("cam", 7, frames=2)})
    worker = Worker(settings(tmp_path), spool=spool, engines=[doubtful], connect=street)
    worker.start()
    until(lambda: worker.cameras()[0].frames_analysed >= 2)
    assert reads(spool) == []
    worker.stop()
    assert [r.plate for r in reads(spool)] == ["KAB123"]


def test_a_camera_that_cannot_be_reached_says_so_and_the_others_go_on(tmp_path: Path, spool: Spool) -> None:
    street = Street({"good": passing("good", 7)})

    def connect(camera: CameraSettings, stats: CaptureStats) -> FrameSource:
        if camera.id == "bad":
            raise RefusedError("camera bad: wrong user or password")
        if camera.id == "gone":
            raise LostError("camera gone: no route to host")
        return street(camera, stats)

    worker = Worker(
        settings(tmp_path, cameras=["bad", "gone", "good"]), spool=spool, engines=[engine()], connect=connect
    )
    worker.start()
    until(lambda: len(reads(spool)) == 1)
    states = {c.camera_id: (c.state, c.detail) for c in worker.cameras()}
    worker.stop()
    assert states["bad"] == (CameraState.REFUSED, "camera bad: wrong user or password")
    assert states["gone"] == (CameraState.UNREACHABLE, "camera gone: no route to host")
    assert states["good"][0] is CameraState.LIVE


def test_stopping_ends_every_thread(tmp_path: Path, spool: Spool) -> None:
    before = set(threading.enumerate())
    street = Street({"a": passing("a", 7), "b": passing("b", 9)})
    worker = Worker(settings(tmp_path, cameras=["a", "b"]), spool=spool, engines=[engine()], connect=street)
    worker.start()
    until(lambda: len(street.opened) == 2)
    worker.stop()
    assert set(threading.enumerate()) - before == set()


IN_A_PROCESS = """
import runpy, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
test = runpy.run_path(sys.argv[1])
street = test["Street"]({"cam": test["passing"]("cam", 7)})
test["serve"](test["settings"](Path(sys.argv[2])), engines=[test["engine"]()], connect=street)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_box_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", IN_A_PROCESS, __file__, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as box:
        until((tmp_path / "spool.sqlite").exists)
        time.sleep(2.0)
        box.send_signal(number)
        assert box.wait(30) == 0
    with Spool(
        tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=lambda: at(0)
    ) as spool:
        assert [r.plate for r in reads(spool)] == ["KAB107"]


def test_a_thread_that_dies_takes_the_worker_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = engine()
    broken.detector.fails_with = RuntimeError("the net has gone mad")  # type: ignore[attr-defined]
    with pytest.raises(WorkerError, match="analyser-0 died: RuntimeError: the net has gone mad"):
        serve(settings(tmp_path), engines=[broken], connect=Street({"cam": passing("cam", 7)}))
    assert "thread died" in capsys.readouterr().out


def test_a_full_disk_does_not_end_the_box(tmp_path: Path, spool: Spool) -> None:
    spool._db.execute("PRAGMA max_page_count = 1")  # SQLite's way of one: no smaller than the file is
    sent: list[EdgeHealth] = []
    worker = Worker(
        settings(tmp_path), spool=spool, engines=[engine()], connect=Street({"cam": passing("cam", 7)})
    )
    worker._health._send = sent.append
    worker.start()
    until(lambda: any("1 reads and updates wait in memory" in health.fault for health in sent))
    assert reads(spool) == []
    spool._db.execute("PRAGMA max_page_count = 100000")
    until(lambda: len(reads(spool)) == 1)
    until(lambda: "wait in memory" not in sent[-1].fault)
    worker.stop()
    assert [r.plate for r in reads(spool)] == ["KAB107"]


def test_a_second_worker_on_the_same_spool_is_refused(tmp_path: Path, spool: Spool) -> None:
    with pytest.raises(SpoolError):
        serve(settings(tmp_path), engines=[engine()], connect=Street({"cam": []}))


def test_reads_are_whole_json_messages(tmp_path: Path, spool: Spool) -> None:
    worker = Worker(
        settings(tmp_path), spool=spool, engines=[engine()], connect=Street({"cam": passing("cam", 7)})
    )
    worker.start()
    until(lambda: len(reads(spool)) == 1)
    worker.stop()
    (message,) = spool.pending(Stream.READ, limit=10)
    content = json.loads(message.payload)
    assert content["models"] == {"detector": "fake@000000000000", "reader": "fake@111111111111"}
    assert content["pictures"] == {"crop": True, "overview": True, "clip": False}
