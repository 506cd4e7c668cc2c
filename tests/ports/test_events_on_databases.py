"""Lists of events on both databases: over when they are over, purged once, and open alerts say so."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from central_commands import config_in, database_of, runner
from central_messages import a_store, ingest, list_plates, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError

from central.access.audit import verify
from central.access.key import open_key
from central.alert.life import OVER
from central.db import alert, alert_event, audit, hotlist, hotlist_entry, to_us
from central.errors import StoreError
from central.events import Purged, purge_events
from central.hotlist.lists import listings, set_event
from central.lock import exclusive
from central.settings import CentralSettings

HOUR = timedelta(hours=1)
LISTED = "ABC123,CO,,wanted,1,SIJIN,C-1,2024-01-01,2027-12-31"
END = NOON + HOUR


def quiet(*_: object) -> None:
    pass


@pytest.fixture
def settings(tmp_path: Path) -> CentralSettings:
    return CentralSettings.model_validate({"access": {"key_file": tmp_path / "audit.key"}})


def listed_for_an_event(engine: Engine, folder: Path, *lines: str) -> None:
    set_event(engine, "match", END, by="ana", at=NOON - HOUR, log=quiet)
    list_plates(engine, folder, *lines, at=NOON - HOUR, list_name="match")


def seen(engine: Engine, folder: Path, seq: int, after: timedelta, *, plate: str = "ABC123") -> list[str]:
    """The lists whose alert a passage raises."""
    read = a_read(seq, plate=plate, plate_class=None, captured_at=NOON + after)
    return sorted(each.list_name for each in ingest(a_store(engine, folder), [read_message(read)]).alerts)


def test_what_is_seen_after_its_end_is_no_hit_even_before_it_is_purged(
    database: Engine, tmp_path: Path
) -> None:
    listed_for_an_event(database, tmp_path, LISTED)
    list_plates(database, tmp_path, LISTED.replace("ABC123", "XYZ789"))
    assert seen(database, tmp_path, 1, HOUR - timedelta(microseconds=1)) == ["match"]
    assert seen(database, tmp_path, 2, HOUR * 30) == []
    assert seen(database, tmp_path, 3, HOUR * 30, plate="XYZ789") == ["medellin"]


def test_entries_go_altogether_and_open_alerts_stay_with_a_note(
    database: Engine, tmp_path: Path, settings: CentralSettings
) -> None:
    two = LISTED.replace("ABC123", "XYZ789")
    listed_for_an_event(database, tmp_path, LISTED, two, LISTED.replace("ABC123", "AAA111"))
    list_plates(database, tmp_path, LISTED, at=NOON - HOUR)
    assert seen(database, tmp_path, 1, timedelta(0)) == ["match", "medellin"]
    assert seen(database, tmp_path, 2, timedelta(minutes=5), plate="XYZ789") == ["match"]
    with database.begin() as connection:
        over = update(alert).where(alert.c.plate == "XYZ789").values(state=str(OVER[0]))
        connection.execute(over)
    before = len(rows(database, alert_event))
    assert purge_events(database, settings, clock=lambda: END - timedelta(microseconds=1)) == []
    assert purge_events(database, settings, clock=lambda: END) == [Purged("match", 3, 1)]
    assert [(row["list_name"], row["plate"]) for row in rows(database, hotlist_entry)] == [
        ("medellin", "ABC123")
    ]
    assert len(rows(database, alert)) == 3
    (noted,) = rows(database, alert_event)[before:]
    (open_one,) = (row for row in rows(database, alert) if row["alert_id"] == noted["alert_id"])
    assert (open_one["list_name"], open_one["plate"]) == ("match", "ABC123")
    assert (noted["kind"], noted["actor"], noted["at_us"]) == ("noted", "atalaya", to_us(END))
    assert json.loads(str(noted["detail"])) == {
        "wanted": False,
        "note": "list match was of an event that is over; the entry was deleted",
    }
    (act,) = rows(database, audit)
    assert (act["actor"], act["action"]) == ("atalaya", "hotlist.purge")
    assert json.loads(str(act["detail"])) == {"list": "match", "entries": 3, "open_alerts": 1}
    assert verify(database, open_key(settings.access.key_file)).fault == ""
    assert [each.name for each in listings(database, at=END)] == ["match", "medellin"], "on record"
    assert purge_events(database, settings, clock=lambda: END + HOUR) == [], "once"


def test_a_moved_end_is_the_one_that_counts(
    database: Engine, tmp_path: Path, settings: CentralSettings
) -> None:
    listed_for_an_event(database, tmp_path, LISTED)
    set_event(database, "match", END + HOUR, by="ana", at=NOON, log=quiet)
    assert purge_events(database, settings, clock=lambda: END) == []
    assert seen(database, tmp_path, 1, HOUR * 1.5) == ["match"]


def test_a_purge_that_cannot_be_logged_is_none(
    database: Engine, tmp_path: Path, settings: CentralSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed_for_an_event(database, tmp_path, LISTED)

    def full(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr("central.access.audit.AuditLog.note", full)
        with pytest.raises(OperationalError):
            purge_events(database, settings, clock=lambda: END)
    assert len(rows(database, hotlist_entry)) == 1
    assert purge_events(database, settings, clock=lambda: END) == [Purged("match", 1, 0)]


def test_one_maintains_at_a_time(database: Engine, tmp_path: Path, settings: CentralSettings) -> None:
    listed_for_an_event(database, tmp_path, LISTED)
    with exclusive(database, "maintaining", wait=False), pytest.raises(StoreError):
        purge_events(database, settings, clock=lambda: END)
    assert len(rows(database, hotlist_entry)) == 1


def test_maintenance_by_command_purges_too(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    run = runner(config)
    assert run("maintain").stdout.endswith("events   0 over, 0 entries deleted\n")
    engine = database_of(config)
    listed_for_an_event(engine, tmp_path, LISTED)
    assert run("maintain").stdout.endswith("events   1 over, 1 entries deleted\n")
    assert rows(engine, hotlist_entry) == []
    assert len(rows(engine, hotlist)) == 1
