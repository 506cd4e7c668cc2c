"""The hunter's thread: how it rests, what it says where it cannot hunt, and how it ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Self

import pytest
from central_messages import list_plates, rows
from hunting import AT, listed, settings_in
from sqlalchemy import Engine, delete
from structlog.testing import capture_logs

from central.db import hunt_trace, open_database
from central.errors import CancelledError, QueryError, StoreError
from central.hotlist.version import raise_version
from central.lock import exclusive
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
        asked_at: when, by the clock that nobody sets.
        opened: how often.
        on_ask: is called with each question.
        faults: raised by the next questions, one each.
        elapsed_s: by the clock that nobody sets.
        waits: how long the hunter rested, or waited for something to do.
    """

    def __init__(self, takes_s: float = 3.0, *faults: Exception, waits: int = 99) -> None:
        self.takes_s, self.faults, self.left = takes_s, list(faults), waits
        self.asked: list[int] = []
        self.asked_at: list[float] = []
        self.opened = 0
        self.on_ask: Callable[[], object] = lambda: None
        self.waits: list[float] = []
        self.elapsed_s = 0.0
        self.begun, self.cancelled = Event(), Event()

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled.set()

    def seen_of(self, _: object, plates: set[str], **__: object) -> tuple[dict[str, Any], tuple[()]]:
        self.asked.append(len(plates))
        self.asked_at.append(self.elapsed_s)
        self.on_ask()
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
    assert (reads.asked, reads.waits) == ([4, 5], [2.0, 1.0, 2.0, 1.0])


def test_it_rests_after_a_look_that_finds_nobody_and_opens_no_archive_for_it(
    hunter_of: Callable[..., Hunter], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads(waits=7)

    def slow(*_: object, **__: object) -> tuple[()]:
        reads.elapsed_s += 9.0
        return ()

    monkeypatch.setattr(hunting, "due", slow)
    hunter_of(reads).run()
    assert reads.waits == [2.0, *(2.0, 2.0, 2.0, 2.0, 1.0), 2.0]
    assert reads.opened == 0


def test_half_of_the_time_is_rested_though_the_lists_change_all_the_while(
    hunter_of: Callable[..., Hunter], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = Reads(takes_s=20.0, waits=200)

    def change() -> None:
        with engine.begin() as connection:
            raise_version(connection)

    reads.on_ask = change
    monkeypatch.setattr(hunting, "keep_traces", lambda *_, **__: 0)  # so there is always somebody to hunt
    hunter_of(reads).run()
    assert len(reads.asked) > 10
    assert sum(reads.waits) >= 20.0 * len(reads.asked) - 80.0, "but for the last one, and a minute"


def test_it_ends_in_the_midst_of_its_work(hunter_of: Callable[..., Hunter]) -> None:
    reads = Reads(waits=2)
    hunter = hunter_of(reads)
    hunter._most = 1
    hunter.run()
    assert reads.asked == [1]
    assert reads.waits == [2.0, 2.0, 2.0], "each time it hears that it is over"


def test_who_is_new_is_hunted_before_the_rest_is_over(
    hunter_of: Callable[..., Hunter], engine: Engine, tmp_path: Path
) -> None:
    reads = Reads(takes_s=30.0, waits=60)
    hunter = hunter_of(reads)

    def enter() -> None:
        if len(reads.asked) == 1:
            list_plates(engine, tmp_path, listed("BBB000"), list_name="urgent")

    reads.on_ask = enter
    hunter.run()
    assert reads.asked == [9, 1]
    assert reads.asked_at == [2.0, 36.0], "and not at 62"


def test_a_look_that_takes_long_makes_room_for_whoever_begins_meanwhile(
    hunter_of: Callable[..., Hunter],
) -> None:
    reads = Reads(takes_s=200.0)
    hunter = hunter_of(reads)
    hunter._most = 1
    assert (hunter.look(), hunter.look()) == (1, 2)


def test_what_cannot_be_asked_is_told_once_and_tried_again_with_fewer_plates(
    hunter_of: Callable[..., Hunter],
) -> None:
    faults = [QueryError("too slow"), QueryError("too slow"), StoreError("the disk is away")]
    reads = Reads(0.0, *faults, waits=100)
    hunter = hunter_of(reads)
    hunter._most = 8
    with capture_logs() as logs:
        hunter.run()
    assert reads.asked == [8, 4, 2, 2, 3, 4], "more again where it goes well"
    assert reads.asked_at == [2.0, 62.0, 122.0, 182.0, 182.0, 182.0]
    told = [(log["event"], log.get("reason", log.get("entries"))) for log in logs]
    assert told == [
        ("entries are hunted later", "too slow"),
        ("entries are hunted later", "the disk is away"),
        ("entries hunted", 9),
    ]
    assert not [log for log in logs if "AAA" in str(log)], "no plate"


def test_what_went_well_is_known_to_the_next_look_however_this_one_ended(
    hunter_of: Callable[..., Hunter], engine: Engine
) -> None:
    reads = Reads()
    hunter = hunter_of(reads)
    hunter._most = 2

    def change() -> None:
        with engine.begin() as connection:
            raise_version(connection)

    reads.on_ask = change
    assert [hunter.look() for _ in range(4)] == [2, 3, 4, 0]
    hunter._most = MOST_PLATES
    with engine.begin() as connection:
        connection.execute(delete(hunt_trace))
    assert hunter.look() == 9
    assert hunter._most == MOST_PLATES, "no question may have more"


def test_who_cannot_be_asked_for_alone_is_put_off_and_the_others_have_their_turn(
    hunter_of: Callable[..., Hunter], engine: Engine
) -> None:
    reads = Reads(0.0, QueryError("too slow"))
    hunter = hunter_of(reads)
    hunter._most = 1
    with pytest.raises(QueryError):
        hunter.look()
    assert [(row["entry_id"], row["lacking"]) for row in rows(engine, hunt_trace)] == [(9, 1)]
    assert (hunter.look(), reads.asked) == (8, [1, 1, 2, 3, 2])


def test_who_is_cancelled_puts_nobody_off(hunter_of: Callable[..., Hunter], engine: Engine) -> None:
    hunter = hunter_of(Reads(0.0, CancelledError("cancelled")))
    hunter._most = 1
    with pytest.raises(CancelledError):
        hunter.look()
    assert rows(engine, hunt_trace) == []


def test_another_one_that_hunts_is_nothing_to_tell(hunter_of: Callable[..., Hunter], engine: Engine) -> None:
    reads = Reads(waits=40)
    with capture_logs() as logs, exclusive(engine, "hunting", wait=False):
        hunter_of(reads).run()
    assert logs == reads.asked == []
    assert reads.waits == [2.0] * 40
    reads.left = 35
    hunter_of(reads).run()
    assert reads.asked == [9]


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
