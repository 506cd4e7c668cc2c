"""A log file stands behind no role: no plate gets into it, whatever fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
EDGE = """
import sys, threading
from fakes import FakeEngine, frame, reading
from edge import cli, process, worker
from edge.analyser import Analyser
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box

plate = sys.argv[1]
cli._log_to_stderr()
cameras = [CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")]

class Sink:
    def put(self, emission, *, models):
        print("put", emission.verdict.plate, flush=True)
        raise RuntimeError("a mistake of ours")

    def retry(self):
        pass

stop = threading.Event()
with process.watched(stop):
    engine = FakeEngine.that_says({7: reading(plate)})
    how = {"vote": VoteSettings(), "engine": engine, "sink": Sink(), "clock": worker.utc_now}
    analyser = Analyser("analyser-0", cameras=cameras, **how)
    analyser.start()
    for k in range(200):
        analyser.hub.put(frame(k / 8, {7: Box(40.0 + k, 120, 120, 60)}))
        if stop.wait(0.05):
            break
    analyser.stop()
"""
CENTRAL = """
import sys, threading
from central import service

plate = sys.argv[1]
service.log_to_stderr()

def die(read):
    print("put", read, flush=True)
    raise RuntimeError("a mistake of ours")

with service._dead_threads(service.StopSignal()):
    thread = threading.Thread(target=die, args=(plate,), name="writer")
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("code", [pytest.param(EDGE, id="edge"), pytest.param(CENTRAL, id="central")])
def test_a_fault_is_told_with_its_place_and_without_the_plate_at_hand(code: str) -> None:
    pytest.importorskip("rich")  # with it structlog would print every variable
    done = subprocess.run(
        [sys.executable, "-c", code, "KAB123"],
        env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "put KAB123" in done.stdout
    assert "thread died" in done.stderr
    assert "Traceback (most recent call last)" in done.stderr
    assert "RuntimeError: a mistake of ours" in done.stderr
    assert "KAB123" not in done.stderr
