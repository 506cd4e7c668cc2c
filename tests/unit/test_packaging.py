"""What we ship beside the wheel: the systemd unit, the container file, the broker's configuration."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from containerfile import CONTAINER, instructions, stages

from edge.cli import cli

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "configs" / "systemd" / "atalaya-edge.service"
MOSQUITTO = ROOT / "configs" / "mosquitto"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a Python that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed (systemd-analyze)")
    text = UNIT.read_text(encoding="utf-8")
    assert "/opt/atalaya/bin/python" in text
    path = tmp_path / UNIT.name
    path.write_text(text.replace("/opt/atalaya/bin/python", sys.executable), encoding="utf-8")
    return path


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_no_fault_in_the_unit(unit: Path) -> None:
    done = analyze("verify", str(unit))
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_unit_is_closed_but_for_what_it_needs(unit: Path) -> None:
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(unit))
    assert done.returncode == 0, done.stdout[-400:]  # exposure up to 2.0 of 10


def test_what_the_unit_and_the_container_start_is_a_command_of_ours(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8") + CONTAINER.read_text(encoding="utf-8")
    started = set(re.findall(r'-m",? "?edge",? ?"?(\w+)', text)) | set(
        re.findall(r"-m edge (\w+) --config", text)
    )
    assert started == {"run", "alive"}
    for command in started:
        done = CliRunner().invoke(cli, [command, "--help"])
        assert (done.exit_code, "--config" in done.output) == (0, True)


class TestTheContainerFile:
    """No builder runs here: what it would trip over is looked for. That its steps install a box is a proof (e2e)."""

    def test_it_is_written_in_what_every_builder_knows(self) -> None:
        known = "FROM COPY RUN ENV USER WORKDIR VOLUME HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD"
        assert {name for name, _ in instructions()} == set(known.split())
        started = [rest for name, rest in instructions() if name in {"ENTRYPOINT", "CMD"}]
        started += [rest.partition(" CMD ")[2] for name, rest in instructions() if name == "HEALTHCHECK"]
        assert len(started) == 3
        for words in map(json.loads, started):  # signals reach the box itself, and not a shell
            assert all(isinstance(word, str) for word in words)

    @pytest.mark.parametrize("step", [rest for name, rest in instructions() if name == "RUN"])
    def test_a_shell_can_read_its_steps(self, step: str) -> None:
        subprocess.run(["/bin/sh", "-n", "-c", step], check=True, timeout=10)

    def test_its_environment_moves_to_an_image_with_the_same_python(self) -> None:
        first, last = stages()
        assert first[0][1] == f"{last[0][1]} AS build", "a virtual environment is bound to its interpreter"
        assert re.search(r"python:3\.1[123]-slim$", last[0][1])
        assert dict(last)["COPY"] == "--from=build /opt/atalaya /opt/atalaya"
        assert json.loads(dict(last)["ENTRYPOINT"])[0] == "/opt/atalaya/bin/python"

    def test_it_copies_what_is_there_and_runs_as_nobody(self) -> None:
        first, last = stages()
        lock, wheel, _ = dict(first)["COPY"].split()
        assert (ROOT / lock).exists()
        assert wheel == "dist/atalaya-*.whl"
        assert dict(last)["USER"] == "10001:10001"
        assert dict(last)["WORKDIR"] == dict(last)["VOLUME"] == "/var/lib/atalaya-edge"
        names = [name for name, _ in last]
        assert names.index("RUN") < names.index("USER"), "what needs root comes first"


def test_the_broker_lets_nobody_in_without_a_certificate() -> None:
    lines = (MOSQUITTO / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    must = {
        "listener": "8883",
        "require_certificate": "true",
        "use_identity_as_username": "true",
        "use_username_as_clientid": "true",
        "allow_anonymous": "false",
        "max_queued_messages": "0",
        "autosave_interval": "1",
    }
    assert settings.items() >= must.items()
    assert {"cafile", "certfile", "keyfile", "crlfile", "acl_file"} <= set(settings)
    listeners = [line for line in lines if line.startswith("listener")]
    assert listeners == ["listener 8883"], "no second way in"
