"""Everything that writes the archive is killed with -9, round after round, while reads come late and people ask.

A real centre (it consumes and seals), a real broker, an edge that sends in any order and more than once, and
`python -m central maintain` beside it, which closes, derives, merges and sweeps. One of the two is killed at a random
moment of each round. Reads are of days that are over, so each day changes after it was closed, derived and merged.
"""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest
from archived import archived_rows
from asking import Asker
from brokers import Broker
from central_messages import address_of, read_message, rows, update_message
from central_reads import LASTING, NOON, a_read
from centres import Centre, Edge
from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import hot_read, late_update
from central.maintain import maintain
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import ArchiveSettings, QuerySettings
from central.types import KeptRead
from edge.contract.read import PlateRead

DAYS = 3
PLATES = ("ABC123", "ABC128", "XYZ98F")
ASKED_MOST = 1_000_000
LATER = NOON + timedelta(days=90)

pytestmark = pytest.mark.mosquitto


def the_read(seq: int) -> PlateRead:
    """Of one of some days that are long over."""
    captured_at = NOON + timedelta(days=seq % DAYS, seconds=seq)
    return a_read(seq, plate=PLATES[seq % len(PLATES)], captured_at=captured_at)


def seqs_of(plate: str, total: int) -> set[int]:
    return {seq for seq in range(1, total + 1) if PLATES[seq % len(PLATES)] == plate}


class Maintainer:
    """`python -m central maintain`, round after round, until it is told to end."""

    def __init__(self, config: Path, log: Path) -> None:
        self._config, self._log = config, log
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.ended = 0

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        command = [sys.executable, "-m", "central", "maintain", "--config", str(self._config)]
        while not self._over.is_set():
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log)
            if self._process.wait(120) == 0:
                self.ended += 1

    def kill9(self) -> None:
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(120)
        assert not self._thread.is_alive()


class Reader(Asker):
    """Each question is another way into the archive; answers are held against what was sent.

    A fault is a read that is shown twice, was never sent, or is not shown though it was acknowledged before.

    Attributes:
        answers: how many were held against it.
    """

    def __init__(self, centre: Centre, edge: Edge) -> None:
        super().__init__(centre.database_url)
        self._archive, self._edge = LocalArchive(centre.archive), edge
        self.handed = self.sent = 0  # up to which read the edge may have sent, and surely knows of
        self.answers: Counter[str] = Counter()

    def opened(self, engine: Engine) -> Reads:
        return Reads(engine, self._archive, QuerySettings(), rules=LASTING)

    def _acknowledged(self) -> set[int]:
        sent = self.sent  # first: what is handed over next must not be missing among what waits
        waiting = {seq for stream, seq in list(self._edge.waiting) if stream == "read"}
        return set(range(1, sent + 1)) - waiting

    def ask(self, reads: Reads) -> None:
        plate = PLATES[0]
        before = self._acknowledged()
        found = reads.find(Question(plate=plate, limit=ASKED_MOST)).reads
        self._hold("plate", found, before & seqs_of(plate, self.sent))
        before = self._acknowledged()
        alike = reads.find(Question(pattern=compile_pattern("ABC12?"), limit=ASKED_MOST)).reads
        self._hold("pattern", alike, before & (seqs_of("ABC123", self.sent) | seqs_of("ABC128", self.sent)))
        before = self._acknowledged()
        at = reads.find(Question(cameras=("cam-1",), limit=ASKED_MOST)).reads
        self._hold("camera", at, before)
        before = self._acknowledged()
        counted = sum(
            hour.reads for hour in reads.counts(Question(cameras=("cam-1",), limit=ASKED_MOST)).hours
        )
        self.answers["counts"] += 1
        if not len(before) <= counted <= self.handed:
            self.faults.append(f"counted {counted}, acknowledged {len(before)}, sent {self.handed}")

    def _hold(self, what: str, found: tuple[KeptRead, ...] | list[KeptRead], acknowledged: set[int]) -> None:
        self.answers[what] += 1
        seqs = Counter(read.seq for read in found)
        doubled = sorted(seq for seq, times in seqs.items() if times > 1)
        missing = sorted(acknowledged - seqs.keys())
        unknown = sorted(seq for seq in seqs if seq > self.handed)
        if doubled or missing or unknown:
            self.faults.append(f"{what}: doubled {doubled[:9]}, missing {missing[:9]}, unknown {unknown[:9]}")


