"""The guard against silent skips, on real runs of pytest in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SKIPPING = """
import pytest

def test_good():
    assert 1

def test_skipped():
    pytest.skip("no mosquitto here")
"""


def run(folder: Path, *, expected: str | None) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(SKIPPING)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    environment.pop("ATALAYA_EXPECTED_SKIPS", None)
    if expected is not None:
        (folder / "expected").write_text(expected)
        environment["ATALAYA_EXPECTED_SKIPS"] = str(folder / "expected")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "skips",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
    ]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_unexpected_skip_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, expected="# nothing\n")
    assert done.returncode == 1
    assert "UNEXPECTED SKIP test_it.py::test_skipped: Skipped: no mosquitto here" in done.stdout


@pytest.mark.parametrize("expected", ["no mosquitto\n", None])
def test_an_expected_skip_or_no_watch_passes(tmp_path: Path, expected: str | None) -> None:
    assert run(tmp_path, expected=expected).returncode == 0
