"""Who tells alerts that nobody is to be stopped does so beside a consumer, and neither waits for the other in vain."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, list_plates, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Connection, Engine, update

from central.alert.wanted import tell_listed
from central.db import alert, alert_event, hotlist_entry, to_us
from central.events import purge_events
from central.hotlist.lists import set_event
from central.lock import take_turns
from central.settings import CentralSettings

LISTED = "ABC123,CO,,wanted,1,SIJIN,C-1,2024-01-01,2027-12-31"
HOUR = timedelta(hours=1)
END = NOON + HOUR

Tell = Callable[[Engine, Path], object]


def ended(engine: Engine, _: Path) -> None:
    with engine.begin() as connection:
        connection.execute(update(hotlist_entry).values(valid_until_us=to_us(END), entered_us=to_us(END)))
        tell_listed(connection, END, hotlist_entry.c.list_name == "match")


def purged(engine: Engine, folder: Path) -> None:
    settings = CentralSettings.model_validate({"access": {"key_file": folder / "audit.key"}})
    purge_events(engine, settings, clock=lambda: END)


@pytest.fixture
def alerts(database: Engine, tmp_path: Path) -> list[int]:
    """Two, of an event."""
    plates = ("ABC123", "XYZ789")
    set_event(database, "match", END, by="ana", at=NOON - HOUR, log=lambda *_: None)
    lines = [LISTED.replace("ABC123", plate) for plate in plates]
    list_plates(database, tmp_path, *lines, at=NOON - HOUR, list_name="match")
    store = a_store(database, tmp_path / "pictures")
    ingest(store, [read_message(a_read(seq, plate=plate)) for seq, plate in enumerate(plates, start=1)])
    store._pictures.close()
    return [int(str(row["alert_id"])) for row in rows(database, alert)]


@pytest.mark.parametrize("tell", [ended, purged])
def test_who_tells_alerts_waits_for_a_consumer_that_has_their_entries(
    database: Engine, tmp_path: Path, alerts: list[int], tell: Tell
) -> None:
    first, second = sorted(alerts)
    entries = [int(str(row["id"])) for row in rows(database, hotlist_entry)]
    with ThreadPoolExecutor(1) as beside, database.begin() as consumer:
        take_turns(consumer, "entry", entries)
        change(consumer, second)
        telling = beside.submit(tell, database, tmp_path)
        assert not wait([telling], timeout=0.3).done
        change(consumer, first)
    telling.result()
    noted = [row["alert_id"] for row in rows(database, alert_event) if row["kind"] == "noted"]
    assert noted == [first, second]


def change(connection: Connection, alert_id: int) -> None:
    """As a sighting does that joins it."""
    connection.execute(update(alert).where(alert.c.alert_id == alert_id).values(camera_id="cam-2"))


def test_entries_of_any_number_have_turns(database: Engine) -> None:
    with database.begin() as connection:
        take_turns(connection, "entry", [2**31 + 1, 2**63 - 1, 1])
