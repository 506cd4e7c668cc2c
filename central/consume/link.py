"""The broker: a durable session (paho-mqtt) that puts messages on a bounded queue and acknowledges them later.

The session outlives us: a fixed client id, no clean start, and no PUBACK before the commit, so the broker
keeps what we have not committed. How much it may have under way is the receive maximum (MQTT v5) and, with
any broker, the queue: when that is full the network thread waits, and TCP makes the broker wait.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from central.consume.board import Board
from central.consume.client import make_client
from central.consume.store import Reply
from central.consume.units import UNITS
from central.consume.writer import Delivery
from central.db import Clock
from central.sections import MqttSettings
from central.types import Arrival
from edge.contract.topics import HOTLIST_HEAD, PARTITIONS, Address, subscriptions

SESSION_S: Final = 7 * 24 * 3600
"""How long the broker keeps our session while we are away."""

_QUEUE_WAIT_S: Final = 0.2
_SHORT_S: Final = 5.0
_SHORT_LIVES: Final = 3
"""So many connections in a row that lived no longer than this point to a second process of our name."""
_SUBSCRIBE_AGAIN_S: Final = 30.0
_PASSING: Final = frozenset({"Server unavailable", "Server busy", "Quota exceeded", "Use another server"})

_log = structlog.get_logger(__name__)


class MqttLink:
    """One connection at a time, made again when it breaks.

    Attributes:
        dropped_replies: acknowledgements that found paho's queue full.
        board: what the broker retains for all edges.
    """

    def __init__(
        self,
        settings: MqttSettings,
        deliveries: "queue.Queue[Delivery]",
        *,
        clock: Clock,
        on_fault: Callable[[str], None],
    ) -> None:
        """Prepare, without connecting.

        Args:
            settings: the broker.
            deliveries: where messages go.
            clock: now, UTC-aware.
            on_fault: called once with what only a person can mend: refused from the start, session taken over.

        Raises:
            ConfigError: the password or a certificate cannot be read.
        """
        self.dropped_replies = 0
        self._settings: Final = settings
        self._deliveries: Final = deliveries
        self._clock: Final = clock
        self._on_fault: Final = on_fault
        self._closing: Final = threading.Event()
        self._connection = 0
        self._connected_at: float | None = None
        self._short_lives = 0
        self._is_refused = False
        self._is_granted = False  # our subscriptions, at least once
        self._filters: Final = _filters(settings.partitions)
        self._where: Final = f"broker {settings.host}:{settings.port}"
        # Written by one thread each; equal when every reply and command has reached the broker.
        self._sent = 0
        self._commanded = 0
        self._settled = 0
        self._client: Final = make_client(settings)
        self.board: Final = Board(self._client, connection=lambda: self.connection)
        self._take_part()

    def start(self) -> None:
        """Connect in the background, and again after each loss."""
        arguments: dict[str, Any] = {}
        if self._settings.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = self._settings.receive_maximum
            arguments = {"clean_start": False, "properties": properties}
        self._client.connect_async(
            self._settings.host, self._settings.port, self._settings.keepalive_s, **arguments
        )
        self._client.loop_start()

    def stop_taking(self) -> None:
        """Leave what comes from now on to the broker, unacknowledged."""
        self._closing.set()

    def close(self, *, patience_s: float = 5.0) -> None:
        """Send the replies that still wait, for a while, and disconnect; the session stays."""
        self.stop_taking()
        until = time.monotonic() + patience_s
        while (
            self._settled < self._sent + self._commanded + self.board.told
            and self._client.is_connected()
            and time.monotonic() < until
        ):
            time.sleep(0.01)
        missing = self._sent + self._commanded + self.board.told - self._settled
        if missing > 0:
            _log.warning("acknowledgements not sent; edges will ask again", number=missing)
        self._client.disconnect()
        self._client.loop_stop()

    def confirm(self, deliveries: Sequence[Delivery]) -> None:
        """PUBACK, in the order of arrival; of an earlier connection there is nothing left to confirm."""
        for delivery in deliveries:
            if delivery.arrival.mid and delivery.connection == self._connection:
                self._client.ack(delivery.arrival.mid, 1)

    def reply(self, replies: Sequence[Reply]) -> None:
        """Publish what is committed, on each edge's own topic."""
        for reply in replies:
            # Edges measure their clocks by ours, so the time is that of sending, not of the commit.
            payload = reply.ack.model_copy(update={"at": self._clock()}).model_dump_json()
            info = self._client.publish(reply.address.ack, payload, qos=1, retain=reply.retain)
            if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                self.dropped_replies += 1
                _log.warning("acknowledgement dropped, the queue is full", edge=reply.address.edge_id)
            else:
                self._sent += 1

    @property
    def connection(self) -> int:
        """Which connection it is, from 1; 0 while there is none."""
        return self._connection if self._connected_at is not None else 0

    def command(self, address: Address, payload: str) -> bool:
        """Publish what is asked of an edge, retained; whether it was taken."""
        info = self._client.publish(address.cmd, payload, qos=1, retain=True)
        taken = info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        self._commanded += taken
        return taken

    def _take_part(self) -> None:
        client = self._client
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message

    def _on_connect(
        self, client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._is_refused = True
            self._tell_refusal(str(reason))
            return
        self._connection += 1
        self._connected_at = time.monotonic()
        _log.info("connected", broker=self._where, session_kept=flags.session_present)
        self._subscribe(client)
        if flags.session_present:
            client.unsubscribe([each for each in _every_filter() if each not in self._filters])

    def _tell_refusal(self, reason: str) -> None:
        """The first connection decides: a setting that has never worked is a fault, and ends us where it is seen.

        Later the broker may be between two password files, or its administrator at work: edges go on, so do we.
        """
        if reason in _PASSING:
            _log.warning("broker is not ready, trying again", broker=self._where, reason=reason)
        elif self._connection:
            _log.error(
                "broker refuses us, trying again", broker=self._where, who=self._settings.who, reason=reason
            )
        else:
            remedy = self._settings.remedy(reason)
            self._fail(f"{self._where}: connection of {self._settings.who} refused: {reason}{remedy}")

    def _subscribe(self, client: Client) -> None:
        qos: Any = SubscribeOptions(qos=1) if self._settings.protocol == "5" else 1
        client.subscribe([(topic, qos) for topic in self._filters])

    def _subscribe_again(self) -> None:
        if self._client.is_connected() and not self._closing.is_set():
            self._subscribe(self._client)

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        _log.warning("broker cannot be reached, trying again", broker=self._where)

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        if str(reason) == "Session taken over":
            self._fail(f"{self._where}: another consumer has taken over as {self._settings.client_id!r}")
        elif not self._closing.is_set() and not self._is_refused:
            hint = self._hint()
            _log.warning("connection lost, trying again", broker=self._where, reason=str(reason), **hint)
        self._connected_at = None
        self._is_refused = False

    def _hint(self) -> dict[str, str]:
        """What may be behind a lost connection, for brokers that close it without a word."""
        if self._connected_at is None:
            return {"hint": f"closed before it accepted us; {self._settings.doubts}"}
        is_short = time.monotonic() - self._connected_at < _SHORT_S
        self._short_lives = self._short_lives + 1 if is_short else 0
        if self._short_lives < _SHORT_LIVES:
            return {}
        return {"hint": f"again at once; is another process connected as {self._settings.client_id!r}?"}

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        if self.board.is_answer(mid, reasons):
            return
        refused = [topic for topic, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if not refused:
            self._is_granted = True
            _log.info("subscribed", broker=self._where)
        elif not self._is_granted:
            self._fail(f"{self._where}: subscription of {self._settings.who} refused: {', '.join(refused)}")
        elif not self._closing.is_set():
            topics = ", ".join(refused)
            _log.error("broker refuses a subscription, trying again", broker=self._where, topics=topics)
            again = threading.Timer(_SUBSCRIBE_AGAIN_S, self._subscribe_again)
            again.daemon = True
            again.start()

    def _on_publish(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._settled += 1
        if reason.is_failure:
            self.board.refuse(mid)
            _log.error("broker refuses what we publish", broker=self._where, reason=str(reason))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        if topic == HOTLIST_HEAD:  # not by paho's own filters, which `LeanClient` does not look through
            self.board.take(bytes(message.payload))
            return
        mid = message.mid if message.qos else 0
        delivery = Delivery(Arrival(topic, bytes(message.payload), self._clock(), mid), self._connection)
        while not self._closing.is_set():
            try:
                self._deliveries.put(delivery, timeout=_QUEUE_WAIT_S)
            except queue.Full:
                continue
            return

    def _fail(self, what: str) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._on_fault(what)


def _filters(partitions: Collection[int]) -> tuple[str, ...]:
    """What we receive: of the consumers one hears the units, which are in no partition."""
    return (*subscriptions(partitions), *([UNITS] if 0 in partitions else []))


def _every_filter() -> list[str]:
    """What the settings of an earlier start may have left in our session, where only we can take it out."""
    return [
        UNITS,
        HOTLIST_HEAD,
        *subscriptions(),
        *(topic for each in range(PARTITIONS) for topic in subscriptions([each])),
    ]
