"""A real centre behind a real broker: killed, fed twice, poisoned; every read is stored exactly once."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from archived import archived_rows
from brokers import Broker
from central_messages import (
    JPEG,
    address_of,
    list_plates,
    picture_message,
    read_message,
    rows,
    update_message,
)
from central_reads import NOON, a_read
from centres import Centre, Edge, last_ack, poisoned
from deltalake import DeltaTable

from central.db import alert, hot_read, picture, ptz_state
from edge.contract.delivery import Stream
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.read import PlateRead
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings as EdgeMqttSettings
from edge.spool.queue import Spool

ADDRESS = address_of(a_read(1))


@pytest.fixture
def centre(broker: Broker, tmp_path: Path) -> Iterator[Centre]:
    centre = Centre(tmp_path / "centre", broker)
    yield centre
    centre.close()


def an_edge(centre: Centre, broker: Broker, **more: object) -> Edge:
    return Edge(broker, ADDRESS, centre.database_url, **more)


def test_reads_are_committed_acknowledged_and_sealed_on_a_clean_stop(centre: Centre, broker: Broker):
    centre.start()
    centre.wait_for(" subscribed ")
    edge = an_edge(centre, broker)
    edge.hand_over(*(read_message(a_read(seq)) for seq in range(1, 101)))
    edge.hand_over(*(picture_message(a_read(seq), seq) for seq in range(1, 11)))
    edge.hand_over(*(update_message(a_read(seq, plate="ABC128"), seq) for seq in range(1, 6)))
    edge.start()
    edge.wait_until_through()
    edge.stop()
    assert edge.broken_promises == []
    ack = last_ack(broker, ADDRESS)
    assert {stream: [(s.first, s.last) for s in received] for stream, received in ack.streams.items()} == {
        Stream.READ: [(1, 100)],
        Stream.UPDATE: [(1, 5)],
        Stream.CROP: [(1, 10)],
    }
    assert centre.stop() == 0
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 101)})
    engine = centre.database()
    assert rows(engine, hot_read) == []
    assert len(rows(engine, picture)) == 10
    engine.dispose()


def test_where_cameras_stand_is_kept_whether_it_is_said_now_or_was_retained(
    centre: Centre, broker: Broker, tmp_path: Path
):
    def say(phase: PtzPhase) -> None:
        state = PtzState(edge_id="edge-1", camera_id="dome", at=NOON, phase=phase, preset="gate")
        publisher.retain(ADDRESS.ptz_state("dome"), state.model_dump_json().encode())

    def kept() -> PtzPhase | None:
        found = [PtzState.model_validate_json(str(row["message"])).phase for row in rows(engine, ptz_state)]
        return found[0] if found else None

    with Spool(
        tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=1_000_000_000, clock=lambda: datetime.now(UTC)
    ) as spool:
        settings = EdgeMqttSettings(**broker.settings("edge-1"))
        publisher = Publisher(spool, settings, ADDRESS, clock=lambda: datetime.now(UTC))
        publisher.start()
        say(PtzPhase.GOTO)
        wait_until(lambda: publisher.state.connected)
        time.sleep(0.5)
        centre.start()
        centre.wait_for(" subscribed ")
        engine = centre.database()
        wait_until(lambda: kept() is PtzPhase.GOTO)
        say(PtzPhase.WATCH)
        wait_until(lambda: kept() is PtzPhase.WATCH)
        publisher.stop(drain_s=1)
    assert centre.dead_letters() == Counter()
    engine.dispose()


def a_massacre(centre: Centre, edge: Edge, *, rounds: int, reads: int, seed: int) -> None:
    """Kill -9 the centre at random moments while an edge sends out of order, twice, and poison among it.

    Most die amid commits, soon after the first acknowledgement; every third may live to seal.
    """
    chance = random.Random(seed)
    edge.start()
    for number in range(rounds):
        ready, acks = centre.log().count(" subscribed "), edge.acks
        centre.start()
        batch = list(range(number * reads + 1, (number + 1) * reads + 1))
        chance.shuffle(batch)
        edge.hand_over(
            *(poisoned(a_read(seq)) if seq % 50 == 0 else read_message(a_read(seq)) for seq in batch)
        )
        centre.wait_for(" subscribed ", times=ready + 1)
        wait_until(lambda before=acks: edge.acks > before)
        time.sleep(chance.uniform(1.0, 1.6) if number % 3 == 1 else chance.uniform(0.0, 0.2))
        centre.kill9()
    ready = centre.log().count(" subscribed ")
    centre.start()
    centre.wait_for(" subscribed ", times=ready + 1)
    edge.wait_until_through(within_s=600)
    edge.stop()


def wait_until(is_so: Callable[[], bool], *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def check_exactly_once(centre: Centre, edge: Edge, *, total: int) -> None:
    assert edge.broken_promises == []
    assert edge.acks > 0
    good = [seq for seq in range(1, total + 1) if seq % 50]
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in good})
    poison = [read_message(a_read(seq)).topic for seq in range(50, total + 1, 50)]
    assert centre.dead_letters() == Counter(poison)


def test_killed_at_any_moment_nothing_is_lost_or_doubled(broker: Broker, tmp_path: Path):
    centre = Centre(tmp_path / "centre", broker, archive={"seal_s": 1})
    edge = an_edge(centre, broker, seed=1)
    try:
        a_massacre(centre, edge, rounds=3, reads=150, seed=1)
        assert centre.stop() == 0
        check_exactly_once(centre, edge, total=450)
    finally:
        edge._stop.set()
        centre.close()


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_killed_thirty_times_nothing_is_lost_or_doubled(broker: Broker, tmp_path: Path):
    centre = Centre(tmp_path / "centre", broker, archive={"seal_s": 1})
    edge = an_edge(centre, broker, seed=2)
    try:
        a_massacre(centre, edge, rounds=30, reads=200, seed=2)
        assert centre.stop() == 0
        check_exactly_once(centre, edge, total=6_000)
    finally:
        edge._stop.set()
        centre.close()


def test_what_comes_again_after_its_seal_is_still_a_duplicate(centre: Centre, broker: Broker):
    messages = [read_message(a_read(seq)) for seq in range(1, 21)]
    for times in (1, 2):
        centre.start()
        centre.wait_for(" subscribed ", times=times)
        edge = an_edge(centre, broker)
        edge.hand_over(*messages)
        edge.start()
        edge.wait_until_through()
        edge.stop()
        assert centre.stop() == 0  # seals
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 21)})


def test_what_was_published_while_the_centre_was_away_is_delivered_by_the_broker(
    centre: Centre, broker: Broker
):
    centre.start()
    centre.wait_for(" subscribed ")
    assert centre.stop() == 0
    edge = an_edge(centre, broker)
    edge.start()
    for seq in range(1, 51):
        edge.say(read_message(a_read(seq)))
    time.sleep(0.5)
    edge.stop()
    centre.start()
    centre.wait_for(" subscribed ", times=2)
    deadline = time.monotonic() + 20
    while sum(centre.identities().values()) < 50 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert centre.stop(number=signal.SIGINT) == 0
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 51)})


def test_a_hotlist_import_is_live_within_a_second(centre: Centre, broker: Broker):
    centre.start()
    centre.wait_for(" subscribed ")
    engine = centre.database()
    edge = an_edge(centre, broker)
    edge.start()
    edge.hand_over(read_message(a_read(1)))
    edge.wait_until_through()
    assert rows(engine, alert) == []
    list_plates(engine, centre.folder, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    edge.hand_over(read_message(a_read(2)))
    edge.wait_until_through()
    edge.stop()
    assert [row["seq"] for row in rows(engine, alert)] == [2]
    engine.dispose()
    assert centre.stop() == 0
    assert "alert_id=1" in centre.log()
    assert "ABC123" not in centre.log()


def test_mqtt_3_1_1_loses_nothing_either(broker: Broker, tmp_path: Path):
    centre = Centre(tmp_path / "centre", broker, protocol="3.1.1")
    edge = an_edge(centre, broker, protocol="3.1.1")
    centre.start()
    edge.hand_over(*(read_message(a_read(seq)) for seq in range(1, 301)))
    edge.start()
    edge.wait_until_through()
    edge.stop()
    assert centre.stop() == 0
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 301)})


def test_a_broker_that_dies_is_found_again(centre: Centre, broker: Broker):
    centre.start()
    centre.wait_for(" subscribed ")
    edge = an_edge(centre, broker)
    edge.start()
    edge.hand_over(*(read_message(a_read(seq)) for seq in range(1, 101)))
    broker.restart()
    edge.hand_over(*(read_message(a_read(seq)) for seq in range(101, 201)))
    edge.wait_until_through()
    edge.stop()
    assert edge.broken_promises == []
    assert centre.stop() == 0
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 201)})


# The edge's own spool and publisher


def test_the_edge_s_spool_runs_empty_and_everything_is_archived_once(
    centre: Centre, broker: Broker, tmp_path: Path
):
    def now() -> datetime:
        return datetime.now(UTC)

    spool = Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=10**8, clock=now)
    settings = EdgeMqttSettings.model_validate(broker.settings("edge-1", resend_s=2.0))
    publisher = Publisher(spool, settings, ADDRESS, clock=now)
    publisher.start()
    centre.start()
    put = []
    for number in range(1, 201):
        crop = JPEG if number % 10 == 0 else None
        put.append(spool.put_read(lambda epoch, seq, crop=crop: shown(epoch, seq, crop, at=now()), crop=crop))
        if number % 20 == 0:
            spool.put_update(put[-1].model_copy(update={"votes": 4}), crop=JPEG)
        if number == 100:
            wait_until(lambda: publisher.state.published > 50, within_s=60)
            centre.kill9()
            centre.start()
    wait_until(spool.is_empty, within_s=90)
    clock_error_s = publisher.state.clock_error_s
    publisher.stop()
    spool.close()
    assert clock_error_s is not None
    assert abs(clock_error_s) < 5  # both sides run on this machine's clock
    assert centre.stop() == 0
    assert centre.identities() == Counter({tuple(read.id): 1 for read in put})
    engine = centre.database()
    assert len(rows(engine, picture)) == 20
    engine.dispose()
    archived = archived_rows(DeltaTable(centre.archive / "reads"), ["seq", "votes"]).to_pylist()
    assert {row["seq"] for row in archived if row["votes"] == 4} == set(range(20, 201, 20))


def shown(epoch: int, seq: int, crop: bytes | None, *, at: datetime) -> PlateRead:
    return a_read(seq, epoch=epoch, captured_at=at, pictures={"crop": crop is not None})


# What only a person can mend


def test_a_wrong_password_is_told(broker: Broker, tmp_path: Path):
    (tmp_path / "wrong").write_text("wrong\n")
    centre = Centre(tmp_path / "centre", broker, mqtt={"password_file": str(tmp_path / "wrong")})
    centre.start()
    try:
        if type(broker).__name__ == "Mosquitto":
            assert centre.end() == 1
            assert "connection of user 'centre' refused: Not authorized" in centre.log()
        else:
            # The broker of the wheel closes the connection without a word.
            centre.wait_for("are user and password right?")
            assert centre.stop() == 0
    finally:
        centre.close()


@pytest.mark.mosquitto
def test_a_running_centre_outlives_a_broker_that_refuses_it_for_a_while(mosquitto: Broker, tmp_path: Path):
    centre = Centre(tmp_path / "centre", mosquitto)
    passwords = mosquitto.folder / "passwords"
    good = passwords.read_bytes()
    centre.start()
    try:
        centre.wait_for(" subscribed ")
        mosquitto.stop()
        passwords.write_bytes(b"\n".join(line for line in good.splitlines() if b"centre" not in line))
        mosquitto.start()
        centre.wait_for("broker refuses us, trying again")
        mosquitto.stop()
        passwords.write_bytes(good)
        mosquitto.start()
        centre.wait_for(" subscribed ", times=2)
        edge = an_edge(centre, mosquitto)
        edge.hand_over(read_message(a_read(1)))
        edge.start()
        edge.wait_until_through()
        edge.stop()
        assert centre.stop() == 0
    finally:
        centre.close()
    assert "Not authorized" in centre.log()
    assert centre.identities() == Counter({("edge-1", 7, 1): 1})


def test_a_second_centre_of_the_same_name_is_told(broker: Broker, tmp_path: Path):
    first, second = (Centre(tmp_path / name, broker) for name in ("first", "second"))
    try:
        first.start()
        first.wait_for(" subscribed ")
        second.start()
        first.wait_for("is another process connected as 'central-test'?")
    finally:
        first.close()
        second.close()
