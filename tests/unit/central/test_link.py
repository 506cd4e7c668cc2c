"""The link to the broker: what brokers of the tests cannot be made to do (see integration for the rest)."""

import queue
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from central_messages import read_message
from central_reads import NOON, a_read
from city import City
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from structlog.testing import capture_logs

from central.consume.link import MqttLink
from central.consume.store import Reply
from central.consume.units import UNITS
from central.consume.writer import Delivery
from central.errors import ConfigError
from central.sections import MqttSettings
from edge.contract.delivery import Ack
from edge.contract.topics import HOTLIST_HEAD, Address, subscriptions


class FakeClient:
    """Stands where paho's client does."""

    def __init__(self, rc: MQTTErrorCode = MQTTErrorCode.MQTT_ERR_SUCCESS) -> None:
        self.rc = rc
        self.acked: list[int] = []
        self.published: list[tuple[str, bool]] = []
        self.payloads: list[str] = []
        self.subscribed: list[str] = []
        self.unsubscribed: list[str] = []

    def ack(self, mid: int, qos: int) -> None:
        assert qos == 1
        self.acked.append(mid)

    def publish(self, topic: str, payload: str, *, qos: int, retain: bool) -> SimpleNamespace:
        assert qos == 1
        self.payloads.append(payload)
        self.published.append((topic, retain))
        return SimpleNamespace(rc=self.rc)

    def is_connected(self) -> bool:
        return True

    def subscribe(self, filters: list[tuple[str, object]]) -> None:
        self.subscribed += [topic for topic, _ in filters]

    def unsubscribe(self, filters: list[str]) -> None:
        self.unsubscribed += filters


@pytest.fixture
def faults() -> list[str]:
    return []


def a_link(faults: list[str], *, size: int = 10, **more: object) -> tuple[MqttLink, "queue.Queue[Delivery]"]:
    deliveries: queue.Queue[Delivery] = queue.Queue(size)
    settings = MqttSettings.model_validate(more)
    return MqttLink(settings, deliveries, clock=lambda: NOON, on_fault=faults.append), deliveries


def reason(words: str, packet: int = PacketTypes.DISCONNECT) -> ReasonCode:
    return ReasonCode(packet, words)


def connect(link: MqttLink, client: FakeClient) -> None:
    link._on_connect(
        client, None, SimpleNamespace(session_present=True), reason("Success", PacketTypes.CONNACK), None
    )


def a_publish(mid: int, *, topic: bytes | None = None, qos: int = 1) -> MQTTMessage:
    sent = read_message(a_read(mid))
    message = MQTTMessage(mid=mid, topic=topic or sent.topic.encode())
    message.payload, message.qos = sent.payload, qos
    return message


def test_every_filter_is_subscribed_on_each_connection(faults: list[str]):
    link, _ = a_link(faults)
    client = FakeClient()
    connect(link, client)
    connect(link, client)
    assert client.subscribed == [*subscriptions(), UNITS] * 2


def test_a_part_of_the_partitions_leaves_and_takes_nothing_of_the_others(faults: list[str]):
    link, _ = a_link(faults, client_id="central-2", partitions="0-1,63")
    client = FakeClient()
    connect(link, client)
    assert client.subscribed == [*subscriptions([0, 1, 63]), UNITS]
    others = {topic for number in range(2, 63) for topic in subscriptions([number])}
    asked = {HOTLIST_HEAD}  # by a process that was killed before its answer
    assert set(client.unsubscribed) == others | set(subscriptions()) | asked


def test_the_head_of_a_copy_is_no_delivery_and_its_answer_no_fault(faults: list[str]):
    link, deliveries = a_link(faults)
    refused = reason("Not authorized", PacketTypes.SUBACK)
    link.board._mid = 7
    link._on_subscribe(None, None, 7, [refused], None)
    assert faults == []
    assert link.board.is_answer(7, [refused]) is False, "it was heard"
    head = MQTTMessage(topic=HOTLIST_HEAD.encode())
    head.payload = b"head"
    link._client._handle_on_message(head)
    assert deliveries.empty()
    assert link.board._payload == b"head"


