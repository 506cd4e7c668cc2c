"""Two real centres on one PostgreSQL database and one archive, each with its partitions of one real broker."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from brokers import Broker
from central_messages import address_of, list_plates, picture_message, read_message, rows
from central_reads import a_read
from centres import Centre, Edge, poisoned
from sqlalchemy import create_engine, text

from central.db import alert, alert_event, alert_trail, picture
from edge.contract.topics import partition

EDGES = ("edge-1", "edge-2")
LOW, HIGH = "0-31", "32-63"

pytestmark = [pytest.mark.mosquitto, pytest.mark.postgres]


class City:
    """Consumers that share everything but their names and partitions, and an edge in each half."""

    def __init__(self, folder: Path, broker: Broker, database_url: str) -> None:
        self.folder = folder
        self.broker = broker
        self.database_url = database_url
        self.edges = [
            Edge(broker, address_of(a_read(1, edge_id=edge_id)), database_url, seed=number)
            for number, edge_id in enumerate(EDGES)
        ]

    def centre(self, name: str, partitions: str) -> Centre:
        return Centre(
            self.folder / name,
            self.broker,
            database_url=self.database_url,
            pictures={"path": str(self.folder / "pictures")},
            mqtt={"client_id": name, "partitions": partitions},
            archive={"path": str(self.folder / "archive"), "seal_s": 1},
        )

    def drop_locks(self) -> None:
        """End the sessions under whose locks somebody seals, as a server that is restarted does."""
        engine = create_engine(self.database_url)
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%, sealing'"
        )
        with engine.begin() as connection:
            connection.execute(text(ended))
        engine.dispose()

    def hand_over(self, seqs: range) -> None:
        for edge in self.edges:
            reads = [a_read(seq, edge_id=edge.address.edge_id) for seq in seqs]
            edge.hand_over(*(poisoned(r) if r.seq % 50 == 0 else read_message(r) for r in reads))
            edge.hand_over(*(picture_message(r, r.seq // 10) for r in reads if r.seq % 10 == 0))


@pytest.fixture
def city(mosquitto: Broker, postgres_url: str, tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path, mosquitto, postgres_url)
    yield city
    for edge in city.edges:
        edge._stop.set()


def start(*centres: Centre) -> None:
    before = [centre.log().count(" subscribed ") for centre in centres]
    for centre in centres:
        centre.start()
    for centre, times in zip(centres, before, strict=True):
        centre.wait_for(" subscribed ", times=times + 1)


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def check_exactly_once(city: City, centre: Centre, *, total: int) -> None:
    """Every read in hot rows and archive, every picture, every dead letter; one alert of the vehicle's reads."""
    good = {(edge_id, 7, seq) for edge_id in EDGES for seq in range(1, total + 1) if seq % 50}
    assert centre.identities() == Counter(good)
    poison = [
        read_message(a_read(seq, edge_id=edge_id)).topic
        for edge_id in EDGES
        for seq in range(50, total + 1, 50)
    ]
    assert centre.dead_letters() == Counter(poison)
    engine = centre.database()
    assert len(rows(engine, alert)) == 1
    assert Counter((r["edge_id"], r["epoch"], r["seq"]) for r in rows(engine, alert_trail)) == Counter(good)
    told = Counter(row["kind"] for row in rows(engine, alert_event))
    assert (told["raised"], told["joined"] + told["noted"]) == (1, len(good) - 1)
    assert told["noted"], "each edge has a camera of its own, and so a passage"
    assert len(rows(engine, picture)) == len(EDGES) * (total // 10)
    engine.dispose()
    assert [edge.broken_promises for edge in city.edges] == [[], []]


def a_massacre(city: City, *, rounds: int, reads: int, seed: int) -> Centre:
    """Kill -9 one of the two at random moments, and drop the lock of whoever seals, while both edges send."""
    chance = random.Random(seed)
    centres = [city.centre("low", LOW), city.centre("high", HIGH)]
    engine = centres[0].database()
    list_plates(engine, city.folder, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    engine.dispose()
    try:
        start(*centres)
        for edge in city.edges:
            edge.start()
        for number in range(rounds):
            acks = [edge.acks for edge in city.edges]
            city.hand_over(range(number * reads + 1, (number + 1) * reads + 1))
            wait_until(lambda before=acks: all(e.acks > a for e, a in zip(city.edges, before, strict=True)))
            time.sleep(chance.uniform(0.0, 1.5))
            city.drop_locks()
            victim = centres[number % 2]
            victim.kill9()
            time.sleep(chance.uniform(0.0, 0.5))
            start(victim)
        for edge in city.edges:
            edge.wait_until_through(within_s=300)
            edge.stop()
        wait_until(lambda: all("sealed" in centre.log() for centre in centres) or rounds < 10)
        assert [centre.stop() for centre in centres] == [0, 0]
    finally:
        for centre in centres:
            centre.close()
    assert "Traceback" not in "".join(centre.log() for centre in centres)
    return centres[0]


def test_the_two_edges_are_in_different_halves() -> None:
    assert sorted(partition(edge_id) < 32 for edge_id in EDGES) == [False, True]


def test_killed_in_turn_they_store_everything_once_and_alert_once(city: City) -> None:
    check_exactly_once(city, a_massacre(city, rounds=2, reads=100, seed=5), total=200)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_killed_twenty_times_they_store_everything_once_and_alert_once(city: City) -> None:
    check_exactly_once(city, a_massacre(city, rounds=20, reads=150, seed=6), total=3_000)


def told(centre: Centre, what: str) -> int:
    """A count of the last `stopped` line."""
    last = [line for line in centre.log().splitlines() if "stopped" in line][-1]
    found = re.search(rf"\b{what}=(\d+)", last)
    return int(found[1]) if found else 0


def test_partitions_move_from_one_to_the_other_while_reads_come(city: City) -> None:
    """docs/nodes.md: the new one takes them first, then the old one lets them go."""
    old, new = city.centre("old", "0-63"), city.centre("new", HIGH)
    high = next(edge for edge in city.edges if partition(edge.address.edge_id) >= 32)
    try:
        start(old)
        high.start()
        high.hand_over(*(read_message(a_read(seq, edge_id=high.address.edge_id)) for seq in range(1, 201)))
        start(new)
        high.hand_over(*(read_message(a_read(seq, edge_id=high.address.edge_id)) for seq in range(201, 401)))
        high.wait_until_through()
        assert old.stop() == 0
        old = city.centre("old", LOW)
        start(old)
        time.sleep(0.5)  # until the broker has forgotten the old subscriptions
        high.hand_over(*(read_message(a_read(seq, edge_id=high.address.edge_id)) for seq in range(401, 501)))
        high.wait_until_through()
        high.stop()
        assert [old.stop(), new.stop()] == [0, 0]
    finally:
        old.close()
        new.close()
    assert new.identities() == Counter((high.address.edge_id, 7, seq) for seq in range(1, 501))
    assert high.broken_promises == []
    assert told(new, "duplicate") > 0, "both had the partition for a while"
    assert (told(old, "read"), told(old, "duplicate")) == (0, 0)


def test_what_comes_for_one_that_is_away_waits_for_it_in_its_session(city: City) -> None:
    low, high = city.centre("low", LOW), city.centre("high", HIGH)
    try:
        start(low, high)
        low.kill9()
        for edge in city.edges:
            edge.start()
            for seq in range(1, 51):
                edge.say(read_message(a_read(seq, edge_id=edge.address.edge_id)))
        wait_until(lambda: sum(high.identities().values()) == 50)
        assert {edge_id for edge_id, _, _ in high.identities()} == {EDGES[0]}
        start(low)
        wait_until(lambda: sum(low.identities().values()) == 100)
        for edge in city.edges:
            edge.stop()
        assert [low.stop(), high.stop()] == [0, 0]
    finally:
        low.close()
        high.close()
    assert low.identities() == Counter((edge_id, 7, seq) for edge_id in EDGES for seq in range(1, 51))
