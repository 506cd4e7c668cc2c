"""A mosquitto of our own on loopback, as production has it but for TLS: one user, a password made up for the run."""

import getpass
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from central.errors import ConfigError

HOST: Final = "127.0.0.1"
USER: Final = "bench"
_PATH: Final = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
_PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it listens.

    Attributes:
        password_file: of `USER`.
    """

    port: int
    password_file: Path

    @property
    def password(self) -> str:
        """Of `USER`."""
        return self.password_file.read_text(encoding="ascii").strip()


@contextmanager
def mosquitto(folder: Path) -> Iterator[Broker]:
    """Run one below an empty folder until the block ends.

    Raises:
        ConfigError: it is not installed, or does not start; says what to install, or what it said.
    """
    binary, passwd = (shutil.which(name, path=_PATH) for name in ("mosquitto", "mosquitto_passwd"))
    if binary is None or passwd is None:
        raise ConfigError("mosquitto is not installed (Debian: apt install mosquitto)")
    folder.mkdir(parents=True)
    broker = Broker(_free_port(), folder / "password")
    broker.password_file.write_text(secrets.token_urlsafe(18), encoding="ascii")
    hashed = folder / "passwords"
    subprocess.run([passwd, "-c", "-b", hashed, USER, broker.password], check=True, capture_output=True)
    (folder / "mosquitto.conf").write_text(
        "\n".join(_configuration(folder, broker.port, hashed)) + "\n", encoding="utf-8"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, "-c", "mosquitto.conf"], cwd=folder, stdout=log, stderr=log)
    try:
        _await(process, broker.port, folder / "log")
        yield broker
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _configuration(folder: Path, port: int, passwords: Path) -> list[str]:
    return [
        f"listener {port} {HOST}",
        "allow_anonymous false",
        f"password_file {passwords}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        "max_queued_messages 0",
        "max_inflight_messages 100",
        f"user {getpass.getuser()}",
    ]


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > until:
            raise ConfigError(f"mosquitto did not start: {log.read_text(errors='replace')[-500:]}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
