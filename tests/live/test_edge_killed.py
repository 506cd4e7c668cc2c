"""The whole way under kill -9: camera, edge worker, broker, centre and Delta table, every one of them real."""

import csv
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from archived import archived_rows
from brokers import Broker
from centres import Centre
from deltalake import DeltaTable
from edge_box import CLIP, Camera, EdgeBox

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def centre(tmp_path: Path, broker: Broker) -> Iterator[Centre]:
    centre = Centre(tmp_path / "centre", broker, archive={"seal_s": 2.0})
    yield centre
    centre.close()


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    camera = Camera(tmp_path)
    yield camera
    camera.close()


@pytest.fixture
def box(tmp_path: Path, broker: Broker, camera: Camera) -> Iterator[EdgeBox]:
    box = EdgeBox(tmp_path / "edge", broker, camera, resend_s=1.0)
    yield box
    box.close()


def truth() -> set[str]:
    with (CLIP.parent / "truth" / "day.csv").open(encoding="utf-8") as rows:
        return {row["plate"] for row in csv.DictReader(rows)}


def kill_while_reads_flow(
    box: EdgeBox, centre: Centre, broker: Broker, *, rounds: int, dice: random.Random
) -> None:
    """Every round ends with the edge worker's death while reads flow; in turn others die a read before it."""

    def another_read() -> None:
        before = box.spooled
        box.wait_for(lambda: box.spooled > before, "further read")

    def with_broker() -> None:
        broker.kill9()
        another_read()
        box.kill9()
        broker.start()

    def with_centre() -> None:
        # What the broker has confirmed meanwhile is nowhere but in the spool, if it forgets it as well.
        centre.kill9()
        another_read()
        broker.kill9()
        box.kill9()
        broker.start()
        centre.start()

    deaths: list[Callable[[], None]] = [with_broker, with_centre, box.kill9]
    centre.start()
    box.start()
    for turn in range(rounds):
        another_read()
        time.sleep(dice.uniform(0.0, 1.0))
        deaths[turn % len(deaths)]()
        box.start()
    another_read()


def archived(centre: Centre) -> tuple[Counter[tuple[str, int, int]], set[str]]:
    """How often each read stands in the Delta table, and the plates that were read."""
    rows = archived_rows(
        DeltaTable(centre.archive / "reads"), ["edge_id", "epoch", "seq", "plate"]
    ).to_pylist()
    return Counter((r["edge_id"], r["epoch"], r["seq"]) for r in rows), {r["plate"] for r in rows}


def check(box: EdgeBox, centre: Centre, camera: Camera, *, kills: int) -> None:
    """End everything cleanly; then the spool's numbers stand in the Delta table, each once."""
    camera.close()
    box.wait_for(lambda: box.spool().messages == 0, "empty spool")
    assert box.stop() == 0, box.log()[-4000:]
    assert centre.stop() == 0, centre.log()[-4000:]
    spool = box.spool()
    assert (spool.messages, spool.dropped, spool.gone, spool.set_aside) == (0, 0, 0, 0)
    # A death between the commit and the log's line leaves a read that was stored and not said to be.
    assert box.stored <= box.spooled <= box.stored + kills
    rows, plates = archived(centre)
    assert rows == Counter(("edge-1", spool.epoch, seq) for seq in range(1, box.spooled + 1))
    assert centre.identities() == rows, "nothing is left in the database that was not sealed"
    assert centre.dead_letters() == Counter()
    assert plates & truth(), f"not one plate of the clip among {sorted(plates)}"


@pytest.mark.parametrize("broker", ["wheel_broker"], indirect=True)
def test_a_few_deaths_lose_nothing_and_double_nothing(
    box: EdgeBox, centre: Centre, broker: Broker, camera: Camera
) -> None:
    kill_while_reads_flow(box, centre, broker, rounds=3, dice=random.Random(1))
    check(box, centre, camera, kills=3)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_ten_deaths_lose_nothing_and_double_nothing(
    box: EdgeBox, centre: Centre, broker: Broker, camera: Camera
) -> None:
    kill_while_reads_flow(box, centre, broker, rounds=10, dice=random.Random(2))
    assert box.spooled >= 10
    check(box, centre, camera, kills=10)
