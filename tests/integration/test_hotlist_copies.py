"""The signed copy over a real mosquitto with certificates: given by the centre alone, had by every box."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from brokers import running
from city import City, CityBroker, enrolled
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from edge_centre import wait_for
from edge_reads import plate_read
from hotlist_copies import Issuer, Pen, an_entry
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.assets import plate_files
from edge.contract.hotlist import Entry, Head
from edge.contract.topics import HOTLIST_HEAD, Address
from edge.grammar import load_grammar
from edge.hotlist.desk import HotlistDesk
from edge.hotlist.opened import opened
from edge.publish.publisher import Publisher
from edge.settings import CameraSettings, EdgeSettings, MqttSettings, SpoolSettings
from edge.spool.queue import Spool

pytestmark = pytest.mark.mosquitto
GRAMMAR = load_grammar(plate_files())
TLS = ("ca_file", "cert_file", "key_file")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return enrolled(tmp_path_factory.mktemp("city"), "edge-1", "edge-2")


@pytest.fixture(scope="module")
def broker(city: City) -> Iterator[CityBroker]:
    with running(CityBroker(city)) as broker:
        yield broker


class Herald:
    """Publishes what an issuer has issued, with somebody's certificate."""

    def __init__(self, broker: CityBroker, user: str = "centre") -> None:
        tls = broker.settings(user)["tls"]
        key = load_pem_private_key(Path(tls["key_file"]).read_bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        certificate = load_pem_x509_certificate(Path(tls["cert_file"]).read_bytes())
        self.issuer = Issuer(Pen(key, certificate), number=time.time_ns() // 1000)
        self._told: dict[str, bytes] = {}
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set(*(tls[name] for name in TLS), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def issue(self, entries: list[Entry]) -> Head:
        """The parts that changed, before the head that names them."""
        head = self.issuer.issue(entries, at=now())
        retained = self.issuer.retained
        topics = sorted(self._told.keys() | retained.keys(), key=lambda topic: topic == HOTLIST_HEAD)
        for topic in topics:
            if retained.get(topic) != self._told.get(topic):
                self._client.publish(topic, retained.get(topic, b""), qos=1, retain=True).wait_for_publish(20)
        self._told = dict(retained)
        return head

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def herald(broker: CityBroker) -> Iterator[Herald]:
    herald = Herald(broker)
    yield herald
    herald.close()


class Box:
    """Spool, publisher and desk, wired as the worker does."""

    def __init__(
        self, folder: Path, broker: CityBroker, *, name: str = "edge-1", protocol: str = "5"
    ) -> None:
        settings = EdgeSettings(
            edge_id=name,
            site_id="site-1",
            cameras=(CameraSettings(id="cam-1", url="rtsp://127.0.0.1/1"),),
            mqtt=MqttSettings(**broker.settings(name, protocol=protocol)),
            spool=SpoolSettings(path=folder / f"{name}.sqlite"),
        )
        self.spool = Spool(settings.spool.path, edge_id=name, max_bytes=10_000_000, clock=now)
        desk = opened(settings, grammar=GRAMMAR, clock=now)
        assert isinstance(desk, HotlistDesk)
        self.desk = desk
        address = Address("site-1", name)
        self.publisher = Publisher(self.spool, settings.mqtt, address, clock=now, heard=desk.heard)
        self.publisher.start()
        self.desk.start(self.publisher.listen)

    def lists(self, plate: str) -> bool:
        return self.desk.is_listed(plate_read(1, 1, plate=plate, at=now()))

    def wait_for(self, head: Head) -> None:
        def health() -> object:
            return self.desk.health, self.publisher.state

        wait_for(lambda: self.desk.health.number == head.number, 30, what=health)

    def close(self) -> None:
        self.desk.stop()
        self.publisher.stop(drain_s=0)
        self.spool.close()


@pytest.fixture
def boxes(broker: CityBroker, tmp_path: Path) -> Iterator[list[Box]]:
    """One that speaks MQTT 5, and one 3.1.1."""
    boxes = [
        Box(tmp_path, broker, name=name, protocol=protocol)
        for name, protocol in (("edge-1", "5"), ("edge-2", "3.1.1"))
    ]
    yield boxes
    for box in boxes:
        box.close()


def test_every_box_has_the_copy_and_each_change_in_moments(herald: Herald, boxes: list[Box]) -> None:
    entries = [an_entry(f"P{number:05}") for number in range(3000)]
    head = herald.issue(entries)
    for box in boxes:
        box.wait_for(head)
        assert (box.lists("P00007"), box.lists("ABC123")) == (True, False)
    began = time.monotonic()
    head = herald.issue([*entries[:7], *entries[8:], an_entry("ABC123")])
    for box in boxes:
        box.wait_for(head)
        assert (box.lists("P00007"), box.lists("ABC123")) == (False, True)
        assert box.desk.health.fault == ""
    # Told, not judged by: the machine may be busy otherwise.
    print(f"a change at two boxes after {time.monotonic() - began:.2f} s")  # noqa: T201


def test_who_was_away_has_the_newest_and_knows_before_it_has_it(
    broker: CityBroker, herald: Herald, tmp_path: Path
) -> None:
    box = Box(tmp_path, broker)
    box.wait_for(herald.issue([an_entry("ABC123")]))
    box.close()
    herald.issue([an_entry("XYZ789")])
    head = herald.issue([an_entry("XYZ789"), an_entry("KLM456")])
    again = Box(tmp_path, broker)
    again.wait_for(head)
    assert [again.lists(plate) for plate in ("ABC123", "XYZ789", "KLM456")] == [False, True, True]
    again.close()


def saved_at(broker: CityBroker) -> int:
    file = broker.folder / "mosquitto.db"
    return file.stat().st_mtime_ns if file.exists() else 0


def test_over_a_restart_of_the_broker(broker: CityBroker, herald: Herald, tmp_path: Path) -> None:
    box = Box(tmp_path, broker)
    box.wait_for(herald.issue([an_entry("ABC123")]))
    saved = saved_at(broker)  # it saves every second
    wait_for(lambda: saved_at(broker) != saved)
    broker.restart()
    herald.close()
    herald = Herald(broker)
    box.wait_for(herald.issue([an_entry("XYZ789")]))
    assert (box.lists("XYZ789"), box.desk.health.replayed) == (True, 0)
    herald.close()
    box.close()


def test_a_box_gives_no_copy_to_another(broker: CityBroker, herald: Herald, tmp_path: Path) -> None:
    """Neither does the broker take it, nor would anybody believe what one has signed."""
    box = Box(tmp_path, broker)
    head = herald.issue([an_entry("ABC123")])
    box.wait_for(head)
    forger = Herald(broker, "edge-2").issuer
    forged = forger.issue([], at=now())
    assert forged.number > head.number
    box.desk.heard(HOTLIST_HEAD, forger.retained[HOTLIST_HEAD])
    wait_for(lambda: box.desk.health.refused == 1)
    assert "signed by 'edge-2', not by the centre" in box.desk.health.fault
    assert box.lists("ABC123")
    box.close()