def test_what_is_told_to_all_edges_is_waited_for_at_the_end(faults: list[str]):
    link, _ = a_link(faults)
    link._client = FakeClient()
    link._client.disconnect = link._client.loop_stop = lambda: None
    link.board.told = 1
    with capture_logs() as logs:
        link.close(patience_s=0.02)
    assert [log["number"] for log in logs] == [1]
    link._on_publish(None, None, 3, reason("Not authorized", PacketTypes.PUBACK), None)
    with capture_logs() as logs:
        link.close(patience_s=5)
    assert logs == []
    assert list(link.board._refused) == [3]


def test_another_consumer_hears_the_units(faults: list[str]):
    link, _ = a_link(faults, client_id="central-2", partitions="1-63")
    client = FakeClient()
    connect(link, client)
    assert UNITS not in client.subscribed
    assert UNITS in client.unsubscribed, "it may have heard them before"


def test_a_packet_id_of_an_earlier_connection_is_not_confirmed(faults: list[str]):
    link, deliveries = a_link(faults)
    link._client = client = FakeClient()
    connect(link, client)
    link._on_message(client, None, a_publish(1))
    connect(link, client)
    link._on_message(client, None, a_publish(2))
    link._on_message(client, None, a_publish(3, qos=0))
    link.confirm([deliveries.get(), deliveries.get(), deliveries.get()])
    assert client.acked == [2]


def test_a_full_queue_makes_the_network_wait(faults: list[str]):
    link, deliveries = a_link(faults, size=1)
    thread = threading.Thread(target=lambda: [link._on_message(None, None, a_publish(mid)) for mid in (1, 2)])
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive()
    assert deliveries.get().arrival.mid == 1
    thread.join(5)
    assert not thread.is_alive()
    assert deliveries.get().arrival.mid == 2


def test_what_comes_while_we_stop_is_left_to_the_broker(faults: list[str]):
    link, deliveries = a_link(faults)
    link.stop_taking()
    link._on_message(None, None, a_publish(1))
    assert deliveries.empty()


def test_a_topic_that_is_not_utf_8_is_taken_too(faults: list[str]):
    link, deliveries = a_link(faults)
    link._on_message(None, None, a_publish(1, topic=b"lpr/\xff"))
    assert deliveries.get().arrival.topic == "(not UTF-8)"


def test_a_reply_that_finds_the_queue_full_is_counted(faults: list[str]):
    link, _ = a_link(faults)
    address = Address("site-1", "edge-1")
    replies = [Reply(address, 7, {}, retain=True)] * 2
    link._client = FakeClient()
    link.reply(replies)
    assert link._client.published == [(address.ack, True)] * 2
    assert Ack.model_validate_json(link._client.payloads[0]).at == NOON
    assert link.dropped_replies == 0
    link._client = FakeClient(MQTTErrorCode.MQTT_ERR_QUEUE_SIZE)
    link.reply(replies)
    assert link.dropped_replies == 2


def test_a_session_taken_over_is_a_fault(faults: list[str]):
    link, _ = a_link(faults, client_id="central-7")
    link._on_disconnect(None, None, None, reason("Session taken over"), None)
    assert faults == ["broker 127.0.0.1:1883: another consumer has taken over as 'central-7'"]


@pytest.mark.parametrize(
    ("words", "is_fault"),
    [("Not authorized", True), ("Bad user name or password", True), ("Server busy", False)],
)
def test_a_refused_connection_is_a_fault_unless_it_passes(faults: list[str], words: str, is_fault: bool):
    link, _ = a_link(faults)
    link._on_connect(None, None, None, reason(words, PacketTypes.CONNACK), None)
    assert bool(faults) is is_fault
    if is_fault:
        assert faults == [f"broker 127.0.0.1:1883: connection of a client without a user refused: {words}"]


