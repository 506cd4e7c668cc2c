"""What a deployer types for a camera that turns."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from edge.cli import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="python -m edge", env={"COLUMNS": "200"})


def test_the_check_shows_the_tour(tmp_path: Path) -> None:
    ptz = {"presets": [{"name": "gate", "dwell_s": 15}, {"name": "road"}]}
    content = {
        "edge_id": "e",
        "site_id": "s",
        "cameras": [{"id": "c", "url": "rtsp://10.0.0.9/1", "ptz": ptz}],
    }
    (tmp_path / "edge.yaml").write_text(yaml.safe_dump(content))
    done = run("check-config", str(tmp_path / "edge.yaml"))
    assert done.exit_code == 0, done.output
    assert "turns: gate 15 s, road 20 s" in done.output


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        ("gate", "expected NAME=PAN,TILT,ZOOM"),
        ("gate=1,2", "expected NAME=PAN,TILT,ZOOM"),
        ("gate=x,0,0", "expected NAME=PAN,TILT,ZOOM"),
        ("gate=2,0,0", "pan and tilt are -1 to 1"),
        ("gate=0,0,-1", "zoom is 0 to 1"),
    ],
)
def test_a_preset_that_cannot_be(preset: str, words: str) -> None:
    done = run("simulate", "onvif", "--port", "0", "--preset", preset)
    assert done.exit_code == 2
    assert words in done.output


def test_a_user_needs_a_password() -> None:
    done = run("simulate", "onvif", "--port", "0", "--preset", "a=0,0,0", "--user", "op")
    assert "--user and --password-file go together" in done.output


def test_the_simulator_says_where_it_looks_until_it_is_ended() -> None:
    command = [
        sys.executable,
        "-m",
        "edge",
        "simulate",
        "onvif",
        "--port",
        "0",
        "--preset",
        "gate=-0.5,0.1,0.2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/onvif/device_service", address)
        assert process.stdout.readline().strip() == "pan +0.000 tilt +0.000 zoom 0.000"
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
