"""Days offline, then a flush: the backlog goes out without drowning what is read meanwhile.

The box is a process of its own, with a real broker between it and the centre, so that its CPU time is its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import edge_reads
import numpy as np
import pytest
from brokers import Broker
from edge_centre import Centre, wait_for

from edge.contract.delivery import Stream

BOX = """
import json, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
import structlog
from edge_reads import builder, plate_read
from edge.contract.delivery import Stream
from edge.contract.topics import Address, Kind
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
path, mqtt, old, live_s = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
days_ago = datetime.now(UTC) - timedelta(days=3)
offset = timedelta(days=-3)
spool = Spool(path, edge_id="edge-1", max_bytes=2_000_000_000, clock=lambda: datetime.now(UTC) + offset)
spool._db.execute("PRAGMA synchronous = OFF")
with spool._transaction() as tally:  # three days of reads, in one go: the disk is not what is measured
    for seq in range(1, old + 1):
        read = plate_read(spool.epoch, seq, at=days_ago)
        spool._insert(tally, read, Kind.READ, read.model_dump_json().encode(), first=False)
offset = timedelta()
print("filled", spool.epoch, flush=True)
settings, address = MqttSettings.model_validate(mqtt), Address("site-1", "edge-1")
publisher = Publisher(spool, settings, address, clock=lambda: datetime.now(UTC))
sys.stdin.readline()
began_s, cpu_s = time.perf_counter(), time.process_time()
publisher.start()
flushed_s = None
while time.perf_counter() - began_s < live_s or flushed_s is None:
    read = spool.put_read(builder())
    print("live", read.seq, time.perf_counter(), flush=True)
    time.sleep(0.1)
    waiting = spool.stats().streams[Stream.READ].waiting
    if flushed_s is None and waiting < 100:
        flushed_s = time.perf_counter() - began_s
        print("flushed", flushed_s, time.process_time() - cpu_s, flush=True)
publisher.stop(drain_s=20)
print("left", spool.stats().messages, spool.stats().dropped, flush=True)
"""


@dataclass
class Flush:
    """What a box that comes back did."""

    epoch: int
    live: dict[int, float]
    took_s: float
    cpu_s: float
    left: list[int]


def flush(broker: Broker, folder: Path, *, old: int, live_s: float) -> Flush:
    mqtt = json.dumps({**broker.settings("edge-1"), "resend_s": 20.0}, default=str)
    environment = {**os.environ, "PYTHONPATH": str(Path(edge_reads.__file__).parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BOX, str(folder / "spool.sqlite"), mqtt, str(old), str(live_s)]
    with (folder / "box.log").open("wb") as log:
        box = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    said = Flush(0, {}, 0.0, 0.0, [])
    assert box.stdout is not None
    assert box.stdin is not None
    with box:
        for line in box.stdout:
            word, *rest = line.split()
            if word == "filled":
                said.epoch = int(rest[0])
                box.stdin.write("go\n")
                box.stdin.flush()
            elif word == "live":
                said.live[int(rest[0])] = float(rest[1])
            elif word == "flushed":
                said.took_s, said.cpu_s = float(rest[0]), float(rest[1])
            elif word == "left":
                said.left = [int(n) for n in rest]
    assert box.returncode == 0, (folder / "box.log").read_text()[-2000:]
    return said


@pytest.fixture
def centre(wheel_broker: Broker) -> Iterator[Centre]:
    centre = Centre(wheel_broker)
    yield centre
    centre.close()


def delays_s(said: Flush, centre: Centre) -> np.ndarray:
    """From the spool to the centre's looking at its mail (every 50 ms), of what was read during the flush."""
    seen = centre.first_seen_at
    during = [(seq, at) for seq, at in said.live.items() if at - min(said.live.values()) < said.took_s]
    return np.array([seen[said.epoch, Stream.READ, seq] - at for seq, at in during])


def check(said: Flush, centre: Centre, *, old: int, tmp_path: Path) -> None:
    assert said.left == [0, 0]
    wait_for(lambda: len(centre.numbers(Stream.READ)) == old + len(said.live))
    late = delays_s(said, centre)
    assert len(late) >= 5
    p95 = float(np.percentile(late, 95))
    told = (
        f"{old} old reads in {said.took_s:.1f} s, CPU {said.cpu_s:.1f} s, {len(late)} live, p95 {p95:.3f} s"
    )
    (tmp_path / "figures").write_text(told)
    assert p95 < 1.0, f"live reads are drowned: {told}"
    assert said.cpu_s / old < 0.002, f"more than 2 ms of one core for each old read: {told}"


def test_reads_of_days_go_out_without_drowning_the_live_ones(
    wheel_broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    check(flush(wheel_broker, tmp_path, old=3000, live_s=1.0), centre, old=3000, tmp_path=tmp_path)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_hundred_thousand_reads_go_out_without_drowning_the_live_ones(
    wheel_broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    check(flush(wheel_broker, tmp_path, old=100_000, live_s=10.0), centre, old=100_000, tmp_path=tmp_path)
