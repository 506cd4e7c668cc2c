"""The publisher against real brokers: what is spooled arrives, and leaves only when it was committed."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import edge_process
import pytest
from brokers import Broker, Mosquitto, TlsMosquitto, needs_mosquitto, running
from edge_centre import Centre, wait_for
from edge_reads import builder

from edge.contract.delivery import Stream
from edge.contract.health import EdgeHealth
from edge.contract.read import PictureRef, PlateRead
from edge.contract.topics import Address
from edge.publish.connection import Connection, Will
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool
from edge.spool.tally import inspect

ADDRESS = Address("site-1", "edge-1")
Start = Callable[..., Publisher]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
        yield spool


@pytest.fixture
def centre(broker: Broker) -> Iterator[Centre]:
    centre = Centre(broker)
    yield centre
    centre.close()


@pytest.fixture
def start(spool: Spool) -> Iterator[Start]:
    """Starts a publisher towards a broker; whatever runs in the end is stopped."""
    started: list[Publisher] = []

    def starter(broker: Broker, *, user: str = "edge-1", protocol: str = "5", **more: Any) -> Publisher:
        settings = MqttSettings(**{"resend_s": 1.0, **broker.settings(user, protocol=protocol), **more})
        publisher = Publisher(spool, settings, ADDRESS, clock=now)
        started.append(publisher)
        publisher.start()
        return publisher

    yield starter
    for publisher in started:
        publisher.stop(drain_s=0)


def numbers(count: int) -> set[int]:
    return set(range(1, count + 1))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_all_that_was_spooled_arrives_as_it_was_and_the_spool_ends_empty(
    broker: Broker, centre: Centre, spool: Spool, start: Start, protocol: str
) -> None:
    early = [spool.put_read(builder(crop=True), crop=b"crop-%d" % n) for n in range(20)]
    publisher = start(broker, protocol=protocol)
    late = [spool.put_read(builder()) for _ in range(20)]
    better = early[0].model_copy(update={"votes": 4, "pictures": PictureRef(overview=True)})
    spool.put_update(better, overview=b"o" * 200_000)
    spool.put_read(builder())
    spool.drop(Stream.READ, 41, reason="test")

    wait_for(spool.is_empty, what=spool.stats)
    reads = {
        seq: PlateRead.model_validate_json(payload)
        for (_, stream, seq), payload in centre.committed.items()
        if stream is Stream.READ
    }
    assert {seq: read for seq, read in reads.items() if seq <= 40} == {r.seq: r for r in [*early, *late]}
    assert PlateRead.model_validate_json(centre.committed[spool.epoch, Stream.UPDATE, 1]) == better
    crops = [centre.committed[spool.epoch, Stream.CROP, seq] for seq in range(1, 21)]
    assert crops == [b"crop-%d" % n for n in range(20)]
    assert centre.committed[spool.epoch, Stream.OVERVIEW, 1] == b"o" * 200_000
    assert publisher.state.fault == ""
    error_s = publisher.state.clock_error_s
    assert error_s is not None
    assert 0 <= error_s < 0.5, "one machine, one clock: only the transit is left"


def test_a_broker_that_has_everything_is_not_enough(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    for _ in range(30):
        spool.put_read(builder())
    publisher = start(broker)
    wait_for(lambda: publisher.state.published >= 30)
    time.sleep(0.5)
    assert spool.stats().messages == 30
    centre.silent = False
    wait_for(spool.is_empty, what=spool.stats)
    assert centre.numbers(Stream.READ) == numbers(30)


def test_while_the_centre_is_silent_the_broker_is_not_filled(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    for _ in range(300):
        spool.put_read(builder())
    publisher = start(broker, in_flight=10)
    time.sleep(3.5)  # more than three times resend_s
    assert 100 <= publisher.state.published <= 110
    centre.silent = False
    wait_for(spool.is_empty, what=spool.stats)
    assert centre.numbers(Stream.READ) == numbers(300)


def test_what_the_centre_does_not_acknowledge_is_sent_again_alone(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    withheld = {(spool.epoch, Stream.READ, seq) for seq in (3, 7, 8)}
    centre.withheld = set(withheld)
    for _ in range(20):
        spool.put_read(builder())
    publisher = start(broker)
    wait_for(lambda: spool.stats().messages == 3, what=spool.stats)
    assert [m.seq for m in spool.pending(Stream.READ, limit=99)] == [3, 7, 8]
    spool.put_read(builder())  # the centre is heard again: it is not silent, it has lost these
    wait_for(lambda: all(centre.arrived[key] >= 2 for key in withheld))
    assert {key for key, times in centre.arrived.items() if times > 1} == withheld
    centre.withheld = set()
    wait_for(spool.is_empty, what=spool.stats)
    assert publisher.state.resent >= 3


def test_after_a_reconnect_all_that_waits_is_sent_at_once(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    publisher = start(broker, resend_s=3600.0)
    for _ in range(30):
        spool.put_read(builder(crop=True), crop=b"crop")
    wait_for(lambda: publisher.state.published == 60)
    broker.kill9()
    wait_for(lambda: not publisher.state.connected)
    assert publisher.state.fault != ""
    broker.start()
    wait_for(lambda: publisher.state.published == 120)
    assert (publisher.state.reconnects, publisher.state.fault) == (1, "")


def test_a_broker_that_forgets_all_loses_nothing(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    publisher = start(broker)
    for _ in range(50):
        spool.put_read(builder(crop=True), crop=b"crop")
    wait_for(lambda: publisher.state.published >= 100)
    broker.kill9()
    wait_for(lambda: not publisher.state.connected)
    spool.put_read(builder())
    broker.start()
    # Our publisher is back before the centre is: a broker without memory confirms and throws away.
    centre.silent = False
    wait_for(spool.is_empty, what=spool.stats)
    assert centre.numbers(Stream.READ) == numbers(51)
    assert centre.numbers(Stream.CROP) == numbers(50)


def test_stopped_it_waits_for_the_last_acknowledgements(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    publisher = start(broker)
    wait_for(lambda: publisher.state.connected)
    for _ in range(200):
        spool.put_read(builder())
    assert publisher.stop(drain_s=20) is True
    assert spool.is_empty()
    assert centre.numbers(Stream.READ) == numbers(200)


def test_stopped_it_does_not_wait_for_ever(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    publisher = start(broker)
    wait_for(lambda: publisher.state.connected)
    spool.put_read(builder())
    began = time.monotonic()
    assert publisher.stop(drain_s=1.0) is False
    assert 1.0 <= time.monotonic() - began < 4.0
    assert spool.stats().messages == 1


def test_health_is_retained_and_says_when_the_box_goes(broker: Broker, centre: Centre, start: Start) -> None:
    publisher = start(broker)
    health = EdgeHealth(edge_id="edge-1", site_id="site-1", online=True, spool_messages=5)
    publisher.announce(health)
    wait_for(lambda: health in centre.health)
    with contextlib.closing(Centre(broker, client_id="late")) as late:
        wait_for(lambda: late.health == [health], what="a retained message for a late listener")
    publisher.stop(drain_s=0)
    wait_for(lambda: not centre.health[-1].online)
    assert centre.health[-1].spool_messages == 5
    assert centre.health[-1].at is not None


def test_wrong_passwords_are_said_and_reads_wait(
    broker: Broker, spool: Spool, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("not the password\n")
    publisher = start(broker, password_file=tmp_path / "wrong")
    spool.put_read(builder())
    wait_for(lambda: publisher.state.fault)
    fault = publisher.state.fault
    assert f"broker 127.0.0.1:{broker.port}" in fault
    assert "'edge-1' refused: Not authorized" in fault or "are user and password right?" in fault
    assert not publisher.state.connected
    assert spool.stats().messages == 1


def test_a_forged_or_broken_acknowledgement_deletes_nothing(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    centre.silent = True
    publisher = start(broker)
    wait_for(lambda: publisher.state.connected)
    spool.put_read(builder())
    wait_for(lambda: publisher.state.published)
    other = '{"edge_id":"edge-1","epoch":%d,"streams":{"read":{"ranges":[{"first":1,"last":1}]}}}'
    for payload in (b"junk", b"", (other % (spool.epoch + 1)).encode()):
        centre.publish_raw(ADDRESS.ack, payload)
    wait_for(lambda: spool.stats().acks_ignored == 1)
    assert publisher.state.acks_unreadable == 2
    assert spool.stats().messages == 1


def test_from_emission_to_the_centre_takes_milliseconds(
    broker: Broker, centre: Centre, spool: Spool, start: Start
) -> None:
    publisher = start(broker)
    wait_for(lambda: publisher.state.connected)
    stored_at = {}
    for _ in range(40):
        read = spool.put_read(builder(crop=True), crop=b"c" * 6_000)
        stored_at[read.seq] = time.perf_counter()
        time.sleep(0.02)
    wait_for(spool.is_empty)
    # The centre looks at its mail every 50 ms; the rest is the way there.
    delays = sorted(centre.first_seen_at[spool.epoch, Stream.READ, seq] - at for seq, at in stored_at.items())
    assert delays[len(delays) // 2] < 0.5


def test_from_a_disk_restored_from_a_copy_every_read_arrives(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    path, copy = tmp_path / "disk.sqlite", tmp_path / "copy.sqlite"
    settings = MqttSettings(resend_s=1.0, **broker.settings("edge-1"))

    def live(first: int, last: int) -> None:
        with Spool(path, edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
            publisher = Publisher(spool, settings, ADDRESS, clock=now)
            publisher.start()
            wait_for(lambda: publisher.state.connected)
            time.sleep(0.5)  # for the retained acknowledgement, as on a street where nobody passes
            for number in range(first, last + 1):
                spool.put_read(builder(plate=f"ABC{number:03d}"))
                time.sleep(0.05)
            wait_for(spool.is_empty, what=spool.stats)
            publisher.stop()

    live(1, 5)
    shutil.copy(path, copy)
    live(6, 10)
    shutil.copy(copy, path)
    live(11, 20)
    plates = [
        PlateRead.model_validate_json(payload).plate
        for (_, stream, _), payload in centre.committed.items()
        if stream is Stream.READ
    ]
    assert sorted(plates) == [f"ABC{number:03d}" for number in range(1, 21)]


@pytest.mark.mosquitto
def test_an_access_list_that_refuses_a_box_is_said_by_its_reason(
    mosquitto: Broker, spool: Spool, start: Start
) -> None:
    publisher = start(mosquitto, user="edge-2")
    spool.put_read(builder())
    wait_for(lambda: publisher.state.refused)
    wait_for(lambda: publisher.state.connected)  # mosquitto 2.0.11 hangs up after a refusal
    assert publisher.state.fault == "broker refuses stream read: Not authorized"
    time.sleep(2.5)
    assert publisher.state.refused == 1, "tried again slowly"
    assert spool.stats().messages == 1


@pytest.mark.mosquitto
def test_the_window_and_the_packet_that_a_broker_allows_are_known(tmp_path: Path) -> None:
    class Narrow(Mosquitto):
        def _config(self) -> list[str]:
            rest = [line for line in super()._config() if "inflight" not in line]
            return [*rest, "max_inflight_messages 3", "max_packet_size 70000"]

    needs_mosquitto()
    (tmp_path / "narrow").mkdir()
    bell, wake = socket.socketpair()
    with running(Narrow(tmp_path / "narrow")) as broker, bell, wake:
        settings = MqttSettings(**broker.settings("edge-1"))
        will = Will(ADDRESS.status, b"")
        with contextlib.closing(Connection(settings, client_id="edge-1", will=will, wake=wake)) as link:
            assert (link.receive_maximum, link.maximum_packet) == (3, 70_000)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.mosquitto
def test_tls_with_the_right_authority_and_not_with_another(
    tmp_path: Path, spool: Spool, start: Start
) -> None:
    needs_mosquitto()
    for name in ("right", "other"):
        (tmp_path / name).mkdir()
    other = TlsMosquitto(tmp_path / "other")
    with running(TlsMosquitto(tmp_path / "right")) as broker:
        for host in ("localhost", "127.0.0.1"):
            publisher = start(broker, host=host, tls={"ca_file": broker.folder / "ca.pem"})
            wait_for(lambda p=publisher: p.state.connected, what=lambda p=publisher: p.state)
            publisher.stop(drain_s=0)
        publisher = start(broker, tls={"ca_file": other.folder / "ca.pem"})
        wait_for(lambda: publisher.state.fault)
        assert "TLS" in publisher.state.fault
        assert "certificate verify failed" in publisher.state.fault
        assert not publisher.state.connected


class Edge:
    """The process of `edge_process`, and what it said that it had stored."""

    def __init__(self, spool: Path, broker: Broker) -> None:
        self.stored = 0
        self.epoch = 0
        self._arguments = [
            sys.executable,
            edge_process.__file__,
            str(spool),
            json.dumps({**broker.settings("edge-1"), "resend_s": 1.0}, default=str),
        ]
        tests = str(Path(edge_process.__file__).parent)
        self._environment = {**os.environ, "PYTHONPATH": tests, "OMP_NUM_THREADS": "1"}

    def live_and_die(self, seconds: float, meanwhile: Callable[[], None]) -> None:
        """Put reads for so long after the first one, then be killed; `meanwhile` runs beside it."""
        process = self._start("put")
        reader = threading.Thread(target=self._listen, args=(process,))
        first = self.stored
        reader.start()
        wait_for(lambda: self.stored > first, what="a first read")
        beside = threading.Thread(target=meanwhile)
        beside.start()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        assert process.wait(20) == -signal.SIGKILL
        reader.join()
        beside.join()
        if process.stdout is not None:
            process.stdout.close()

    def drain(self) -> int:
        """Deliver what is left; the exit status."""
        with self._start("drain") as process:
            return process.wait(90)

    def _start(self, mode: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._arguments, mode], env=self._environment, stdout=subprocess.PIPE, text=True
        )

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            word, _, number = line.strip().partition(" ")
            if word == "put" and number:
                self.stored = max(self.stored, int(number))
            elif word == "epoch":
                assert self.epoch in (0, int(number)), "the epoch outlives every death"
                self.epoch = int(number)


def _kill_rounds(broker: Broker, centre: Centre, spool: Path, *, rounds: int, seed: int) -> None:
    """Kill the edge at random moments, the broker in every other round, silence the centre in every third."""
    dice = random.Random(seed)
    edge = Edge(spool, broker)
    for turn in range(rounds):
        centre.silent = turn % 3 == 1
        meanwhile = broker.restart if turn % 2 else (lambda: None)
        edge.live_and_die(dice.uniform(0.0, 0.8), meanwhile)
        stats = inspect(spool)
        assert stats.streams[Stream.READ].spooled >= edge.stored, "what was said to be stored is stored"
        waiting = stats.streams[Stream.READ].waiting
        missing = stats.streams[Stream.READ].spooled - len(centre.numbers(Stream.READ, edge.epoch))
        assert waiting >= missing, "nothing leaves that the centre has not committed"
    centre.silent = False
    assert edge.drain() == 0, inspect(spool)
    final = inspect(spool)
    assert (final.messages, final.gone, final.dropped, final.set_aside) == (0, 0, 0, 0)
    assert centre.numbers(Stream.READ, edge.epoch) == numbers(final.streams[Stream.READ].spooled)
    assert centre.numbers(Stream.CROP, edge.epoch) == numbers(final.streams[Stream.CROP].spooled)
    assert final.streams[Stream.READ].spooled >= rounds


def test_the_broker_says_that_a_killed_box_is_gone(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    Edge(tmp_path / "killed.sqlite", broker).live_and_die(0.1, lambda: None)
    wait_for(lambda: centre.health)
    assert centre.health == [EdgeHealth(edge_id="edge-1", site_id="site-1", online=False)]


def test_killed_at_any_moment_nothing_is_lost(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    _kill_rounds(broker, centre, tmp_path / "killed.sqlite", rounds=3, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_killed_thirty_times_nothing_is_lost(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    _kill_rounds(broker, centre, tmp_path / "killed.sqlite", rounds=30, seed=2)
