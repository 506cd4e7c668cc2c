"""The consumer's client of paho-mqtt, as its settings want it; nothing is connected yet."""

import socket
import time
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from central.errors import ConfigError
from central.sections import MqttSettings, read_secret
from edge.contract.config import TlsSettings

_REPLIES_MAX: Final = 10_000
"""Acknowledgements to edges waiting for the broker; what is dropped beyond is said again to who asks again."""

# Of a PUBLISH packet's first byte (MQTT 5.0, 3.3.1).
_DUP: Final = 0b1000
_QOS: Final = 0b0110
_QOS_1: Final = 0b0010
_RETAIN: Final = 0b0001


class LeanClient(Client):
    """paho's, but a message of MQTT 5 that has no properties, as no edge gives any, is taken on the short way.

    paho's own makes a table of all properties that there may be, which is four fifths of decoding a message, and looks
    through its filters, which are none; what that leaves behind refers to itself, so that only a search for garbage
    ends it.
    """

    def _handle_publish(self) -> MQTTErrorCode:
        head, packet = self._in_packet["command"], self._in_packet["packet"]
        at = 2 + int.from_bytes(packet[:2])  # behind the topic: its number, and how long the properties are
        is_lean = (
            self.protocol == MQTTProtocolVersion.MQTTv5
            and head & _QOS == _QOS_1
            and packet[at + 2 : at + 3] == b"\0"
        )
        if not is_lean or self.on_message is None:
            return super()._handle_publish()
        message = MQTTMessage(int.from_bytes(packet[at : at + 2]), bytes(packet[2:at]))
        message.dup, message.qos, message.retain = bool(head & _DUP), 1, bool(head & _RETAIN)
        message.payload = bytes(packet[at + 3 :])
        message.timestamp = time.monotonic()
        self.on_message(self, None, message)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def make_client(settings: MqttSettings) -> Client:
    """A client with a durable session, which confirms what it received when it is told to.

    Raises:
        ConfigError: the password or a certificate cannot be read.
    """
    five = settings.protocol == "5"
    client = LeanClient(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else False,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        manual_ack=True,
    )
    client.reconnect_delay_set(1, 30)
    client.max_queued_messages_set(_REPLIES_MAX)
    # Behind a backlog the broker's confirmations come last; 20 at a time, paho's own, would hold replies back.
    client.max_inflight_messages_set(65_535)
    if settings.username is not None:
        secret = None if settings.password_file is None else read_secret(settings.password_file)
        client.username_pw_set(settings.username, secret)
    if settings.tls is not None:
        _use_tls(client, settings.tls)
    client.on_socket_open = _send_at_once
    return client


def _send_at_once(_client: Client, _data: object, sock: Any) -> None:  # noqa: ANN401  # of many kinds
    """Without it a small message waits for the acknowledgement of the one before."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _use_tls(client: Client, tls: TlsSettings) -> None:
    try:
        client.tls_set(
            ca_certs=str(tls.ca_file),
            certfile=None if tls.cert_file is None else str(tls.cert_file),
            keyfile=None if tls.key_file is None else str(tls.key_file),
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        files = ", ".join(str(f) for f in (tls.ca_file, tls.cert_file, tls.key_file) if f is not None)
        raise ConfigError(f"TLS files cannot be used ({files}): {error}") from error
