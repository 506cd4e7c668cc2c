"""A real centre under load: mosquitto, publishing processes, `serve` with a hotlist, and what came of it.

    publishers (processes) -> mosquitto -> `python -m central serve` -> database, alerts
               <- Ack, timed -            (its memory is watched from outside)

Then the same publishers and another mosquitto with a consumer that only acknowledges: what broker and client alone
can do on this machine.
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from central.bench import city
from central.bench.broker import Broker, mosquitto
from central.bench.centre import Centre
from central.bench.consumer import acknowledge
from central.bench.publisher import Plan, Published, publish
from central.errors import CentralError

_BOXES: Final = 75
"""300 cameras, four a box."""
_LISTED: Final = 1000
"""One read in so many is of a listed vehicle: far more than in a city, so that alerts are a part of the work."""
_ALONE_READS: Final = 100_000
_READY_S: Final = 120.0

Tell = Callable[[str], None]
"""Told what is done now."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to put the centre under.

    Attributes:
        reads: in all.
        hotlist: entries.
        rate: reads a second; None: as fast as they are taken.
        publishers: processes.
    """

    reads: int
    hotlist: int
    rate: float | None
    publishers: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        reads_s: stored, matched and acknowledged a second, from the first read on.
        p50_ms, p99_ms: from handing a read to the broker until its box has the centre's acknowledgement.
        lost: reads that the centre does not hold.
        duplicates: reads that it holds twice.
        alerts: one for each listed vehicle that was seen.
        missed_hits: reads of listed vehicles that stand in no alert.
        rss_mib: the most memory that the centre held.
        rss_mib_by_minute: what it held at the end of each minute.
        cpu_us: processor time of the centre, microseconds a read.
        broker_only_reads_s: what a consumer takes that acknowledges and does nothing else, without any rate.
        broker_only_cpu_us: processor time of that consumer.
    """

    reads: int
    hotlist: int
    rate: float | None
    reads_s: float
    p50_ms: float
    p99_ms: float
    lost: int
    duplicates: int
    alerts: int
    missed_hits: int
    rss_mib: float
    rss_mib_by_minute: list[float]
    cpu_us: float
    broker_only_reads_s: float
    broker_only_cpu_us: float

    def as_json(self) -> dict[str, Any]:
        """Rounded, for `json`."""
        return {name: round(v, 2) if isinstance(v, float) else v for name, v in asdict(self).items()}


def run(load: Load, *, folder: Path, tell: Tell = lambda _: None) -> Result:
    """Put a centre under load, and a consumer that does nothing under the same.

    Args:
        load: what to do.
        folder: an empty one.
        tell: told what is done now.

    Raises:
        CentralError: mosquitto is missing, the centre ended, or reads were never acknowledged.
    """
    tell("broker and consumer alone")
    with mosquitto(folder / "alone") as broker:
        alone = replace(load, reads=min(load.reads, _ALONE_READS), rate=None)
        alone_s, alone_cpu_s = _alone(alone, broker)
    with mosquitto(folder / "broker") as broker:
        centre = Centre(folder, broker)
        for file in city.hotlist(folder, load.hotlist):
            tell(f"hotlist of {load.hotlist:,} entries: {file.name}")
            centre.run("hotlist", "import", str(file), "--list", "bench", "--as", "bench")

        def watch() -> None:
            centre.look()
            tell(f"{centre.received():,} of {load.reads:,} reads")

        with centre.serving():
            published = _published(load, broker, answered=True, watch=watch)
            centre.look()
            tell("sealing")
    tell("counting")
    held = centre.held()
    hits = {hit for each in published for hit in each.hits}
    latencies = [1e3 * s for each in published for s in each.latencies_s]
    if len(latencies) < load.reads:
        raise CentralError(f"{load.reads - len(latencies)} of {load.reads} reads were never acknowledged")
    return Result(
        reads=load.reads,
        hotlist=load.hotlist,
        rate=load.rate,
        reads_s=load.reads / (max(p.last_s for p in published) - min(p.first_s for p in published)),
        p50_ms=statistics.median(latencies),
        p99_ms=statistics.quantiles(latencies, n=100)[-1],
        lost=load.reads - len(held.reads),
        duplicates=held.reads.total() - len(held.reads),
        alerts=held.alerts,
        missed_hits=len(hits - held.matched),
        rss_mib=centre.rss_mib,
        rss_mib_by_minute=centre.rss_mib_by_minute,
        cpu_us=1e6 * centre.cpu_s / load.reads,
        broker_only_reads_s=alone.reads / alone_s,
        broker_only_cpu_us=1e6 * alone_cpu_s / alone.reads,
    )


def _alone(load: Load, broker: Broker) -> tuple[float, float]:
    """Seconds, and processor seconds, that the reads take where nobody stores them."""
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(1, mp_context=context) as pool:
        ready = manager.Event()
        taken = pool.submit(acknowledge, broker.port, broker.password, load.reads, ready)
        if not ready.wait(_READY_S):
            raise CentralError("the broker granted no subscription")
        published = _published(load, broker, answered=False)
        last_s, cpu_s = taken.result()
        return last_s - min(p.first_s for p in published), cpu_s


def _published(
    load: Load, broker: Broker, *, answered: bool, watch: Callable[[], None] = lambda: None
) -> list[Published]:
    """Let all publishers begin at one moment, and wait for them; `watch` is called about once a second."""
    context = get_context("spawn")
    boxes = [f"box-{n}" for n in range(max(_BOXES, load.publishers))]
    with context.Manager() as manager, ProcessPoolExecutor(load.publishers, mp_context=context) as pool:
        go = manager.Event()
        ready = [manager.Event() for _ in range(load.publishers)]
        running: list[Future[Published]] = []
        for n, event in enumerate(ready):
            plan = Plan(
                port=broker.port,
                password=broker.password,
                boxes=tuple(boxes[n :: load.publishers]),
                reads=load.reads // load.publishers + (n < load.reads % load.publishers),
                rate=load.rate and load.rate / load.publishers,
                listed=_LISTED,
                answered=answered,
                seed=1000 * n,
            )
            running.append(pool.submit(publish, plan, event, go))
        while not all(event.is_set() for event in ready):
            if failed := next((f for f in running if f.done()), None):
                failed.result()
            time.sleep(0.05)
        go.set()
        while not all(future.done() for future in running):
            watch()
            time.sleep(1.0)
        return [future.result() for future in running]
