"""A small centre for the edge's transport tests: commits what arrives, acknowledges what it has committed.

It is a real MQTT client with a durable session. What it has "committed" are plain sets that survive its
disconnection, as rows would; it acknowledges exactly those, also for messages that it had already.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from brokers import CENTRE, Broker
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.contract.delivery import Ack, Gone, Received, SeqRange, Stream
from edge.contract.health import EdgeHealth
from edge.contract.ptz import PtzState
from edge.contract.topics import Numbered, Plain, parse, subscriptions

ACK_S = 0.05


def wait_for(condition: Callable[[], object], timeout_s: float = 20.0, *, what: object = "it") -> None:
    """Return once the condition holds; fail after the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what() if callable(what) else what} did not happen"
        time.sleep(0.01)


class Centre:
    """Consumes and acknowledges in threads of its own until closed.

    Attributes:
        committed: payloads by (epoch, stream, number), of every edge.
        arrived: how often each came.
        silent: while set, it commits and says nothing.
    """

    def __init__(self, broker: Broker, *, client_id: str = "centre") -> None:
        self.committed: dict[tuple[int, Stream, int], bytes] = {}
        self.first_seen_at: dict[tuple[int, Stream, int], float] = {}
        self.arrived: Counter[tuple[int, Stream, int]] = Counter()
        self.gone: list[Gone] = []
        self.health: list[EdgeHealth] = []
        self.ptz: list[PtzState] = []
        self.silent = False
        self.withheld: set[tuple[int, Stream, int]] = set()  # committed, but not acknowledged yet
        self._lock = threading.Lock()
        self._new: list[tuple[Plain | Numbered, bytes]] = []
        self._held: dict[tuple[int, Stream], Received] = {}
        self._closed = threading.Event()
        self._ack_topics: dict[int, tuple[str, str]] = {}
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(CENTRE, broker.password(CENTRE))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        session.ReceiveMaximum = 200
        self._subscribed = threading.Event()
        self._client.connect(broker.host, broker.port, 20, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def numbers(self, stream: Stream, epoch: int | None = None) -> set[int]:
        """The numbers committed of a stream."""
        return {seq for e, s, seq in list(self.committed) if s is stream and epoch in (None, e)}

    def publish_raw(self, topic: str, payload: bytes) -> None:
        """Anything at all, as whoever has the centre's password might."""
        self._client.publish(topic, payload, qos=1)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(each, 1) for each in subscriptions()])

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed.set()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        with self._lock:
            self._new.append((parse(message.topic), bytes(message.payload)))

    def _run(self) -> None:
        while not self._closed.wait(ACK_S):
            if self.silent:
                continue
            with self._lock:
                new, self._new = self._new, []
            epochs = {self._commit(topic, payload) for topic, payload in new} - {0}
            for epoch in epochs:
                self._acknowledge(epoch)

    def _commit(self, topic: Plain | Numbered, payload: bytes) -> int:
        """Take one message in; the epoch that is to be acknowledged, 0 for none."""
        if isinstance(topic, Plain):
            if topic.kind == "ptz":
                self.ptz.append(PtzState.model_validate_json(payload))
                return 0
            if topic.kind == "status":
                self.health.append(EdgeHealth.model_validate_json(payload))
                return 0
            gone = Gone.model_validate_json(payload)
            self.gone.append(gone)
            self._ack_topics[gone.epoch] = (topic.address.edge_id, topic.address.ack)
            self._hold(gone.epoch, gone.stream, gone.dropped)
            return gone.epoch
        key = (topic.epoch, topic.kind.stream, topic.seq)
        self.arrived[key] += 1
        assert self.committed.setdefault(key, payload) == payload, f"{key} came with two contents"
        self.first_seen_at.setdefault(key, time.perf_counter())
        self._ack_topics[topic.epoch] = (topic.address.edge_id, topic.address.ack)
        if key not in self.withheld:
            self._hold(topic.epoch, topic.kind.stream, topic.seq)
        return topic.epoch

    def _hold(self, epoch: int, stream: Stream, what: SeqRange | int) -> None:
        self._held[epoch, stream] = self._held.get((epoch, stream), Received()).adding([what])

    def _acknowledge(self, epoch: int) -> None:
        edge_id, topic = self._ack_topics[epoch]
        streams = {stream: held for (e, stream), held in self._held.items() if e == epoch}
        ack = Ack(edge_id=edge_id, epoch=epoch, streams=streams, at=datetime.now(UTC))
        self._client.publish(topic, ack.model_dump_json(), qos=1, retain=True)
