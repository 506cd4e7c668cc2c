"""A read that comes once its vehicle is looked for no longer raises an alert that says so, on both databases."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import a_store, ingest, list_plates, read_message, rows
from central_reads import NOON, a_read
from sqlalchemy import Engine, update

from central.db import alert, alert_event, suppression, to_us
from central.hotlist.suppress import Term, enter
from central.types import Look

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"
OTHER = LISTED.replace("ABC123", "XYZ987")
FOUND = NOON + timedelta(hours=1)


@pytest.mark.parametrize("late_s", [-1, 0])
def test_what_was_found_before_its_read_came_is_to_stop_nobody(
    database: Engine, tmp_path: Path, late_s: int
) -> None:
    """Somebody was looked for when it was seen: it is an alert, and so is a new passage news."""
    list_plates(database, tmp_path, LISTED)
    list_plates(database, tmp_path, OTHER, at=FOUND, whole=True)
    store = a_store(database, tmp_path / "pictures", vehicle_h=12)
    for seq, minutes in ((1, 0), (2, 9)):
        read = a_read(seq, camera_id=f"cam-{seq}", captured_at=NOON + timedelta(minutes=minutes))
        ingest(store, [read_message(read, received_at=FOUND + timedelta(seconds=late_s))])
    store._pictures.close()
    raised, again = (json.loads(str(row["detail"])) for row in rows(database, alert_event))
    is_over = late_s >= 0
    assert [told.get("wanted") for told in (raised, again)] == [False if is_over else None] * 2
    for words in (str(rows(database, alert)[0]["explanation"]), str(again["note"])):
        told = "STOP NOBODY: its vehicle is looked for no longer, since 2025-03-04 13:00 UTC"
        assert words.startswith(told) is is_over
        assert ("NO DETENGA A NADIE" in words) is is_over


@pytest.mark.parametrize(("lifted", "told"), [(False, [False]), (True, [])])
@pytest.mark.parametrize("camera", [None, "cam-1", "cam-9"])
def test_what_was_suppressed_before_its_read_came_is_to_stop_nobody(
    database: Engine, tmp_path: Path, lifted: bool, told: list[bool], camera: str | None
) -> None:
    """When it was captured nothing held it back, so it is an alert; since then somebody was stopped for it."""
    list_plates(database, tmp_path, LISTED)
    edge = None if camera is None else "edge-1"
    ingest(
        a_store(database, tmp_path / "others"), [read_message(a_read(9, plate="QQQ111"))]
    )  # so edge-1 is known
    term = Term("ABC123", "CO", None, camera, FOUND, FOUND + timedelta(days=9), edge)
    enter(database, term, Look("ana", "redress", "C-1"), reason="stopped without reason", log=lambda *_: None)
    if lifted:
        with database.begin() as connection:
            connection.execute(update(suppression).values(lifted_us=to_us(FOUND)))
    store = a_store(database, tmp_path / "pictures", vehicle_h=12)
    late = read_message(a_read(1, captured_at=NOON), received_at=FOUND + timedelta(seconds=1))
    ingest(store, [late, late])
    store._pictures.close()
    details = [json.loads(str(row["detail"])) for row in rows(database, alert_event)]
    assert len(rows(database, alert)) == 1
    assert [each["wanted"] for each in details if "wanted" in each] == ([] if camera == "cam-9" else told)
