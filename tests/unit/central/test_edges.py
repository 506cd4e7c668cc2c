"""What is shown of edges and of letters that nobody understood: through the door, then on the screen."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Literal

import pytest
from central_messages import a_store, ingest, read_message, rows
from central_reads import NOON, a_read
from rich.console import Console
from sqlalchemy import Engine

from central.boxes import cameras_table, edges_table
from central.consume.store import Store
from central.db import dead_letter, edge_health
from central.query.lists import EdgeState, dead_letters, edges
from central.show import Style, letters_table
from central.types import Arrival
from central.words import Words
from edge.contract.health import Ailment, CameraHealth, CameraState, EdgeHealth
from edge.contract.topics import Address

EDGE = Address("site-1", "edge-1")
STYLE = Style(zone=UTC, words=Words("en"))


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


def said(health: EdgeHealth, *, received_at: datetime = NOON) -> Arrival:
    return Arrival(
        Address("site-1", health.edge_id).status, health.model_dump_json().encode(), received_at, 1
    )


def well(at: datetime = NOON, **more: object) -> EdgeHealth:
    camera = CameraHealth(camera_id="cam-1", state=CameraState.LIVE, frames_analysed=7)
    fields = {
        "edge_id": "edge-1",
        "site_id": "site-1",
        "online": True,
        "version": "1.2.3",
        "spool_messages": 41,
    }
    return EdgeHealth.model_validate(fields | {"at": at, "cameras": (camera,)} | more)


WILL = EdgeHealth(edge_id="edge-1", site_id="site-1", online=False)


def screen(table: object) -> list[list[str]]:
    """The words of each line below the header."""
    out = StringIO()
    Console(file=out, width=200).print(table)
    return [line.split() for line in out.getvalue().splitlines()[1:]]


def shown(database: Engine, *, now: datetime) -> tuple[list[str], list[list[str]]]:
    """The line of the one edge, and the lines of its cameras."""
    found = edges(database)
    (line,) = screen(edges_table(found, STYLE, now=now))
    return line, screen(cameras_table(found, STYLE, now=now))


@pytest.mark.parametrize("lang", ["es", "en"])
@pytest.mark.parametrize("ailment", list(Ailment))
def test_what_ails_a_camera_stands_beside_its_state_in_the_readers_language(
    ailment: Ailment, lang: Literal["es", "en"]
) -> None:
    camera = CameraHealth(camera_id="cam-1", state=CameraState.LIVE, ailments=(ailment, Ailment.DARK))
    style = Style(zone=UTC, words=Words(lang))
    edge = EdgeState(well(cameras=(camera,)), online=True)
    (line,) = screen(cameras_table([edge], style, now=NOON))
    found, dark = style.words(f"ailment.{ailment}"), {"es": "oscura", "en": "dark"}[lang]
    assert f"{style.words('live')}, {found}, {dark}" in " ".join(line)
    assert Words("es")(f"ailment.{ailment}") != Words("en")(f"ailment.{ailment}")


# Edges


@pytest.mark.parametrize("batched", [True, False])
def test_a_last_will_changes_nothing_but_that_the_edge_is_gone(store: Store, database: Engine, batched: bool):
    messages = [said(well()), said(WILL, received_at=NOON + timedelta(minutes=5))]
    for batch in [messages] if batched else [[message] for message in messages]:
        ingest(store, batch)
    edge, (camera,) = shown(database, now=NOON + timedelta(minutes=6))
    assert edge[2:7] == ["offline", "2025-03-04", "12:00:00", "1.2.3", "41"]
    assert camera[:3] == ["cam-1", "edge-1", "offline"]
    assert camera[4] == "7"


def test_an_edge_of_which_only_the_last_will_is_known(store: Store, database: Engine):
    ingest(store, [said(WILL)])
    edge, cameras = shown(database, now=NOON)
    assert edge[:4] == ["edge-1", "site-1", "offline", "?"]
    assert cameras == []


def test_an_edge_that_comes_back_is_online_again(store: Store, database: Engine):
    later = NOON + timedelta(minutes=1)
    for message in (said(well()), said(WILL), said(well(later), received_at=later)):
        ingest(store, [message])
    edge, _ = shown(database, now=later)
    assert edge[2:5] == ["online", "2025-03-04", "12:01:00"]


def test_what_the_broker_retained_is_as_old_as_it_says(store: Store, database: Engine):
    """The centre starts three hours after the edge spoke last, and the broker hands it what it has kept."""
    now = NOON + timedelta(hours=3)
    ingest(store, [said(well(), received_at=now)])
    edge, (camera,) = shown(database, now=now)
    assert edge[2:5] == ["silent", "2025-03-04", "12:00:00"]
    assert camera[2] == "silent"


@pytest.mark.parametrize(
    ("interval_s", "after_s", "state"),
    [
        (10.0, 60, "online"),
        (10.0, 61, "silent"),
        (None, 61, "silent"),
        (60.0, 180, "online"),
        (60.0, 181, "silent"),
    ],
)
def test_an_edge_is_silent_after_three_intervals_and_at_least_a_minute(
    store: Store, database: Engine, interval_s: float | None, after_s: int, state: str
):
    ingest(store, [said(well(interval_s=interval_s))])
    assert shown(database, now=NOON + timedelta(seconds=after_s))[0][2] == state


@pytest.mark.parametrize("clock_error_s", [-300.0, 300.0])
def test_a_wrong_clock_of_an_edge_does_not_make_it_silent(
    store: Store, database: Engine, clock_error_s: float
):
    at = NOON + timedelta(seconds=clock_error_s)
    ingest(store, [said(well(at, clock_error_s=clock_error_s))])
    assert shown(database, now=NOON + timedelta(seconds=5))[0][2] == "online"
    assert shown(database, now=NOON + timedelta(seconds=65))[0][2] == "silent"


def test_a_camera_state_of_a_newer_edge_costs_only_itself(store: Store, database: Engine):
    message = well().model_dump(mode="json")
    message["cameras"][0]["state"] = "hibernating"
    assert ingest(store, [Arrival(EDGE.status, json.dumps(message).encode(), NOON, 1)]).counts["health"] == 1
    edge, (camera,) = shown(database, now=NOON)
    assert edge[2] == "online"
    assert camera[:3] == ["cam-1", "edge-1", "unknown"]


def test_no_state_at_all_is_still_a_fault(store: Store, database: Engine):
    message = well().model_dump(mode="json")
    message["cameras"][0]["state"] = 3
    assert ingest(store, [Arrival(EDGE.status, json.dumps(message).encode(), NOON, 1)]).counts["dead"] == 1
    assert rows(database, edge_health) == []


# Dead letters without a number


def test_the_same_fault_of_a_topic_is_one_letter_that_counts(store: Store, database: Engine):
    for second in range(5):
        at = NOON + timedelta(seconds=second)
        batch = [Arrival(EDGE.status, b'{"edge_id": 3}', at, 1), Arrival(EDGE.gone, b"{", at, 1)]
        assert ingest(store, [*batch, *batch]).counts["dead"] == 4
    letters = dead_letters(database, limit=10)
    assert [(letter.topic, letter.times) for letter in letters] == [(EDGE.gone, 10), (EDGE.status, 10)]
    assert {letter.received_at for letter in letters} == {NOON + timedelta(seconds=4)}
    assert [line[5] for line in screen(letters_table(letters, STYLE))] == ["10", "10"]


def test_letters_with_a_number_stay_apart(store: Store, database: Engine):
    poison = [Arrival(read_message(a_read(seq)).topic, b"{", NOON, 1) for seq in (1, 2)]
    ingest(store, [*poison, *poison])
    assert [(letter.payload_bytes, letter.times) for letter in dead_letters(database, limit=10)] == [
        (1, 1)
    ] * 2


def test_the_room_for_letters_without_a_number_ends_and_the_rest_is_counted(
    store: Store, database: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.consume.notices.STRAY_ROOM_BYTES", 5_000)
    for number in range(40):
        payload = hashlib.sha256(str(number).encode()).digest() * 32  # 1 KiB
        ingest(store, [Arrival(f"lpr/v1/nobody/{number}", payload, NOON, 1) for _ in range(2)])
    kept = rows(database, dead_letter)
    assert sum(len(bytes(row["payload"])) for row in kept) <= 5_000
    assert 3 <= len(kept) <= 5
    (rest,) = [row for row in kept if row["topic"] == ""]
    assert "no room" in str(rest["reason"])
    assert sum(int(str(row["times"])) for row in kept) == 80
    # A letter that is there still counts, and what has a number is kept whatever the others do.
    ingest(
        store,
        [Arrival("lpr/v1/nobody/0", b"", NOON, 1), Arrival(read_message(a_read(1)).topic, b"{", NOON, 1)],
    )
    assert {row["topic"]: row["times"] for row in rows(database, dead_letter)}["lpr/v1/nobody/0"] == 3
    assert len(rows(database, dead_letter)) == len(kept) + 1
