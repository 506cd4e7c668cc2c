"""Certificates at a real mosquitto, with the configuration that we ship: who gets in, as whom, and who does not."""

import contextlib
import queue
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from brokers import running
from centres import Centre, subscribed
from city import City, CityBroker, certificate, enrolled
from edge_centre import wait_for
from edge_reads import builder
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.contract.delivery import Stream
from edge.contract.topics import HOTLIST_HEAD, Address, Kind, Numbered, hotlist_part
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool

pytestmark = pytest.mark.mosquitto
OWN = Address("site-1", "edge-1")
OTHER = Address("site-1", "edge-2")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return enrolled(tmp_path_factory.mktemp("city"), "edge-1", "edge-2", "edge-3")


@pytest.fixture(scope="module")
def broker(city: City) -> Iterator[CityBroker]:
    with running(CityBroker(city)) as broker:
        yield broker


@pytest.fixture(scope="module")
def centre(broker: CityBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with subscribed(Centre(tmp_path_factory.mktemp("centre"), broker)) as centre:
        yield centre


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CityBroker]:
    """A broker without a centre: whoever comes with the centre's certificate would end its session."""
    city = enrolled(tmp_path_factory.mktemp("quiet"), "edge-1", "edge-2", "edge-3")
    with running(CityBroker(city)) as broker:
        yield broker


class Box:
    """A real spool and publisher."""

    def __init__(self, path: Path, settings: dict[str, Any], *, name: str = "edge-1") -> None:
        self.name = name
        self.spool = Spool(path, edge_id=name, max_bytes=50_000_000, clock=now)
        mqtt = MqttSettings(**{"resend_s": 2.0, **settings})
        self.publisher = Publisher(self.spool, mqtt, Address("site-1", name), clock=now)
        self.publisher.start()

    def put(self, count: int) -> set[tuple[str, int, int]]:
        """So many reads; their identities."""
        reads = [
            self.spool.put_read(builder(crop=True, edge_id=self.name), crop=b"\xff\xd8crop")
            for _ in range(count)
        ]
        return {tuple(read.id) for read in reads}

    def wait_until_through(self) -> None:
        wait_for(self.spool.is_empty, 60, what=lambda: (self.spool.stats(), self.publisher.state))

    def fault(self) -> str:
        """What keeps it out, once it is told."""
        wait_for(lambda: self.publisher.state.fault, 30, what=lambda: self.publisher.state)
        return self.publisher.state.fault

    def close(self) -> None:
        self.publisher.stop(drain_s=0)
        self.spool.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    boxes: list[Box] = []

    def start(settings: dict[str, Any], *, name: str = "edge-1") -> Box:
        boxes.append(Box(tmp_path / f"{len(boxes)}.sqlite", settings, name=name))
        return boxes[-1]

    yield start
    for each in boxes:
        each.close()


