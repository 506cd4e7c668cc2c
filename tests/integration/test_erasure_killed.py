"""Whoever removes is killed with -9, round after round, while a centre consumes and seals, and people ask.

`python -m central maintain` removes reads whose time is over, `python -m central erase run` plates that a court has
ordered to be erased, one more each round. Both die at random moments. What must stay stays once, what must go is shown
by no question, and at the end no byte of it is left.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from archived import archived_rows
from asking import Asker
from brokers import Broker
from central_messages import address_of, read_message
from central_reads import a_read
from centres import Centre, Edge
from deltalake import DeltaTable
from erasing import LOOK, files_with
from keepers import Keepers
from sqlalchemy import Connection, Engine

from central.access.audit import AuditLog, verify
from central.access.key import open_key
from central.erase.certificate import issued
from central.erase.order import Order, give
from central.erase.run import DONE, orders
from central.query.desk import open_reads
from central.query.plan import Question
from central.query.reads import Reads
from central.settings import load
from edge.contract.read import PlateRead

BEGAN = datetime.now(UTC)
KEPT = ("ABC123", "ABC128", "XYZ98F")
AGES = (0, 1, 2, 4, 5)
"""Whole days and six hours; the last two are over, and so is all of their days."""
KEEP_DAYS = 3
ASKED_MOST = 1_000_000

pytestmark = pytest.mark.mosquitto


def plate_of(seq: int, reads: int) -> str:
    """Every fourth read of a round is of the plate that is erased in it."""
    return f"ERA{(seq - 1) // reads:03}" if seq % 4 == 0 else KEPT[seq % len(KEPT)]


def is_over(seq: int) -> bool:
    return AGES[seq % len(AGES)] >= KEEP_DAYS


class Reader(Asker):
    """Answers are held against what was sent and what was ordered.

    A fault is a read that is shown twice or must not be shown, or one that is not shown and must be.
    """

    def __init__(self, city: "City") -> None:
        super().__init__(city.centre.database_url, pause_s=0.05)
        self._city = city
        self.answers = 0

    def opened(self, engine: Engine) -> Reads:
        return open_reads(self._city.settings, engine, clock=lambda: datetime.now(UTC))

    def ask(self, reads: Reads) -> None:
        def find(question: Question) -> list[int]:
            return [read.seq for read in reads.find(question).reads]

        city = self._city
        acknowledged, erased = city.acknowledged(), city.erased
        seqs = Counter(find(Question(since=BEGAN - timedelta(days=9), limit=ASKED_MOST)))
        sure = {seq for seq in acknowledged if not is_over(seq) and city.plate(seq) not in city.ordered}
        doubled = [seq for seq, times in seqs.items() if times > 1]
        wrong = [seq for seq in seqs if is_over(seq) or city.plate(seq) in erased]
        if doubled or wrong or sure - seqs.keys():
            missing = sorted(sure - seqs.keys())
            self.faults.append(f"doubled {doubled[:9]}, not to be shown {wrong[:9]}, missing {missing[:9]}")
        for plate in erased:
            if found := find(Question(plate=plate)):
                self.faults.append(f"erased, and shown: {found[:9]}")
        self.answers += 1


class City:
    """A centre with its archive, an edge, a court, and somebody who asks."""

    def __init__(self, folder: Path, broker: Broker, database_url: str, *, reads: int) -> None:
        self.folder = folder  # the database's too, where it is a file
        archive = {"seal_s": 1, "close_after_s": 0, "keep_days": KEEP_DAYS, "memory_mb": 256}
        sections = {"archive": archive, "pictures": {"keep_days": KEEP_DAYS}}
        self.centre = Centre(folder / "centre", broker, database_url=database_url, **sections)
        self.settings = load(self.centre.config)
        self.edge = Edge(broker, address_of(a_read(1)), database_url, again_s=1.0)
        self.keepers = Keepers(self.centre.config, folder / "keepers.log")
        self.reader = Reader(self)
        self.reads = reads
        self.sent = 0
        self.ordered: frozenset[str] = frozenset()  # before the order is given
        self.erased: frozenset[str] = frozenset()  # after it

    def plate(self, seq: int) -> str:
        return plate_of(seq, self.reads)

    def the_read(self, seq: int) -> PlateRead:
        age = timedelta(days=AGES[seq % len(AGES)], hours=6, seconds=seq)
        return a_read(seq, plate=self.plate(seq), captured_at=BEGAN - age)

    def acknowledged(self) -> set[int]:
        sent = self.sent
        return set(range(1, sent + 1)) - {seq for _, seq in list(self.edge.waiting)}

    def start(self) -> None:
        self.centre.start()
        self.centre.wait_for(" subscribed ")
        self.edge.start()
        self.reader.start()

    def round(self, number: int, chance: random.Random) -> None:
        """New reads, an order of erasure, old reads once more, and everybody who removes dies."""
        new = range(number * self.reads + 1, (number + 1) * self.reads + 1)
        self.edge.hand_over(*(read_message(self.the_read(seq)) for seq in new))
        self.sent = new[-1]
        self.edge.wait_until_through(within_s=120)
        self.order(f"ERA{number:03}")
        for seq in chance.sample(range(1, new[-1] + 1), 30):
            self.edge.say(read_message(self.the_read(seq)))
        for command in chance.sample(["maintain", "erase run --now"] * 2, 4):
            self.keepers.killed(command, chance)

    def order(self, plate: str) -> None:
        self.ordered |= {plate}
        engine, key = self.centre.database(), open_key(self.settings.access.key_file)
        audit = AuditLog(engine, key, clock=lambda: datetime.now(UTC))

        def log(connection: Connection, plate_hash: str, told: dict[str, object]) -> None:
            audit.note(connection, LOOK, "erase.order", {"plate": plate_hash, **told})

        with open_reads(self.settings, engine, clock=lambda: datetime.now(UTC)) as reads:
            give(engine, reads, Order(plate, "STC-1", LOOK, datetime.now(UTC)), key=key, log=log)
        engine.dispose()
        self.erased |= {plate}

    def finish(self) -> None:
        """Let everybody come to an end."""
        self.reader.stop()
        for seq in range(1, self.sent + 1, 3):  # once more, now that nearly all is removed
            self.edge.say(read_message(self.the_read(seq)))
        # And as a box that has lost its numbers does; acknowledged, so what was sent before them has come too.
        new = range(self.sent + 1, self.sent + 1 + len(self.erased))
        again = (a_read(seq, plate=plate) for seq, plate in zip(new, sorted(self.erased), strict=True))
        self.edge.hand_over(*map(read_message, again))
        self.edge.wait_until_through()
        self.edge.stop()
        assert self.centre.stop() == 0, self.centre.log()
        assert f" erased={len(new)} " in self.centre.log()
        for command in ("erase run --now", "maintain"):
            assert self.keepers.whole(command) == 0, self.keepers.log.read_text()
        self.keepers.end()

    def close(self) -> None:
        self.edge._stop.set()
        self.reader.close()
        self.centre.close()
        self.keepers._process.kill()
        self.keepers._process.communicate()


@pytest.fixture
def make_city(tmp_path: Path, mosquitto: Broker) -> Iterator[Callable[[str, int], City]]:
    made: list[City] = []

    def make(database_url: str, reads: int) -> City:
        made.append(City(tmp_path, mosquitto, database_url, reads=reads))
        return made[-1]

    yield make
    for city in made:
        city.close()


def check(city: City, engine: Engine) -> None:
    """Exactly the reads that must stay, once, in whatever order they are asked; of the others nothing."""
    stay = [s for s in range(1, city.sent + 1) if not is_over(s) and city.plate(s) in KEPT]
    assert city.centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in stay})
    copied = archived_rows(DeltaTable(city.centre.archive / "plates"), ["seq"])["seq"].to_pylist()
    assert max(Counter(copied).values()) == 1
    assert set(copied) <= set(stay)
    with open_reads(city.settings, engine, clock=lambda: datetime.now(UTC)) as reads:
        since = BEGAN - timedelta(days=9)
        for plate in KEPT:
            shown = reads.find(Question(plate=plate, limit=ASKED_MOST)).reads
            assert sorted(r.seq for r in shown) == [s for s in stay if city.plate(s) == plate]
        assert sum(h.reads for h in reads.counts(Question(since=since, limit=ASKED_MOST)).hours) == len(stay)
    for plate in city.erased:
        assert files_with(city.folder, plate) == []


def check_certificates(city: City, engine: Engine) -> None:
    key = open_key(city.settings.access.key_file)
    given = orders(engine)
    assert [row["state"] for row in given] == [DONE] * len(city.erased)
    for row in given:
        content, signature = issued(engine, row["erasure_id"], key)
        assert (content["found"], bool(signature)) == ([], True)
    assert verify(engine, key).fault == ""


def a_massacre(city: City, *, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    city.start()
    for command in ("maintain", "erase run --now"):
        assert city.keepers.whole(command) == 0
    for number in range(rounds):
        city.round(number, chance)
    city.finish()
    assert city.reader.faults == []
    assert city.edge.broken_promises == []
    assert "Traceback" not in city.centre.log() + city.keepers.log.read_text()
    engine = city.centre.database()
    check(city, engine)
    check_certificates(city, engine)
    engine.dispose()


def test_killed_a_few_times_what_must_stay_stays_and_what_must_go_goes(
    make_city: Callable[[str, int], City], tmp_path: Path
) -> None:
    city = make_city(f"sqlite:///{tmp_path}/central.sqlite", 80)
    a_massacre(city, rounds=3, seed=1)
    assert city.reader.answers > 0
    assert sum(city.keepers.kills.values()) >= 4, city.keepers.kills


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_killed_thirty_rounds_long_what_must_stay_stays_and_what_must_go_goes(
    make_city: Callable[[str, int], City], database_url: str
) -> None:
    city = make_city(database_url, 120)
    a_massacre(city, rounds=30, seed=2)
    assert city.reader.answers > 30
    assert min(city.keepers.kills.values()) >= 15, city.keepers.kills
