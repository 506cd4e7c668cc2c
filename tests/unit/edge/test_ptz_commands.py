"""What a deployer types for a camera that turns."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
import yaml
from click.testing import CliRunner, Result
from clips import HEIGHT, WIDTH, clip_file

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


@pytest.mark.parametrize(
    "views", [["gate=x.mp4", "gate=y.mp4"], ["road=x.mp4"], ["gate=x.mp4", "road=x.mp4"]]
)
def test_each_preset_has_a_view_or_none_has(views: list[str]) -> None:
    named = [word for view in views for word in ("--view", view)]
    done = run("simulate", "onvif", "--port", "0", "--preset", "gate=0,0,0", *named)
    assert done.exit_code == 2
    assert "gate" in done.output


def test_with_views_the_picture_turns_too(tmp_path: Path) -> None:
    clip = clip_file()
    command = [sys.executable, "-m", "edge", "simulate", "onvif", "--port", "0", "--rtsp-port", "0"]
    command += ["--preset", "gate=-0.5,0,0", "--preset", "road=0.5,0,0"]
    command += ["--view", f"gate={clip}", "--view", f"road={clip}", "--travel", "0.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        picture = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        assert re.fullmatch(r"rtsp://127\.0\.0\.1:\d+/ptz", picture)
        with av.open(picture, options={"rtsp_transport": "tcp"}, timeout=10) as container:
            frame = next(container.decode(video=0))
            assert (frame.width, frame.height) == (WIDTH, HEIGHT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


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
