"""The benchmark of alerts, small: a real broker, a real centre, real listeners."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from brokers import needs_mosquitto


def alerts(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "central", "bench", "alerts", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


@pytest.mark.mosquitto
def test_every_listener_hears_of_every_alert_once(tmp_path: Path) -> None:
    needs_mosquitto()
    load = ("--rate", "40", "--seconds", "1.5", "--listeners", "5", "--hotlist", "200")
    done = alerts(*load, "--work", str(tmp_path / "work"), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["alerts"], found["listeners"], found["lost"], found["twice"]) == (60, 5, 0, 0)
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_there_cannot_be_more_alerts_than_entries(tmp_path: Path) -> None:
    done = alerts("--rate", "10", "--seconds", "2", "--hotlist", "19", "--work", str(tmp_path / "work"))
    assert (done.returncode, done.stderr) == (2, "error: 20 alerts need as many entries, not 19\n")
