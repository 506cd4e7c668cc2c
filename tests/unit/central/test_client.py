"""Our client of paho's: a message taken on the short way is the message that paho's own way gives."""

import gc
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from central.consume.client import LeanClient

NO_PROPERTIES = b"\0"


@dataclass(frozen=True)
class Packet:
    """PUBLISH, as it comes."""

    flags: int
    body: bytes


def packet(
    *,
    topic: bytes = b"lpr/v1/a",
    properties: bytes = NO_PROPERTIES,
    payload: bytes = b"{}",
    flags: int = 0b0010,
) -> Packet:
    number = struct.pack("!H", 7) if flags & 0b0110 else b""
    return Packet(flags, struct.pack("!H", len(topic)) + topic + number + properties + payload)


def some_properties() -> bytes:
    given = Properties(PacketTypes.PUBLISH)
    given.UserProperty = ("who", "somebody")
    return bytes(given.pack())


def taken(kind: type[Client], packets: list[Packet], *, five: bool = True) -> list[object]:
    """What a client makes of packets; instead of a message the kind of fault."""
    protocol = MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311
    client = kind(CallbackAPIVersion.VERSION2, "c", protocol=protocol, manual_ack=True)
    seen: list[object] = []

    def note(_client: Client, _data: object, message: MQTTMessage) -> None:
        told = (message._topic, message.payload, message.mid, message.qos, message.dup, message.retain)
        assert message.timestamp > 0.0
        seen.append(told)

    client.on_message = note
    for each in packets:
        client._in_packet |= {"command": 0x30 | each.flags, "packet": bytearray(each.body)}
        try:
            client._handle_publish()
        except Exception as error:  # noqa: BLE001  # whatever paho's raises, ours has to
            seen.append(type(error))
    return seen


@given(
    topic=st.binary(max_size=40),
    payload=st.binary(max_size=40),
    flags=st.integers(0, 0b1111),
    properties=st.sampled_from([NO_PROPERTIES, some_properties()]),
    cut=st.integers(0, 8),
    five=st.booleans(),
)
def test_it_is_the_message_of_paho(
    topic: bytes, payload: bytes, flags: int, properties: bytes, cut: int, five: bool
) -> None:
    whole = packet(topic=topic, properties=properties if five else b"", payload=payload, flags=flags)
    sent = [whole, Packet(flags, whole.body[: len(whole.body) - cut])]
    assert taken(LeanClient, sent, five=five) == taken(Client, sent, five=five)


def test_with_properties_it_is_paho_that_understands_it() -> None:
    seen: list[Properties | None] = []
    client = LeanClient(CallbackAPIVersion.VERSION2, "c", protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = lambda _client, _data, message: seen.append(message.properties)
    client._in_packet |= {
        "command": 0x30,
        "packet": bytearray(packet(properties=some_properties(), flags=0).body),
    }
    client._handle_publish()
    assert [found and found.UserProperty for found in seen] == [[("who", "somebody")]]


def test_without_anybody_to_take_it_nothing_happens() -> None:
    client = LeanClient(
        CallbackAPIVersion.VERSION2, "c", protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
    )
    client._in_packet |= {"command": 0x32, "packet": bytearray(packet().body)}
    assert client._handle_publish() == 0


@pytest.mark.parametrize(("kind", "is_lean"), [(LeanClient, True), (Client, False)])
def test_a_message_leaves_nothing_that_has_to_be_searched_for(kind: type[Client], *, is_lean: bool) -> None:
    sent = [packet()] * 100
    taken(kind, sent)  # what is made once
    gc.collect()
    gc.disable()
    try:
        taken(kind, sent)
        found = gc.collect()
    finally:
        gc.enable()
    assert (found < len(sent)) is is_lean
