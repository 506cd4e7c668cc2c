"""Two consumers that have the same partitions for a while: each message counts once, and no range is lost."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import (
    a_store,
    ingest,
    list_plates,
    picture_message,
    read_message,
    rows,
    standing,
    update_message,
)
from central_reads import a_read
from sqlalchemy import Connection, Engine

from central.alert.sighting import Sighting
from central.alert.store import Alerts, Recorded
from central.db import alert, alert_trail, hot_read, open_database, received_range
from central.types import Arrival

PLATES = ["ABC123", "XYZ789"]


def take(url: str, folder: Path, batches: Sequence[Sequence[Arrival]], vehicle_h: float) -> None:
    engine = open_database(url)
    store = a_store(engine, folder, vehicle_h=vehicle_h)
    for batch in batches:
        ingest(store, batch)
    engine.dispose()


@pytest.mark.parametrize(("vehicle_h", "raised"), [(0.0, 2), (12.0, 1)])
def test_both_may_store_the_same_messages_at_the_same_time(
    database: Engine, database_url: str, tmp_path: Path, vehicle_h: float, raised: int
) -> None:
    list_plates(database, tmp_path, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    messages = [read_message(a_read(seq, edge_id=e)) for seq in range(1, 121) for e in ("edge-1", "edge-2")]
    messages += [update_message(a_read(seq, votes=4), seq) for seq in range(1, 41)]
    messages += [picture_message(a_read(seq), seq) for seq in range(1, 41)]
    consumers = []
    for number in (1, 2):
        random.Random(number).shuffle(messages)
        batches = [messages[at : at + 7] for at in range(0, len(messages), 7)]
        words = (database_url, tmp_path / "pictures", batches, vehicle_h)
        consumers.append(threading.Thread(target=take, args=words))
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(120)
    reads = [(edge_id, seq) for edge_id in ("edge-1", "edge-2") for seq in range(1, 121)]
    assert sorted((row["edge_id"], row["seq"]) for row in rows(database, hot_read)) == reads
    ranges = [
        (r["edge_id"], r["stream"], r["first_seq"], r["last_seq"]) for r in rows(database, received_range)
    ]
    assert sorted(ranges) == [
        ("edge-1", "crop", 1, 40),
        ("edge-1", "read", 1, 120),
        ("edge-1", "update", 1, 40),
        ("edge-2", "read", 1, 120),
    ]
    assert len(standing(database)) == raised
    assert sorted((r["edge_id"], r["seq"]) for r in rows(database, alert_trail)) == reads


class Halting(Alerts):
    """Waits after each sighting for the other consumer, for as long as that may still come."""

    def __init__(self, together: threading.Barrier) -> None:
        super().__init__(within=timedelta(seconds=30))
        self._together = together

    def join(self, connection: Connection, sighting: Sighting, met: set[int]) -> Recorded:
        joined = super().join(connection, sighting, met)
        with suppress(threading.BrokenBarrierError):
            self._together.wait(0.5)
        return joined


@pytest.mark.postgres
def test_two_that_see_the_same_vehicles_in_opposite_order_wait_for_one_another_in_turn(
    postgres_url: str, tmp_path: Path
) -> None:
    """Each that had the entry of one vehicle would wait for ever for that of the other, which the other has."""
    engine = open_database(postgres_url)
    list_plates(engine, tmp_path, *(f"{plate},CO,,stolen,1,SIJIN,C-1,,2026-12-31" for plate in PLATES))
    together = threading.Barrier(2)

    def consume(number: int, plates: Sequence[str]) -> None:
        mine = open_database(postgres_url)
        store = a_store(mine, tmp_path / "pictures")
        store._alerts = Halting(together)
        seen = [a_read(seq, plate=plate, edge_id=f"edge-{number}") for seq, plate in enumerate(plates, 1)]
        ingest(store, [read_message(read) for read in seen])
        better = [a_read(read.seq, plate="QQQ111", edge_id=read.edge_id) for read in seen]
        ingest(store, [update_message(read, number) for number, read in enumerate(better, 1)])
        mine.dispose()

    with ThreadPoolExecutor() as consumers:
        list(consumers.map(consume, (1, 2), (PLATES, PLATES[::-1])))
    assert sorted(row["plate"] for row in rows(engine, alert)) == sorted(PLATES * 2)
    engine.dispose()
