"""Copies of the lists over a real broker with certificates: a change arrives, whole and signed, whatever is killed."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from brokers import running
from central_messages import list_plates
from centres import Centre, subscribed
from city import City, CityBroker, enrolled
from edge_centre import wait_for
from edge_reads import plate_read
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from central.hotlist.signer import load_signer
from edge.assets import plate_files
from edge.contract.config import TlsSettings
from edge.contract.hotlist import PARTS, Head, digest, part_of, unpack
from edge.contract.topics import HOTLIST_HEAD, Address, hotlist_part
from edge.grammar import load_grammar
from edge.health.reporter import HealthReporter, Sources
from edge.hotlist.desk import HotlistDesk
from edge.hotlist.opened import opened
from edge.publish.publisher import Publisher
from edge.settings import CameraSettings, EdgeSettings, SpoolSettings
from edge.settings import MqttSettings as EdgeMqttSettings
from edge.spool.queue import Spool

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


class EdgeBox:
    """A box's own copy, with the link and the health by which it acknowledges; wired as its worker does."""

    def __init__(self, folder: Path, broker: CityBroker) -> None:
        settings = EdgeSettings(
            edge_id="edge-1",
            site_id="site-1",
            cameras=(CameraSettings(id="cam-1", url="rtsp://127.0.0.1/1"),),
            mqtt=EdgeMqttSettings(**broker.settings("edge-1")),
            spool=SpoolSettings(path=folder / "spool.sqlite"),
        )
        address = Address("site-1", "edge-1")
        self._spool = Spool(settings.spool.path, edge_id="edge-1", max_bytes=10_000_000, clock=now)
        self.desk = opened(settings, grammar=load_grammar(plate_files()), clock=now)
        assert isinstance(self.desk, HotlistDesk)
        self._publisher = Publisher(self._spool, settings.mqtt, address, clock=now, heard=self.desk.heard)
        sources = Sources(
            cameras=tuple,
            pipeline_ms=lambda: None,
            link=lambda: self._publisher.state,
            outbox=str,
            hotlist=lambda: self.desk.health,
        )
        self._health = HealthReporter(
            address, self._spool, sources, send=self._publisher.announce, interval_s=600, clock=now
        )
        self._publisher.start()
        self.desk.start(self._publisher.listen)
        self._health.start()

    def lists(self, plate: str) -> bool:
        return self.desk.is_listed(plate_read(1, 1, plate=plate, at=now()))

    def close(self) -> None:
        self._health.stop()
        self.desk.stop()
        self._publisher.stop(drain_s=0)
        self._spool.close()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return enrolled(tmp_path_factory.mktemp("city"), "edge-1")


@pytest.fixture(scope="module")
def broker(city: City) -> Iterator[CityBroker]:
    with running(CityBroker(city)) as broker:
        yield broker


@pytest.fixture(scope="module")
def centre(broker: CityBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with subscribed(Centre(tmp_path_factory.mktemp("centre"), broker)) as centre:
        yield centre


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


def remove(centre: Centre, plate: str, *words: str) -> "subprocess.CompletedProcess[str]":
    look = ("--as", "ana", "--purpose", "found", "--case", "1")
    return centre.run("hotlist", "remove", plate, "--country", "CO", *look, *words)


def test_a_change_reaches_a_box_as_one_part_and_a_signed_head(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path
) -> None:
    enter(centre, tmp_path, "ABC123", "XYZ789", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"ABC123", "XYZ789"}, 20, what=centre.log)
    box.forget()
    began_s = time.monotonic()
    enter(centre, tmp_path, "DEF456")
    wait_for(lambda: box.plates() == {"ABC123", "XYZ789", "DEF456"}, 20, what=centre.log)
    # Told, not judged by: the machine may be busy otherwise.
    print(f"a change at a box after {time.monotonic() - began_s:.2f} s")  # noqa: T201
    assert box.heard == [hotlist_part(part_of("DEF456")), HOTLIST_HEAD]
    assert "DEF456" not in centre.log()


def test_a_removal_leaves_nothing_of_the_plate_at_the_broker(
    centre: Centre, hear: Callable[[], Box], tmp_path: Path
) -> None:
    enter(centre, tmp_path, "GON123", "XYZ789", whole=True)
    box = hear()
    wait_for(lambda: box.plates() == {"GON123", "XYZ789"}, 20, what=centre.log)
    assert remove(centre, "GON123").returncode == 0
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


def test_a_box_acknowledges_each_change_and_who_is_away_is_named(
    centre: Centre, broker: CityBroker, tmp_path: Path
) -> None:
    enter(centre, tmp_path, "KLM111", "KLM222", whole=True)
    with contextlib.closing(EdgeBox(tmp_path, broker)) as box:
        wait_for(lambda: box.lists("KLM222"), 30, what=lambda: (box.desk.health, centre.log()))
        began_s = time.monotonic()
        enter(centre, tmp_path, "NOP333")
        wait_for(lambda: box.lists("NOP333"), 30, what=lambda: (box.desk.health, centre.log()))
        print(f"a change matched by a box after {time.monotonic() - began_s:.2f} s")  # noqa: T201
        removed = remove(centre, "KLM111", "--wait", "30")
        assert (removed.returncode, box.lists("KLM111")) == (0, False), removed.stderr
        assert "1)" in removed.stderr
        assert (box.lists("KLM222"), box.desk.health.refused) == (True, 0)
    away = remove(centre, "KLM222", "--wait", "30")
    assert away.returncode == 0
    assert "edge-1" in away.stderr
    shown = json.loads(centre.run("hotlist", "boxes", "--json").stdout)
    assert [(each["edge_id"], each["holds"]) for each in shown["boxes"]] == [("edge-1", "older")]


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
    wait_for(lambda: box.plates() is not None, 20, what=centre.log)
    for round_ in range(rounds):
        box.forget()
        enter(centre, folder, *(f"AA{round_}{n:03d}" for n in range(300)), whole=True)
        wait_for(lambda least=1 + 35 * (round_ % 7): len(box.heard) >= least, 20, what=centre.log)
        centre.kill9()
        want = {f"BB{round_}{n:03d}" for n in range(200)}
        enter(centre, folder, *sorted(want), whole=True)
        centre.start()
        wait_for(lambda want=want: box.plates() == want, 60, what=centre.log)
        assert box.head is not None
        assert box.head.number > number
        number = box.head.number
