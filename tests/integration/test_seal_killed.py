"""Real processes: sealers are killed with -9 while reads are written and history is asked again and again."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from central_reads import LASTING, NOON, a_read, put
from deltalake import DeltaTable
from sqlalchemy import Engine, func, select

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import hot_read, open_database
from central.query.plan import Question
from central.query.reads import Reads
from central.settings import QuerySettings

HERE = Path(__file__).parent


class Sealers:
    """Sealing processes, one after the other."""

    def __init__(self, database: str, archive: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, HERE / "killed_sealer.py", database, archive],
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

    def __init__(self, folder: Path, database_url: str) -> None:
        self.database = database_url
        self.archive = folder / "archive"
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
        with Reads(engine, LocalArchive(self.archive), QuerySettings(), rules=LASTING) as reads:
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


def archived(archive: Path) -> Counter[int]:
    return Counter(DeltaTable(archive / "reads").to_pyarrow_table(columns=["seq"])["seq"].to_pylist())


def hot_rows(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(hot_read)) or 0


@pytest.fixture
def centre(tmp_path: Path, database_url: str) -> Iterator[Centre]:
    with Centre(tmp_path, database_url) as running:
        yield running


def test_killed_sealers_lose_and_double_nothing_and_readers_never_notice(centre: Centre) -> None:
    chance = random.Random(4)
    plans = [f"statement {n}" for n in range(1, 32, 2)]
    plans += [f"after {chance.randrange(2, 90)}" for _ in range(16)]
    chance.shuffle(plans)
    sealers = Sealers(centre.database, centre.archive)
    codes = Counter(sealers.attempt(how) for how in plans)
    assert set(codes) <= {-9, 0}
    assert codes[-9] >= len(plans) * 3 // 4, codes
    asked = centre.answers
    centre.__exit__()  # a sealer of small chunks never catches up with a writer without end
    assert sealers.attempt("whole") == 0
    sealers.end()
    assert centre.faults == []
    assert asked > 10
    engine = open_database(centre.database)
    seal(engine, LocalArchive(centre.archive), clock=lambda: NOON)
    assert centre.written > 100
    assert archived(centre.archive) == Counter(range(1, centre.written + 1))
    assert hot_rows(engine) == 0
    engine.dispose()
