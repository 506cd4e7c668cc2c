"""A real centre in a process of its own, and an edge that sends until it is told that all is committed."""

import contextlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from archived import archived_rows
from brokers import Broker
from central_messages import read_message, rows
from deltalake import DeltaTable
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from sqlalchemy import Engine, create_engine, select

from central.db import dead_letter, hot_read, late_update, open_database, reading, received_range
from central.types import Arrival
from edge.contract import topics
from edge.contract.delivery import Ack, Stream
from edge.contract.read import PlateRead
from edge.contract.topics import Address, Numbered


class Centre:
    """`serve` with everything below one folder."""

    def __init__(self, folder: Path, broker: Broker, *, protocol: str = "5", **sections: Any) -> None:
        self.folder = folder
        self.archive = folder / sections.get("archive", {}).get("path", "archive")
        self.database_url: str = sections.get("database_url", f"sqlite:///{folder}/central.sqlite")
        self.config = folder / "central.yaml"
        self._process: subprocess.Popen[bytes] | None = None
        mqtt = broker.settings("centre", protocol=protocol, client_id="central-test")
        content = {
            "database_url": self.database_url,
            "pictures": {"path": "pictures"},
            "mqtt": {key: str(value) if isinstance(value, Path) else value for key, value in mqtt.items()},
            "archive": {"path": "archive", "seal_s": 3600},
        }
        for name, section in sections.items():
            content[name] = {**content.get(name, {}), **section} if isinstance(section, dict) else section
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(content))

    def start(self) -> None:
        assert self._process is None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "central", "serve", "--config", self.config], stderr=log
            )

    def wait_for(self, words: str, *, times: int = 1, within_s: float = 90) -> None:
        """Until these words stand in the log so many times."""
        deadline = time.monotonic() + within_s
        while self.log().count(words) < times:
            assert self._process is None or self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, f"no {words!r} in the log:\n{self.log()}"
            time.sleep(0.02)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill9(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)
        self._process = None

    def stop(self, *, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.end()

    def end(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        assert self._process is not None
        code = self._process.wait(40)
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self.kill9()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the same centre, to its end."""
        command = [sys.executable, "-m", "central", *words, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def database(self) -> Engine:
        return open_database(self.database_url)

    def identities(self) -> Counter[tuple[str, int, int]]:
        """How often each read stands in the hot rows and in the archive together."""
        engine = self.database()
        hot = [(str(r["edge_id"]), int(str(r["epoch"])), int(str(r["seq"]))) for r in rows(engine, hot_read)]
        assert rows(engine, late_update) == []
        engine.dispose()
        sealed = []
        if DeltaTable.is_deltatable(str(self.archive / "reads")):
            table = archived_rows(DeltaTable(self.archive / "reads"), ["edge_id", "epoch", "seq"])
            sealed = [(r["edge_id"], r["epoch"], r["seq"]) for r in table.to_pylist()]
        return Counter([*hot, *sealed])

    def dead_letters(self) -> Counter[str]:
        engine = self.database()
        found = Counter(str(row["topic"]) for row in rows(engine, dead_letter))
        engine.dispose()
        return found


@contextlib.contextmanager
def subscribed(centre: Centre) -> Iterator[Centre]:
    """The centre, started and hearing its edges; killed whatever happens."""
    centre.start()
    try:
        centre.wait_for(" subscribed ")
        yield centre
    finally:
        centre.close()


@dataclass
class Edge:
    """Sends messages in any order, more than once, and again until the centre says that it holds them.

    Attributes:
        waiting: what is not acknowledged yet, by stream and number.
        broken_promises: acknowledgements of what the centre's database did not hold at that moment.
    """

    broker: Broker
    address: Address
    database_url: str
    epoch: int = 7
    seed: int = 0
    protocol: str = "5"
    again_s: float = 1.5
    window: int = 300
    waiting: dict[tuple[Stream, int], Arrival] = field(default_factory=dict)
    broken_promises: list[str] = field(default_factory=list)
    acks: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._engine = create_engine(self.database_url)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._due: dict[tuple[Stream, int], float] = {}
        five = self.protocol == "5"
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"test-{self.address.edge_id}",
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        )
        self._client.username_pw_set(self.address.edge_id, self.broker.password(self.address.edge_id))
        self._client.on_connect = lambda client, *_: client.subscribe(self.address.ack, qos=1)
        self._client.on_message = self._on_ack
        # A failed test must not hang the rest.
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(
            self.broker.host, self.broker.port if self.protocol == "5" else self.broker.port_311
        )
        self._client.loop_start()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()
        self._engine.dispose()

    def hand_over(self, *messages: Arrival) -> None:
        with self._lock:
            for message in messages:
                topic = topics.parse(message.topic)
                assert isinstance(topic, Numbered)
                self.waiting[topic.kind.stream, topic.seq] = message

    def wait_until_through(self, *, within_s: float = 60) -> None:
        deadline = time.monotonic() + within_s
        while self.waiting:
            assert time.monotonic() < deadline, f"never acknowledged: {sorted(self.waiting)[:20]}"
            time.sleep(0.02)

    def say(self, message: Arrival) -> None:
        """Send once, whatever the acknowledgements say."""
        self._client.publish(message.topic, message.payload, qos=1)

    def _send(self) -> None:
        while not self._stop.wait(0.02):
            now = time.monotonic()
            with self._lock:
                due = [key for key in self.waiting if self._due.get(key, 0.0) <= now]
                room = self.window - (len(self.waiting) - len(due))
                self._random.shuffle(due)
                chosen = [(key, self.waiting[key]) for key in due[: max(0, min(50, room))]]
                for key, _ in chosen:
                    self._due[key] = now + self.again_s
            for _, message in chosen:
                for _ in range(self._random.choice([1, 1, 1, 2])):
                    self._client.publish(message.topic, message.payload, qos=1)

    def _on_ack(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        ack = Ack.model_validate_json(message.payload)
        if message.retain or ack.epoch != self.epoch:
            return  # what is retained may answer another test's edge of this name
        self.acks += 1
        held = self._held()
        for stream, received in ack.streams.items():
            for span in received:
                whole = any(first <= span.first and span.last <= last for first, last in held.get(stream, []))
                if not whole:
                    self.broken_promises.append(f"{stream} {span.first}..{span.last}")
        with self._lock:
            for key in [key for key in self.waiting if key[1] in ack.streams.get(key[0], ())]:
                del self.waiting[key]

    def _held(self) -> dict[str, list[tuple[int, int]]]:
        """What is committed now, looked up past the centre."""
        kept = received_range.c
        query = select(kept.stream, kept.first_seq, kept.last_seq)
        held: dict[str, list[tuple[int, int]]] = {}
        with reading(self._engine) as connection:
            ours = query.where(kept.edge_id == self.address.edge_id, kept.epoch == self.epoch)
            for stream, first, last in connection.execute(ours):
                held.setdefault(stream, []).append((first, last))
        return held


def last_ack(broker: Broker, address: Address) -> Ack:
    """The acknowledgement that the broker retains for an edge."""
    found: list[bytes] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("centre", broker.password("centre"))
    client.on_connect = lambda c, *_: c.subscribe(address.ack, qos=1)
    client.on_message = lambda _c, _d, message: found.append(message.payload)
    client.connect(broker.host, broker.port)
    client.loop_start()
    deadline = time.monotonic() + 10
    while not found and time.monotonic() < deadline:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return Ack.model_validate_json(found[-1])


def poisoned(read: PlateRead) -> Arrival:
    """A read whose payload was cut off on the way."""
    message = read_message(read)
    return Arrival(message.topic, message.payload[:-3], message.received_at, 0)
