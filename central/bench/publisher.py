"""Boxes that publish: one process, one connection, several boxes' reads, each timed until the centre has it."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from central.bench.broker import HOST, USER
from central.bench.city import Traffic
from edge.contract.delivery import Ack, Stream
from edge.contract.topics import Address

SITE: Final = "bench"
EPOCH: Final = 1
_WINDOW: Final = 100  # under way to the broker, as a box has it
_SILENT_S: Final = 60.0  # without any news of the centre, or of the broker


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process publishes.

    Attributes:
        port, password: of the broker.
        boxes: names.
        reads: in all, the boxes in turn.
        rate: reads a second; None: as fast as the broker takes them.
        listed: one read in so many is of a listed vehicle.
        answered: whether a centre acknowledges.
        seed: of the traffic.
    """

    port: int
    password: str
    boxes: tuple[str, ...]
    reads: int
    rate: float | None
    listed: int
    answered: bool
    seed: int


@dataclass(slots=True)
class Published:
    """What became of it. Times are of the machine's monotonic clock, which all processes share.

    Attributes:
        first_s: when the first read was handed to the broker.
        last_s: when the last one was acknowledged: by the centre, or by the broker where there is none.
        latencies_s: of each read that the centre acknowledged, from handing it over.
        hits: reads of vehicles that are looked for, by box and number.
    """

    first_s: float = 0.0
    last_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    hits: list[tuple[str, int]] = field(default_factory=list)


def publish(plan: Plan, ready: Any, go: Any) -> Published:  # noqa: ANN401  # multiprocessing's events
    """Publish; the reads are made beforehand, so that making them costs nobody's time."""
    return _Publisher(plan).run(ready, go)


class _Publisher:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._room = threading.Semaphore(_WINDOW)
        self._sent_s: defaultdict[str, list[float]] = defaultdict(list)  # by box, in the order of numbers
        self._answered: defaultdict[str, int] = defaultdict(int)  # by box, up to which number
        self._delivered = 0
        self._news = threading.Event()
        self._result = Published()

    def run(self, ready: Any, go: Any) -> Published:  # noqa: ANN401
        plan = self._plan
        traffic = [
            Traffic(Address(SITE, box), epoch=EPOCH, listed=plan.listed, seed=plan.seed + n)
            for n, box in enumerate(plan.boxes)
        ]
        client = self._connected()
        made: list[tuple[str, str, bytes]] = []
        # At a rate they are made as they are sent: their times are true, and they fit into memory.
        if plan.rate is None:
            made = [self._made(traffic, n) for n in range(plan.reads)]
        ready.set()
        go.wait()
        began_s = self._result.first_s = time.monotonic()
        for number in range(plan.reads):
            box, topic, payload = made[number] if made else self._made(traffic, number)
            if plan.rate is not None:
                time.sleep(max(0.0, began_s + number / plan.rate - time.monotonic()))
            if not self._room.acquire(timeout=_SILENT_S):
                break
            self._sent_s[box].append(time.monotonic())
            client.publish(topic, payload, qos=1)
        self._wait()
        client.disconnect()
        client.loop_stop()
        self._result.hits = [
            (box, seq) for box, each in zip(plan.boxes, traffic, strict=True) for seq in each.hits
        ]
        return self._result

    def _made(self, traffic: list[Traffic], number: int) -> tuple[str, str, bytes]:
        turn, place = divmod(number, len(traffic))
        topic, payload = traffic[place].read(turn + 1, at=datetime.now(UTC))
        return self._plan.boxes[place], topic, payload

    def _wait(self) -> None:
        """Until all is acknowledged, or nothing has come for too long."""
        while not self._is_done() and self._news.wait(_SILENT_S):
            self._news.clear()

    def _is_done(self) -> bool:
        done = sum(self._answered.values()) if self._plan.answered else self._delivered
        return done >= self._plan.reads

    def _connected(self) -> Client:
        plan, granted = self._plan, threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(USER, plan.password)
        client.max_inflight_messages_set(_WINDOW)
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = lambda *_: granted.set()
        client.on_connect = lambda c, *_: c.subscribe([(Address(SITE, box).ack, 1) for box in plan.boxes])
        client.connect(HOST, plan.port)
        client.loop_start()
        if not granted.wait(_SILENT_S):
            raise TimeoutError("the broker granted no subscription")
        return client

    def _on_publish(self, *_: object) -> None:
        self._room.release()
        self._delivered += 1
        if not self._plan.answered:
            self._result.last_s = time.monotonic()
            self._news.set()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        now_s = time.monotonic()
        ack = Ack.model_validate_json(message.payload)
        ranges = list(ack.streams[Stream.READ]) if Stream.READ in ack.streams else []
        # One consumer commits a box's reads in order, so what it holds is one range from 1 on.
        if not ranges or ranges[0].first != 1 or ack.epoch != EPOCH:
            return
        before, last = self._answered[ack.edge_id], ranges[0].last
        if last > before:
            self._result.latencies_s += [now_s - at_s for at_s in self._sent_s[ack.edge_id][before:last]]
            self._answered[ack.edge_id] = last
            self._result.last_s = now_s
            self._news.set()
