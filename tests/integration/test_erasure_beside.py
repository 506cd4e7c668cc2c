"""An order of a court, given and carried out beside a whole centre that takes reads and seals them meanwhile."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from central_commands import LOOK
from central_messages import address_of, read_message
from central_reads import a_read
from centres import Centre, Edge
from erasing import files_with

from edge.contract.read import PlateRead

BEGAN = datetime.now(UTC)
PLATE = "ERA001"
TOTAL = 900

pytestmark = pytest.mark.mosquitto


def the_read(seq: int) -> PlateRead:
    """Of some days, the first of which are over; of the first 300 every fourth is of the plate."""
    at = BEGAN - timedelta(days=seq % 4, seconds=seq)
    return a_read(seq, plate=PLATE if is_erased(seq) else f"ABC{seq % 7:03}", captured_at=at)


def is_erased(seq: int) -> bool:
    return seq <= 300 and seq % 4 == 0


ERASED = [seq for seq in range(1, TOTAL + 1) if is_erased(seq)]


class City:
    """A centre, and an edge that never pauses."""

    def __init__(self, folder: Path, broker: Broker, *, maintain_s: int) -> None:
        self.folder = folder / "centre"
        archive = {"seal_s": 1, "maintain_s": maintain_s, "close_after_s": 0, "memory_mb": 256}
        self.centre = Centre(self.folder, broker, archive=archive, query={"timeout_s": 15})
        self.edge = Edge(broker, address_of(the_read(1)), self.centre.database_url, again_s=1.0)

    def start(self) -> None:
        self.centre.start()
        self.centre.wait_for(" subscribed ")
        self.edge.start()
        self.hand_over(1, 300)
        self.edge.wait_until_through()
        self.centre.wait_for(" sealed ")

    def hand_over(self, first: int, last: int) -> None:
        self.edge.hand_over(*(read_message(the_read(seq)) for seq in range(first, last + 1)))

    def order(self) -> None:
        """Given while reads come; at once nothing shows the plate."""
        self.hand_over(301, 600)
        given = self.centre.run("erase", "order", PLATE, "--order", "STC-1", *LOOK)
        assert given.returncode == 0, given.stderr
        shown = self.centre.run("history", PLATE, "--csv", *LOOK)
        assert (shown.returncode, len(shown.stdout.splitlines())) == (0, 1), "the heading alone"
        self.hand_over(601, TOTAL)

    def check(self) -> None:
        """Everything else once, of the plate not a byte; nor does it come back with what an edge sends again."""
        self.edge.wait_until_through()
        for seq in ERASED:
            self.edge.say(read_message(the_read(seq)))
        # And as a box that has lost its numbers does; acknowledged, so what was sent before them has come too.
        again = [a_read(TOTAL + seq, plate=PLATE, captured_at=BEGAN) for seq in ERASED]
        self.edge.hand_over(*map(read_message, again))
        self.edge.wait_until_through()
        self.edge.stop()
        assert self.edge.broken_promises == []
        assert self.centre.stop() == 0
        assert "Traceback" not in self.centre.log()
        assert f" erased={len(ERASED)} " in self.centre.log()
        stay = [seq for seq in range(1, TOTAL + 1) if not is_erased(seq)]
        assert self.centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in stay})
        assert files_with(self.folder, PLATE) == []
        told = self.centre.run("erase", "certificate", "1")
        assert told.returncode == 0, told.stderr

    def close(self) -> None:
        self.edge._stop.set()
        self.centre.close()


@pytest.fixture
def city(tmp_path: Path, mosquitto: Broker, request: pytest.FixtureRequest) -> Iterator[City]:
    made = City(tmp_path, mosquitto, maintain_s=getattr(request, "param", 3600))
    yield made
    made.close()


def test_a_command_carries_it_out_beside_the_centre(city: City) -> None:
    city.start()
    city.order()
    done = city.centre.run("erase", "run", "--now")
    while done.returncode:
        assert "being read from before" in done.stderr, done.stderr
        done = city.centre.run("erase", "run", "--now")
    city.check()


@pytest.mark.proof
@pytest.mark.parametrize("city", [60], indirect=True)
def test_the_centre_carries_it_out_by_itself_with_its_maintenance(city: City) -> None:
    city.start()
    city.order()
    city.centre.wait_for("order of erasure", within_s=150)
    assert "state=done" in city.centre.log()
    city.check()
