"""The hunt that goes on by itself, on both databases: who is due, what is kept of whom, and whatever cuts it off."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import damaged
import pytest
from central_messages import list_plates, rows
from central_reads import NOON, a_read, put
from cut_off import cut_off_at
from hunting import AT, Hunt, listed
from sqlalchemy import Engine, delete, insert, select, update

from central.access.audit import verify
from central.access.key import open_key
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import audit, hotlist_entry, hunt_trace, to_us
from central.errors import BusyError, CancelledError, StoreError
from central.hotlist.version import raise_version
from central.lock import exclusive
from central.query import hunter as hunting
from central.query.hunt import Entry
from central.query.reads import Reads
from central.query.traces import keep_traces
from edge.contract.read import PlateRead

DAY = timedelta(days=1)
PLATES = [f"AAA{number:03d}" for number in range(20)]


@pytest.fixture
def hunt(database: Engine, tmp_path: Path) -> Hunt:
    return Hunt(database, tmp_path)


def read_some(engine: Engine, folder: Path) -> list[PlateRead]:
    """Every third of the plates, twice each; half of it sealed."""
    found = [
        a_read(
            seq,
            plate=PLATES[seq % 7 * 3],
            captured_at=NOON + timedelta(hours=seq),
            camera_id=f"cam-{seq % 4}",
        )
        for seq in range(1, 15)
    ]
    put(engine, found[:7])
    seal(engine, LocalArchive(folder / "archive"), clock=lambda: NOON)
    put(engine, found[7:])
    return found


def expected(found: list[PlateRead], plate: str) -> tuple[object, ...]:
    """Reads, first and last time, last camera, as a loop finds them."""
    mine = sorted((read.best_at, read.camera_id) for read in found if read.plate == plate)
    return (len(mine), mine[0][0], mine[-1][0], mine[-1][1])


def acts(engine: Engine, name: str) -> list[dict[str, Any]]:
    return [json.loads(str(row["detail"])) for row in rows(engine, audit) if row["action"] == name]


def test_every_entry_is_hunted_once_and_found_as_a_loop_over_the_reads_finds_it(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunting, "MOST_PLATES", 6)
    monkeypatch.setattr(hunt.hunter, "_most", 6)
    found = read_some(hunt.engine, tmp_path)
    list_plates(hunt.engine, tmp_path, *map(listed, PLATES))
    before = hunt.told()
    assert (before.entries, before.hunted, before.found, before.traces) == (20, 0, 0, ())
    assert hunt.look() == 20
    told = hunt.told()
    assert (told.entries, told.hunted, told.found, told.lacking, told.cut) == (20, 20, 7, 0, False)
    assert {
        each.plate: (each.reads, each.first_at, each.last_at, each.last_camera) for each in told.traces
    } == {plate: expected(found, plate) for plate in PLATES[::3]}
    assert [each.last_at for each in told.traces] == sorted((t.last_at for t in told.traces), reverse=True)
    assert {each.hunted_at for each in told.traces} == {AT}
    assert [row["reads"] for row in hunt.rows()] == [2 if number % 3 == 0 else 0 for number in range(20)]

    looks = acts(hunt.engine, "hunt")
    assert [look["entries"] for look in looks] == [6, 6, 6, 2]
    assert (looks[0]["last"], looks[-1]["first"]) == (20, 1), "the newest first"
    assert hunt.look() == hunt.look(after=DAY) == 0, "nobody is due"
    log = rows(hunt.engine, audit)
    assert [(row["action"], row["rows"]) for row in log[:2]] == [("hunt", None), ("hunt.shown", 2)]
    assert len(log) == 8
    assert {(row["actor"], row["purpose"]) for row in log} == {
        ("atalaya", "where new and changed entries were seen before")
    }
    assert not [row for row in log if "AAA" in str(row["detail"])], "no plate"
    assert verify(hunt.engine, open_key(tmp_path / "audit.key")).fault == ""


def test_who_is_new_or_changed_is_hunted_and_who_is_only_confirmed_is_not(hunt: Hunt, tmp_path: Path) -> None:
    put(hunt.engine, [a_read(1, plate="AAA001"), a_read(2, plate="AAA002")])
    list_plates(hunt.engine, tmp_path, listed("AAA000"), listed("AAA001"))
    assert hunt.look() == 2
    list_plates(hunt.engine, tmp_path, listed("AAA000"), listed("AAA001"), at=AT)
    assert hunt.look() == 0, "confirmed"
    put(hunt.engine, [a_read(3, plate="AAA001", captured_at=NOON + DAY)])
    assert hunt.told().traces[0].reads == 1, "what comes after the hunt raises an alert"
    list_plates(hunt.engine, tmp_path, listed("AAA001").replace("stolen", "wanted"), listed("AAA002"), at=AT)
    assert hunt.told().hunted == 1, "what was found of the entry as it was is shown no more"
    assert hunt.look() == 2
    assert [(each.plate, each.reason, each.reads) for each in hunt.told().traces] == [
        ("AAA001", "wanted", 2),
        ("AAA002", "stolen", 1),
    ]


def test_an_entry_is_hunted_once_its_time_has_come(hunt: Hunt, tmp_path: Path) -> None:
    begins = (AT + timedelta(hours=1)).isoformat()
    list_plates(hunt.engine, tmp_path, listed("AAA000").replace("2024-01-01", begins))
    assert hunt.look() == hunt.look(after=timedelta(minutes=59)) == 0
    assert hunt.told().entries == 0
    assert hunt.look(after=timedelta(minutes=6)) == 1


def test_lists_that_change_meanwhile_are_hunted_first(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hunt.hunter._most = 1
    list_plates(hunt.engine, tmp_path, listed("AAA000"), listed("AAA001"))
    ask = hunting.seen_of

    def beside(*asked: Any, **more: Any) -> Any:
        if not rows(hunt.engine, hotlist_entry)[2:]:
            list_plates(hunt.engine, tmp_path, listed("BBB000"), list_name="urgent")
        return ask(*asked, **more)

    monkeypatch.setattr(hunting, "seen_of", beside)
    assert (hunt.look(), hunt.look(), hunt.look()) == (1, 2, 0)
    assert [(look["last"], look["first"]) for look in acts(hunt.engine, "hunt")] == [(2, 2), (3, 1)]
    assert hunt.told().hunted == 3


def test_cut_off_at_every_statement_in_turn_it_goes_on_and_nothing_is_lost(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hunting, "MOST_PLATES", 5)
    found = read_some(database, tmp_path)
    list_plates(database, tmp_path, *map(listed, PLATES))
    statement = 0
    while Hunt(database, tmp_path).told().hunted < len(PLATES):
        assert statement < 200, "cut off or not, a hunt must come to its end"
        hunt = Hunt(database, tmp_path)  # what a process knew is lost with it
        with cut_off_at(database, statement):
            hunt.look()
        told = hunt.told()
        assert told.hunted % 5 == 0, "a portion is written whole"
        for each in told.traces:
            assert (each.reads, each.first_at, each.last_at, each.last_camera) == expected(found, each.plate)
        statement += 1
    assert statement > 10
    assert [row["entry_id"] for row in hunt.rows()] == list(range(1, 21))
    assert {each.plate for each in hunt.told().traces} == set(PLATES[::3])
    assert verify(database, open_key(tmp_path / "audit.key")).fault == ""


def test_of_who_is_gone_or_changed_while_the_archive_is_asked_nothing_is_kept(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hunt.engine, [a_read(seq, plate=plate) for seq, plate in enumerate(PLATES[:3], start=1)])
    list_plates(hunt.engine, tmp_path, *map(listed, PLATES[:3]))
    ask = hunting.seen_of

    def slowly(*asked: Any, **more: Any) -> Any:
        found = ask(*asked, **more)
        with hunt.engine.begin() as connection:
            raise_version(connection)
            entry = hotlist_entry.c
            connection.execute(delete(hotlist_entry).where(entry.plate == "AAA000"))
            connection.execute(
                update(hotlist_entry).where(entry.plate == "AAA001").values(entered_us=to_us(AT))
            )
        return found

    with monkeypatch.context() as patch:
        patch.setattr(hunting, "seen_of", slowly)
        assert hunt.look() == 1
    assert [row["entry_id"] for row in hunt.rows()] == [3]
    assert hunt.look() == 1, "what was changed is due"
    assert [row["entry_id"] for row in hunt.rows()] == [2, 3]


def test_what_is_kept_waits_for_who_is_deleting_the_entry(database: Engine, tmp_path: Path) -> None:
    """As an order of a court does: nothing may be written of the plate behind its back."""
    list_plates(database, tmp_path, listed("AAA000"))
    (row,) = rows(database, hotlist_entry)
    entry = Entry(1, "AAA000", "CO", "stolen", 1, int(str(row["entered_us"])))
    begun = Event()

    def keep() -> int:
        begun.set()
        with database.begin() as connection:
            return keep_traces(connection, [entry], {}, at=AT, lacking=0)

    with ThreadPoolExecutor(1) as beside:
        with database.begin() as connection:
            raise_version(connection)
            kept = beside.submit(keep)
            assert begun.wait(10)
            connection.execute(delete(hunt_trace))
            connection.execute(delete(hotlist_entry))
            # Not told by a clock: who did not wait has usually written by now, who waits cannot have.
            assert not _is_done(kept)
        assert kept.result(30) == 0
    assert rows(database, hunt_trace) == []


def _is_done(kept: Any) -> bool:
    try:
        kept.result(0.3)
    except TimeoutError:
        return False
    return True


def test_one_hunts_at_a_time(hunt: Hunt, tmp_path: Path) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"))
    with (
        exclusive(hunt.engine, "hunting", wait=False),
        pytest.raises(BusyError, match="another one is hunting"),
    ):
        hunt.look()
    assert hunt.look() == 1


def test_an_answer_that_lacks_a_damaged_file_is_asked_for_again_after_a_day(
    hunt: Hunt, tmp_path: Path
) -> None:
    found = read_some(hunt.engine, tmp_path)
    list_plates(hunt.engine, tmp_path, *map(listed, PLATES))
    files = sorted((tmp_path / "archive" / "reads").rglob("*.parquet"))
    (hit,) = [path for path in files if "_delta_log" not in path.parts]
    whole = hit.read_bytes()
    damaged.tear(hit)
    assert hunt.look() == 20
    told = hunt.told()
    assert (told.hunted, told.lacking, [each.reads for each in told.traces]) == (20, 20, [1] * 7)
    assert acts(hunt.engine, "hunt.shown")[0]["lacking"] == 1
    hit.write_bytes(whole)
    assert hunt.look(after=DAY - timedelta(seconds=1)) == 0
    assert hunt.look(after=timedelta(minutes=6)) == 20
    told = hunt.told()
    assert (told.lacking, {each.plate: each.reads for each in told.traces}) == (
        0,
        dict.fromkeys(PLATES[::3], 2),
    )
    assert expected(found, "AAA000")[0] == 2
    assert hunt.look(after=DAY) == 0


@pytest.mark.parametrize("fault", [StoreError("the disk is away"), CancelledError("stopped")])
def test_a_portion_that_cannot_be_asked_is_due_still(
    hunt: Hunt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"))

    def fail(*_: object, **__: object) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(Reads, "seen", fail)
        with pytest.raises(type(fault)):
            hunt.look()
    assert acts(hunt.engine, "hunt.failed")[0]["why"] == type(fault).__name__
    assert hunt.rows() == []
    assert hunt.look() == 1, "though no list has changed"


def test_traces_of_before_are_replaced_and_not_doubled(hunt: Hunt, tmp_path: Path) -> None:
    list_plates(hunt.engine, tmp_path, listed("AAA000"))
    row = {"entered_us": 5, "hunted_us": 6, "reads": 0, "lacking": 0}
    with hunt.engine.begin() as connection:
        connection.execute(insert(hunt_trace), [{"entry_id": 1, **row}])
    assert hunt.look() == 1
    with hunt.engine.begin() as connection:
        assert list(connection.scalars(select(hunt_trace.c.hunted_us))) == [to_us(AT)]
