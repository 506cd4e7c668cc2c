"""A box that is killed with -9 before any statement of taking over a copy: it finds a whole one, old or new."""

import os
import subprocess
import sys
from pathlib import Path

from killed_copies import COMMON, PLATES, a_desk, take_over

from edge.hotlist.desk import HotlistDesk

TESTS = Path(__file__).resolve().parents[1]
PROGRAM = TESTS / "killed_copies.py"


def in_force(desk: HotlistDesk) -> set[str]:
    everything = {*PLATES[1], *PLATES[2], *COMMON}
    assert desk._copy is not None
    return {plate for plate in everything if plate in desk._copy}


def test_a_copy_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", ""), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stages = int(done.stdout.splitlines()[-1])
    assert stages > 20
    numbers = []
    for stage in range(1, stages + 1):
        desk = a_desk(tmp_path / str(stage))
        number = desk.health.number
        assert number in (1, 2)
        assert desk.health.fault == ""
        assert in_force(desk) == {*PLATES[number], *COMMON}
        numbers.append(number)
        take_over(desk, 2)
        assert in_force(desk) == {*PLATES[2], *COMMON}, "the next connection brings the rest"
        desk.stop()
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2}
