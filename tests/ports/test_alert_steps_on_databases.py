"""What people do with alerts is decided on the alert as it stands and written at once, on SQLite and on PostgreSQL."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, list_plates, picture_message, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Engine, delete, update

from central.alert.desk import take_step
from central.alert.life import Outcome, RejectedAs, Step
from central.alert.log import events
from central.alert.wanted import tell_listed, tell_suppressed, tell_under_way
from central.consume.store import Store
from central.db import alert, alert_event, hot_read, hotlist, hotlist_entry, reading, suppression, to_us
from central.errors import AlertError
from central.hotlist.suppress import Term, enter, lift
from central.types import EventKind, Look

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


STEPS = [
    (EventKind.CONFIRMED, {"saw": "ABC123"}),
    (EventKind.CLAIMED, {}),
    (EventKind.DISPATCHED, {"unit_id": "moto-7"}),
]


def suppressed(engine: Engine, **more: object) -> int:
    term = Term("ABC123", "CO", None, None, NOON + timedelta(seconds=30), NOON + timedelta(days=1))
    look = Look("jose", "stopped by mistake", "C-2")
    said = {"reason": "recovered, still listed", "log": lambda *_: None}
    return enter(engine, replace(term, **more), look, **said).number  # type: ignore[arg-type]


@pytest.mark.parametrize("done", range(3))
def test_what_was_suppressed_meanwhile_goes_no_further(store: Store, database: Engine, done: int) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    for kind, said in STEPS[:done]:
        step(database, kind, **said)
    number = suppressed(database)
    kind, said = STEPS[done]
    with pytest.raises(
        AlertError, match=r"alert #1: suppression #1 stands until 2025-03-05 12:00 UTC"
    ) as told:
        step(database, kind, **said)
    assert "ABC123" not in str(told.value)
    lift(database, number, by="jose", at=NOON + timedelta(seconds=45), why="ours", log=lambda *_: None)
    assert step(database, kind, **said) == done + 2


@pytest.mark.parametrize(
    "other",
    [
        {"plate": "A8C123"},
        {"country": "VE"},
        {"list_name": "interpol"},
        {"camera_id": "cam-2", "edge_id": "edge-1"},
        {"camera_id": "cam-1", "edge_id": "edge-2"},
        {"until": NOON + timedelta(minutes=1)},
        {"since": NOON + timedelta(minutes=2)},
    ],
)
def test_what_is_suppressed_elsewhere_or_at_another_time_holds_nobody_up(
    store: Store, database: Engine, tmp_path: Path, other: dict[str, object]
) -> None:
    list_plates(database, tmp_path, LISTED, list_name="interpol")
    ingest(store, [picture_message(a_read(1), 1)])
    suppressed(database, **other)
    assert step(database, EventKind.CONFIRMED, saw="ABC123") == 2


@pytest.mark.parametrize(
    "terms", [{"list_name": "medellin"}, {"camera_id": "cam-1", "edge_id": "edge-1"}, {"plate": "A8C123"}]
)
def test_a_suppression_of_its_list_its_camera_or_its_spelling_holds_it_back(
    store: Store, database: Engine, terms: dict[str, object]
) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    with database.begin() as connection:  # the camera took another vehicle for it
        connection.execute(update(hot_read).values(plate="A8C123"))
    suppressed(database, **terms)
    with pytest.raises(AlertError, match="suppression #1 stands"):
        step(database, EventKind.CONFIRMED, saw="ABC123")


@pytest.mark.parametrize("is_deleted", [False, True])
def test_nor_does_what_is_looked_for_no_longer(store: Store, database: Engine, is_deleted: bool) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    with database.begin() as connection:
        if is_deleted:
            connection.execute(delete(hotlist_entry))
        else:
            connection.execute(update(hotlist_entry).values(valid_until_us=to_us(LATER)))
    words = "its entry is deleted" if is_deleted else "looked for no longer, since 2025-03-04 12:01 UTC"
    with pytest.raises(AlertError, match=f"{words}: reject it as stale-entry"):
        step(database, EventKind.CONFIRMED, saw="ABC123")
    assert step(database, EventKind.REJECTED, rejected_as=RejectedAs.STALE_ENTRY) == 2


def wanted(database: Engine) -> list[bool]:
    """What the notes on alerts say of it, in their order."""
    told = (json.loads(str(row["detail"])) for row in rows(database, alert_event))
    return [detail["wanted"] for detail in told if "wanted" in detail]


@pytest.mark.parametrize(("spelt", "told"), [("A8C123", 1), ("QQQ111", 0)])
def test_an_open_alert_is_told_that_its_reads_are_suppressed(
    store: Store, database: Engine, spelt: str, told: int
) -> None:
    with database.begin() as connection:  # the camera took another vehicle for it
        connection.execute(update(hot_read).values(plate=spelt))
    suppressed(database, plate="A8C123")
    with database.begin() as connection:
        assert tell_suppressed(connection, LATER, "A8C123") == told
        assert tell_suppressed(connection, LATER, "A8C123") == 0, "it was told"
    assert wanted(database) == [False] * told
    with database.begin() as connection:
        connection.execute(update(suppression).values(lifted_us=to_us(LATER)))
        assert tell_suppressed(connection, LATER, "A8C123") == told
        assert tell_suppressed(connection, LATER, "A8C123") == 0
    assert wanted(database) == [False, True][: 2 * told]


@pytest.mark.parametrize("whole", [True, False])
def test_a_unit_under_way_is_told_that_a_file_has_ended_its_entry(
    store: Store, database: Engine, tmp_path: Path, whole: bool
) -> None:
    """By leaving it out of the whole list, or by an earlier `valid_until`, which may be days ago."""
    ingest(store, [picture_message(a_read(1), 1)])
    for kind, said in STEPS:
        step(database, kind, **said)
    other = "XYZ987,CO,,stolen,1,SIJIN,C-2,,2026-12-31"
    lines = [other] if whole else [LISTED.replace("2026-12-31", "2025-03-02"), other]
    list_plates(database, tmp_path, *lines, at=LATER, whole=whole)
    every = hotlist_entry.c.list_name == "medellin"
    with database.begin() as connection:
        assert tell_listed(connection, LATER, every) == 1
    told = json.loads(str(rows(database, alert_event)[-1]["detail"]))
    assert told["wanted"] is False
    assert f"looked for no longer, since 2025-03-0{4 if whole else 3} " in told["note"]
    assert "ABC123" not in str(told)
    list_plates(database, tmp_path, *lines, at=LATER + timedelta(hours=1), whole=whole)
    with database.begin() as connection:
        assert tell_listed(connection, LATER + timedelta(hours=1), every) == 0, "it was over before"
    again = LATER + timedelta(hours=2)
    list_plates(database, tmp_path, LISTED, other, at=again, whole=whole)
    with database.begin() as connection:
        assert tell_listed(connection, again, every) == 1
    assert wanted(database) == [False, True]


RUN_OUT = {
    "entry": lambda until_us: update(hotlist_entry).values(valid_until_us=until_us),
    "event": lambda until_us: update(hotlist).values(purge_us=until_us),
}


@pytest.mark.parametrize("what", RUN_OUT)
@pytest.mark.parametrize(("done", "told"), [(0, []), (1, []), (2, [False]), (3, [False])])
def test_a_unit_under_way_is_told_once_that_its_time_has_run_out(
    store: Store, database: Engine, what: str, done: int, told: list[bool]
) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    for kind, said in STEPS[:done]:
        step(database, kind, **said)
    with database.begin() as connection:
        connection.execute(RUN_OUT[what](to_us(LATER)))
    assert tell_under_way(database, LATER - timedelta(microseconds=1)) == 0
    assert tell_under_way(database, LATER) == len(told)
    assert tell_under_way(database, LATER + timedelta(hours=1)) == 0, "it was told"
    assert wanted(database) == told


def test_a_unit_under_way_is_told_that_a_suppression_has_run_out(store: Store, database: Engine) -> None:
    ingest(store, [picture_message(a_read(1), 1)])
    for kind, said in STEPS:
        step(database, kind, **said)
    suppressed(database, until=LATER + timedelta(hours=1))
    assert tell_under_way(database, LATER) == 1
    assert tell_under_way(database, LATER + timedelta(hours=1)) == 1
    assert wanted(database) == [False, True]


def test_what_nobody_is_at_is_told_nothing(store: Store, database: Engine) -> None:
    ended = {"valid_until_us": to_us(NOON), "entered_us": to_us(LATER)}
    with database.begin() as connection:
        connection.execute(update(hotlist_entry).values(ended))
    step(database, EventKind.REJECTED, rejected_as=RejectedAs.STALE_ENTRY)
    with database.begin() as connection:
        assert tell_listed(connection, LATER, hotlist_entry.c.list_name == "medellin") == 0


@pytest.mark.parametrize("done", range(3))
def test_what_was_of_an_event_that_is_over_goes_no_further(store: Store, database: Engine, done: int) -> None:
    """Its entries stay until maintenance deletes them."""
    ingest(store, [picture_message(a_read(1), 1)])
    for kind, said in STEPS[:done]:
        step(database, kind, **said)
    kind, said = STEPS[done]
    with database.begin() as connection:
        connection.execute(update(hotlist).values(purge_us=to_us(LATER)))
    with pytest.raises(AlertError, match="looked for no longer, since 2025-03-04 12:01 UTC"):
        step(database, kind, **said)
    with database.begin() as connection:
        connection.execute(update(hotlist).values(purge_us=to_us(LATER) + 1))
    assert step(database, kind, **said) == done + 2
