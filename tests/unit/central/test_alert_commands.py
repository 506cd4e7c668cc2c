"""`python -m central alerts`: from the read to the outcome, with what is said on the way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import HEADER, JPEG, a_store, ingest, list_plates, picture_message, read_message
from central_reads import NOON, a_read
from sqlalchemy import Engine, delete, select, update

from central.access.audit import verify
from central.access.key import read_key
from central.alert.life import Outcome, RejectedAs
from central.alerts import OUTCOMES, REJECTED_AS
from central.db import alert, alert_trail, audit
from central.types import Arrival

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2099-12-31"
LUIS = ["--as", "luis.mora", *LOOK[2:]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_in(tmp_path)


@pytest.fixture
def engine(config: Path) -> Iterator[Engine]:
    """With alert #1, of two reads and a picture."""
    engine = database_of(config)
    list_plates(engine, config.parent, LISTED)
    store = a_store(engine, config.parent / "state" / "pictures", vehicle_h=12)
    elsewhere = a_read(2, camera_id="cam-2", captured_at=NOON + timedelta(minutes=9))
    ingest(store, [read_message(a_read(1)), picture_message(a_read(1), 1), read_message(elsewhere)])
    store._pictures.close()
    yield engine
    engine.dispose()


@pytest.fixture
def run(engine: Engine, config: Path) -> Run:
    return runner(config)


def acts(engine: Engine) -> list[tuple[str, str, dict[str, object]]]:
    with engine.begin() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.actor, json.loads(row.detail)) for row in rows]


def said(run: Run, *words: str) -> str:
    result = run("alerts", *words, *LOOK)
    assert result.exit_code == 0, result.output
    return result.stdout


def fault(run: Run, *words: str, who: list[str] = LOOK) -> str:
    result = run("alerts", *words, *who)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_choices_are_those_of_the_life() -> None:
    assert (tuple(RejectedAs), tuple(Outcome)) == (REJECTED_AS, OUTCOMES)


def test_from_the_read_to_the_outcome(run: Run, engine: Engine, tmp_path: Path) -> None:
    assert said(run, "seen", "1") == "#1 seen (event 3)\n"
    assert "reject it as misread" in fault(run, "confirm", "1", "--saw", "ABC128")
    assert said(run, "confirm", "1", "--saw", "abc-123", "--after", "3") == "#1 confirmed (event 4)\n"
    assert "no event" not in fault(run, "claim", "1", "--after", "3")
    assert said(run, "claim", "1") == "#1 claimed (event 5)\n"
    assert "claimed by ana.rojas at" in fault(run, "claim", "1", who=LUIS)
    assert "is ana.rojas's" in fault(run, "dispatch", "1", "--unit", "moto-7", who=LUIS)
    assert said(run, "dispatch", "1", "--unit", "moto-7") == "#1 dispatched (event 6)\n"
    listed = said(run, "list", "--open")
    assert "dispatched · ana.rojas · moto-7" in listed
    assert said(run, "outcome", "1", "recovered", "--note", "in a workshop") == "#1 outcome (event 7)\n"
    assert said(run, "list", "--open") == ""
    document = json.loads(said(run, "show", "1", "--json", "--pictures", str(tmp_path / "out")))
    assert [alert["state"] for alert in document["alerts"]] == ["closed"]
    assert [read["camera_id"] for read in document["trail"]] == ["cam-1", "cam-2"]
    assert document["trail"][0]["captured_at"] == "2025-03-04T07:00:01.000000-05:00"
    kinds = [event["kind"] for event in document["events"]]
    assert [read["confirmed"] for read in document["trail"]] == [True, True]
    assert kinds == ["raised", "noted", "seen", "confirmed", "claimed", "dispatched", "outcome"]
    assert document["events"][-1]["detail"] == {"outcome": "recovered", "note": "in a workshop"}
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [JPEG]


def test_every_step_is_in_the_audit_log_without_a_plate(run: Run, engine: Engine) -> None:
    said(run, "confirm", "1", "--saw", "ABC123")
    said(run, "reject", "1", "--because", "misread", "--saw", "ABC12B", "--note", "it is ABC12B")
    fault(run, "claim", "1")
    said(run, "show", "1")
    confirm, reject, claim, show, shown = acts(engine)
    assert confirm == ("alert.confirmed", "ana.rojas", {"alert": 1, "state": "confirmed"})
    assert reject == ("alert.rejected", "ana.rojas", {"alert": 1, "outcome": "misread", "state": "rejected"})
    assert (claim[0], claim[2]["alert"]) == ("alert.claimed.refused", 1)
    assert "rejected by ana.rojas at" in str(claim[2]["why"])
    assert (show[0], show[2]) == ("alert", {"alert": 1, "form": "table", "with_pictures": False})
    assert shown[0] == "alert.shown"
    assert "ABC12" not in str(acts(engine))