@pytest.mark.parametrize("words", ["Not authorized", "Bad user name or password", "Banned"])
def test_once_connected_a_refusal_is_told_and_tried_again(faults: list[str], words: str):
    link, _ = a_link(faults, username="centre", password_file=__file__)
    connect(link, FakeClient())
    with capture_logs() as logs:
        link._on_disconnect(None, None, None, reason("Server shutting down"), None)
        link._on_connect(None, None, None, reason(words, PacketTypes.CONNACK), None)
        link._on_disconnect(None, None, None, reason("Unspecified error"), None)
    assert faults == []
    assert [log["event"] for log in logs] == [
        "connection lost, trying again",
        "broker refuses us, trying again",
    ], "once, and with no guess at what the broker has said"
    assert (logs[1]["log_level"], logs[1]["who"], logs[1]["reason"]) == ("error", "user 'centre'", words)
    link._on_message(None, None, a_publish(1))
    assert not link._closing.is_set()


def test_once_granted_a_refused_subscription_is_asked_for_again(
    faults: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.consume.link._SUBSCRIBE_AGAIN_S", 0.05)
    link, _ = a_link(faults)
    link._client = client = FakeClient()
    connect(link, client)
    granted, refused = (reason(words, PacketTypes.SUBACK) for words in ("Granted QoS 1", "Not authorized"))
    link._on_subscribe(None, None, 1, [granted] * 2, None)
    with capture_logs() as logs:
        link._on_subscribe(None, None, 2, [granted, refused], None)
        deadline = time.monotonic() + 10
        while len(client.subscribed) < 2 * (len(subscriptions()) + 1) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert faults == []
    assert client.subscribed == [*subscriptions(), UNITS] * 2
    assert [(log["event"], log["topics"]) for log in logs] == [
        ("broker refuses a subscription, trying again", subscriptions()[1])
    ]
    link.stop_taking()
    link._on_subscribe(None, None, 3, [refused, refused], None)
    time.sleep(0.2)
    assert len(client.subscribed) == 2 * (len(subscriptions()) + 1), "not while we stop"


@pytest.mark.parametrize(("protocol", "other"), [("5", "3.1.1"), ("3.1.1", "5")])
def test_a_broker_of_another_version_is_guessed_at(faults: list[str], protocol: str, other: str):
    link, _ = a_link(faults, protocol=protocol)
    hint = link._hint()["hint"]
    assert f'Does it speak MQTT {protocol}? If not, set protocol: "{other}"' in hint
    link._on_connect(None, None, None, reason("Unsupported protocol version", PacketTypes.CONNACK), None)
    assert faults == [
        "broker 127.0.0.1:1883: connection of a client without a user refused: Unsupported protocol version; "
        f'set protocol: "{other}"'
    ]


def test_a_refused_subscription_is_a_fault(faults: list[str], tmp_path: Path):
    (tmp_path / "secret").write_text("centre's own\n")
    link, _ = a_link(faults, username="centre", password_file=tmp_path / "secret")
    granted = reason("Granted QoS 1", PacketTypes.SUBACK)
    refused = reason("Not authorized", PacketTypes.SUBACK)
    link._on_subscribe(None, None, 1, [granted, refused], None)
    assert faults == [f"broker 127.0.0.1:1883: subscription of user 'centre' refused: {subscriptions()[1]}"]


def test_connections_that_die_at_once_are_hinted_at(faults: list[str]):
    link, _ = a_link(faults)
    assert "a user and password" in link._hint()["hint"]
    for expected in (False, False, True):
        connect(link, FakeClient())
        assert ("another process" in str(link._hint())) is expected
    assert faults == []


def test_certificates_that_cannot_be_read_are_named(faults: list[str]):
    with pytest.raises(ConfigError, match=r"TLS files cannot be used \(/nowhere/ca\.pem\)"):
        a_link(faults, host="broker.example", tls={"ca_file": "/nowhere/ca.pem"})


def test_a_refused_certificate_is_named(faults: list[str], tmp_path: Path):
    tls = City(tmp_path / "city").enroll("edge-1")
    link, _ = a_link(faults, tls=tls)
    assert "is our certificate of its authority, valid and not revoked?" in link._hint()["hint"]
    link._on_connect(None, None, None, reason("Not authorized", PacketTypes.CONNACK), None)
    assert f"connection of certificate {tls['cert_file']} refused: Not authorized" in faults[0]
