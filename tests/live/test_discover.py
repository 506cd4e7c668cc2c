"""`python -m edge discover` against the simulated device's beacon, over real multicast on loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from edge.discover import probe
from edge.errors import ConfigError
from edge.simulate.onvif.beacon import Beacon
from edge.simulate.onvif.device import Device, Oddities, Plate
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer

LOOPBACK = "127.0.0.1"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edge", "discover", "--interface", LOOPBACK, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"COLUMNS": "200"}
    )


@pytest.fixture
def dome() -> Iterator[OnvifServer]:
    with OnvifServer(Device(Head(), {}, plate=Plate(name="North dome"))) as server, Beacon(server):
        yield server


def test_what_is_there_is_found(dome: OnvifServer) -> None:
    (found,) = probe(timeout_s=0.5, interface=LOOPBACK)
    assert found.address == f"{dome.address}/onvif/device_service"
    assert (found.name, found.model, found.turns, found.host) == (
        "North dome",
        "Watchtower PTZ",
        True,
        LOOPBACK,
    )
    assert "onvif://www.onvif.org/location/city/medellin" in found.scopes
    assert found.identity.startswith("urn:uuid:")


def test_several_are_told_apart(dome: OnvifServer) -> None:
    fixed = Device(Head(), {}, plate=Plate(name="Gate"), oddities=Oddities(has_ptz=False))
    with OnvifServer(fixed) as server, Beacon(server):
        found = probe(timeout_s=0.5, interface=LOOPBACK)
    assert {(device.name, device.turns) for device in found} == {("North dome", True), ("Gate", False)}


def test_a_beacon_answers_a_probe_sent_straight_to_it() -> None:
    with OnvifServer(Device(Head(), {})) as server, Beacon(server, port=0) as beacon:
        assert len(probe(timeout_s=0.3, target=(LOOPBACK, beacon.port))) == 1


def test_the_command_shows_a_table(dome: OnvifServer) -> None:
    done = run("--timeout", "0.5")
    assert done.returncode == 0, done.stderr
    assert f"{dome.address}/onvif/device_service" in done.stdout
    row = next(line for line in done.stdout.splitlines() if dome.address in line)
    assert "North dome" in row
    assert "yes" in row


def test_the_command_speaks_json(dome: OnvifServer) -> None:
    done = run("--timeout", "0.5", "--json")
    (device,) = json.loads(done.stdout)
    assert device["address"] == f"{dome.address}/onvif/device_service"
    assert device["turns"] is True


def test_where_none_answers_that_is_said_and_why_it_may_be() -> None:
    done = run("--timeout", "0.2")
    assert done.returncode == 0
    assert done.stdout.startswith("no ONVIF camera answered within 0.2 s.")
    assert json.loads(run("--timeout", "0.2", "--json").stdout) == []


def test_a_network_that_is_not_there_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"cannot ask 239\.255\.255\.250:3702 from 203\.0\.113\.9: Cannot assign"
    ):
        probe(timeout_s=0.2, interface="203.0.113.9")
