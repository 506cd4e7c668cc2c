"""A replay that is killed goes on where it was: every read once, and the very ones of a replay that never stopped."""

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from brokers import Broker
from edge_centre import Centre, wait_for
from replay_process import PLATES, film

from edge.contract.delivery import Stream
from edge.contract.read import PlateRead

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "replay_process.py"
START = "2026-03-01T12:00:00Z"
NO_BROKER = {"host": "127.0.0.1", "port": 9}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "crossing.mp4")


def edge_yaml(folder: Path, mqtt: dict[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "edge.yaml"
    path.write_text(
        json.dumps(
            {
                "edge_id": "edge-1",
                "site_id": "site-1",
                "cameras": [{"id": "bodycam-7", "url": "rtsp://127.0.0.1/recording"}],
                "mqtt": mqtt,
                "spool": {"path": "spool.sqlite"},
            }
        )
    )
    return path


class Process:
    """One replay."""

    def __init__(self, recording: Path, options: dict[str, object]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(recording), json.dumps({"start": START, **options})],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._lines: Iterator[str] = iter(self._process.stdout)

    def kill_after(self, frames: int) -> bool:
        """Kill it at about that frame of its own; whether it lived so long."""
        for line in self._lines:
            if line == f"frame {frames}\n":
                self._process.kill()
                break
        self._process.communicate(timeout=60)
        return self._process.returncode == -9

    def finish(self) -> int:
        """To its end; how many reads it tells."""
        out, err = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, err[-3000:]
        return int(out.rsplit("done ", 1)[1])


def killed(recording: Path, options: dict[str, object], *, rounds: int, dice: random.Random) -> int:
    """Kill it again and again, then let it end; how many reads it tells."""
    for _ in range(rounds):
        if not Process(recording, options).kill_after(dice.randint(1, 160 // rounds)):
            break
    return Process(recording, options).finish()


def spooled(folder: Path) -> list[tuple[str, int, str, bytes]]:
    """All that the spool holds, but for its epoch."""
    db = sqlite3.connect(folder / "spool.sqlite")
    (epoch,) = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    rows = db.execute("SELECT stream, seq, topic, payload FROM message ORDER BY stream, seq").fetchall()
    db.close()
    mark = str(epoch)
    return [
        (s, seq, topic.replace(mark, "E"), bytes(p).replace(mark.encode(), b"E")) for s, seq, topic, p in rows
    ]


def check_published(recording: Path, tmp_path: Path, *, rounds: int, seed: int) -> None:
    whole, broken = tmp_path / f"whole-{seed}", tmp_path / f"broken-{seed}"
    reads = Process(recording, {"publish": str(edge_yaml(whole, NO_BROKER))}).finish()
    assert reads == len(PLATES)
    options: dict[str, object] = {"publish": str(edge_yaml(broken, NO_BROKER))}
    assert killed(recording, options, rounds=rounds, dice=random.Random(seed)) == reads
    assert spooled(broken) == spooled(whole)
    found = [
        PlateRead.model_validate_json(p.replace(b'"epoch":E', b'"epoch":1'))
        for s, *_, p in spooled(broken)
        if s == "read"
    ]
    assert sorted(read.plate for read in found) == sorted(PLATES.values())
    assert {read.trust for read in found} == {"lower"}
    before = spooled(broken)
    state = (broken / "spool.sqlite.replay").read_bytes()
    assert not [plate for plate in PLATES.values() if plate.encode() in state], "the spool has them"
    assert Process(recording, options).finish() == 0, "they are kept no longer"
    assert spooled(broken) == before, "and not published again"


def test_two_deaths_lose_nothing_and_double_nothing(recording: Path, tmp_path: Path) -> None:
    check_published(recording, tmp_path, rounds=2, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_ten_deaths_lose_nothing_and_double_nothing(recording: Path, tmp_path: Path) -> None:
    for seed in range(3):
        check_published(recording, tmp_path, rounds=10, seed=seed)


def test_the_folder_of_a_killed_replay_is_that_of_one_that_never_stopped(
    recording: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    Process(recording, {"out": str(whole)}).finish()
    killed(recording, {"out": str(broken)}, rounds=2, dice=random.Random(5))
    names = sorted(p.name for p in whole.iterdir())
    assert sorted(p.name for p in broken.iterdir()) == names
    assert sum(name.startswith("read-") for name in names) == len(PLATES)
    for name in names:
        if name.endswith(".jpg"):
            assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert times(broken / "annotated.mp4") == times(whole / "annotated.mp4")


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


@pytest.mark.parametrize("broker", ["wheel_broker"], indirect=True)
def test_the_centre_gets_every_read_once(recording: Path, tmp_path: Path, broker: Broker) -> None:
    centre = Centre(broker)
    try:
        mqtt = {**broker.settings("edge-1"), "password_file": str(broker.password_file("edge-1"))}
        options: dict[str, object] = {"publish": str(edge_yaml(tmp_path / "edge", mqtt))}
        reads = killed(recording, options, rounds=1, dice=random.Random(3))
        wait_for(lambda: len(centre.numbers(Stream.READ)) >= reads, what="every read")
    finally:
        centre.close()
    assert centre.numbers(Stream.READ) == set(range(1, reads + 1))
    said = [PlateRead.model_validate_json(p) for (_, s, _), p in centre.committed.items() if s is Stream.READ]
    assert Counter(read.plate for read in said) == Counter(PLATES.values())
    assert {read.camera_id for read in said} == {"bodycam-7"}
