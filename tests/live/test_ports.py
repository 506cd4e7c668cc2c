"""A box opens no port to the network: what really listens is asked of the kernel, not of the settings."""

import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from brokers import Broker, free_port
from edge_box import Camera, EdgeBox

from edge.simulate.onvif.device import Device, Preset
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.types import Position

_LISTENS = 0x0A  # of TCP; what UDP has bound, connected or not, hears
_TABLES = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6, "udp": socket.AF_INET, "udp6": socket.AF_INET6}


@dataclass(frozen=True, order=True)
class Open:
    """A socket to which somebody else could speak."""

    protocol: str
    address: str
    port: int


def sockets_of(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def open_ports(pid: int) -> list[Open]:
    """Every TCP socket of a process that listens, and every UDP socket that takes what anybody sends."""
    mine, found = sockets_of(pid), []
    for table, family in _TABLES.items():
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, remote, state, *_, inode = line.split()[:10]
            hears = int(state, 16) == _LISTENS if table.startswith("tcp") else remote.endswith(":0000")
            if inode in mine and hears:
                address, _, port = local.partition(":")
                found.append(Open(table[:3], _address(address, family), int(port, 16)))
    return sorted(found)


def _address(text: str, family: socket.AddressFamily) -> str:
    """From the kernel's words of four bytes, each in the order of this machine."""
    words = [int(text[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(text), 8)]
    return socket.inet_ntop(family, b"".join(words))


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    camera = Camera(tmp_path)
    yield camera
    camera.close()


@pytest.fixture
def turning() -> Iterator[OnvifServer]:
    with OnvifServer(Device(Head(travel_s=0.2), {"1": Preset("gate", Position(0.1, 0.0, 0.0))})) as dome:
        yield dome


@pytest.fixture
def box(tmp_path: Path, wheel_broker: Broker, camera: Camera) -> Iterator[EdgeBox]:
    box = EdgeBox(tmp_path / "edge", wheel_broker, camera)
    yield box
    box.close()


def started(box: EdgeBox, configuration: Path, *cameras: dict[str, object]) -> int:
    """The box with these cameras and its metrics, all at work; where it tells its metrics."""
    port = free_port()
    content = yaml.safe_load(configuration.read_text())
    content["cameras"] = [{**content["cameras"][0], **changes} for changes in cameras]
    content["health"] = {"interval_s": 0.5, "metrics_port": port}
    configuration.write_text(yaml.safe_dump(content))
    box.start()
    box.wait_for(lambda: cameras_at_work(port) == len(cameras), "pictures of every camera")
    return port


def cameras_at_work(port: int) -> int:
    """How many have given pictures, by the metrics."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0
    received = (line for line in lines if line.startswith("atalaya_camera_frames_total{"))
    return sum(float(line.split()[-1]) > 0 for line in received if 'fate="received"' in line)


def test_with_metrics_a_box_listens_on_one_port_of_loopback_alone(
    box: EdgeBox, tmp_path: Path, turning: OnvifServer
) -> None:
    """With a camera that turns, one over TCP, and a broker."""
    tour = {"port": turning.port, "settle_s": 0.1, "presets": [{"name": "gate"}]}
    port = started(box, tmp_path / "edge" / "edge.yaml", {"id": "day"}, {"id": "dome", "ptz": tour})
    box.wait_for(lambda: "phase=watch" in box.log(), "camera that has been turned")
    assert open_ports(box.pid) == [Open("tcp", "127.0.0.1", port)]


def test_a_camera_over_udp_takes_two_ports_of_its_own_choice_while_it_is_watched(
    box: EdgeBox, tmp_path: Path
) -> None:
    """RTP and RTCP have to come in somewhere: whoever wants none of it leaves `transport` at tcp."""
    port = started(box, tmp_path / "edge" / "edge.yaml", {"id": "day", "transport": "udp"})
    metrics, rtp, rtcp = sorted(open_ports(box.pid), key=lambda each: (each.protocol, each.port))
    assert metrics == Open("tcp", "127.0.0.1", port)
    assert (rtp.protocol, rtcp.protocol) == ("udp", "udp")
    assert (rtp.port % 2, rtcp.port) == (0, rtp.port + 1)
