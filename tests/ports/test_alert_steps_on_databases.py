"""What people do with alerts is decided on the alert as it stands and written at once, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, list_plates, picture_message, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Engine

from central.alert.desk import take_step
from central.alert.life import Outcome, Step
from central.alert.log import events
from central.consume.store import Store
from central.db import alert, alert_event, reading
from central.errors import AlertError
from central.types import EventKind

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"
LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    list_plates(database, tmp_path, LISTED)
    store = a_store(database, tmp_path / "pictures")
    ingest(store, [read_message(a_read(1))])
    yield store
    store._pictures.close()


def step(engine: Engine, kind: EventKind, actor: str = "ana", **said: object) -> int:
    taken = Step(kind, actor, LATER, **said)  # type: ignore[arg-type]
    return take_step(engine, 1, taken, log=lambda *_: None)


def test_from_the_read_to_the_outcome(store: Store, database: Engine) -> None:
    step(database, EventKind.SEEN)
    with pytest.raises(AlertError, match="no picture"):
        step(database, EventKind.CONFIRMED, saw="ABC123")
    ingest(store, [picture_message(a_read(2), 2)])
    with pytest.raises(AlertError, match="no picture"):  # of another read
        step(database, EventKind.CONFIRMED, saw="ABC123")
    ingest(store, [picture_message(a_read(1), 1)])
    step(database, EventKind.CONFIRMED, saw="ABC123")
    step(database, EventKind.CLAIMED)
    ingest(store, [read_message(a_read(2))])
    step(database, EventKind.DISPATCHED, unit_id="moto-7")
    assert step(database, EventKind.OUTCOME, "luis", outcome=Outcome.RECOVERED) == 7
    (row,) = rows(database, alert)
    told = [row[name] for name in ("state", "claimed_by", "unit_id", "outcome", "events")]
    assert told == ["closed", "ana", "moto-7", "recovered", 7]
    with reading(database) as connection:
        acts = [event.act for event in events(connection, 1)]
    assert [(act.kind, act.actor) for act in acts] == [
        (EventKind.RAISED, "atalaya"),
        (EventKind.SEEN, "ana"),
        (EventKind.CONFIRMED, "ana"),
        (EventKind.CLAIMED, "ana"),
        (EventKind.JOINED, "atalaya"),
        (EventKind.DISPATCHED, "ana"),
        (EventKind.OUTCOME, "luis"),
    ]
    assert acts[-1].at == LATER


def test_what_cannot_be_logged_is_not_done(store: Store, database: Engine) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        take_step(database, 1, Step(EventKind.SEEN, "ana", LATER), log=refuse)
    assert rows(database, alert)[0]["state"] == "raised"
    assert len(rows(database, alert_event)) == 1


def test_an_alert_that_nobody_knows(store: Store, database: Engine) -> None:
    with pytest.raises(AlertError, match="no alert #9"):
        take_step(database, 9, Step(EventKind.SEEN, "ana", LATER), log=lambda *_: None)


def test_of_many_at_once_one_wins_and_the_others_are_told(store: Store, database: Engine) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    step(database, EventKind.CONFIRMED, saw="ABC123")
    won: list[str] = []
    lost: list[str] = []
    together = threading.Barrier(6)

    def claim(who: str) -> None:
        together.wait()
        try:
            step(database, EventKind.CLAIMED, who)
        except AlertError as error:
            lost.append(str(error))
        else:
            won.append(who)

    people = [threading.Thread(target=claim, args=(f"person-{n}",)) for n in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    (winner,) = won
    assert rows(database, alert)[0]["claimed_by"] == winner
    assert len(lost) == 5
    assert all(f"claimed by {winner} at 2025-03-04 12:01:00 UTC" in told for told in lost)
    assert len(rows(database, alert_event)) == 3