class City:
    """A centre with its archive, an edge, somebody who maintains and somebody who asks."""

    def __init__(self, folder: Path, broker: Broker, database_url: str) -> None:
        archive = {"path": str(folder / "archive"), "seal_s": 1, "close_after_s": 0, "grace_h": 1}
        self.centre = Centre(folder, broker, database_url=database_url, archive=archive)
        self.edge = Edge(broker, address_of(the_read(1)), database_url, seed=3, again_s=1.0)
        self.maintainer = Maintainer(self.centre.config, folder / "maintain.log")
        self.reader = Reader(self.centre, self.edge)
        self.kills: Counter[str] = Counter()
        self._starts = 0

    def start(self) -> None:
        self._serve()
        self.edge.start()
        self.maintainer.start()
        self.reader.start()

    def _serve(self) -> None:
        self._starts += 1
        self.centre.start()
        self.centre.wait_for(" subscribed ", times=self._starts)

    def round(self, new: range, chance: random.Random) -> None:
        """New reads, updates and old reads once more; one of the two dies in the middle."""
        self.reader.handed = new[-1]
        self.edge.hand_over(*(read_message(the_read(seq)) for seq in new))
        # Not before: what is neither waiting nor yet handed over looks acknowledged.
        self.reader.sent = new[-1]
        # Of reads that most likely are sealed, and days that most likely are closed.
        self.edge.hand_over(*(update_message(the_read(seq), seq) for seq in new))
        for seq in chance.sample(range(1, new[-1] + 1), 20):
            self.edge.say(read_message(the_read(seq)))
        time.sleep(chance.uniform(0.3, 3.0))
        if chance.random() < 0.5:
            self.kills["centre"] += 1
            self.centre.kill9()
            time.sleep(chance.uniform(0.0, 0.5))
            self._serve()
        else:
            self.kills["maintenance"] += 1
            self.maintainer.kill9()

    def stop(self) -> None:
        self.edge.wait_until_through(within_s=300)
        for seq in range(1, self.reader.sent + 1, 3):  # once more, now that nearly all are sealed
            self.edge.say(read_message(the_read(seq)))
        self.edge.stop()
        self.maintainer.stop()
        self.reader.stop()
        assert self.centre.stop() == 0

    def close(self) -> None:
        self.edge._stop.set()
        self.maintainer._over.set()
        self.maintainer.kill9()
        self.reader.close()
        self.centre.close()


@pytest.fixture
def city(tmp_path: Path, mosquitto: Broker, database_url: str) -> Iterator[City]:
    made = City(tmp_path, mosquitto, database_url)
    yield made
    made.close()


def identities(archive: Path, table: str) -> Counter[int]:
    return Counter(archived_rows(DeltaTable(archive / table), ["seq"])["seq"].to_pylist())


def summed(archive: Path, table: str) -> int:
    return int(pc.sum(archived_rows(DeltaTable(archive / table), ["reads"])["reads"]).as_py())


def check_exactly_once(city: City, *, total: int) -> None:
    """Each read once in the archive, in both orders; the counts are theirs; each shows its update."""
    archive, everything = city.centre.archive, Counter(range(1, total + 1))
    engine = city.centre.database()
    seal(engine, LocalArchive(archive), clock=lambda: LATER)
    assert (rows(engine, hot_read), rows(engine, late_update)) == ([], [])
    settings = ArchiveSettings(path=archive, close_after_s=0, grace_h=1)
    maintain(engine, LocalArchive(archive), settings, clock=lambda: LATER)
    assert identities(archive, "reads") == everything
    assert identities(archive, "plates") == everything
    assert (summed(archive, "hours"), summed(archive, "dictionary")) == (total, total)
    updates = archived_rows(DeltaTable(archive / "reads"), ["seq", "update_seq"]).to_pylist()
    assert [row for row in updates if row["update_seq"] != row["seq"]] == []
    engine.dispose()


def a_massacre(city: City, *, rounds: int, reads: int, seed: int) -> None:
    chance = random.Random(seed)
    city.start()
    for number in range(rounds):
        city.round(range(number * reads + 1, (number + 1) * reads + 1), chance)
    city.stop()
    assert city.reader.faults == []
    assert city.edge.broken_promises == []
    assert set(city.reader.answers) == {"plate", "pattern", "camera", "counts"}
    assert "Traceback" not in city.centre.log()
    assert city.maintainer.ended > 0, "it was never left the time for a whole round"
    check_exactly_once(city, total=rounds * reads)


def test_killed_a_few_times_nothing_is_lost_or_shown_twice(city: City) -> None:
    a_massacre(city, rounds=3, reads=100, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_killed_thirty_times_nothing_is_lost_or_shown_twice(city: City) -> None:
    a_massacre(city, rounds=30, reads=200, seed=2)
    assert min(city.kills["centre"], city.kills["maintenance"]) >= 8, city.kills
    assert min(city.reader.answers.values()) >= 30, city.reader.answers
