"""Suppressions: a hit that is suppressed raises nothing, is counted once, and only as far as it was said."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import a_store, ingest, list_plates, read_message, rows, update_message
from central_reads import NOON, a_read
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from central.access.audit import verify
from central.access.key import read_key
from central.db import alert, audit, hot_read, suppressed_read, suppression
from central.errors import HotlistError, StoreError
from central.hotlist.suppress import LONGEST, Suppression, Term, applies, enter, lift, suppressions
from central.types import Hit, HotlistEntry, Look, Reason

DAY = timedelta(days=1)
LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,2024-01-01,2026-12-31"
WHO = Look("ana.rojas", "stopped by mistake", "2026-117")
TERM = Term("ABC123", "CO", None, None, NOON, NOON + DAY)


def quiet(*_: object) -> None:
    pass


def suppressed(engine: Engine, **more: object) -> Suppression:
    return enter(engine, replace(TERM, **more), WHO, reason="recovered, still listed", log=quiet)


# What is suppressed


ENTRY = HotlistEntry(
    "medellin", "ABC123", "CO", None, Reason.STOLEN, 1, "SIJIN", "C-1", NOON - DAY, NOON + 2 * DAY
)


@pytest.mark.parametrize(
    ("term", "is_suppressed"),
    [
        ({}, True),
        ({"plate": "A8C123"}, False),
        ({"country": "VE"}, False),
        ({"list_name": "medellin"}, True),
        ({"list_name": "interpol"}, False),
        ({"camera_id": "cam-1"}, True),
        ({"camera_id": "cam-2"}, False),
        ({"camera_id": "cam-1", "edge_id": "edge-1"}, True),
        ({"camera_id": "cam-1", "edge_id": "edge-2"}, False),
        ({"since": NOON + timedelta(seconds=2)}, False),
        ({"since": NOON + timedelta(seconds=1)}, True),
        ({"until": NOON + timedelta(seconds=1)}, False),
    ],
)
def test_a_hit_is_suppressed_as_far_as_it_was_said(term: dict[str, object], is_suppressed: bool):
    hit = Hit(1, ENTRY, a_read(1, plate_class=None), 1.0)  # captured one second past noon, by cam-1
    assert applies(replace(TERM, **term), hit) is is_suppressed


def test_another_vehicle_that_is_taken_for_the_listed_one_is_suppressed_by_its_own_plate():
    hit = Hit(1, ENTRY, a_read(1, plate="A8C123", plate_class=None), 0.1)
    assert applies(replace(TERM, plate="A8C123"), hit)


@given(
    at_s=st.integers(-100, 100),
    span=st.tuples(st.integers(-100, 100), st.integers(-100, 100)),
    lifted_s=st.one_of(st.none(), st.integers(-100, 100)),
)
def test_it_lasts_from_when_it_was_entered_until_it_is_over_or_lifted(
    at_s: int, span: tuple[int, int], lifted_s: int | None
):
    def moment(offset_s: int) -> datetime:
        return NOON + timedelta(seconds=offset_s)

    hit = Hit(1, ENTRY, a_read(1, plate_class=None, captured_at=moment(at_s)), 1.0)
    at = hit.read.best_at
    term = replace(TERM, since=moment(span[0]), until=moment(span[1]))
    lifted_at = None if lifted_s is None else moment(lifted_s)
    lasts = span[0] <= at_s < span[1] and (lifted_s is None or at_s < lifted_s)
    assert at == moment(at_s)
    assert applies(term, hit, lifted_at=lifted_at) is lasts


# In the database


def test_a_suppressed_read_is_kept_raises_nothing_and_is_counted_once(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    suppressed(database)
    store = a_store(database, tmp_path)
    reads = [
        a_read(seq, plate_class=None, captured_at=NOON + timedelta(seconds=60 * seq)) for seq in (1, 2, 3)
    ]
    again = [read_message(reads[0]), update_message(reads[1], 9)]
    for arrivals in ([read_message(read) for read in reads], again):
        assert ingest(store, arrivals).alerts == ()
    assert len(rows(database, hot_read)) == 3
    assert rows(database, alert) == []
    (told,) = suppressions(database, at=NOON)
    assert (told.hits, told.last_at) == (3, reads[2].best_at)
    assert len(rows(database, suppressed_read)) == 3


def test_what_is_captured_after_it_was_lifted_raises_and_a_late_read_of_before_does_not(
    database: Engine, tmp_path: Path
):
    list_plates(database, tmp_path, LISTED)
    number = suppressed(database).number
    hour = timedelta(hours=1)
    lifted = lift(database, number, by="jose", at=NOON + hour, why="it is the thief's", log=quiet)
    assert (lifted.lifted_by, lifted.lifted_at, lifted.why) == ("jose", NOON + hour, "it is the thief's")
    assert suppressions(database, at=NOON + hour) == []
    assert [each.number for each in suppressions(database, at=NOON + hour, ended=True)] == [number]
    store = a_store(database, tmp_path)
    after, before = (
        a_read(seq, plate_class=None, captured_at=NOON + hour * factor)
        for seq, factor in ((1, 1.5), (2, 0.5))
    )
    assert [len(ingest(store, [read_message(read)]).alerts) for read in (after, before)] == [1, 0]
    with pytest.raises(HotlistError, match="no suppression #1 stands"):
        lift(database, number, by="jose", at=NOON + hour, why="again", log=quiet)


def test_another_list_s_hit_of_the_same_read_is_raised(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    list_plates(database, tmp_path, LISTED, list_name="interpol")
    suppressed(database, list_name="interpol")
    raised = ingest(a_store(database, tmp_path), [read_message(a_read(1, plate_class=None))]).alerts
    assert [each.list_name for each in raised] == ["medellin"]
    assert [each.hits for each in suppressions(database, at=NOON)] == [1]


def test_a_camera_of_the_same_name_at_another_edge_raises_alerts(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    suppressed(database, camera_id="cam-1", edge_id="edge-1")
    store = a_store(database, tmp_path)
    here, there = (a_read(1, plate_class=None, edge_id=edge) for edge in ("edge-1", "edge-2"))
    assert [len(ingest(store, [read_message(read)]).alerts) for read in (here, there)] == [0, 1]
    assert [(each.edge_id, each.hits) for each in suppressions(database, at=NOON)] == [("edge-1", 1)]


@pytest.mark.parametrize(
    ("term", "reason", "says"),
    [
        ({"plate": "A!"}, "r", "not a plate: 'A!'"),
        ({"until": NOON}, "r", "until: expected a time from now on"),
        ({"until": NOON + LONGEST + timedelta(seconds=1)}, "r", "within 366 days"),
        ({"list_name": "robado"}, "r", "no list 'robado' is known; known are medellin"),
        ({"camera_id": "cam-1"}, "r", "a camera is named with its edge"),
        ({"edge_id": "edge-1"}, "r", "a camera is named with its edge"),
        ({"country": "COL"}, "r", "country: expected two letters, such as CO, found 'COL'"),
        ({"country": "ZZ"}, "r", "country: no plates of 'ZZ' are known"),
        ({}, " ", "the reason"),
        ({}, "r" * 501, "the reason"),
    ],
)
def test_what_is_no_suppression_is_refused(
    database: Engine, tmp_path: Path, term: dict[str, object], reason: str, says: str
):
    list_plates(database, tmp_path, LISTED)
    with pytest.raises(HotlistError, match=says):
        enter(database, replace(TERM, **term), WHO, reason=reason, log=quiet)
    assert rows(database, suppression) == []


def test_one_that_cannot_be_logged_is_none(database: Engine):
    def full(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    with pytest.raises(StoreError, match="disk full"):
        enter(database, TERM, WHO, reason="r", log=full)
    assert rows(database, suppression) == []
    number = suppressed(database).number
    with pytest.raises(StoreError, match="disk full"):
        lift(database, number, by="jose", at=NOON, why="r", log=full)
    assert len(suppressions(database, at=NOON)) == 1


# The commands


def test_a_suppression_is_entered_listed_and_lifted(tmp_path: Path):
    config = config_in(tmp_path)
    run: Run = runner(config)
    tomorrow = f"{datetime.now(UTC) + 2 * DAY:%Y-%m-%d}"
    words = [
        "--country",
        "co",
        "--until",
        tomorrow,
        "--reason",
        "recovered, still listed",
        "--camera",
        "cam-1",
        "--edge",
        "edge-1",
    ]
    assert run("suppress", "add", "abc-123", *words, *LOOK).stdout == "suppression #1 stands\n"
    shown = " ".join(run("suppress", "list", *LOOK).stdout.split())
    assert f"1 ABC123 (CO) edge-1/cam-1 {tomorrow} 0 recovered, still listed 2026-117 ana.rojas" in shown
    told = json.loads(run("suppress", "list", "--json", *LOOK).stdout)["suppressions"]
    assert [(each["plate"], each["hits"], each["lifted_at"]) for each in told] == [("ABC123", 0, None)]
    assert run("suppress", "lift", "1", "--why", "it is theirs", *LOOK).stdout == "suppression #1 is lifted\n"
    assert "ABC123" not in run("suppress", "list", *LOOK).stdout
    assert "ana.rojas: it is theirs" in " ".join(run("suppress", "list", "--all", *LOOK).stdout.split())
    engine = database_of(config)
    acts = [(row["action"], str(row["detail"])) for row in rows(engine, audit)]
    assert [action for action, _ in acts if not action.startswith("suppress.list")] == [
        "suppress.add",
        "suppress.lift",
    ]
    assert not [detail for _, detail in acts if "ABC123" in detail]
    assert json.loads(acts[0][1]).keys() == {"suppression", "plate", "country", "edge", "camera", "until"}
    assert verify(engine, read_key(tmp_path / "state" / "audit.key")).fault == ""


@pytest.mark.parametrize(
    "words",
    [
        ["add", "ABC123", "--country", "CO", "--until", "2026-12-31", "--reason", "r"],
        ["list"],
        ["lift", "1", "--why", "over"],
    ],
)
def test_nobody_suppresses_looks_or_lifts_without_who_why_and_case(tmp_path: Path, words: list[str]):
    result = runner(config_in(tmp_path))("suppress", *words, "--as", "ana.rojas")
    assert result.exit_code == 2
    assert "the purpose (--purpose) and the case number (--case)" in result.stderr