class Peer:
    """A bare client with some box's certificate, which does as it likes."""

    def __init__(self, broker: CityBroker, user: str, *, client_id: str = "") -> None:
        tls = broker.settings(user)["tls"]
        self.answers: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.tls_set(
            tls["ca_file"], tls["cert_file"], tls["key_file"], tls_version=ssl.PROTOCOL_TLS_CLIENT
        )
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self.answers.put(str(reason))
        self._client.on_publish = lambda _c, _d, _m, reason, _p: self.answers.put(str(reason))
        self._client.on_subscribe = lambda _c, _d, _m, reasons, _p: self.answers.put(str(reasons[0]))
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self.answers.get(timeout=20) == "Success"

    def publish(self, topic: str) -> str:
        """What the broker answers."""
        self._client.publish(topic, b"{}", qos=1)
        answer = self.answers.get(timeout=20)
        return "Success" if answer == "No matching subscribers" else answer  # taken, and nobody listens

    def subscribe(self, topic: str) -> str:
        self._client.subscribe(topic, qos=1)
        return self.answers.get(timeout=20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def peer(broker: CityBroker, user: str, *, client_id: str = "") -> Iterator[Peer]:
    peer = Peer(broker, user, client_id=client_id)
    try:
        yield peer
    finally:
        peer.close()


def topics(address: Address) -> list[str]:
    """Every topic that a box publishes to."""
    numbered = [str(Numbered(address, "cam-1", kind, 7, 3, 3)) for kind in Kind]
    return [*numbered, address.gone, address.status, f"{address.prefix}/cam-1/ptz/state"]


def test_from_spool_to_archive_and_back(broker: CityBroker, centre: Centre, box: Callable[..., Box]) -> None:
    boxes = [box(broker.settings(name), name=name) for name in ("edge-1", "edge-2")]
    reads = set().union(*(each.put(20) for each in boxes))
    for each in boxes:
        each.wait_until_through()
        assert each.publisher.state.fault == ""
    stored = centre.identities()
    assert {identity: stored[identity] for identity in reads} == dict.fromkeys(reads, 1)


def test_after_a_restart_of_the_broker_it_goes_on(
    broker: CityBroker, centre: Centre, box: Callable[..., Box]
) -> None:
    one = box(broker.settings("edge-1"))
    one.put(1)
    one.wait_until_through()
    broker.kill9()
    reads = one.put(10)
    wait_for(lambda: not one.publisher.state.connected)
    broker.start()
    one.wait_until_through()
    stored = centre.identities()
    assert {stored[identity] for identity in reads} == {1}
    assert one.publisher.state.reconnects >= 1


def test_without_a_certificate_nobody_gets_in(broker: CityBroker, box: Callable[..., Box]) -> None:
    settings = broker.settings("edge-1")
    one = box({**settings, "tls": {"ca_file": settings["tls"]["ca_file"]}})
    one.put(1)
    fault = one.fault()
    assert "TLS: a client without a user refused: it asks for a certificate" in fault
    assert_kept_out(one)


def test_another_authority_s_certificate_is_refused(
    broker: CityBroker, box: Callable[..., Box], tmp_path: Path
) -> None:
    theirs = City(tmp_path / "elsewhere").enroll("edge-1")
    settings = broker.settings("edge-1")
    one = box({**settings, "tls": {**theirs, "ca_file": settings["tls"]["ca_file"]}})
    one.put(1)
    fault = one.fault()
    assert "refused: the certificate is not of the broker's authority" in fault
    assert_kept_out(one)


def test_an_expired_certificate_is_refused_and_said(
    city: City, broker: CityBroker, box: Callable[..., Box]
) -> None:
    one = box({**broker.settings("edge-1"), "tls": city.enroll_past("edge-1")})
    one.put(1)
    fault = one.fault()
    assert "refused: the certificate has expired" in fault
    assert_kept_out(one)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_broker_of_another_name_is_not_believed(
    box: Callable[..., Box], tmp_path: Path, broker: CityBroker
) -> None:
    city = City(tmp_path / "city")
    tls = city.enroll("edge-1")
    with running(CityBroker(city, hosts=("broker.example",))) as impostor:
        one = box({**impostor.settings("edge-1"), "tls": tls})
        assert "certificate is not valid for 'localhost'" in one.fault()
        assert_kept_out(one)


def test_a_box_that_speaks_as_another_is_refused_and_loses_nothing(
    broker: CityBroker, centre: Centre, box: Callable[..., Box]
) -> None:
    reads_before = sum(centre.identities().values())
    liar = box(broker.settings("edge-1"), name="edge-2")
    liar.put(5)
    wait_for(lambda: liar.publisher.state.refused, 30, what=lambda: liar.publisher.state)
    wait_for(
        lambda: "broker refuses stream read: Not authorized" in liar.publisher.state.fault,
        30,
        what=lambda: liar.publisher.state,
    )
    assert "another box" not in liar.publisher.state.fault
    time.sleep(1.5)
    stats = liar.spool.stats()
    assert (stats.streams[Stream.READ].waiting, stats.dropped) == (5, 0)
    assert sum(centre.identities().values()) == reads_before


def test_a_box_writes_below_its_own_name_alone(quiet: CityBroker) -> None:
    with peer(quiet, "edge-1") as own:
        assert {topic: own.publish(topic) for topic in topics(OWN)} == dict.fromkeys(topics(OWN), "Success")
    elsewhere = [
        *topics(OTHER),
        OWN.ack,
        OTHER.ack,
        f"{OWN.prefix}/cmd",
        HOTLIST_HEAD,
        hotlist_part(0),
        "lpr/v1/1/edge-1/edge-2/cam-1/read/7/3",
        "lpr/v1/1/site-1/edge-2/edge-1/read/7/3",
        "lpr/v1/edge-1",
        "lpr/v1/status",
        "$SYS/broker/version",
        "anything",
    ]
    answers = {}
    for topic in elsewhere:  # mosquitto 2.0.11 hangs up after a refusal
        with peer(quiet, "edge-1") as own:
            answers[topic] = own.publish(topic)
    assert answers == dict.fromkeys(elsewhere, "Not authorized")


def test_a_box_hears_its_own_acknowledgements_alone(quiet: CityBroker) -> None:
    with peer(quiet, "edge-2") as curious, peer(quiet, "edge-3") as loud, peer(quiet, "centre") as ours:
        curious.subscribe("#")
        curious.subscribe("lpr/v1/#")
        curious.subscribe(OWN.ack)
        assert {loud.publish(topic) for topic in topics(Address("site-1", "edge-3"))} == {"Success"}
        assert ours.publish(f"{OWN.prefix}/cmd") == "Success"
        assert ours.publish(f"{OTHER.prefix}/cmd") == "Success"
        wait_for(lambda: f"{OTHER.prefix}/cmd" in curious.heard)
        time.sleep(0.5)
        assert {topic.split("/")[4] for topic in curious.heard} == {"edge-2"}


def test_the_centre_writes_acknowledgements_commands_and_hotlists_alone(quiet: CityBroker) -> None:
    answers = {}
    read = str(Numbered(OWN, "cam-1", Kind.READ, 7, 3, 3))
    for topic in (OWN.ack, f"{OWN.prefix}/cmd", read, OWN.status, HOTLIST_HEAD, hotlist_part(255)):
        with peer(quiet, "centre") as centre:
            answers[topic.rsplit("edge-1/", 1)[-1]] = centre.publish(topic)
    assert answers == {
        "ack": "Success",
        "cmd": "Success",
        "cam-1/read/7/3": "Not authorized",
        "status": "Not authorized",
        HOTLIST_HEAD: "Success",
        hotlist_part(255): "Success",
    }


def test_nobody_ends_another_s_session_by_its_client_id(
    broker: CityBroker, centre: Centre, box: Callable[..., Box]
) -> None:
    one = box(broker.settings("edge-1"))
    wait_for(lambda: one.publisher.state.connected)
    for client_id in ("edge-edge-1", "edge-1", "central-test", "centre"):
        with peer(broker, "edge-2", client_id=client_id):
            time.sleep(0.5)
    assert one.publisher.state.reconnects == 0
    assert "taken over" not in centre.log()
    one.put(3)
    one.wait_until_through()


def test_a_revoked_certificate_is_refused_and_a_renewed_one_needs_no_restart(
    city: City,
    broker: CityBroker,
    centre: Centre,
    box: Callable[..., Box],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.publish.publisher.REFUSED_S", 4.0)  # a minute, elsewhere
    settings = broker.settings("edge-3")
    old = certificate(settings["tls"])
    one, other = box(settings, name="edge-3"), box(broker.settings("edge-1"))
    one.put(1)
    one.wait_until_through()

    city.run("revoke", "--serial", f"{old.serial_number:x}")
    broker.take_crl()
    reads = one.put(5)
    wait_for(
        lambda: "the certificate is revoked" in one.publisher.state.fault,
        30,
        what=lambda: one.publisher.state,
    )
    other.put(1)
    other.wait_until_through()
    assert one.spool.stats().streams[Stream.READ].waiting == 5

    city.enroll("edge-3")
    assert certificate(settings["tls"]).serial_number != old.serial_number
    one.wait_until_through()  # it tries again by itself
    stored = centre.identities()
    assert {stored[identity] for identity in reads} == {1}


def assert_kept_out(one: Box) -> None:
    """It is not connected, and keeps what it has."""
    assert not one.publisher.state.connected
    assert one.publisher.state.published == 0
    assert one.spool.stats().dropped == 0
