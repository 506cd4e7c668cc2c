"""A real box in a process of its own, watched from outside through /proc, its log and its spool. Linux only."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from edge.bench.passages import Sighting
from edge.contract.delivery import Stream
from edge.contract.read import PlateRead, ReadId
from edge.errors import WorkerError
from edge.spool.file import open_for_reading

_TICKS_S: Final = os.sysconf("SC_CLK_TCK")
_STOP_S: Final = 20.0
_SPOOLED = re.compile(r"spooled_ms=([\d.]+)")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used up to now.

    Attributes:
        cpu_s: processor seconds, all its threads together.
        peak_mib: the most memory it ever held, MiB.
    """

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Box:
    """A running box.

    Attributes:
        folder: its configuration, log and spool.
    """

    process: subprocess.Popen[bytes]
    folder: Path

    def usage(self) -> Usage:
        """What it has used.

        Raises:
            WorkerError: it has ended; the message holds the end of its log.
        """
        if self.process.poll() is not None:
            raise WorkerError(
                f"the box ended with exit code {self.process.returncode}:\n{self._log()[-2000:]}"
            )
        place = Path("/proc") / str(self.process.pid)
        fields = (place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        status = (place / "status").read_text(encoding="ascii")
        peak = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert peak is not None  # noqa: S101  # Linux says so of every process
        return Usage((int(fields[11]) + int(fields[12])) / _TICKS_S, int(peak[1]) / 1024)

    def sightings(self) -> list[Sighting]:
        """What it has said by now, each read as its last update has it."""
        said: dict[ReadId, PlateRead] = {}
        with closing(open_for_reading(self.folder / "spool.sqlite")) as db:
            for stream in (Stream.READ, Stream.UPDATE):
                query = "SELECT payload FROM message WHERE stream = ? ORDER BY seq"
                for (payload,) in db.execute(query, (stream,)):
                    read = PlateRead.model_validate_json(payload)
                    said[read.id] = read
        return [Sighting(r.camera_id, r.plate, r.first_at, r.last_at) for r in said.values()]

    def spooled_ms(self) -> list[float]:
        """For each emission, how long after its rule was fulfilled it was on disk, milliseconds."""
        return [float(ms) for ms in _SPOOLED.findall(self._log())]

    def _log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")


@contextmanager
def box(folder: Path, cameras: Sequence[dict[str, object]]) -> Iterator[Box]:
    """Run a box with these cameras (as in its configuration file) until the block ends; no broker is there."""
    settings = {
        "edge_id": "bench",
        "site_id": "bench",
        "cameras": list(cameras),
        "mqtt": {"host": "127.0.0.1", "port": free_port()},
        "spool": {"path": str(folder / "spool.sqlite")},
    }
    file = folder / "edge.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "edge", "run", "--config", str(file)]
    with running(command, log=folder / "log.txt") as process:
        yield Box(process, folder)


@contextmanager
def running(command: Sequence[str], *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose words go into a file; told to end when the block does, and killed where it does not."""
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
