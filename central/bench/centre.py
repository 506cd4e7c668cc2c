"""A centre of our own: `python -m central serve` in a process of its own, looked at from outside. Linux only."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow.dataset
import yaml
from sqlalchemy import Engine, func, select

from central.archive.place import LocalArchive
from central.archive.table import open_archive
from central.bench.broker import HOST, USER, Broker
from central.db import alert, alert_trail, hot_read, open_database, reading, received_range
from central.errors import CentralError

_START_S: Final = 120.0
_STOP_S: Final = 300.0

Identity = tuple[str, int]
"""Box and number; a run has one epoch."""

FALSE_A_DAY: Final = 10_000
"""So many that each read of a listed vehicle is a hit, which is work.

A list of a million that keeps to its usual budget lets a third of its passages go.
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What the centre holds, by what is stored.

    Attributes:
        reads: how often each read is held, hot and archived.
        matched: reads that stand in an alert's trail.
        alerts: one for each listed vehicle that was seen.
    """

    reads: Counter[Identity]
    matched: frozenset[Identity]
    alerts: int


@dataclass(slots=True)
class Centre:
    """A folder with a configuration and all that the centre keeps; run it with `serving`.

    Attributes:
        rss_mib: the most memory that it held.
        rss_mib_by_minute: what it held after each minute.
        cpu_s: processor time that it has taken while it served, up to the last look.
    """

    folder: Path
    broker: Broker
    rss_mib: float = 0.0
    rss_mib_by_minute: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    _start_cpu_s: float = 0.0
    _database: Engine = field(init=False)
    _process: "subprocess.Popen[bytes] | None" = None
    _began_s: float = 0.0

    def __post_init__(self) -> None:
        mqtt = {
            "host": HOST,
            "port": self.broker.port,
            "username": USER,
            "password_file": str(self.broker.password_file),
        }
        settings = {
            "database_url": "sqlite:///central.sqlite",
            "pictures": {"path": "pictures"},
            "archive": {"path": "archive"},
            "match": {"false_a_day": FALSE_A_DAY},
            "hotlist": {"hunt": False},  # the list came just now; on other days there is nobody to hunt
            "access": {"key_file": "audit.key"},
            "mqtt": mqtt,
        }
        self._config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self._database = open_database(f"sqlite:///{self.folder / 'central.sqlite'}")

    def run(self, *words: str) -> None:
        """Run a command of the centre.

        Raises:
            CentralError: it failed; says its last words.
        """
        done = subprocess.run(self._command(*words), check=False, capture_output=True, text=True)
        if done.returncode:
            raise CentralError(f"{' '.join(words[:2])}: {done.stderr[-500:]}")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Take messages until the block ends; ended as a system's shutdown does it, all hot rows sealed.

        Raises:
            CentralError: it did not start, or did not end well.
        """
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command("serve"), stderr=log)
        self._began_s = time.monotonic()
        try:
            while "subscribed" not in self._words():
                self.look()
                if time.monotonic() > self._began_s + _START_S:
                    raise CentralError(f"the centre did not start: {self._words()}")
                time.sleep(0.1)
            self._start_cpu_s = self._taken_s()
            yield
        finally:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            code = self._process.wait(_STOP_S)
        if code:
            raise CentralError(f"the centre ended with exit code {code}: {self._words()}")

    def look(self) -> None:
        """Note its memory and its processor time.

        Raises:
            CentralError: it has ended; says its last words.
        """
        if self._process is None or self._process.poll() is not None:
            raise CentralError(f"the centre ended: {self._words()}")
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        kib = {
            name: int(number) for name, number in re.findall(r"^(Vm\w+):\s+(\d+) kB", status, re.MULTILINE)
        }
        self.rss_mib = kib["VmHWM"] / 1024
        if time.monotonic() - self._began_s >= 60 * (len(self.rss_mib_by_minute) + 1):
            self.rss_mib_by_minute.append(round(kib["VmRSS"] / 1024, 1))
        self.cpu_s = self._taken_s() - self._start_cpu_s

    def received(self) -> int:
        """How many reads it has committed so far."""
        ranges = received_range.c
        with reading(self._database) as connection:
            return (
                connection.execute(select(func.sum(ranges.last_seq - ranges.first_seq + 1))).scalar_one() or 0
            )

    def held(self) -> Held:
        """Look into what an ended centre has left."""
        with reading(self._database) as connection:
            hot = connection.execute(select(hot_read.c.edge_id, hot_read.c.seq))
            reads = Counter((box, seq) for box, seq in hot)
            trail = connection.execute(select(alert_trail.c.edge_id, alert_trail.c.seq))
            matched = frozenset((box, seq) for box, seq in trail)
            own = alert.c.merged_into.is_(None)
            alerts = connection.execute(select(func.count()).select_from(alert).where(own)).scalar_one()
        archive = open_archive(LocalArchive(self.folder / "archive"))
        if archive is not None:
            # Not `to_pyarrow_table`, which reads through Python objects: pyarrow's threads let go of them while Python
            # ends, and that aborts every third process which ends at once.
            table = pyarrow.dataset.dataset(archive.file_uris()).to_table(columns=["edge_id", "seq"])
            reads.update(zip(table["edge_id"].to_pylist(), table["seq"].to_pylist(), strict=True))
        return Held(reads, matched, alerts)

    @property
    def _config(self) -> Path:
        return self.folder / "central.yaml"

    @property
    def _log(self) -> Path:
        return self.folder / "centre.log"

    def _taken_s(self) -> float:
        """Processor time of its process, user and system."""
        if self._process is None:
            return 0.0
        told = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "central", *words, "--config", str(self._config)]

    def _words(self) -> str:
        """The end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-1000:]
