"""A box that was cut off for a day: of what waits in its spool the reads of listed vehicles arrive first, and late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from central_messages import list_plates, rows
from centres import Centre
from edge_centre import wait_for
from edge_reads import Clock, plate_read
from hotlist_copies import Authority, Issuer, an_entry

from central.db import alert, hot_read
from edge.assets import plate_files
from edge.contract.hotlist import SignedHead
from edge.contract.read import PictureRef, PlateRead
from edge.contract.topics import HOTLIST_HEAD, Address
from edge.grammar import load_grammar
from edge.hotlist.copy import CopyFile
from edge.hotlist.desk import HotlistDesk
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool

pytestmark = pytest.mark.mosquitto
LISTED = [f"XYZ{number:03}" for number in range(10)]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def centre(mosquitto: Broker, tmp_path: Path) -> Iterator[Centre]:
    centre = Centre(tmp_path / "centre", mosquitto)
    yield centre
    centre.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[HotlistDesk]:
    """With the copy that the box had before it was cut off."""
    desk = HotlistDesk(
        CopyFile(tmp_path / "copy"),
        verify=SignedHead.head,
        grammar=load_grammar(plate_files()),
        old_h=1.0,
        clock=now,
    )
    issuer = Issuer(Authority(tmp_path).client())
    issuer.issue([an_entry(plate) for plate in LISTED], at=now() - timedelta(days=1))
    desk.heard(HOTLIST_HEAD, issuer.retained[HOTLIST_HEAD])
    while desk.health.number is None:
        desk.work()
        for topic in desk.wanted - {HOTLIST_HEAD}:
            desk.heard(topic, issuer.retained[topic])
    yield desk
    desk.stop()


def put(spool: Spool, desk: HotlistDesk, number: int, at: datetime) -> None:
    """A read of a vehicle; of each three hundred one is listed."""
    plate = LISTED[number // 300 % 10] if number % 300 == 299 else f"ABC{number % 1000:03}"

    def build(epoch: int, seq: int) -> PlateRead:
        return plate_read(epoch, seq, plate=plate, at=at, pictures=PictureRef(crop=True))

    spool.put_read(build, crop=b"\xff\xd8crop", first=desk.is_listed(build(1, 1)))


@pytest.mark.parametrize("count", [1500, pytest.param(10_000, marks=pytest.mark.proof)])
def test_hits_of_the_day_arrive_first_and_late(
    centre: Centre, mosquitto: Broker, desk: HotlistDesk, tmp_path: Path, count: int
) -> None:
    engine = centre.database()
    began = now() - timedelta(days=1)
    lines = (f"{plate},CO,,stolen,1,SIJIN,C-1,2020-01-01,2199-12-31" for plate in LISTED)
    list_plates(engine, tmp_path, *lines, at=began - timedelta(days=1))
    clock = Clock(began)
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=500_000_000, clock=clock) as spool:
        for number in range(count):
            put(spool, desk, number, clock.now)
            clock.advance(86_000 / count)
        hits = count // 300
        assert desk.health.hits == hits
        assert desk.health.fault.startswith("hotlists are those of "), "it says how old they are"
        centre.start()
        centre.wait_for(" subscribed ")
        clock.now = now()
        mqtt = MqttSettings(**mosquitto.settings("edge-1"))
        publisher = Publisher(spool, mqtt, Address("site-1", "edge-1"), clock=now)
        publisher.start()
        wait_for(spool.is_empty, 60 + count / 50, what=spool.stats)
        publisher.stop()
    reads = sorted(rows(engine, hot_read), key=lambda row: (row["received_us"], row["seq"]))
    assert len(reads) == count
    last_hit = max(row["received_us"] for row in reads if str(row["plate"]) in LISTED)
    before = [row for row in reads if row["received_us"] < last_hit and str(row["plate"]) not in LISTED]
    assert len(before) == 0, "nothing of the backlog came before the last of them"
    alerts = rows(engine, alert)
    assert len(alerts) == min(hits, len(LISTED))
    assert all("LATE: it was seen " in str(row["explanation"]) for row in alerts)
    engine.dispose()
