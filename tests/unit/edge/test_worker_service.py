"""A box under a service manager: the real worker in a process of its own, watched and scraped."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import av
from brokers import free_port
from fakes import FakeEngine, at, picture

from edge.analyser import Analyser
from edge.capture.picture import Decoded
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Frame

BOX = """
import runpy, sys
from pathlib import Path
test = runpy.run_path(sys.argv[1])
street = test["Street"]({"cam": test["passing"]("cam", 7)})
settings = test["settings"](Path(sys.argv[2]))
health = settings.health.model_copy(update={"metrics_port": int(sys.argv[3])})
settings = settings.model_copy(update={"health": health})
test["serve"](settings, engines=[test["engine"]()], connect=street)
"""


def test_it_says_that_it_is_ready_lives_and_ends_and_shows_its_metrics(tmp_path: Path) -> None:
    folder = Path(__file__).parent
    port, name = free_port(), str(tmp_path / "notify")
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder.parents[1]),
        "NOTIFY_SOCKET": name,
        "WATCHDOG_USEC": "600000",
    }
    command = [sys.executable, "-c", BOX, str(folder / "test_worker.py"), str(tmp_path), str(port)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(60)
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as box:
            try:
                assert [manager.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
                assert "atalaya_camera_reads_total" in scraped(port, until="atalaya_camera_reads_total")
                box.send_signal(signal.SIGTERM)
                said = b"WATCHDOG=1"
                while said == b"WATCHDOG=1":
                    said = manager.recv(100)
                assert said == b"STOPPING=1"
                assert box.wait(60) == 0
            finally:
                box.kill()


def test_a_frame_without_end_is_told_from_a_quiet_street() -> None:
    let_go = threading.Event()
    engine = FakeEngine.that_says({})
    engine.detector.detect = lambda *_, **__: let_go.wait(60) and []  # type: ignore[attr-defined]
    camera = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")
    analyser = Analyser(
        "analyser", cameras=[camera], vote=VoteSettings(), engine=engine, sink=NoSink(), clock=lambda: at(0)
    )
    analyser.start()
    try:
        time.sleep(1.5)
        assert analyser.stuck_s < 1.0, "nothing to do, but it turns"
        analyser.hub.put(Frame("cam", at(0), picture({})))
        time.sleep(1.5)
        assert analyser.stuck_s > 1.0
    finally:
        let_go.set()
        analyser.stop()


class Unmade:
    """What a decoder gave that cannot be converted."""

    size = (640, 360)

    def bgr(self) -> Bgr:
        frame = av.VideoFrame(640, 360, "yuv420p")
        frame.colorspace = 3  # which H.264 reserves
        return Decoded(frame).bgr()


def test_a_frame_of_which_no_picture_can_be_made_is_counted_and_the_next_is_looked_at() -> None:
    camera = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")
    engine = FakeEngine.that_says({})
    analyser = Analyser(
        "analyser", cameras=[camera], vote=VoteSettings(), engine=engine, sink=NoSink(), clock=lambda: at(0)
    )
    analyser.start()
    try:
        for number, pixels in enumerate([Unmade(), picture({}), Unmade(), picture({})]):
            analyser.hub.put(Frame("cam", at(number), pixels))
            deadline = time.monotonic() + 20
            while analyser.counts["cam"].frames + analyser.counts["cam"].undrawn <= number:
                assert time.monotonic() < deadline, "the frame was never looked at"
                time.sleep(0.01)
        assert (analyser.counts["cam"].frames, analyser.counts["cam"].undrawn) == (2, 2)
    finally:
        analyser.stop()


class NoSink:
    def put(self, emission: object, *, models: object) -> None: ...

    def retry(self) -> None: ...


def scraped(port: int, *, until: str) -> str:
    """The metrics, once this word stands in them: the box has looked at itself."""
    deadline = time.monotonic() + 30
    text = ""
    while until not in text:
        assert time.monotonic() < deadline, text
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    return text
