"""The hunter's thread: how it rests, what it says where it cannot hunt, and how it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Self

import pytest
from central_messages import list_plates
from hunting import AT, listed, settings_in
from sqlalchemy import Engine
from structlog.testing import capture_logs

from central.db import open_database
from central.errors import CancelledError, QueryError, StoreError
from central.query import hunter as hunting
from central.query.hunter import Hunter
from central.query.plan import MOST_PLATES

PLATES = [f"AAA{number:03d}" for number in range(9)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """With a list."""
    opened = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    list_plates(opened, tmp_path, *map(listed, PLATES))
    yield opened
    opened.dispose()


class Reads:
    """An archive that takes so many seconds for a question, and may fail.

    Attributes:
        asked: how many plates each question had.
        faults: raised by the next questions, one each.
        elapsed_s: by the clock that nobody sets.
        waits: how long the hunter rested, or waited for something to do.
    """

    def __init__(self, takes_s: float = 3.0, *faults: Exception, waits: int = 99) -> None:
        self.takes_s, self.faults, self.left = takes_s, list(faults), waits
        self.asked: list[int] = []
        self.waits: list[float] = []
        self.elapsed_s = 0.0
        self.begun, self.cancelled = Event(), Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled.set()

    def seen_of(self, _: object, plates: set[str], **__: object) -> tuple[dict[str, Any], tuple[()]]:
        self.asked.append(len(plates))
        self.elapsed_s += self.takes_s
        if self.faults:
            raise self.faults.pop(0)
        return {}, ()

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.elapsed_s += seconds
        self.left -= 1
        return self.left <= 0


@pytest.fixture
def hunter_of(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Reads], Hunter]:
    def make(reads: Reads, **hotlist: object) -> Hunter:
        monkeypatch.setattr(hunting, "open_reads", lambda *_, **__: reads)
        monkeypatch.setattr(hunting, "seen_of", reads.seen_of)
        settings, clock = settings_in(tmp_path, **hotlist), lambda: AT
        return Hunter(settings, engine, reads.wait, clock=clock, monotonic=lambda: reads.elapsed_s)

    return make


def test_it_rests_after_each_portion_as_long_as_it_worked(hunter_of: Callable[..., Hunter]) -> None:
    reads = Reads(takes_s=3.0)
    hunter = hunter_of(reads)
    hunter._most = 4
    assert hunter.look() == 9
    assert (reads.asked, reads.waits) == ([4, 4, 1], [3.0, 3.0, 3.0])


def test_it_ends_in_the_midst_of_its_work(hunter_of: Callable[..., Hunter]) -> None:
    reads = Reads(waits=2)
    hunter = hunter_of(reads)
    hunter._most = 1
    hunter.run()
    assert reads.asked == [1]
    assert reads.waits == [2.0, 3.0, 2.0], "each time it hears that it is over"


def test_what_cannot_be_asked_is_told_once_and_tried_again_with_fewer_plates(
    hunter_of: Callable[..., Hunter],
) -> None:
    faults = [QueryError("too slow"), QueryError("too slow"), StoreError("the disk is away")]
    reads = Reads(0.0, *faults, waits=6)
    hunter = hunter_of(reads)
    hunter._most = 8
    with capture_logs() as logs:
        hunter.run()
    assert reads.asked == [8, 4, 2, 2, 2]
    assert reads.waits[:4] == [2.0, 60.0, 60.0, 60.0]
    told = [(log["event"], log.get("reason", log.get("entries"))) for log in logs]
    assert told[:2] == [
        ("entries are hunted later", "too slow"),
        ("entries are hunted later", "the disk is away"),
    ]
    assert not [log for log in logs if "AAA" in str(log)], "no plate"


def test_once_it_went_well_it_asks_for_many_again(hunter_of: Callable[..., Hunter]) -> None:
    hunter = hunter_of(Reads())
    hunter._most = 1
    assert hunter.look() == 9
    assert hunter._most == MOST_PLATES


def test_one_plate_at_a_time_is_the_least(hunter_of: Callable[..., Hunter]) -> None:
    reads = Reads(0.0, QueryError("too slow"))
    hunter = hunter_of(reads)
    hunter._most = 1
    with pytest.raises(QueryError):
        hunter.look()
    assert hunter._most == 1


def test_no_answer_is_waited_for_at_the_end(
    hunter_of: Callable[..., Hunter], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads()
    hunter = hunter_of(reads)

    def slow(*_: object, **__: object) -> None:
        reads.begun.set()
        assert reads.cancelled.wait(30)
        reads.left = 0
        raise CancelledError("cancelled before there was an answer")

    monkeypatch.setattr(hunting, "seen_of", slow)
    with capture_logs() as logs:
        hunter.start()
        assert reads.begun.wait(30)
        hunter.join()
    assert not hunter._thread.is_alive()
    assert logs == []


def test_it_does_not_begin_where_the_settings_say_so(hunter_of: Callable[..., Hunter]) -> None:
    reads = Reads()
    hunter = hunter_of(reads, hunt=False)
    hunter.start()
    hunter.join()
    assert reads.waits == reads.asked == []
