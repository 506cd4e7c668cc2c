"""Alerts that nobody sees or confirms in time are escalated, whatever clocks do, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, list_plates, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Engine, update

from central.alert.desk import take_step
from central.alert.escalate import Escalator, Patience, _waiting
from central.alert.life import Step
from central.alert.log import events
from central.consume.store import Store
from central.db import alert, hotlist_entry, reading, to_us
from central.types import EventKind

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


class Clocks:
    """One that people set, and one that nobody sets; both begin when alert #1 is raised."""

    def __init__(self) -> None:
        self.wall = NOON + timedelta(seconds=2)
        self.elapsed_s = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed_s += seconds

    def now(self) -> datetime:
        return self.wall


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    list_plates(database, tmp_path, LISTED)
    store = a_store(database, tmp_path / "pictures")
    ingest(store, [read_message(a_read(1))])
    yield store
    store._pictures.close()


def an_escalator(engine: Engine, clocks: Clocks) -> Escalator:
    patience = Patience(unseen_s=60, unconfirmed_s=300)
    return Escalator(engine, patience, clock=clocks.now, elapsed_s=lambda: clocks.elapsed_s)


def levels(engine: Engine, alert_id: int = 1) -> list[tuple[object, object]]:
    with reading(engine) as connection:
        found = [e.act.detail for e in events(connection, alert_id) if e.act.kind is EventKind.ESCALATED]
    return [(detail["state"], detail["level"]) for detail in found]


def see(engine: Engine, clocks: Clocks) -> None:
    take_step(engine, 1, Step(EventKind.SEEN, "ana", clocks.now()), log=lambda *_: None)


def test_unseen_then_unconfirmed(store: Store, database: Engine, clocks: Clocks) -> None:
    escalator = an_escalator(database, clocks)
    for _ in range(61):
        escalator.look()
        clocks.pass_by(1)
    assert levels(database) == [("raised", 1)]
    assert rows(database, alert)[0]["escalation"] == 1
    see(database, clocks)
    assert rows(database, alert)[0]["escalation"] == 0
    assert escalator.look() == 0
    clocks.pass_by(299)
    assert escalator.look() == 0
    clocks.pass_by(1)
    assert escalator.look() == 1
    for _ in range(20):
        clocks.pass_by(600)
        escalator.look()
    assert levels(database) == [("raised", 1), ("seen", 1), ("seen", 2), ("seen", 3)]


@pytest.mark.parametrize("step_h", [-24 * 365, -1, 1, 24 * 365])
def test_a_clock_that_is_set_escalates_nothing(
    store: Store, database: Engine, clocks: Clocks, step_h: float
) -> None:
    escalator = an_escalator(database, clocks)
    escalator.look()
    clocks.wall += timedelta(hours=step_h)
    clocks.pass_by(59)
    assert escalator.look() == 0
    later = a_read(2, camera_id="cam-2", captured_at=clocks.now())
    ingest(store, [read_message(later)])
    clocks.pass_by(1)
    assert escalator.look() == 1, "the first, in its time"
    assert levels(database, 2) == []


def test_a_centre_that_begins_goes_on_where_the_other_left_off(
    store: Store, database: Engine, clocks: Clocks
) -> None:
    clocks.pass_by(130)
    assert an_escalator(database, clocks).look() == 1
    assert levels(database) == [("raised", 2)], "once, however much it has missed"
    assert an_escalator(database, clocks).look() == 0
    clocks.pass_by(120)
    assert an_escalator(database, clocks).look() == 1


def test_what_waited_for_a_day_before_is_left_alone(store: Store, database: Engine, clocks: Clocks) -> None:
    clocks.pass_by(86_401)
    escalator = an_escalator(database, clocks)
    assert escalator.look() == 0
    later = a_read(2, camera_id="cam-2", captured_at=clocks.now())
    ingest(store, [read_message(later)])
    escalator.look()
    clocks.pass_by(60)
    assert escalator.look() == 1
    assert (levels(database), levels(database, 2)) == ([], [("raised", 1)])


def test_a_vehicle_that_comes_by_again_is_escalated_anew_once_that_was_spent(
    store: Store, database: Engine, clocks: Clocks, tmp_path: Path
) -> None:
    store = a_store(database, tmp_path / "more", vehicle_h=12)
    escalator = an_escalator(database, clocks)

    def come_by(seq: int) -> None:
        ingest(store, [read_message(a_read(seq, camera_id=f"cam-{seq}", captured_at=clocks.now()))])

    escalator.look()
    clocks.pass_by(59)
    come_by(2)  # which puts nothing off
    clocks.pass_by(1)
    assert escalator.look() == 1
    for _ in range(3):
        clocks.pass_by(240)
        escalator.look()
    assert [level for _, level in levels(database)] == [1, 3]
    come_by(3)
    assert escalator.look() == 0
    clocks.pass_by(60)
    assert escalator.look() == 1
    assert [level for _, level in levels(database)] == [1, 3, 1]
    store._pictures.close()


def test_of_two_centres_one_escalates(store: Store, database: Engine, clocks: Clocks) -> None:
    both = an_escalator(database, clocks), an_escalator(database, clocks)
    for each in both:
        each.look()
    clocks.pass_by(60)
    assert [each.look() for each in both] == [1, 0]
    assert levels(database) == [("raised", 1)]


def test_somebody_who_saw_it_just_now_is_in_time(store: Store, database: Engine, clocks: Clocks) -> None:
    escalator = an_escalator(database, clocks)
    escalator.look()
    clocks.pass_by(60)
    with reading(database) as connection:
        (row,) = _waiting(connection, 1)
    see(database, clocks)
    assert escalator._escalate(row, 1, 60.0) is False
    assert levels(database) == []


def test_a_database_that_is_away_is_waited_for(store: Store, database: Engine, clocks: Clocks) -> None:
    rounds = iter([False, False, True])
    escalator = an_escalator(database, clocks)
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alert_event RENAME TO away")

    def wait(_seconds: float) -> bool:
        return next(rounds)

    escalator.run(wait)
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO alert_event")
    clocks.pass_by(70)
    assert escalator.look() == 1


def test_who_is_under_way_is_told_that_the_entry_has_run_out(
    store: Store, database: Engine, clocks: Clocks
) -> None:
    rounds = iter([False, True])
    with database.begin() as connection:
        connection.execute(update(alert).values(state="claimed", claimed_by="ana"))
        connection.execute(update(hotlist_entry).values(valid_until_us=to_us(clocks.now())))
    an_escalator(database, clocks).run(lambda _seconds: next(rounds))
    with reading(database) as connection:
        assert events(connection, 1)[-1].act.detail["wanted"] is False
