"""The centre from its command line alone, in processes of their own: list, serve, watch, ask, verify."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from central_commands import LOOK
from central_messages import JPEG, address_of, picture_message, read_message, update_message
from central_reads import a_read
from centres import Centre, Edge

LISTED = {5, 17}
READS = 40


@pytest.fixture
def centre(wheel_broker: Broker, tmp_path: Path) -> Iterator[Centre]:
    folder = tmp_path / "centre"
    sections = {"archive": {"path": "archive", "seal_s": 1}, "access": {"key_file": "audit.key"}}
    centre = Centre(folder, wheel_broker, **sections)
    yield centre
    centre.close()


def command(centre: Centre, *words: str) -> list[str]:
    return [sys.executable, "-m", "central", *words, "--config", str(centre.config)]


def english() -> dict[str, str]:
    return {**os.environ, "LANG": "en_US.UTF-8", "LC_ALL": "", "PYTHONUNBUFFERED": "1"}


def said(centre: Centre, *words: str) -> str:
    done = subprocess.run(
        command(centre, *words), capture_output=True, text=True, env=english(), check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def watch(centre: Centre) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts `tail` in a pipe."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command(centre, "tail", *LOOK), text=True, env=english(), **pipes))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_centre_from_its_command_line(
    centre: Centre, wheel_broker: Broker, watch: "Callable[[], subprocess.Popen[str]]", tmp_path: Path
) -> None:
    sheet = tmp_path / "stolen.csv"
    header = "plate,country,reason,source,case_number,valid_from,valid_until"
    sheet.write_text(f"{header}\nXYZ987,CO,stolen,register,2026-1,2020-01-01,2199-12-31\n", encoding="utf-8")
    assert "1 added" in said(
        centre, "hotlist", "import", str(sheet), "--list", "robados", "--as", "ana.rojas"
    )
    watching = watch()
    centre.start()
    centre.wait_for(" subscribed ", within_s=90)
    centre.wait_for("entries hunted")

    began = datetime.now(UTC)
    reads = [
        a_read(
            seq,
            plate="XYZ987" if seq in LISTED else "ABC123",
            captured_at=began + timedelta(seconds=3 * seq - 150),
        )
        for seq in range(1, READS + 1)
    ]
    edge = Edge(wheel_broker, address_of(reads[0]), centre.database_url)
    edge.hand_over(*(read_message(read) for read in reads))
    edge.hand_over(*(picture_message(reads[seq - 1], number) for number, seq in enumerate(sorted(LISTED), 1)))
    edge.start()
    edge.wait_until_through()
    centre.wait_for("sealed")
    better = a_read(3, captured_at=reads[2].best_at, votes=4)
    edge.hand_over(update_message(better, 1))
    edge.wait_until_through()
    edge.stop()

    asked = said(centre, "history", "ABC123", *LOOK, "--json")
    seqs = [read["seq"] for read in json.loads(asked)["reads"]]
    expected = [seq for seq in range(READS, 0, -1) if seq not in LISTED]
    assert seqs == expected
    assert centre.stop() == 0
    after = {
        read["seq"]: read for read in json.loads(said(centre, "history", "ABC123", *LOOK, "--json"))["reads"]
    }
    assert list(after) == expected
    assert after[3]["votes"] == 4
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, READS + 1)})

    out = tmp_path / "pictures"
    alerts = json.loads(said(centre, "alerts", "list", *LOOK, "--json", "--pictures", str(out)))["alerts"]
    assert Counter(alert["plate"] for alert in alerts) == {"XYZ987": 1}
    assert {path.read_bytes() for path in out.iterdir()} == {JPEG}

    watching.send_signal(signal.SIGTERM)
    lines, complaints = watching.communicate(timeout=30)
    assert (watching.returncode, complaints) == (0, "")
    shown = Counter(line.split("  ")[2] for line in lines.splitlines() if line.startswith("20"))
    assert shown == {"ABC123": READS - 2, "XYZ987": 2}
    assert lines.count("ALERT  ") == 1
    counts = f"reads {READS}   alerts 1   kept {READS}   archived {READS}"
    assert lines.splitlines()[-1] == f"Atalaya   {counts}"

    verdict = said(centre, "audit", "verify")
    assert verdict.startswith("11 rows, head "), (
        "the import; its hunt, two histories, the alerts and the tail"
    )
