"""Real processes: who takes pictures, moves their packs to S3 and retains is killed with -9, again and again."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from central_messages import rows
from killed_pictures import is_tied, picture_of
from s3_servers import S3Server

from central.archive.pictures import open_packs
from central.archive.retain_pictures import retain_pictures
from central.db import open_database, picture
from central.query.pictures import hand_out
from central.settings import CentralSettings
from edge.contract.read import ReadId

PROGRAM = Path(__file__).parents[1] / "killed_pictures.py"


def run_and_kill(config: Path, number: int, chance: random.Random) -> tuple[list[int], int]:
    """The pictures that a process said it had committed, and how it ended."""
    path = os.pathsep.join([str(PROGRAM.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, PROGRAM, config, str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(chance.uniform(0, 0.5))
    process.kill()
    rest = process.stdout.read()
    process.stdout.close()
    whole = [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return [int(line) for line in whole], process.wait(20)


def check(folder: Path, storage: dict[str, Any], *, rounds: int) -> None:
    content = {
        "database_url": f"sqlite:///{folder}/central.sqlite",
        "pictures": {"path": str(folder / "pictures")},
        "storage": storage,
    }
    config = folder / "settings.json"
    config.write_text(json.dumps(content))
    chance, told = random.Random(9), list[int]()
    ends = []
    for number in range(rounds):
        committed, end = run_and_kill(config, number, chance)
        told += committed
        ends.append(end)
    assert ends.count(-9) >= rounds * 3 // 4, ends
    assert len(told) > rounds
    settings = CentralSettings.model_validate(content)
    engine, packs = open_database(settings.database_url), open_packs(settings)
    packs.move_finished()
    later = datetime.now(UTC) + timedelta(hours=2)
    retain_pictures(engine, packs, keep=timedelta(days=30), now=later)
    kept = [int(str(row["read_seq"])) for row in rows(engine, picture)]
    assert all(is_tied(seq) for seq in kept)
    assert {seq for seq in told if is_tied(seq)} <= set(kept), "committed and told, and lost"
    for seq in kept:
        ((_, data),) = hand_out(engine, packs, ReadId("edge-1", 7, seq))
        assert data == picture_of(seq)
    stored = sum(file.length for day in packs.days() for file in packs.of_day(day))
    assert stored == sum(len(picture_of(seq)) for seq in kept), "each once, and nothing else"
    if storage:
        assert list((folder / "pictures").rglob("*.pack")) == []
    engine.dispose()


@pytest.mark.s3
def test_killed_movers_and_retainers_lose_and_double_nothing(tmp_path: Path, s3_server: S3Server) -> None:
    check(tmp_path, s3_server.section(), rounds=4)


def test_killed_retainers_lose_and_double_nothing_on_this_machine(tmp_path: Path) -> None:
    check(tmp_path, {}, rounds=4)


@pytest.mark.proof
@pytest.mark.s3
def test_thirty_rounds_of_it(tmp_path: Path, s3_server: S3Server) -> None:
    check(tmp_path, s3_server.section(), rounds=30)
