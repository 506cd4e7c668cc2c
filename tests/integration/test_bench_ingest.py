"""The benchmark of the centre, small: a real broker, real publishers, a real centre."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from brokers import needs_mosquitto

READS = 3000


def ingest(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "central", "bench", "ingest", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


@pytest.mark.mosquitto
@pytest.mark.parametrize("rate", [[], ["--rate", "500"]], ids=["flat out", "at a rate"])
def test_every_read_is_held_once_and_every_hit_alerts(tmp_path: Path, rate: list[str]) -> None:
    needs_mosquitto()
    work = ["--work", str(tmp_path / "work")]
    done = ingest("--reads", str(READS), "--hotlist", "300", *rate, *work, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["reads"], found["hotlist"]) == (READS, 300)
    assert (found["lost"], found["duplicates"], found["missed_hits"]) == (0, 0, 0)
    assert found["alerts"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["rss_mib"] > 20
    assert found["broker_only_reads_s"] > 0
    assert not rate or found["reads_s"] <= 550, "no faster than it was asked for"


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = ingest("--work", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"error: {tmp_path}: not empty; name an empty folder, or a new one\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