def test_who_types_one_plate_after_another_until_one_is_taken_is_seen_to(
    run: Run, engine: Engine, config: Path
) -> None:
    for typed in ("ABC 128", "abc-123"):
        run("alerts", "confirm", "1", "--saw", typed, *LOOK)
    fault(run, "confirm", "9", "--saw", "ABC123", who=LUIS)
    fault(run, "seen", "9")
    first, second, third, fourth = acts(engine)
    key = read_key(config.parent / "state" / "audit.key")
    assert first[:2] == ("alert.confirmed.refused", "ana.rojas")
    assert first[2]["saw"] == key.of_plate("ABC128")
    assert "not the plate that is looked for" in str(first[2]["why"])
    assert second[0] == "alert.confirmed"
    why = "no alert #9 is known"
    asked = {"alert": 9, "saw": key.of_plate("ABC123"), "why": why}
    assert third == ("alert.confirmed.refused", "luis.mora", asked)
    assert fourth == ("alert.seen.refused", "ana.rojas", {"alert": 9, "why": why})
    assert "ABC12" not in str(acts(engine))
    assert verify(engine, key).fault == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hotlist", "remove", "ABC123", "--country", "CO", *LOOK], "looked for no longer, since 20"),
        (["hotlist", "import", "others.csv", "--list", "medellin", "--as", "ana", "--whole"], "no longer"),
        (
            ["suppress", "add", "ABC123", "--country", "CO", "--reason", "found", "--until", "2099-01-01"],
            "suppression #1",
        ),
    ],
)
def test_an_open_alert_is_told_when_nobody_is_to_be_stopped_for_it_any_more(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(config.parent)
    (config.parent / "others.csv").write_text(f"{HEADER}\n{LISTED.replace('ABC123', 'XYZ789')}\n")
    if words[0] == "suppress":
        later = datetime.now(UTC) + timedelta(days=1)
        words = [*words[:-1], later.isoformat(), *LOOK]
    result = run(*words, *(["--even-many"] if "--whole" in words else []))
    assert result.exit_code == 0, result.output
    *_, last = json.loads(said(run, "show", "1", "--json"))["events"]
    assert last["kind"] == "noted"
    assert told in last["detail"]["note"]
    assert "changed since event 2: noted by atalaya" in fault(run, "seen", "1", "--after", "2")
    if words[0] != "suppress":
        return
    assert run("suppress", "lift", "1", "--why", "it was another", *LOOK).exit_code == 0
    *_, last = json.loads(said(run, "show", "1", "--json"))["events"]
    assert (last["kind"], last["detail"]) == ("noted", {"wanted": True})


def test_a_story_on_the_screen_in_both_languages(run: Run) -> None:
    said(run, "seen", "1")
    english, spanish = said(run, "show", "1"), run("alerts", "show", "1", *LOOK, language="es").stdout
    assert "ana.rojas" in english
    assert [word in english for word in ("raised", "noted", "seen", "cam-2")] == [True] * 4
    assert [word in spanish for word in ("surgió", "anotada", "vista")] == [True] * 3


def test_units_are_proposed_for_a_sighting_that_says_whether_it_was_confirmed(
    run: Run, engine: Engine, config: Path
) -> None:
    cameras = "".join(f"  cam-{n}: {{name: C{n}, lat: 6.2{n}, lon: -75.58}}\n" for n in (1, 2, 3))
    (config.parent / "cameras.yaml").write_text(f"cameras:\n{cameras}")
    config.write_text(config.read_text() + "cameras_file: cameras.yaml\n")
    assert json.loads(said(run, "units", "1", "--json"))["last_sighting"]["confirmed"] is None
    said(run, "confirm", "1", "--saw", "ABC123")
    store = a_store(engine, config.parent / "state" / "pictures", vehicle_h=12)
    ingest(store, [read_message(a_read(3, camera_id="cam-3", captured_at=NOON + timedelta(hours=1)))])
    store._pictures.close()
    last = json.loads(said(run, "units", "1", "--json"))["last_sighting"]
    assert (last["camera_id"], last["confirmed"]) == ("cam-3", False)
    assert "not confirmed: nobody has compared it" in said(run, "units", "1")
    assert "not confirmed: nobody has compared it" in said(run, "show", "1")
    assert "cam-3" in said(run, "list", "--open").splitlines()[0]
    assert "last_sighting" not in json.loads(said(run, "units", "--json"))


def test_of_an_alert_that_another_took_in_no_unit_is_proposed(run: Run, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(alert).values(state="merged", merged_into=7))
        connection.execute(delete(alert_trail))
    assert fault(run, "units", "1") == "error: alert #1 is one with alert #7: ask about that one\n"
    with engine.begin() as connection:
        connection.execute(update(alert).values(merged_into=None))
    assert fault(run, "units", "1") == "error: alert #1: no sighting of it is kept\n"


def test_how_often_a_list_was_right(run: Run) -> None:
    said(run, "reject", "1", "--because", "wrong-vehicle")
    (row,) = json.loads(said(run, "precision", "--json"))["precision"]
    assert (row["of"], row["judged"], row["wrong_vehicle"], row["precision"]) == ("medellin", 1, 1, 0.0)
    assert "medellin" in said(run, "precision")
    assert "cam-1" in said(run, "precision", "--by", "camera")
    assert json.loads(said(run, "precision", "--json", "--to", "2020-01-01"))["precision"] == []


def test_entries_whose_alerts_were_rejected_are_named(run: Run, engine: Engine, config: Path) -> None:
    assert json.loads(said(run, "rejected", "--json"))["rejected"] == []
    said(run, "reject", "1", "--because", "stale-entry")
    store = a_store(engine, config.parent / "state" / "pictures", vehicle_h=12)
    for seq, hours in ((5, 1), (6, 2)):
        later = a_read(seq, camera_id=f"cam-{seq}", captured_at=NOON + timedelta(hours=hours))
        ingest(store, [read_message(later)])
        said(run, "reject", str(seq - 3), "--because", "stale-entry" if seq == 5 else "misread")
    stale, misread = json.loads(said(run, "rejected", "--json"))["rejected"]
    told = [stale[name] for name in ("list_name", "plate", "rejected_as", "alerts", "cameras")]
    assert told == ["medellin", "ABC123", "stale-entry", 2, 2]
    assert stale["last_at"].startswith("2025-03-04T08:00:01")
    assert (misread["rejected_as"], misread["alerts"]) == ("misread", 1)
    assert "stale entry" in said(run, "rejected")
    assert json.loads(said(run, "rejected", "--json", "--to", "2020-01-01"))["rejected"] == []


@pytest.mark.parametrize(
    "words", [["seen", "1"], ["show", "1"], ["list"], ["precision"], ["confirm", "1", "--saw", "ABC123"]]
)
def test_nothing_without_who_and_why(run: Run, engine: Engine, words: list[str]) -> None:
    result = run("alerts", *words)
    assert result.exit_code == 2
    assert "who asks (--as)" in result.stderr
    assert acts(engine) == []


def test_an_alert_that_nobody_knows(run: Run) -> None:
    assert fault(run, "seen", "9") == "error: no alert #9 is known\n"
    assert fault(run, "show", "9") == "error: no alert #9 is known\n"


def test_the_nearest_free_unit_is_proposed(run: Run, engine: Engine, config: Path) -> None:
    store = a_store(engine, config.parent / "state" / "pictures")
    at = datetime.now(UTC)
    for unit_id, lat in (("moto-7", 6.30), ("moto-8", 6.25)):
        said = {"unit_id": unit_id, "state": "free", "lat": lat, "lon": -75.58, "at": at.isoformat()}
        ingest(store, [Arrival(f"lpr/v1/units/{unit_id}/position", json.dumps(said).encode(), at, 1)])
    assert [row["unit_id"] for row in json.loads(said_of(run, "--json"))["units"]] == ["moto-7", "moto-8"]
    assert "where cam-2 stands is not known" in fault(run, "units", "1")
    (config.parent / "cameras.yaml").write_text("cameras: {cam-2: {lat: 6.2442, lon: -75.5812}}")
    config.write_text(config.read_text() + "cameras_file: cameras.yaml\n")
    assert [row["unit_id"] for row in json.loads(said_of(run, "1", "--json"))["units"]] == [
        "moto-8",
        "moto-7",
    ]
    assert "0.7 km" in said_of(run, "1")


def said_of(run: Run, *words: str) -> str:
    return said(run, "units", *words)
