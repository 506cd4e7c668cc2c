"""What happened to alerts is written down with it, in order and once, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from central_messages import a_store, ingest, list_plates, read_message, rows, update_message
from central_reads import NOON, a_read
from sqlalchemy import Engine, create_engine, inspect, text

from central.alert.log import ATALAYA, Act, AlertEvent, events, note
from central.consume.store import Store
from central.db import alert, alert_event, open_database, reading
from central.types import EventKind
from edge.contract.read import PlateRead

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    list_plates(database, tmp_path, LISTED)
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


def told(engine: Engine, alert_id: int) -> list[AlertEvent]:
    with reading(engine) as connection:
        return list(events(connection, alert_id))


def kinds(engine: Engine, alert_id: int) -> list[tuple[int, EventKind]]:
    return [(event.number, event.act.kind) for event in told(engine, alert_id)]


def at(seq: int, second: float, **more: object) -> PlateRead:
    return a_read(seq, captured_at=NOON + timedelta(seconds=second), **more)


def test_an_alert_begins_with_the_read_that_raised_it(store: Store, database: Engine) -> None:
    (raised,) = ingest(store, [read_message(at(1, 0))]).alerts
    (event,) = told(database, raised.alert_id)
    assert (event.number, event.act.kind, event.act.actor) == (1, EventKind.RAISED, ATALAYA)
    assert event.act.at == raised.raised_at == NOON + timedelta(seconds=1)
    assert event.act.detail == {
        "edge_id": "edge-1",
        "epoch": 7,
        "seq": 1,
        "camera_id": "cam-1",
        "captured_at": NOON.isoformat(),
        "likelihood": 0.791,
    }


def test_each_further_read_joins_once_however_often_it_comes(store: Store, database: Engine) -> None:
    ingest(store, [read_message(at(1, 0))])
    for _ in range(2):
        for read in (at(2, 5), at(3, 9), at(1, 0)):
            ingest(store, [read_message(read)])
    found = told(database, 1)
    assert [(event.act.kind, event.act.detail["seq"]) for event in found] == [
        (EventKind.RAISED, 1),
        (EventKind.JOINED, 2),
        (EventKind.JOINED, 3),
    ]
    assert [event.number for event in found] == [1, 2, 3]
    assert [row["events"] for row in rows(database, alert)] == [3]


def test_both_of_two_that_prove_to_be_one_passage_say_so(store: Store, database: Engine) -> None:
    for seq, second in ((9, 100), (1, 50), (5, 75)):
        ingest(store, [read_message(at(seq, second))])
    kept, other = told(database, 1), told(database, 2)
    assert [event.act.kind for event in kept] == [EventKind.RAISED, EventKind.MERGED, EventKind.JOINED]
    assert [event.act.kind for event in other] == [EventKind.RAISED, EventKind.MERGED]
    assert (kept[1].act.detail, other[1].act.detail) == ({"took_in": 2}, {"into": 1})


def test_a_better_look_is_noted_without_the_plate(store: Store, database: Engine) -> None:
    ingest(store, [read_message(at(1, 0)), update_message(at(1, 0, plate="ABC128"), 1)])
    assert kinds(database, 1) == [(1, EventKind.RAISED), (2, EventKind.NOTED)]
    assert told(database, 1)[1].act.detail["fits"] is False
    assert "ABC12" not in str(rows(database, alert_event))


def test_what_fails_leaves_no_event(store: Store, database: Engine) -> None:
    ingest(store, [read_message(at(1, 0))])
    with database.connect() as connection, connection.begin() as change:
        assert note(connection, 1, Act(EventKind.SEEN, NOON, "ana")) == 2
        change.rollback()
    assert kinds(database, 1) == [(1, EventKind.RAISED)]
    assert rows(database, alert)[0]["events"] == 1


def test_an_alert_that_is_not_there_has_no_events(database: Engine) -> None:
    with pytest.raises(LookupError, match="no alert 7"), database.begin() as connection:
        note(connection, 7, Act(EventKind.SEEN, NOON, "ana"))
    assert rows(database, alert_event) == []


def test_many_at_once_give_every_number_once(store: Store, database: Engine) -> None:
    ingest(store, [read_message(at(1, 0))])

    def see(actor: str) -> None:
        for _ in range(5):
            with database.begin() as connection:
                note(connection, 1, Act(EventKind.NOTED, NOON, actor, {"note": "¿quién?"}))

    people = [threading.Thread(target=see, args=(f"person-{number}",)) for number in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    found = told(database, 1)
    assert [event.number for event in found] == list(range(1, 22))
    assert [event.act.actor for event in found].count("person-2") == 5
    assert found[-1].act.detail == {"note": "¿quién?"}


def test_alerts_of_before_are_raised_and_say_so(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        connection.execute(
            text(
                "INSERT INTO alert (raised_us, edge_id, epoch, seq, camera_id, captured_us, plate, likelihood, "
                "hotlist_entry_id, list_name, reason, priority, explanation, late, passage_first_us, "
                "passage_last_us) VALUES (5, 'e', 1, 1, 'c', 4, 'ABC123', 0.9, 1, 'l', 'stolen', 1, 'x', "
                "false, 4, 4)"
            )
        )
    opened = open_database(empty_database_url)
    assert kinds(opened, 1) == [(1, EventKind.RAISED)]
    (row,) = rows(opened, alert)
    assert (row["state"], row["events"], row["escalation"], row["plate"]) == ("raised", 1, 0, "ABC123")
    with opened.begin() as connection:
        assert note(connection, 1, Act(EventKind.SEEN, NOON, "ana")) == 2
    opened.dispose()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0010")
        assert "alert_event" not in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT plate FROM alert")).scalars().all() == ["ABC123"]
    engine.dispose()
