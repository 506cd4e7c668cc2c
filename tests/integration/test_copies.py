"""Copies of the lists over a real broker with certificates: a change arrives, whole and signed, whatever is killed."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import needs_mosquitto, running
from central_messages import list_plates
from centres import Centre
from city import City, CityBroker
from edge_centre import wait_for
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from central.hotlist.signer import load_signer
from edge.contract.config import TlsSettings
from edge.contract.hotlist import PARTS, Head, digest, part_of, unpack
from edge.contract.topics import HOTLIST_HEAD, hotlist_part

pytestmark = pytest.mark.mosquitto
LISTED = "{},CO,,stolen,5,SIJIN,C-1,2026-01-01,2036-12-31"


class Box:
    """Hears what a box may hear of the copies, and keeps what it was told last."""

    def __init__(self, broker: CityBroker, name: str = "edge-1") -> None:
        self._lock = threading.Lock()
        self._payloads: dict[str, bytes] = {}
        self.heard: list[str] = []
        tls: dict[str, Any] = broker.settings(name)["tls"]
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.tls_set(tls["ca_file"], tls["cert_file"], tls["key_file"])
        self.client.on_connect = lambda client, *_: client.subscribe("lpr/v1/hotlist/#", qos=1)
        self.client.on_message = self._take
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        self._judge = load_signer(TlsSettings.model_validate(broker.settings("centre")["tls"]))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def forget(self) -> None:
        with self._lock:
            self.heard.clear()

    @property
    def head(self) -> Head | None:
        """The head, which must be the centre's."""
        with self._lock:
            payload = self._payloads.get(HOTLIST_HEAD)
        if payload is None:
            return None
        head = self._judge.own(payload)
        assert head is not None
        return head

    def plates(self) -> set[str] | None:
        """What the head names; None while a part of it is not there."""
        head, found = self.head, set()
        with self._lock:
            payloads = dict(self._payloads)
        if head is None:
            return None
        for part in range(PARTS):
            payload = payloads.get(hotlist_part(part), b"")
            if digest(payload) != head.parts[part]:
                return None
            found |= {entry.plate for entry in unpack(payload, part)}
        return found

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._lock:
            self.heard.append(message.topic)
            if message.payload:
                self._payloads[message.topic] = message.payload
            else:
                self._payloads.pop(message.topic, None)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    needs_mosquitto()
    city = City(tmp_path_factory.mktemp("city"))
    city.enroll("edge-1")
    return city


@pytest.fixture(scope="module")
def broker(city: City) -> Iterator[CityBroker]:
    with running(CityBroker(city)) as broker:
        assert isinstance(broker, CityBroker)
        yield broker


@pytest.fixture(scope="module")
def centre(broker: CityBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    centre = Centre(tmp_path_factory.mktemp("centre"), broker)
    centre.start()
    centre.wait_for(" subscribed ")
    yield centre
    centre.close()


@pytest.fixture
def hear(broker: CityBroker) -> Iterator[Callable[[], Box]]:
    with contextlib.ExitStack() as stack:

        def hear() -> Box:
            box = Box(broker)
            stack.callback(box.close)
            return box

        yield hear


def enter(centre: Centre, folder: Path, *plates: str, whole: bool = False) -> None:
    engine = centre.database()
    lines = map(LISTED.format, plates)
    list_plates(engine, folder, *lines, list_name="stolen", whole=whole, even_many=whole)
    engine.dispose()


def test_a_change_reaches_a_box_as_one_part_and_a_signed_head(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    enter(centre, tmp_path, "ABC123", "XYZ789", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"ABC123", "XYZ789"}, 20, what=centre.log)
    box.forget()
    began_s = time.monotonic()
    enter(centre, tmp_path, "DEF456")
    wait_for(lambda: box.plates() == {"ABC123", "XYZ789", "DEF456"}, 20, what=centre.log)
    record_property("seconds_to_a_box", round(time.monotonic() - began_s, 2))
    assert box.heard == [hotlist_part(part_of("DEF456")), HOTLIST_HEAD]
    assert "DEF456" not in centre.log()


def test_a_removal_leaves_nothing_of_the_plate_at_the_broker(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path
) -> None:
    enter(centre, tmp_path, "GON123", "XYZ789", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"GON123", "XYZ789"}, 20, what=centre.log)
    words = ("--as", "ana", "--purpose", "found", "--case", "1")
    assert centre.run("hotlist", "remove", "GON123", "--country", "CO", *words).returncode == 0
    wait_for(lambda: box.plates() == {"XYZ789"}, 20, what=centre.log)
    late = hear()
    wait_for(lambda: late.plates() == {"XYZ789"}, 20)
    assert hotlist_part(part_of("GON123")) not in late.heard


def test_a_box_may_read_copies_and_write_none(
    centre: Centre, broker: CityBroker, hear: Callable[[], Box], tmp_path: Path
) -> None:
    enter(centre, tmp_path, "ABC123", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"ABC123"}, 20, what=centre.log)
    for topic in (HOTLIST_HEAD, hotlist_part(part_of("ABC123")), "lpr/v1/hotlist/more"):
        liar = Box(broker)
        try:
            answers: list[str] = []
            liar.client.on_publish = lambda _c, _d, _m, reason, _p, told=answers: told.append(str(reason))
            wait_for(lambda box=liar: box.heard, 20)
            liar.client.publish(topic, b"", qos=1, retain=True)
            wait_for(lambda told=answers: told, 20)
            assert answers[0] == "Not authorized"
        finally:
            liar.close()
    late = hear()
    wait_for(lambda: late.plates() == {"ABC123"}, 20)


def test_a_broker_that_forgot_everything_is_told_everything(
    centre: Centre, broker: CityBroker, hear: Callable[[], Box], tmp_path: Path
) -> None:
    enter(centre, tmp_path, "ABC123", "XYZ789", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"ABC123", "XYZ789"}, 20, what=centre.log)
    before = box.head
    broker.kill9()
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    broker.start()
    late = hear()
    wait_for(lambda: late.plates() == {"ABC123", "XYZ789"}, 40, what=centre.log)
    assert before is not None
    assert late.head is not None
    assert late.head.number > before.number


def test_killed_at_any_moment_it_ends_with_what_is_in_force(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path
) -> None:
    killed(centre, hear(), tmp_path, rounds=1)


@pytest.mark.proof
def test_killed_again_and_again_it_ends_with_what_is_in_force(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path
) -> None:
    killed(centre, hear(), tmp_path, rounds=20)


def killed(centre: Centre, box: Box, folder: Path, *, rounds: int) -> None:
    number = 0
    for round_ in range(rounds):
        enter(centre, folder, *(f"AA{round_}{n:03d}" for n in range(300)), whole=True)
        time.sleep(0.1 + 0.13 * (round_ % 7))
        centre.kill9()
        want = {f"BB{round_}{n:03d}" for n in range(200)}
        enter(centre, folder, *sorted(want), whole=True)
        centre.start()
        wait_for(lambda want=want: box.plates() == want, 60, what=centre.log)
        assert box.head is not None
        assert box.head.number > number
        number = box.head.number
