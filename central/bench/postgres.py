"""A PostgreSQL of our own that holds the bench's reads: a heap with B-trees on plate and on time."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import psycopg
import pyarrow as pa

from central.archive.schema import CORE, PARTITION
from central.bench.peers import COLUMNS, Ask, as_csv
from central.errors import ConfigError

_TYPES: Final = {
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.string(): "text",
    pa.timestamp("us", "UTC"): "timestamptz",
}
# Loaded as fast as it goes: whoever measures has the reads elsewhere.
_OPTIONS: Final = (
    "-c listen_addresses= -c fsync=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off "
    "-c shared_buffers=1GB -c maintenance_work_mem=1GB -c work_mem=256MB -c max_wal_size=4GB -c TimeZone=UTC"
)
_INDICES: Final = ("reads_plate ON reads (plate, captured_at)", "reads_time ON reads (captured_at)")
_CHUNK: Final = 1 << 20


class Postgres:
    """A server that runs only while it is filled or asked; its data stay in the folder."""

    def __init__(self, folder: Path) -> None:
        """Find the server's programs.

        Raises:
            ConfigError: they are not installed.
        """
        self.folder: Final = folder
        found = shutil.which("initdb")
        places = [Path(found).parent] if found else []
        places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        if not (able := [place for place in places if (place / "pg_ctl").exists()]):
            raise ConfigError("PostgreSQL is not installed (Debian: apt install postgresql)")
        self._programs: Final = able[0]

    def fill(self, days: Mapping[date, Sequence[Path]], on_day: Callable[[date], None]) -> None:
        """As `Peer` says. A day that was cut off is begun again."""
        if not (self.folder / "PG_VERSION").exists():
            self._make()
        columns = ", ".join(f"{f.name} {_TYPES[f.type]}" for f in CORE if f.name != PARTITION)
        with self._connected() as connection:
            connection.execute(f"CREATE UNLOGGED TABLE IF NOT EXISTS reads ({columns})")
            connection.execute("CREATE UNLOGGED TABLE IF NOT EXISTS loaded (day date PRIMARY KEY)")
            there = {row[0] for row in connection.execute("SELECT day FROM loaded").fetchall()}
            for day, files in days.items():
                if day not in there:
                    on_day(day)
                    _load(connection, day, files)
            for index in _INDICES:
                connection.execute(f"CREATE INDEX IF NOT EXISTS {index}")
            connection.execute("VACUUM (ANALYZE) reads")
            connection.execute("CHECKPOINT")

    @contextmanager
    def opened(self) -> Iterator[Ask]:
        """As `Peer` says."""
        with self._connected() as connection:

            def ask(sql: str, parameters: Mapping[str, object]) -> int:
                marked = sql.format_map({name: f"%({name})s" for name in parameters})
                return len(connection.execute(marked, dict(parameters)).fetchall())

            yield ask

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
            self.folder.parent.chmod(0o711)  # the bench's own, of made-up reads
        self._run("initdb", "-D", self.folder, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C")

    @contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        socket = Path(tempfile.mkdtemp(prefix="atalaya-pg-"))  # a path of a socket is short
        if os.getuid() == 0:
            shutil.chown(socket, "nobody", "nogroup")
        control = ("pg_ctl", "-D", self.folder, "-l", socket / "log", "-w", "-t", "600")
        try:
            self._run(*control, "-o", f"-k {socket} {_OPTIONS}", "start")
            try:
                address = f"host={socket} user=bench dbname=postgres"
                with psycopg.connect(address, autocommit=True) as connection:
                    yield connection
            finally:
                self._run(*control, "-m", "fast", "stop")
        finally:
            shutil.rmtree(socket, ignore_errors=True)

    def _run(self, program: str, *words: object) -> None:
        # PostgreSQL refuses to run as root.
        somebody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        command = [str(self._programs / program), *map(str, words)]
        # Not captured: the server would keep the pipe, and we would wait for its end.
        done = subprocess.run(command, check=False, cwd="/", stdout=subprocess.DEVNULL, **somebody)  # type: ignore[call-overload]
        if done.returncode:
            raise ConfigError(f"{program} of PostgreSQL ended with {done.returncode}: {self.folder}")


def _load(connection: "psycopg.Connection[tuple[object, ...]]", day: date, files: Sequence[Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="atalaya-csv-") as made, connection.transaction():
        csv = Path(made) / "day.csv"
        as_csv(files, csv)
        with (
            connection.cursor().copy(f"COPY reads ({COLUMNS}) FROM STDIN (FORMAT csv)") as copy,
            csv.open("rb") as file,
        ):
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
        connection.execute("INSERT INTO loaded VALUES (%s)", (day,))
