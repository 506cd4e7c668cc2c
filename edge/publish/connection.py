"""One connection to the broker through paho-mqtt, driven by the thread that uses it.

A connection is used once: after a loss a new one is made, so that nothing waits in paho's own queues that
the spool does not know of. paho calls back inside `step` only; the callbacks note, and act on nothing.
"""

import selectors
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.errors import LinkLostError, PublishError
from edge.publish import tls
from edge.secret import read_secret
from edge.settings import MqttSettings

CONNECT_S: Final = 5.0
"""Patience for the TCP connection, and again for the broker's answer."""

_PROTOCOL: Final = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_PASSING: Final = frozenset({"Server unavailable", "Server busy", "Quota exceeded", "Use another server"})


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when this connection breaks off."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The broker's PUBACK: it has the message (`refusal` empty), or says why it will not take it."""

    mid: int
    refusal: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that the broker delivered; `retained` ones are of unknown age."""

    topic: str
    payload: bytes
    retained: bool


class Connection:
    """An open connection; connected, and accepted by the broker, once constructed.

    Attributes:
        receive_maximum: unconfirmed messages that the broker allows.
        maximum_packet: bytes of the largest packet that the broker takes.
        confirmations: PUBACKs since they were last taken from here.
        incoming: messages of our subscriptions since they were last taken from here.
        denied: optional subscriptions that the broker refuses, and why.

    Raises:
        PublishError: the broker refuses us: user, password, certificate.
        LinkLostError: it is unreachable, or breaks off.
        ConfigError: the password file cannot be read.
    """

    def __init__(self, settings: MqttSettings, *, client_id: str, will: Will, wake: socket.socket) -> None:
        self.receive_maximum = 65_535
        self.maximum_packet = 268_435_455
        self.confirmations: deque[Confirmation] = deque()
        self.incoming: deque[Incoming] = deque()
        self.denied: dict[str, str] = {}
        self._optional: dict[int | None, str] = {}
        self._settings = settings
        self._where = f"broker {settings.host}:{settings.port}"
        self._wake = wake
        self._accepted = False
        self._fault: PublishError | None = None
        self._alert = ""
        self._selector = selectors.DefaultSelector()
        self._client = self._make_client(client_id, will)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message to the broker (QoS 1); the number that its confirmation will bear.

        Raises:
            LinkLostError: the connection is gone.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(paho.error_string(info.rc))
        return info.mid

    def subscribe(self, topic: str, *, optional: bool = False) -> None:
        """Subscribe (QoS 1); a refusal is raised by a later `step`, or noted where we can do without.

        Raises:
            LinkLostError: the connection is gone.
        """
        rc, mid = self._client.subscribe(topic, qos=1)
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(paho.error_string(rc))
        if optional:
            self._optional[mid] = topic

    def unsubscribe(self, topic: str) -> None:
        """Be sent nothing more of this topic; what is on its way still comes.

        Raises:
            LinkLostError: the connection is gone.
        """
        rc, _ = self._client.unsubscribe(topic)
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(paho.error_string(rc))

    def step(self, timeout_s: float) -> None:
        """Wait for the broker or for a byte on `wake`, at most so long, and let paho read and write.

        Raises:
            PublishError: the broker refuses our subscription, or has sent us away.
            LinkLostError: the connection broke.
        """
        link = self._client.socket()
        if link is None:
            raise self._lost("closed")
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        self._selector.modify(link, events)
        # TLS may hold decrypted bytes that no selector sees.
        pending = link.pending() if isinstance(link, ssl.SSLSocket) else 0
        ready = {key.fileobj: mask for key, mask in self._selector.select(0 if pending else timeout_s)}
        if self._wake in ready:
            self._wake.recv(4096)
        codes = []
        if pending or ready.get(link, 0) & selectors.EVENT_READ:
            codes.append(self._client.loop_read())
        if ready.get(link, 0) & selectors.EVENT_WRITE:
            codes.append(self._client.loop_write())
        codes.append(self._client.loop_misc())
        if self._fault is not None:
            raise self._fault
        for code in codes:
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise self._lost(paho.error_string(code))

    def goodbye(self) -> None:
        """Tell the broker that we go on purpose, so that it publishes no last will."""
        self._client.on_disconnect = None
        self._client.disconnect()

    def close(self) -> None:
        """Close; without `goodbye` the broker publishes the last will. Idempotent."""
        self._selector.close()
        link = self._client.socket()
        if link is not None:
            link.close()

    def _make_client(self, client_id: str, will: Will) -> paho.Client:
        settings = self._settings
        five = settings.protocol == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if five else True,
            protocol=_PROTOCOL[settings.protocol],
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        # The window bounds what is unconfirmed; paho's own, smaller one would only hold messages back.
        client.max_inflight_messages_set(65_535)
        if settings.username is not None:
            secret = None if settings.password_file is None else read_secret(settings.password_file)
            client.username_pw_set(settings.username, secret)
        if settings.tls is not None:
            tls.use(client, settings.tls)
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_log = self._on_log
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _open(self) -> None:
        settings = self._settings
        try:
            if settings.protocol == "5":
                self._client.connect(settings.host, settings.port, settings.keepalive_s, clean_start=True)
            else:
                self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # as a broker does that is being restarted
            raise LinkLostError(f"{self._where}: closed during the handshake of TLS") from error
        except ssl.SSLError as error:
            if tls.is_alert(str(error)):
                raise self._refused_by_alert(str(error)) from error
            raise PublishError(f"{self._where}: TLS: {tls.explained(str(error))}") from error
        except OSError as error:
            raise LinkLostError(f"{self._where}: {error.strerror or error}") from error
        link = self._client.socket()
        if link is None:
            raise self._lost("closed")
        # Without it a small message waits for the acknowledgement of the one before.
        if isinstance(link, socket.socket):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(link, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        deadline = time.monotonic() + CONNECT_S
        while not self._accepted:
            if time.monotonic() > deadline:
                raise self._lost(f"no answer within {CONNECT_S:.0f} s")
            self.step(0.1)

    def _on_socket_open(self, _client: paho.Client, _data: object, link: object) -> None:
        if alert := tls.alert_before_we_speak(link):
            raise self._refused_by_alert(alert)

    def _on_log(self, _client: paho.Client, _data: object, _level: int, text: str) -> None:
        # The only place where paho tells what came over TLS: version 1.3 refuses our certificate after the handshake.
        if tls.is_alert(text):
            self._alert = text

    def _lost(self, why: str) -> PublishError:
        why = why.rstrip(".")  # paho speaks in sentences
        if self._accepted:
            return LinkLostError(f"{self._where}: {why}")
        if self._alert:
            return self._refused_by_alert(self._alert)
        return LinkLostError(f"{self._where}: {why} before it accepted us; {self._settings.doubts}")

    def _refused(self, what: str, reason: ReasonCode) -> PublishError:
        who, remedy = self._settings.who, self._settings.remedy(str(reason))
        return PublishError(f"{self._where}: {what} of {who} refused: {reason}{remedy}")

    def _refused_by_alert(self, alert: str) -> PublishError:
        return PublishError(f"{self._where}: TLS: {self._settings.who} refused: {tls.explained(alert)}")

    def _on_connect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            passing = str(reason) in _PASSING
            self._fault = (
                LinkLostError(f"{self._where}: {reason}") if passing else self._refused("connection", reason)
            )
            return
        self._accepted = True
        self.receive_maximum = getattr(properties, "ReceiveMaximum", self.receive_maximum)
        self.maximum_packet = getattr(properties, "MaximumPacketSize", self.maximum_packet)

    def _on_disconnect(
        self, _client: paho.Client, _data: object, flags: paho.DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        # Only the broker's own word (v5) is better than what paho's return code says.
        if flags.is_disconnect_packet_from_server and self._fault is None:
            self._fault = LinkLostError(f"{self._where}: sent us away: {reason}")

    def _on_subscribe(
        self, _client: paho.Client, _data: object, mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        optional = self._optional.pop(mid, None)
        for reason in reasons:
            if optional is not None:
                self.denied.pop(optional, None)
            if reason.is_failure and optional is not None:
                self.denied[optional] = str(reason)
            elif reason.is_failure:
                self._fault = self._refused("subscription to the centre's acknowledgements", reason)

    def _on_publish(
        self, _client: paho.Client, _data: object, mid: int, reason: ReasonCode, _p: object
    ) -> None:
        self.confirmations.append(Confirmation(mid, str(reason) if reason.is_failure else ""))

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.incoming.append(Incoming(message.topic, bytes(message.payload), message.retain))
