"""Real processes: sealers are killed with -9 while reads are written and history is asked again and again.

On both databases, and with the archive on this machine's disk and in a bucket of a real S3 server.
"""

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from archived import archived_rows
from central_reads import LASTING, NOON, a_read, put
from s3_servers import S3Server
from sqlalchemy import Engine, func, select

from central.archive.place import Archive, archive_of
from central.archive.table import open_archive
from central.archive.write import seal
from central.db import hot_read, open_database
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.settings import load

HERE = Path(__file__).parent


class Sealers:
    """Sealing processes, one after the other."""

    def __init__(self, config: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, HERE / "killed_sealer.py", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def attempt(self, how: str) -> int:
        """Run one; its exit code, -9 where it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{how}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate(timeout=30)


class Centre:
    """A database, an archive, somebody who writes reads without end and somebody who asks without end."""

    def __init__(self, folder: Path, database_url: str, storage: dict[str, str] | None = None) -> None:
        self.config = folder / "central.yaml"
        content = {
            "database_url": database_url,
            "archive": {"path": "archive"},
            "storage": storage or {"kind": "local"},
        }
        self.config.write_text(json.dumps(content))  # which is YAML too
        self.archive = archive_of(load(self.config))
        self.database = database_url
        self.written = 0
        self.answers = 0
        self.faults: list[str] = []
        self._engine = open_database(self.database)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._write, self._ask)]

    def __enter__(self) -> "Centre":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def _write(self) -> None:
        while not self._over.wait(0.005):
            put(self._engine, [a_read(self.written + i) for i in range(1, 8)])
            self.written += 7

    def _ask(self) -> None:
        engine = open_database(self.database)
        with Reads(engine, self.archive, QuerySettings(), rules=LASTING) as reads:
            while not self._over.is_set():
                before = self.written
                answer = reads.find(Question(plate="ABC123", limit=1_000_000))
                seqs = [read.seq for read in answer.reads]
                after = self.written + 7  # one batch may be committed and not counted yet
                if sorted(seqs) != list(range(1, len(seqs) + 1)):
                    doubled = [seq for seq, times in Counter(seqs).items() if times > 1]
                    missing = sorted(set(range(1, before + 1)) - set(seqs))
                    self.faults.append(f"doubled {doubled[:9]}, missing {missing[:9]} of {before}")
                elif not before <= len(seqs) <= after:
                    self.faults.append(f"{len(seqs)} reads, expected {before} to {after}")
                self.answers += 1
        engine.dispose()


def archived(archive: Archive) -> Counter[int]:
    table = open_archive(archive)
    assert table is not None
    return Counter(archived_rows(table, ["seq"])["seq"].to_pylist())


def hot_rows(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(hot_read)) or 0


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[Centre]:
    with Centre(tmp_path, database_url) as running:
        yield running


@pytest.fixture
def centre_on_s3(tmp_path: Path, s3_server: S3Server) -> Iterator[Centre]:
    with Centre(tmp_path, f"sqlite:///{tmp_path}/central.sqlite", s3_server.section()) as running:
        yield running


def kill_sealers(centre: Centre, plans: list[str], *, asked_more_than: int = 10) -> None:
    sealers = Sealers(centre.config)
    codes = Counter(sealers.attempt(how) for how in plans)
    assert set(codes) <= {-9, 0}
    assert codes[-9] >= len(plans) * 3 // 4, codes
    asked = centre.answers
    centre.__exit__()  # a sealer of small chunks never catches up with a writer without end
    assert sealers.attempt("whole") == 0
    sealers.end()
    assert centre.faults == []
    assert asked > asked_more_than
    engine = open_database(centre.database)
    seal(engine, centre.archive, clock=lambda: NOON)
    assert centre.written > 100
    assert archived(centre.archive) == Counter(range(1, centre.written + 1))
    assert hot_rows(engine) == 0
    engine.dispose()


def test_killed_sealers_lose_and_double_nothing_and_readers_never_notice(centre: Centre) -> None:
    chance = random.Random(4)
    plans = [f"statement {n}" for n in range(1, 32, 2)]
    plans += [f"after {chance.randrange(2, 90)}" for _ in range(16)]
    chance.shuffle(plans)
    kill_sealers(centre, plans)


def plans_on_s3(kills: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    at = [f"statement {1 + number * 30 // kills}" for number in range(kills // 2)]
    return [*at, *(f"after {chance.randrange(2, 250)}" for _ in range(kills - len(at)))]


@pytest.mark.s3
def test_nor_do_they_on_s3(centre_on_s3: Centre) -> None:
    kill_sealers(centre_on_s3, plans_on_s3(6, seed=5), asked_more_than=2)


@pytest.mark.s3
@pytest.mark.proof
@pytest.mark.timeout(900)
def test_nor_do_they_on_s3_thirty_times(centre_on_s3: Centre) -> None:
    kill_sealers(centre_on_s3, plans_on_s3(30, seed=6))
