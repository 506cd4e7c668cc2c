"""What a service manager is told."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.notify import tell, watchdog_s


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd has one, and its name in NOTIFY_SOCKET."""
    name = f"@atalaya-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.settimeout(5)
        yield listening, name


def test_it_hears_what_is_told(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    assert tell("READY=1", environment={"NOTIFY_SOCKET": name})
    assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/notify", "/" + "x" * 200])
def test_where_nobody_listens_nothing_is_told_and_nothing_breaks(name: str) -> None:
    assert not tell("READY=1", environment={"NOTIFY_SOCKET": name} if name else {})


@pytest.mark.parametrize(
    ("environment", "every_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_the_watchdog_is_fed(environment: dict[str, str], every_s: float | None) -> None:
    assert watchdog_s(environment=environment) == every_s
