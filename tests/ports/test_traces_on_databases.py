"""What the hunts found is shown to who says why, and goes with its entry, its reads' time and an order of a court."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, config_in, database_of, runner
from central_messages import list_plates, rows
from central_reads import NOON, a_read, hold_row, put
from erasing import PLATE, TODAY, Scene
from hunting import AT, KEEP, Hunt, listed, settings_in
from sqlalchemy import Engine, insert

from central.access.audit import verify
from central.access.key import read_key
from central.archive.place import LocalArchive
from central.archive.visible import Term
from central.archive.write import seal
from central.db import audit, hotlist_entry, hunt_trace, legal_hold
from central.erase.certificate import issued
from central.erase.plate import Needle
from central.erase.run import DONE, Result
from central.erase.search import Aim
from central.errors import HotlistError
from central.events import Purged, purge_events
from central.hotlist.end import Which, end_entry
from central.hotlist.lists import set_event
from central.maintain import maintain_retention
from central.query.hunter import Hunter
from central.settings import load

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def hunt(database: Engine, tmp_path: Path) -> Hunt:
    """Of three entries, of which two were seen, one of them twice."""
    put(
        database,
        [
            a_read(1, plate="AAA001", captured_at=NOON),
            a_read(2, plate="AAA001", captured_at=NOON + 2 * DAY),
            a_read(3, plate="AAA002", captured_at=NOON + DAY),
            a_read(4, plate="XYZ789", captured_at=NOON + DAY),
        ],
    )
    seal(database, LocalArchive(tmp_path / "archive"), clock=lambda: NOON)
    list_plates(database, tmp_path, *map(listed, ("AAA000", "AAA001", "AAA002")))
    hunt = Hunt(database, tmp_path)
    assert hunt.look() == 3
    return hunt


def shown(hunt: Hunt) -> list[str]:
    return [each.plate for each in hunt.told().traces]


def maintain(hunt: Hunt, folder: Path) -> None:
    archive = LocalArchive(folder / "archive")
    maintain_retention(hunt.engine, archive, settings_in(folder), clock=lambda: hunt.at)


def end(hunt: Hunt, plate: str) -> None:
    which = Which(plate=plate, country="CO")
    end_entry(hunt.engine, which, by="ana", at=hunt.at, why="found", log=lambda *_: None)


def test_what_was_asked_for_is_shown_the_last_seen_first(hunt: Hunt, tmp_path: Path) -> None:
    list_plates(hunt.engine, tmp_path, listed("XYZ789"), list_name="interpol")
    told = hunt.told()
    assert (told.entries, told.hunted, told.found) == (4, 3, 2), "one is waiting for its hunt"
    assert hunt.look() == 1
    assert shown(hunt) == ["AAA001", "XYZ789", "AAA002"]
    told = hunt.told(list_name="medellin", limit=1)
    assert ([each.plate for each in told.traces], told.entries, told.found) == (["AAA001"], 3, 2)
    assert told.cut
    told = hunt.told(since=NOON + 2 * DAY)
    assert ([each.plate for each in told.traces], told.hunted, told.found) == (["AAA001"], 4, 1)
    with pytest.raises(HotlistError, match="no list 'medelin' is known; known are interpol, medellin"):
        hunt.told(list_name="medelin")


def by_hand(hunt: Hunt, folder: Path) -> None:
    end(hunt, "AAA001")


def by_file(hunt: Hunt, folder: Path) -> None:
    list_plates(hunt.engine, folder, *map(listed, ("AAA000", "AAA002")), at=hunt.at, whole=True)


def by_time(hunt: Hunt, folder: Path) -> None:
    soon = listed("AAA001").replace("2199-12-31", (hunt.at + DAY).isoformat())
    list_plates(hunt.engine, folder, soon, at=hunt.at)
    assert hunt.look() == 1
    assert shown(hunt) == ["AAA001", "AAA002"]
    hunt.at += DAY


@pytest.mark.parametrize("over", [by_hand, by_file, by_time])
def test_the_trace_of_who_is_looked_for_no_longer_is_hidden_at_once_and_then_deleted(
    hunt: Hunt, tmp_path: Path, over: Callable[[Hunt, Path], None]
) -> None:
    over(hunt, tmp_path)
    assert shown(hunt) == ["AAA002"]
    assert (hunt.told().entries, hunt.look(after=HOUR)) == (2, 0)
    maintain(hunt, tmp_path)
    assert [row["entry_id"] for row in hunt.rows()] == [1, 3]
    assert hunt.look(after=HOUR) == 0, "and what is left holds"


def test_the_traces_of_an_event_go_with_its_entries(database: Engine, tmp_path: Path) -> None:
    put(database, [a_read(1, plate="AAA001"), a_read(2, plate="AAA002")])
    set_event(database, "match", AT + HOUR, by="ana", at=NOON, log=lambda *_: None)
    list_plates(database, tmp_path, listed("AAA001"), list_name="match")
    list_plates(database, tmp_path, listed("AAA002"))
    hunt = Hunt(database, tmp_path)
    assert hunt.look() == 2
    purged = purge_events(database, settings_in(tmp_path), clock=lambda: AT + HOUR)
    assert purged == [Purged("match", 1, 0)]
    assert [row["entry_id"] for row in hunt.rows()] == [2]


def test_a_trace_is_hidden_from_the_microsecond_on_in_which_its_first_read_is_over(
    hunt: Hunt, tmp_path: Path
) -> None:
    """It counts a read that may be shown no longer; asked again it counts the others."""
    hunt.at = NOON + timedelta(days=KEEP)
    assert hunt.told().traces[0].reads == 2
    maintain(hunt, tmp_path)
    assert len(hunt.rows()) == 3
    hunt.at += timedelta(microseconds=1)
    assert shown(hunt) == ["AAA002"]
    assert hunt.told().hunted == 2
    assert [row["entry_id"] for row in hunt.rows()] == [1, 2, 3]
    maintain(hunt, tmp_path)
    assert [row["entry_id"] for row in hunt.rows()] == [1, 3]
    assert hunt.look(after=HOUR) == 1
    (young, _) = hunt.told().traces
    assert (young.plate, young.reads, young.first_at) == ("AAA001", 1, NOON + 2 * DAY)
    hunt.at = NOON + timedelta(days=KEEP + 3)
    assert shown(hunt) == []
    maintain(hunt, tmp_path)
    assert hunt.look(after=HOUR) == 2
    assert (shown(hunt), hunt.told().hunted) == ([], 3)
    assert {row["reads"] for row in hunt.rows()} == {0}


def test_reads_that_only_a_hold_keeps_are_in_no_trace(hunt: Hunt, tmp_path: Path) -> None:
    """Or a trace would tell of them when the hold is lifted; and would be due for ever while it stands."""
    with hunt.engine.begin() as connection:
        connection.execute(insert(legal_hold).values(hold_row(Term(plate="AAA001"))))
    hunt.at = NOON + timedelta(days=KEEP) + HOUR
    assert hunt.look(after=HOUR) == 1
    assert [(each.plate, each.reads) for each in hunt.told().traces] == [("AAA001", 1), ("AAA002", 1)]
    assert hunt.look(after=HOUR) == 0


def test_an_order_of_a_court_takes_the_trace_with_the_entry(database: Engine, tmp_path: Path) -> None:
    scene = Scene(database, tmp_path)
    scene.fill()
    other = "XBC001"
    put(database, [a_read(8_000, plate=other, captured_at=TODAY - HOUR)])
    list_plates(database, tmp_path, listed(other), list_name="others", at=TODAY)
    (tmp_path / "hotlist.csv").unlink()
    at = TODAY + HOUR
    hunter = Hunter(scene.settings, database, lambda _: False, clock=lambda: at)
    assert hunter.look() == 2
    numbers = {str(row["plate"]): row["id"] for row in rows(database, hotlist_entry)}
    assert {row["entry_id"]: row["reads"] > 0 for row in rows(database, hunt_trace)} == {  # type: ignore[operator]
        numbers[PLATE]: True,
        numbers[other]: True,
    }
    assert scene.order().removed["hunt_trace"] == 1
    assert [row["entry_id"] for row in rows(database, hunt_trace)] == [numbers[other]]
    assert hunter.look() == 0
    assert scene.run() == [Result(1, DONE)]
    assert scene.search(Aim(Needle(PLATE))).found == []
    content, _ = issued(database, 1, scene.key)
    assert content["removed"]["hunt_trace"] == 1
    list_plates(database, tmp_path, listed(PLATE), list_name="again", at=TODAY)
    assert hunter.look() == 1
    (again,) = (row for row in rows(database, hunt_trace) if row["entry_id"] != numbers[other])
    assert (again["reads"], again["last_us"]) == (0, None), "nobody finds what was erased"


def test_the_command_tells_it_in_both_languages_and_is_logged_without_plates(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    run, engine = runner(config), database_of(config)
    now = datetime.now(UTC)
    put(engine, [a_read(seq, captured_at=now - seq * DAY, camera_id=f"cam-{seq}") for seq in (1, 2, 3)])
    list_plates(engine, tmp_path, listed("ABC123"), listed("XYZ789"), at=now - DAY)
    empty = run("hotlist", "seen", *LOOK)
    assert (empty.exit_code, "0 of 0 vehicles that were hunted" in empty.stdout) == (0, True)
    settings = load(config)  # as `serve` does, once
    assert Hunter(settings, engine, lambda _: False, clock=lambda: now).look() == 2

    english, spanish = (run("hotlist", "seen", *LOOK, language=each) for each in ("en", "es"))
    assert "1 of 2 vehicles that were hunted had been seen before; 2 are looked for\n" in english.stdout
    assert "1 de 2 vehículos rastreados se habían visto antes; se buscan 2\n" in spanish.stdout
    assert " ".join(english.stdout.split()).count("ABC123 (CO) medellin stolen 1") == 1
    assert " ".join(spanish.stdout.split()).count("ABC123 (CO) medellin hurtado 1") == 1
    assert english.stderr == spanish.stderr == ""
    told = json.loads(run("hotlist", "seen", "--json", "--list", "medellin", *LOOK).stdout)
    (trace,) = told["traces"]
    assert (trace["plate"], trace["reads"], trace["last_camera"]) == ("ABC123", 3, "cam-1")
    assert (told["entries"], told["hunted"], told["found"], told["cut"]) == (2, 2, 1, False)
    late = run("hotlist", "seen", "--json", "--since", now.isoformat(), *LOOK)
    assert json.loads(late.stdout)["traces"] == []
    assert run("hotlist", "seen", "--as", "ana").exit_code == 2
    assert run("hotlist", "seen", "--list", "nowhere", *LOOK).exit_code == 2

    acts = [(row["action"], str(row["detail"]), row["rows"]) for row in rows(engine, audit)]
    looks = [(action, count) for action, _, count in acts if action.startswith("hotlist.seen")]
    assert looks[:2] == [("hotlist.seen", None), ("hotlist.seen.shown", 0)]
    assert looks[2:4] == [("hotlist.seen", None), ("hotlist.seen.shown", 1)]
    assert looks[-1] == ("hotlist.seen.failed", None)
    assert not [detail for _, detail, _ in acts if "ABC123" in detail]
    assert verify(engine, read_key(tmp_path / "state" / "audit.key")).fault == ""
    engine.dispose()
