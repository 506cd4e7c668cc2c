"""How soon an alert is heard: mosquitto, a real centre, reads of listed vehicles at a rate, and many listeners.

    publisher (this process) -> mosquitto -> `python -m central serve` -> database -> stream -> listeners (a process)

Each read is of another vehicle, so each raises an alert of its own. The listeners follow the stream that will serve
consoles, in a process that is not the centre's: as a browser's server would, without the browser's network.
"""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from central.bench import city
from central.bench.broker import HOST, USER, Broker, mosquitto
from central.bench.centre import Centre
from central.db import open_database
from central.errors import CentralError
from central.outbox.event import Happening
from central.outbox.stream import Stream
from edge.contract.topics import Address

_SITE: Final = "bench"
_BOXES: Final = 75
_EPOCH: Final = 1
_READY_S: Final = 120.0
_SILENT_S: Final = 20.0
"""A listener that has heard nothing for so long has heard all that it will."""
_BEAT_S: Final = 1.0

Heard = list[tuple[str, int, float]]
"""Box and number of the read that raised an alert, and when that was heard (the machine's monotonic clock)."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to do.

    Attributes:
        rate: alerts a second.
        seconds: how long.
        listeners: how many follow.
        hotlist: entries; at least as many as alerts are raised.
    """

    rate: float
    seconds: float
    listeners: int
    hotlist: int

    @property
    def alerts(self) -> int:
        """In all."""
        return max(1, round(self.rate * self.seconds))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        p50_ms, p99_ms: from handing a read to the broker until a listener has the alert, over all listeners.
        lost: alerts that a listener never heard, summed over all.
        twice: alerts that a listener heard again, summed over all.
    """

    rate: float
    listeners: int
    hotlist: int
    alerts: int
    p50_ms: float
    p99_ms: float
    lost: int
    twice: int

    def as_json(self) -> dict[str, Any]:
        """Rounded, for `json`."""
        return {name: round(v, 1) if isinstance(v, float) else v for name, v in asdict(self).items()}


def run(load: Load, *, folder: Path, tell: Callable[[str], None] = lambda _: None) -> Result:
    """Raise alerts at a rate, and time when each listener hears of each.

    Args:
        load: what to do.
        folder: an empty one.
        tell: told what is done now.

    Raises:
        CentralError: mosquitto is missing, the centre ended, or the listeners did not begin.
    """
    if load.hotlist < load.alerts:
        raise CentralError(f"{load.alerts} alerts need as many entries, not {load.hotlist}")
    with mosquitto(folder / "broker") as broker:
        centre = Centre(folder, broker)
        for file in city.hotlist(folder, load.hotlist, driving=load.alerts):
            tell(f"hotlist of {load.hotlist:,} entries: {file.name}")
            centre.run("hotlist", "import", str(file), "--list", "bench", "--as", "bench")
        with centre.serving():
            sent_s, heard = _told(load, broker, f"sqlite:///{folder}/central.sqlite", tell)
    return judged(load, sent_s, heard)


def judged(load: Load, sent_s: dict[tuple[str, int], float], heard: list[Heard]) -> Result:
    """What the listeners heard, against what was sent (pure).

    Args:
        load: what was done.
        sent_s: when each read was handed to the broker, by box and number.
        heard: a listener's each.
    """
    latencies, lost, twice = [], 0, 0
    for each in heard:
        times = Counter((box, seq) for box, seq, _ in each)
        lost += len(sent_s.keys() - times.keys())
        twice += times.total() - len(times)
        first = {(box, seq): at_s for box, seq, at_s in reversed(each)}
        latencies += [1e3 * (at_s - sent_s[read]) for read, at_s in first.items()]
    if len(latencies) < 2:
        raise CentralError("nobody heard of any alert")
    return Result(
        rate=load.rate,
        listeners=load.listeners,
        hotlist=load.hotlist,
        alerts=load.alerts,
        p50_ms=statistics.median(latencies),
        p99_ms=statistics.quantiles(latencies, n=100)[-1],
        lost=lost,
        twice=twice,
    )


def _told(
    load: Load, broker: Broker, database_url: str, tell: Callable[[str], None]
) -> tuple[dict[tuple[str, int], float], list[Heard]]:
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(1, mp_context=context) as pool:
        ready = manager.Event()
        listening: Future[list[Heard]] = pool.submit(listen, database_url, load.listeners, load.alerts, ready)
        if not ready.wait(_READY_S):
            raise CentralError("the listeners did not begin")
        tell(f"{load.alerts:,} alerts at {load.rate:g} a second")
        sent_s = _publish(load, broker)
        return sent_s, listening.result()


def _publish(load: Load, broker: Broker) -> dict[tuple[str, int], float]:
    """Hand the reads to the broker, evenly in time; when each was."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(USER, broker.password)
    client.connect(HOST, broker.port)
    client.loop_start()
    boxes = [
        (box, city.Traffic(Address(_SITE, box), epoch=_EPOCH, listed=1, seed=n))
        for n, box in enumerate(f"box-{n}" for n in range(_BOXES))
    ]
    sent_s: dict[tuple[str, int], float] = {}
    began_s = time.monotonic()
    for number in range(load.alerts):
        time.sleep(max(0.0, began_s + number / load.rate - time.monotonic()))
        (box, traffic), seq = boxes[number % _BOXES], number // _BOXES + 1
        topic, payload = traffic.passing(number, seq, at=datetime.now(UTC))
        sent_s[box, seq] = time.monotonic()
        last = client.publish(topic, payload, qos=1)
    last.wait_for_publish(_SILENT_S)
    client.disconnect()
    client.loop_stop()
    return sent_s


def listen(database_url: str, listeners: int, alerts: int, ready: Any) -> list[Heard]:  # noqa: ANN401
    """Follow the stream as so many would, until each has heard of so many alerts, or of nothing for long."""
    engine, over = open_database(database_url), threading.Event()
    stream = Stream(engine)
    heard: list[Heard] = [[] for _ in range(listeners)]
    following = threading.Thread(target=stream.run, args=(over.wait,))
    following.start()
    stream.ready(_READY_S)
    follows = [stream.listen(beat_s=_BEAT_S) for _ in heard]
    threads = [
        threading.Thread(target=_follow, args=(events, mine, alerts), daemon=True)
        for events, mine in zip(follows, heard, strict=True)
    ]
    for thread in threads:
        thread.start()
    ready.set()
    for thread in threads:
        thread.join()
    over.set()
    following.join()
    engine.dispose()
    return heard


def _follow(events: Iterator[Happening | None], heard: Heard, alerts: int) -> None:
    """One listener's life; what came twice has its time to come after all has come once."""
    last_s = time.monotonic()
    for event in events:
        now_s = time.monotonic()
        if event is None:
            if len(heard) >= alerts or now_s - last_s > _SILENT_S:
                return
        elif event.kind == "raised" and event.subject is not None:
            heard.append((event.subject.edge_id, event.subject.seq, now_s))
            last_s = now_s
