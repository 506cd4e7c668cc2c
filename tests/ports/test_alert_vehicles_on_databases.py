"""One alert for a vehicle with a trail that grows, on SQLite and on PostgreSQL."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from central_reads import LASTING, NOON, a_read
from sqlalchemy import Engine, update

from central.alert.desk import take_step
from central.alert.life import RejectedAs, Step
from central.alert.store import Alerts
from central.consume.store import Store
from central.db import alert, alert_event, alert_trail, clip, hotlist_entry, to_us
from central.errors import AlertError
from central.query.alerts import last_sighting, story
from central.query.lists import newest_alerts
from central.sections import ClipSettings
from central.types import EventKind
from edge.contract.read import Character, CharacterAlternative, PlateRead, Scored, Vehicle

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"
See = Callable[..., int]


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    list_plates(database, tmp_path, LISTED)
    store = a_store(database, tmp_path / "pictures", vehicle_h=12)
    yield store
    store._pictures.close()


def passes(seq: int, camera: int, minutes: float, **more: object) -> PlateRead:
    at = NOON + timedelta(minutes=minutes)
    return a_read(seq, camera_id=f"cam-{camera}", captured_at=at, **more)


def alike(seq: int, camera: int, minutes: float) -> PlateRead:
    """A read of another plate that may be the listed one."""
    doubtful = Character(
        char="8", likelihood=0.5, alternatives=(CharacterAlternative(char="3", likelihood=0.5),)
    )
    sure = tuple(Character(char=char, likelihood=1.0) for char in "ABC12")
    more = {"plate": "ABC128", "likelihood": 0.5, "characters": (*sure, doubtful), "plate_class": None}
    return passes(seq, camera, minutes, **more)


def confirmed(store: Store, engine: Engine, read: PlateRead) -> None:
    """An alert of this read that somebody has compared."""
    ingest(store, [read_message(read), picture_message(read, 1)])
    step(engine, 1, EventKind.CONFIRMED, saw="ABC123")


def step(engine: Engine, alert_id: int, kind: EventKind, **said: object) -> None:
    taken = Step(kind, "ana", NOON, **said)  # type: ignore[arg-type]
    take_step(engine, alert_id, taken, log=lambda *_: None)


def reject(engine: Engine, alert_id: int) -> None:
    step(engine, alert_id, EventKind.REJECTED, rejected_as=RejectedAs.MISREAD)


def trails(engine: Engine) -> dict[object, list[object]]:
    found: dict[object, list[object]] = {}
    for row in sorted(rows(engine, alert_trail), key=lambda row: int(str(row["captured_us"]))):
        found.setdefault(row["alert_id"], []).append(row["seq"])
    return found


def test_what_is_seen_across_the_city_is_one_alert(store: Store, database: Engine) -> None:
    city = [passes(1, 1, 0), passes(2, 2, 9), passes(3, 3, 700, edge_id="edge-2")]
    raised = [len(ingest(store, [read_message(read)]).alerts) for read in city]
    assert raised == [1, 0, 0]
    assert trails(database) == {1: [1, 2, 3]}
    (row,) = rows(database, alert)
    assert row["passage_last_us"] == to_us(NOON + timedelta(minutes=700))
    assert len(ingest(store, [read_message(passes(4, 1, 700 + 721))]).alerts) == 1


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_reads_come(store: Store, database: Engine, seed: int) -> None:
    city = [passes(seq, seq % 3, minutes) for seq, minutes in enumerate((0, 5, 600, 1300, 2100, 2400), 1)]
    messages = [read_message(read) for read in city] * 2
    random.Random(seed).shuffle(messages)
    for at in range(0, len(messages), 5):
        ingest(store, messages[at : at + 5])
    assert sorted(trails(database).values()) == [[1, 2, 3, 4], [5, 6]]
    told = {(row["captured_us"], row["camera_id"]) for row in standing(database)}
    assert told == {(to_us(NOON), "cam-1"), (to_us(NOON + timedelta(minutes=2100)), "cam-2")}


def test_the_alert_that_is_claimed_takes_the_other_in(store: Store, database: Engine) -> None:
    ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 2, 1000))])
    ingest(store, [picture_message(passes(2, 2, 1000), 1)])
    step(database, 2, EventKind.CONFIRMED, saw="ABC123")
    step(database, 2, EventKind.CLAIMED)
    assert ingest(store, [read_message(passes(3, 3, 500))]).alerts == ()
    (row,) = standing(database)
    assert (row["alert_id"], row["state"], row["claimed_by"]) == (2, "claimed", "ana")
    assert (row["captured_us"], row["camera_id"]) == (to_us(NOON), "cam-1")
    assert "Alert #1 was raised for this same vehicle" in str(row["explanation"])
    assert trails(database) == {2: [1, 3, 2]}


def test_a_rejected_alert_keeps_its_passage_and_a_new_one_raises_anew(store: Store, database: Engine) -> None:
    ingest(store, [read_message(passes(1, 1, 0))])
    reject(database, 1)
    assert ingest(store, [read_message(passes(2, 1, 0.2))]).alerts == ()
    assert trails(database) == {1: [1, 2]}
    (again,) = ingest(store, [read_message(passes(3, 2, 5))]).alerts
    assert "The alert before, #1, was rejected as: misread" in again.explanation
    assert "La alerta anterior, #1, se rechazó como: mala lectura" in again.explanation
    # A late read of the passage that was rejected changes nothing of the new one.
    assert ingest(store, [read_message(passes(4, 1, 0.4))]).alerts == ()
    assert trails(database) == {1: [1, 2, 4], 2: [3]}
    kinds = [(row["alert_id"], row["kind"]) for row in rows(database, alert_event)]
    assert kinds == [(1, "raised"), (1, "rejected"), (1, "joined"), (2, "raised"), (1, "joined")]


def test_what_is_seen_again_is_noted_with_its_doubts_and_confirmed_by_nobody(
    store: Store, database: Engine
) -> None:
    ingest(store, [read_message(passes(1, 1, 0)), picture_message(passes(1, 1, 0), 1)])
    step(database, 1, EventKind.CONFIRMED, saw="ABC123")
    for read in (passes(2, 1, 0.1), passes(3, 2, 9, trust="lower")):
        ingest(store, [read_message(read)])
    told = story(database, 1, rules=LASTING)
    joined, noted = told.events[2:]
    assert (joined.act.kind, noted.act.kind) == (EventKind.JOINED, EventKind.NOTED)
    assert (noted.act.detail["passage"], noted.act.detail["seq"]) == ("new", 3)
    words = str(noted.act.detail["note"])
    assert "Seen again: ABC123" in words
    assert "LOWER TRUST" in words
    assert told.alert.explanation.endswith(f" [4] {words}")
    assert [(read.seq, read.confirmed) for read in told.trail] == [(1, True), (2, True), (3, False)]
    with pytest.raises(AlertError, match="changed since event 3: noted"):
        step(database, 1, EventKind.CLAIMED, after=3)
    # What is of that passage is confirmed as little.
    ingest(store, [read_message(passes(4, 2, 9.1))])
    assert story(database, 1, rules=LASTING).trail[-1].confirmed is False


def test_a_plate_that_looks_alike_beside_the_exact_one_is_new_once(store: Store, database: Engine) -> None:
    """It may be the vehicle behind: nobody has compared it, and it is told."""
    confirmed(store, database, passes(1, 1, 0))
    for read in (alike(2, 1, 0.3), alike(3, 1, 0.4), passes(4, 1, 0.2)):
        ingest(store, [read_message(read)])
    told = story(database, 1, rules=LASTING)
    found = {read.seq: read.confirmed for read in told.trail}
    assert found == {1: True, 2: False, 3: False, 4: True}
    assert [event.act.kind for event in told.events[2:]] == [
        EventKind.NOTED,
        EventKind.JOINED,
        EventKind.JOINED,
    ]
    assert told.events[2].act.detail["passage"] == "new"
    assert "it may be ABC123" in told.alert.explanation


def test_more_reads_of_a_plate_that_looks_alike_are_of_its_passage(store: Store, database: Engine) -> None:
    confirmed(store, database, alike(1, 1, 0))
    for read in (alike(2, 1, 0.1), passes(3, 1, 0.2)):
        ingest(store, [read_message(read)])
    told = story(database, 1, rules=LASTING)
    assert [read.confirmed for read in told.trail] == [True, True, True]
    assert {event.act.kind for event in told.events[2:]} == {EventKind.JOINED}


def test_what_was_rejected_is_not_raised_again_by_a_frame_that_looks_alike(
    store: Store, database: Engine
) -> None:
    ingest(store, [read_message(passes(1, 1, 0))])
    reject(database, 1)
    assert ingest(store, [read_message(alike(2, 1, 0.2))]).alerts == ()
    assert rows(database, alert_event)[-1]["kind"] == "joined"


def test_what_a_better_look_refuted_is_no_last_sighting_until_it_fits_again(
    store: Store, database: Engine
) -> None:
    ingest(store, [read_message(passes(2, 2, 9)), read_message(passes(1, 1, 0))])
    ingest(store, [picture_message(passes(2, 2, 9), 1)])
    step(database, 1, EventKind.CONFIRMED, saw="ABC123")

    def last() -> tuple[int, bool | None, bool]:
        read = last_sighting(story(database, 1, rules=LASTING))
        return read.seq, read.confirmed, read.refuted

    def where() -> list[tuple[object, object]]:
        found = newest_alerts(database, rules=LASTING, limit=9)
        return [(each.last_camera_id, each.last_at) for each in found]

    assert last() == (2, True, False)
    ingest(store, [update_message(passes(2, 2, 9, plate="ABD999"), 1)])
    assert last() == (1, True, False)
    assert where() == [("cam-1", NOON)]
    assert story(database, 1, rules=LASTING).trail[-1].confirmed is False
    ingest(store, [update_message(passes(2, 2, 9), 2)])
    assert last() == (2, True, False)
    assert where() == [("cam-2", NOON + timedelta(minutes=9))]
    for seq, camera, minutes in ((1, 1, 0), (2, 2, 9)):
        ingest(store, [update_message(passes(seq, camera, minutes, plate="ABD999"), 2 + seq)])
    assert last() == (2, False, True)


def test_a_better_look_at_the_very_plate_fits_whatever_its_colour(store: Store, database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(update(hotlist_entry).values(color="red"))
    store._hotlist._terms = replace(store._hotlist._terms, least=lambda _: 0.5)
    ingest(store, [read_message(passes(1, 1, 0))])
    blue = Vehicle(color=Scored(value="blue", likelihood=0.99))
    for number, look in ((1, {"vehicle": blue}), (2, {"vehicle": blue, "plate": "ABC128"})):
        ingest(store, [update_message(passes(1, 1, 0, **look), number)])
    told = story(database, 1, rules=LASTING)
    assert [event.act.detail["fits"] for event in told.events[1:]] == [True, False]
    assert told.trail[0].refuted
    words = told.alert.explanation
    assert "COMPARE: vehicle color listed red, seen blue" in words
    assert words.index("COMPARE: vehicle color") < words.index("does not fit")


def test_an_explanation_that_is_very_long_takes_in_no_more_words(store: Store, database: Engine) -> None:
    for seq in range(1, 41):
        ingest(store, [read_message(passes(seq, seq, 9 * seq))])
    told = story(database, 1, rules=LASTING)
    assert 8_000 <= len(told.alert.explanation) < 9_000
    assert [event.act.kind for event in told.events] == [EventKind.RAISED] + [EventKind.NOTED] * 39
    assert all("Seen again" in str(event.act.detail["note"]) for event in told.events[1:])


def test_two_alerts_that_are_claimed_stay_apart_and_say_so_once(store: Store, database: Engine) -> None:
    ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 2, 1000))])
    ingest(store, [picture_message(passes(1, 1, 0), 1), picture_message(passes(2, 2, 1000), 2)])
    for number in (1, 2):
        step(database, number, EventKind.CONFIRMED, saw="ABC123")
        step(database, number, EventKind.CLAIMED)
    step(database, 2, EventKind.DISPATCHED, unit_id="moto-7")
    for seq, minutes in ((3, 500), (4, 510)):
        ingest(store, [read_message(passes(seq, 3, minutes))])
    both = sorted(rows(database, alert), key=lambda row: int(str(row["alert_id"])))
    assert [(row["state"], row["merged_into"]) for row in both] == [("claimed", None), ("dispatched", None)]
    assert trails(database) == {1: [1], 2: [3, 4, 2]}
    for row, other in zip(both, (2, 1), strict=True):
        assert str(row["explanation"]).count(f"Alert #{other}, which is ") == 1
    beside = [row["alert_id"] for row in rows(database, alert_event) if "same_vehicle" in str(row["detail"])]
    assert sorted(map(int, map(str, beside))) == [1, 2]


def test_what_another_alert_brings_nobody_has_confirmed(store: Store, database: Engine) -> None:
    ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 2, 1000))])
    ingest(store, [picture_message(passes(2, 2, 1000), 1)])
    step(database, 2, EventKind.CONFIRMED, saw="ABC123")
    ingest(store, [read_message(passes(3, 3, 500))])
    told = story(database, 2, rules=LASTING)
    assert [(read.seq, read.confirmed) for read in told.trail] == [(1, False), (3, False), (2, True)]
    assert [e.act.kind for e in told.events[2:]] == [EventKind.MERGED, EventKind.NOTED]


def test_the_open_alert_that_was_seen_last_comes_first(
    store: Store, database: Engine, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, LISTED.replace("ABC123", "XYZ987"), list_name="other")
    ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 1, 5, plate="XYZ987"))])
    ingest(store, [read_message(passes(3, 2, 60))])
    found = newest_alerts(database, rules=LASTING, limit=9, open_only=True)
    assert [(a.plate, a.camera_id, a.last_camera_id) for a in found] == [
        ("ABC123", "cam-1", "cam-2"),
        ("XYZ987", "cam-1", "cam-1"),
    ]
    assert [a.plate for a in newest_alerts(database, rules=LASTING, limit=9)] == ["XYZ987", "ABC123"]


def test_a_clip_of_each_new_passage_is_asked_for(store: Store, database: Engine) -> None:
    store._clips = ClipSettings()
    for seq, camera, minutes in ((1, 1, 0), (2, 1, 0.1), (3, 2, 9)):
        ingest(store, [read_message(passes(seq, camera, minutes))])
    assert {row["read_seq"]: row["asked_by"] for row in rows(database, clip)} == {1: "alert 1", 3: "alert 1"}


def test_another_entry_of_the_same_plate_is_another_alert(
    store: Store, database: Engine, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, LISTED, list_name="interpol")
    ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 2, 3))])
    assert trails(database) == {1: [1, 2], 2: [1, 2]}


def test_a_new_alert_goes_to_its_station_and_says_so(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, LISTED)
    store = a_store(database, tmp_path / "pictures", vehicle_h=12)
    store._alerts = Alerts(
        within=timedelta(seconds=30), station_of=lambda read: {"cam-1": "laureles"}.get(read.camera_id)
    )
    raised = ingest(store, [read_message(passes(1, 1, 0)), read_message(passes(2, 2, 0))]).alerts
    store._pictures.close()
    assert [(a.station, a.events) for a in raised] == [("laureles", 2), (None, 1)]
    assert [row["station"] for row in rows(database, alert)] == ["laureles", None]
    told = [(row["alert_id"], row["kind"], row["detail"]) for row in rows(database, alert_event)]
    assert told[1] == (1, "assigned", '{"station": "laureles"}')
    assert [
        found.alert_id for found in newest_alerts(database, rules=LASTING, limit=9, station="laureles")
    ] == [1]
