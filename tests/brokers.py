"""Real brokers for tests: on loopback, on a free port, with users, in a folder of their own.

The fixture `broker` runs a test on both kinds: the one from a wheel (in memory), and Debian's mosquitto
(persistent, with one access list a device). Each has the users of `USERS` with passwords made up for the run.
"""

import contextlib
import itertools
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

CENTRE = "centre"
USERS = (CENTRE, "edge-1", "edge-2")
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
_STRETCH = 1_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_FIRST_PORT = 12_000 + _WORKER % 20 * _STRETCH
# Not in order: another run beside this one begins elsewhere.
_PORTS = itertools.cycle(random.sample(range(_FIRST_PORT, _FIRST_PORT + _STRETCH), _STRETCH))
_DEVICE_WRITES = (
    "+/read/#",
    "+/update/#",
    "+/crop/#",
    "+/overview/#",
    "+/clip/#",
    "+/ptz/state",
    "gone",
    "status",
)


def free_port() -> int:
    """A port of loopback that nothing uses now, and that nobody else is given before its server starts.

    Of those below what the kernel deals out; each of xdist's workers has a stretch of its own.
    """
    for port in itertools.islice(_PORTS, _STRETCH):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


class Broker(ABC):
    """A broker's process.

    Attributes:
        port: where it speaks MQTT 5.
        port_311: where it speaks MQTT 3.1.1; the same for a broker that tells them apart by itself.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = self.port_311 = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        for user, password in self._passwords.items():
            self.password_file(user).write_text(password + "\n")
        self._prepare(self._passwords)

    def password(self, user: str) -> str:
        return self._passwords[user]

    def password_file(self, user: str) -> Path:
        return self.folder / f"{user}.password"

    def settings(self, user: str, *, protocol: str = "5", **more: Any) -> dict[str, Any]:
        """The section `mqtt` of a configuration for this broker, as either side takes it."""
        return {
            "host": self.host,
            "port": self.port if protocol == "5" else self.port_311,
            "protocol": protocol,
            "username": user,
            "password_file": self.password_file(user),
            **more,
        }

    def start(self) -> None:
        """Start it and wait until it listens."""
        assert self._process is None
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 20
        for port in {self.port, self.port_311}:
            while not _listens(port):
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < deadline, f"not listening: {self.log()}"
                time.sleep(0.02)

    def stop(self) -> None:
        """End it as a system's shutdown does."""
        self._end(kill=False)

    def kill9(self) -> None:
        """End it as a power cut does."""
        self._end(kill=True)

    def restart(self) -> None:
        """Kill -9, and start again on the same port."""
        self.kill9()
        self.start()

    def log(self) -> str:
        path = self.folder / "broker.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(20)
            self._process = None

    @abstractmethod
    def _prepare(self, passwords: dict[str, str]) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...


class WheelBroker(Broker):
    """rumqttd out of the wheel iotcore: in memory, one port a protocol version, users but no access lists."""

    def _prepare(self, passwords: dict[str, str]) -> None:
        self.port_311 = free_port()
        users = "\n".join(f'{user} = "{password}"' for user, password in passwords.items())
        listeners = "".join(
            f"""
[{version}.1]
name = "{version}"
listen = "{self.host}:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 5000
max_payload_size = 8388608
max_inflight_count = 200
dynamic_filters = true
[{version}.1.connections.auth]
{users}
"""
            for version, port in (("v5", self.port), ("v4", self.port_311))
        )
        router = """id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 10
"""
        (self.folder / "broker.toml").write_text(router + listeners)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "iotcore", "--config", "broker.toml", "--log-level", "CRITICAL"]


class Mosquitto(Broker):
    """Debian's mosquitto: persistent, passwords hashed, a device may write below its own name alone."""

    def _prepare(self, passwords: dict[str, str]) -> None:
        for user, password in passwords.items():
            new = [] if (self.folder / "passwords").exists() else ["-c"]
            done = ["mosquitto_passwd", *new, "-b", str(self.folder / "passwords"), user, password]
            subprocess.run(done, check=True, capture_output=True)
        access = [f"user {CENTRE}", "topic readwrite lpr/v1/#"]
        access += [f"pattern write lpr/v1/+/+/%u/{tail}" for tail in _DEVICE_WRITES]
        access += ["pattern write lpr/v1/units/%u/position"]
        access += ["pattern read lpr/v1/+/+/%u/ack", "pattern read lpr/v1/+/+/%u/cmd"]
        access += ["pattern read lpr/v1/hotlist/head", "pattern read lpr/v1/hotlist/part/+"]
        (self.folder / "access").write_text("\n".join(access) + "\n")
        (self.folder / "mosquitto.conf").write_text("\n".join(self._config()) + "\n")

    def _config(self) -> list[str]:
        return [
            f"listener {self.port} {self.host}",
            "allow_anonymous false",
            f"password_file {self.folder / 'passwords'}",
            f"acl_file {self.folder / 'access'}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "max_queued_messages 0",
            "max_inflight_messages 100",
            f"user {_user()}",
        ]

    def _command(self) -> list[str]:
        assert MOSQUITTO is not None
        return [MOSQUITTO, "-c", "mosquitto.conf"]


class TlsMosquitto(Mosquitto):
    """mosquitto behind TLS, with a certificate authority made up for the run (`ca.pem`)."""

    def _prepare(self, passwords: dict[str, str]) -> None:
        _openssl(self.folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority "
                 "-keyout ca.key -out ca.pem")  # fmt: skip
        _openssl(self.folder, "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key "
                 "-out server.csr")  # fmt: skip
        (self.folder / "names").write_text("subjectAltName = DNS:localhost, IP:127.0.0.1\n")
        _openssl(self.folder, "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
                 "-extfile names -out server.pem")  # fmt: skip
        super()._prepare(passwords)

    def _config(self) -> list[str]:
        head, *rest = super()._config()
        files = (("cafile", "ca.pem"), ("certfile", "server.pem"), ("keyfile", "server.key"))
        return [head, *(f"{key} {self.folder / name}" for key, name in files), *rest]


AnyBroker = TypeVar("AnyBroker", bound=Broker)


@contextlib.contextmanager
def running(broker: AnyBroker) -> Iterator[AnyBroker]:
    """The broker, started, and stopped whatever happens."""
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def needs_mosquitto() -> None:
    """Skip where Debian's mosquitto is not installed."""
    if MOSQUITTO is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")


@pytest.fixture
def wheel_broker(tmp_path: Path) -> Iterator[Broker]:
    """A running broker of the demo's kind."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with running(WheelBroker(folder)) as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """A running mosquitto."""
    needs_mosquitto()
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with running(Mosquitto(folder)) as broker:
        yield broker


@pytest.fixture(
    params=[
        pytest.param("wheel_broker", id="wheel"),
        pytest.param("mosquitto", marks=pytest.mark.mosquitto, id="mosquitto"),
    ]
)
def broker(request: pytest.FixtureRequest) -> Broker:
    """A running broker of each kind."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _openssl(folder: Path, words: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


def _user() -> str:
    """Who mosquitto runs as when root starts it: root too, or it could not read its own folder."""
    return "root" if os.geteuid() == 0 else "mosquitto"
