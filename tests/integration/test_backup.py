"""Real processes: a backup beside a running centre, restored elsewhere; both killed with -9 at any moment."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import Broker
from central_messages import address_of, read_message, rows
from central_reads import a_read
from centres import Centre, Edge

from central.access.key import read_key
from central.backup.check import verify
from central.backup.store import Store
from central.db import audit, received_range
from central.errors import StoreError

pytestmark = pytest.mark.mosquitto

WHO = ["--as", "ana", "--purpose", "rehearsal", "--case", "1"]
FIRST = a_read(1)


class Rehearsal:
    """A centre, an edge, a folder of backups, and an empty place elsewhere."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.backups, self.key = folder, folder / "backups", folder / "audit.key"
        places = {"access": {"key_file": str(self.key)}, "backup": {"path": str(self.backups)}}
        self.centre = Centre(folder / "here", broker, archive={"seal_s": 1}, **places)
        self.other = Centre(folder / "there", broker, archive={"seal_s": 1}, **places)
        self.edge = Edge(broker, address_of(FIRST), self.centre.database_url)
        self.sent = 0

    def send(self, count: int) -> None:
        self.edge.hand_over(*(read_message(a_read(self.sent + n)) for n in range(1, count + 1)))
        self.sent += count

    def begin(self, centre: Centre, command: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "central", command, *WHO, "--config", str(centre.config)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def done(self, centre: Centre, command: str) -> str:
        process = self.begin(centre, command)
        told, _ = process.communicate(timeout=120)
        assert process.returncode == 0, told
        return told

    def cut_off(self, centre: Centre, command: str, after_s: float) -> bool:
        """Kill it; whether it was still at it."""
        process = self.begin(centre, command)
        time.sleep(after_s)
        process.kill()
        process.communicate(timeout=20)
        return process.returncode == -9

    def check_backups(self) -> int:
        """Every snapshot is whole; how many there are."""
        store = Store(self.backups)
        names = store.names()
        if names:
            assert verify(store, read_key(self.key), names, on_step=lambda _: None) == []
        return len(names)


@pytest.fixture
def rehearsal(tmp_path: Path, mosquitto: Broker) -> Iterator[Rehearsal]:
    there = Rehearsal(tmp_path, mosquitto)
    yield there
    there.centre.close()
    there.other.close()


def held(centre: Centre) -> Counter[tuple[str, int, int]]:
    """What the centre says that it has received."""
    engine = centre.database()
    spans = [(int(str(row["first_seq"])), int(str(row["last_seq"]))) for row in rows(engine, received_range)]
    engine.dispose()
    return Counter(("edge-1", 7, seq) for first, last in spans for seq in range(first, last + 1))


def test_a_backup_beside_a_running_centre_restored_elsewhere_goes_on(rehearsal: Rehearsal) -> None:
    there = rehearsal
    there.centre.start()
    there.centre.wait_for("serving")
    there.edge.start()
    there.send(200)
    there.edge.wait_until_through()
    acknowledged = there.sent
    there.centre.wait_for("sealed")
    there.send(400)
    maintaining = subprocess.Popen(
        [sys.executable, "-m", "central", "maintain", "--config", str(there.centre.config)],
        stdout=subprocess.DEVNULL,
    )
    there.done(there.centre, "backup")
    assert maintaining.wait(60) == 0
    there.edge.wait_until_through()
    assert there.centre.stop() == 0
    assert there.check_backups() == 1

    there.done(there.other, "restore")
    restored = there.other.identities()
    assert restored == held(there.other), "each once, and what is acknowledged there is there"
    assert {seq for _, _, seq in restored} >= set(range(1, acknowledged + 1))
    assert restored <= there.centre.identities()

    there.other.start()
    there.other.wait_for("serving")
    # What came after the snapshot, what came before it again, and what is new.
    there.send(50)
    there.edge.hand_over(*(read_message(a_read(seq)) for seq in range(1, there.sent + 1)))
    deadline = time.monotonic() + 90
    while held(there.other).total() < there.sent:
        assert time.monotonic() < deadline, there.other.log()
        there.edge.hand_over(*(read_message(a_read(seq)) for seq in range(1, there.sent + 1)))
        time.sleep(1)
    there.edge.stop()
    assert there.other.stop() == 0
    assert there.other.identities() == Counter(("edge-1", 7, seq) for seq in range(1, there.sent + 1))
    assert "Traceback" not in there.other.log() + there.centre.log()


def has_come_to_its_end(centre: Centre) -> bool:
    """Whether a restore has, which the transaction says that ends it."""
    try:
        engine = centre.database()
    except StoreError:
        return False
    done = [row for row in rows(engine, audit) if row["action"] == "restore"]
    engine.dispose()
    return bool(done)


def kill_both(there: Rehearsal, *, rounds: int, seed: int) -> None:
    chance, killed = random.Random(seed), 0
    there.centre.start()
    there.centre.wait_for("serving")
    there.edge.start()
    for _ in range(rounds):
        there.send(100)
        killed += there.cut_off(there.centre, "backup", chance.uniform(0.3, 4))
        there.check_backups()
    there.done(there.centre, "backup")
    assert there.check_backups() >= 1
    there.edge.wait_until_through()
    there.edge.stop()
    assert there.centre.stop() == 0
    for _ in range(rounds):
        if not there.cut_off(there.other, "restore", chance.uniform(0.3, 4)):
            break
        killed += 1
        if has_come_to_its_end(there.other):  # it was killed while it said so
            break
    else:
        there.done(there.other, "restore")
    assert killed, "or it proves nothing"
    assert there.other.identities() == held(there.other)
    assert there.other.identities() <= there.centre.identities()


def test_killed_backups_and_restores_leave_whole_snapshots_and_go_on(rehearsal: Rehearsal) -> None:
    kill_both(rehearsal, rounds=3, seed=3)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_thirty_rounds_of_it(rehearsal: Rehearsal) -> None:
    kill_both(rehearsal, rounds=30, seed=30)
