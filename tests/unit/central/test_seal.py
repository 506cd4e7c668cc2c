"""Sealing: every row once, by date of capture, whatever is cut off."""

import json
import os
import threading
import time
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archived import archived_rows
from central_reads import NOON, a_read, put
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from sqlalchemy import Engine, event, func, insert, select, update

from central.archive.files import write_file
from central.archive.parts import reads_name
from central.archive.place import LocalArchive
from central.archive.schema import READS
from central.archive.table import APP, commit, live_files, open_archive, sealed_through
from central.archive.write import seal
from central.db import hot_read, late_update, open_database, to_us
from central.db import seal as seal_table
from central.errors import StoreError
from central.types import ArchivedDay


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def now():
    return NOON


def archived(path: Path) -> pa.Table:
    return archived_rows(DeltaTable(path / "reads"))


def seqs(path: Path) -> Counter[int]:
    return Counter(archived(path)["seq"].to_pylist())


def count(engine: Engine, table) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def seals(engine: Engine) -> list[tuple]:
    with engine.begin() as connection:
        rows = connection.execute(select(seal_table).order_by(seal_table.c.seal_id))
        return [(row.seal_id, row.state, row.rows, row.finished_us is not None) for row in rows]


def test_rows_leave_the_database_for_their_date_of_capture(engine: Engine, archive: Path) -> None:
    before_midnight = NOON.replace(hour=23, minute=59, second=59, microsecond=999_999)
    late = NOON - timedelta(days=40)
    put(engine, [a_read(1), a_read(2, captured_at=before_midnight), a_read(3, captured_at=late)])
    put(engine, [a_read(4, captured_at=before_midnight + timedelta(microseconds=1))])
    days = seal(engine, LocalArchive(archive), clock=now)
    assert days == [
        ArchivedDay(late.date(), 1),
        ArchivedDay(date(2025, 3, 4), 2),
        ArchivedDay(date(2025, 3, 5), 1),
    ]
    assert count(engine, hot_read) == 0
    assert seals(engine) == [(1, "done", 4, True)]
    table = DeltaTable(archive / "reads")
    assert table.version() == 1, "creation, then one commit for all dates"
    assert table.transaction_version(APP) == 1
    assert {p.name for p in archive.glob("reads/captured_date=*")} == {
        "captured_date=2025-01-23",
        "captured_date=2025-03-04",
        "captured_date=2025-03-05",
    }


def test_a_row_keeps_what_the_archive_promises(engine: Engine, archive: Path) -> None:
    read = a_read(9, plate="ABC123", plate_raw="ABC-123", lane="2", preset="north", clock_error_s=-0.0015)
    put(engine, [read], received_at=read.best_at + timedelta(seconds=2.5))
    seal(engine, LocalArchive(archive), clock=now)
    (row,) = archived(archive).to_pylist()
    assert row["captured_at"] == read.best_at
    assert (row["edge_id"], row["epoch"], row["seq"]) == read.id
    assert (row["plate"], row["plate_raw"]) == ("ABC123", "ABC-123")
    assert (row["country"], row["plate_class"], row["vehicle_type"]) == ("CO", "private", "Car")
    assert row["likelihood_e4"] == 7912
    assert (row["first_offset_us"], row["last_offset_us"], row["received_offset_us"]) == (
        -500_000,
        500_000,
        2_500_000,
    )
    assert (row["lane"], row["preset"], row["direction"]) == ("2", "north", "approaching")
    assert (row["votes"], row["frames"], row["late"], row["update_seq"]) == (3, 4, False, 0)
    assert row["clock_error_us"] == -1_500
    assert (row["detector"], row["reader"]) == ("plates@0123456789ab", "ppocr@ba9876543210")
    assert len(row["box"]) == 6
    assert row["characters"]


def test_a_raw_string_equal_to_the_plate_is_not_kept_twice(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1, plate="ABC123", plate_raw="ABC123"), a_read(2, plate_raw="")])
    seal(engine, LocalArchive(archive), clock=now)
    assert sorted(archived(archive)["plate_raw"].to_pylist(), key=str) == ["", None]


def test_nothing_to_seal_makes_no_commit(engine: Engine, archive: Path) -> None:
    assert seal(engine, LocalArchive(archive), clock=now) == []
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(archive), clock=now)
    version = DeltaTable(archive / "reads").version()
    assert seal(engine, LocalArchive(archive), clock=now) == []
    assert DeltaTable(archive / "reads").version() == version
    assert [s[0] for s in seals(engine)] == [1]


def test_one_call_takes_as_many_seals_as_it_needs(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 26)])
    assert seal(engine, LocalArchive(archive), clock=now, chunk_rows=10) == [ArchivedDay(NOON.date(), 25)]
    assert [s[:3] for s in seals(engine)] == [(1, "done", 10), (2, "done", 10), (3, "done", 5)]
    assert seqs(archive) == Counter(range(1, 26))


def test_slices_smaller_than_a_chunk_mark_each_row_once(
    engine: Engine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.archive.write._SLICE_ROWS", 4)
    put(engine, [a_read(seq) for seq in range(1, 26)])
    seal(engine, LocalArchive(archive), clock=now, chunk_rows=10)
    assert [s[2] for s in seals(engine)] == [10, 10, 5]
    assert seqs(archive) == Counter(range(1, 26))


def leave_open(engine: Engine, seal_id: int, marked: list[int]) -> None:
    """The database as a crash after marking leaves it."""
    with engine.begin() as connection:
        connection.execute(
            insert(seal_table).values(seal_id=seal_id, state="open", rows=len(marked), started_us=to_us(NOON))
        )
        connection.execute(update(hot_read).where(hot_read.c.seq.in_(marked)).values(seal_id=seal_id))


@pytest.mark.parametrize("statement", ["UPDATE hot_read", "DELETE FROM hot_read"])
def test_a_slice_finds_its_rows_without_going_through_all_others(tmp_path: Path, statement: str) -> None:
    engine, asked = open_database(f"sqlite:///{tmp_path}/central.sqlite"), []
    put(engine, [a_read(seq) for seq in range(1, 4)])

    def note(_connection: Any, _cursor: Any, said: str, parameters: Any, *_: Any) -> None:
        if said.startswith(statement):
            asked.append((said, parameters))

    event.listen(engine, "before_cursor_execute", note)
    assert seal(engine, LocalArchive(tmp_path / "archive"), clock=now)
    event.remove(engine, "before_cursor_execute", note)
    assert asked
    with engine.begin() as connection:
        for said, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", parameters).all()
            (outermost,) = (step.detail for step in plan if step.parent == 0 and "hot_read" in step.detail)
            assert "edge_id=? AND epoch=? AND seq=?" in outermost
    engine.dispose()


def test_a_seal_cut_off_before_its_commit_is_written(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 6)])
    leave_open(engine, 1, [1, 2])
    assert seal(engine, LocalArchive(archive), clock=now) == [ArchivedDay(NOON.date(), 5)]
    assert seqs(archive) == Counter(range(1, 6))
    assert [s[:3] for s in seals(engine)] == [(1, "done", 2), (2, "done", 3)]


def test_a_seal_cut_off_after_its_commit_is_only_cleaned_up(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2)])
    seal(engine, LocalArchive(archive), clock=now)
    put(engine, [a_read(2), a_read(3)])  # 2: deleted again from here on, as if it had never been deleted
    with engine.begin() as connection:
        connection.execute(update(hot_read).where(hot_read.c.seq == 2).values(seal_id=1))
        connection.execute(update(seal_table).values(state="open", finished_us=None))
    assert seal(engine, LocalArchive(archive), clock=now) == [ArchivedDay(NOON.date(), 1)]
    assert seqs(archive) == Counter([1, 2, 3])
    assert count(engine, hot_read) == 0
    assert [s[1:] for s in seals(engine)] == [("done", 2, True), ("done", 1, True)]


def test_a_seal_cut_off_before_it_marked_anything_leaves_no_trace(engine: Engine, archive: Path) -> None:
    leave_open(engine, 1, [])
    assert seal(engine, LocalArchive(archive), clock=now) == []
    assert seals(engine) == []


def test_a_new_database_beside_an_old_archive_takes_new_numbers(
    engine: Engine, archive: Path, tmp_path: Path
) -> None:
    for seq in (1, 2, 3):
        put(engine, [a_read(seq)])
        seal(engine, LocalArchive(archive), clock=now)
    fresh = open_database(f"sqlite:///{tmp_path}/fresh.sqlite")
    put(fresh, [a_read(4)])
    assert seal(fresh, LocalArchive(archive), clock=now) == [ArchivedDay(NOON.date(), 1)]
    assert [s[0] for s in seals(fresh)] == [4]
    assert seqs(archive) == Counter([1, 2, 3, 4])


def test_an_old_database_fills_a_new_archive(engine: Engine, archive: Path, tmp_path: Path) -> None:
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(archive), clock=now)
    put(engine, [a_read(2)])
    seal(engine, LocalArchive(tmp_path / "other"), clock=now)
    assert seqs(tmp_path / "other") == Counter([2])
    assert sealed_through(open_archive(LocalArchive(tmp_path / "other"))) == 2


def test_a_message_that_cannot_be_read_again_costs_only_its_evidence(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2)])
    with engine.begin() as connection:
        connection.execute(update(hot_read).where(hot_read.c.seq == 1).values(message='{"box": 3}'))
    seal(engine, LocalArchive(archive), clock=now)
    rows = {row["seq"]: row for row in archived(archive).to_pylist()}
    assert rows[1]["plate"] == "ABC123"
    assert rows[1]["box"] is None
    assert rows[2]["box"] is not None


@pytest.mark.parametrize("clock_error_s", [float("nan"), float("inf"), 1e300, None])
def test_an_impossible_clock_error_is_not_kept_and_stops_nothing(
    engine: Engine, archive: Path, clock_error_s: float | None
) -> None:
    put(engine, [a_read(1)])
    message = a_read(1).model_dump(mode="json") | {"clock_error_s": clock_error_s}
    with engine.begin() as connection:
        connection.execute(update(hot_read).values(message=json.dumps(message)))
    seal(engine, LocalArchive(archive), clock=now)
    (row,) = archived(archive).to_pylist()
    assert row["clock_error_us"] is None
    assert row["box"] is not None


def test_calls_take_turns(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 2001)])
    found: list[ArchivedDay] = []
    threads = [
        threading.Thread(
            target=lambda: found.extend(seal(engine, LocalArchive(archive), clock=now, chunk_rows=300))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(day.rows for day in found) == 2000
    assert seqs(archive) == Counter(range(1, 2001))


def test_a_call_ends_under_steady_traffic(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 11)])
    over = threading.Event()
    written = 10

    def write() -> None:
        nonlocal written
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline and not over.wait(0.005):
            put(engine, [a_read(written + 1)])
            written += 1

    writing = threading.Thread(target=write)
    writing.start()
    started = time.monotonic()
    seal(engine, LocalArchive(archive), clock=now)
    took = time.monotonic() - started
    over.set()
    writing.join()
    assert took < 5
    assert len(seals(engine)) == 1
    seal(engine, LocalArchive(archive), clock=now)
    assert seqs(archive) == Counter(range(1, written + 1))


def test_an_archive_that_cannot_be_written_keeps_the_rows(engine: Engine, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    put(engine, [a_read(1)])
    with pytest.raises(StoreError, match="cannot be written"):
        seal(engine, LocalArchive(blocked / "archive"), clock=now)
    assert count(engine, hot_read) == 1


def test_a_damaged_log_is_named(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(archive), clock=now)
    (archive / "reads" / "_delta_log" / "00000000000000000001.json").write_text("{", encoding="utf-8")
    put(engine, [a_read(2)])
    with pytest.raises(StoreError, match="archive cannot be opened"):
        seal(engine, LocalArchive(archive), clock=now)
    assert count(engine, hot_read) == 1


def test_a_torn_file_keeps_the_rows(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(archive), clock=now)
    put(engine, [a_read(1)])
    with engine.begin() as connection:  # power was lost after the commit and before the rows were deleted
        connection.execute(update(hot_read).values(seal_id=1))
        connection.execute(update(seal_table).values(state="open", finished_us=None))
    (file,) = archive.glob("reads/captured_date=*/*.parquet")
    os.truncate(file, 10)
    with pytest.raises(StoreError, match=r"archive is damaged: 10 of \d+ bytes"):
        seal(engine, LocalArchive(archive), clock=now)
    assert count(engine, hot_read) == 1


def test_the_whole_log_is_on_the_disk_before_a_row_leaves_the_database(
    engine: Engine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: dict[str, int] = {}
    fsync = os.fsync

    def force(descriptor: int) -> None:
        fsync(descriptor)
        forced[str(Path(f"/proc/self/fd/{descriptor}").readlink())] = os.fstat(descriptor).st_mtime_ns

    def not_on_the_disk() -> set[str]:
        places = [*archive.rglob("*"), archive]
        return {
            str(p) for p in places if forced.get(str(p), 0) < (p.stat().st_mtime_ns if p.is_file() else 1)
        }

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM hot_read"):
            looks.append(not_on_the_disk())

    looks: list[set[str]] = []
    monkeypatch.setattr(os, "fsync", force)
    event.listen(engine, "before_cursor_execute", look)
    for seq in range(1, 24):
        put(engine, [a_read(seq, captured_at=NOON + timedelta(days=seq % 3))])
        seal(engine, LocalArchive(archive), clock=now)
    assert looks == [set()] * 23
    log = archive / "reads" / "_delta_log"
    assert (log / "_last_checkpoint").exists()
    assert str(log / f"{0:020}.json") in forced
    assert len(forced) < 100
    assert str(archive.parent) in forced


def test_a_seal_forces_only_what_the_one_before_did_not(
    engine: Engine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seq in (1, 2):
        put(engine, [a_read(seq)])
        seal(engine, LocalArchive(archive), clock=now)
    forced: list[str] = []
    monkeypatch.setattr("central.archive.place.sync", lambda place: forced.append(place.name))
    put(engine, [a_read(3)])
    seal(engine, LocalArchive(archive), clock=now)
    assert sorted(name for name in forced if name.endswith(".json")) == [f"{n:020}.json" for n in (2, 3)]


def late(engine: Engine, *reads, update_seq: int) -> None:
    put(engine, reads, table=late_update, update_seq=update_seq)


def test_a_late_update_replaces_the_archived_row(engine: Engine, archive: Path) -> None:
    received = NOON + timedelta(minutes=1)
    put(engine, [a_read(seq) for seq in range(1, 6)], received_at=received)
    seal(engine, LocalArchive(archive), clock=now)
    moved = NOON + timedelta(seconds=3.25)
    late(engine, a_read(3, plate="ABC128", votes=4, captured_at=moved), update_seq=1)
    assert seal(engine, LocalArchive(archive), clock=now) == []
    rows = {row["seq"]: row for row in archived(archive).to_pylist()}
    assert archived(archive).num_rows == 5
    assert (rows[3]["plate"], rows[3]["votes"], rows[3]["update_seq"]) == ("ABC128", 4, 1)
    assert rows[3]["captured_at"] + timedelta(microseconds=rows[3]["received_offset_us"]) == received
    assert rows[2]["plate"] == "ABC123"
    assert count(engine, late_update) == 0
    assert seals(engine)[-1] == (2, "done", 1, True)


def test_a_late_update_over_midnight_moves_the_row(engine: Engine, archive: Path) -> None:
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    put(engine, [a_read(1, captured_at=midnight - timedelta(seconds=0.2))])
    seal(engine, LocalArchive(archive), clock=now)
    late(engine, a_read(1, captured_at=midnight + timedelta(seconds=0.3)), update_seq=1)
    seal(engine, LocalArchive(archive), clock=now)
    (row,) = archived(archive).to_pylist()
    assert row["captured_at"] == midnight + timedelta(seconds=0.3)
    assert row["captured_date"] == midnight.date()


def test_an_older_update_changes_nothing(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(archive), clock=now)
    late(engine, a_read(1, plate="NEW111"), update_seq=7)
    seal(engine, LocalArchive(archive), clock=now)
    late(engine, a_read(1, plate="OLD222"), update_seq=5)
    seal(engine, LocalArchive(archive), clock=now)
    assert archived(archive)["plate"].to_pylist() == ["NEW111"]
    assert count(engine, late_update) == 0
    assert [s[0] for s in seals(engine)] == [1, 2], "a seal that wrote nothing leaves no trace"


def test_an_update_without_its_read_is_added(engine: Engine, archive: Path) -> None:
    late(engine, a_read(8), update_seq=1)
    seal(engine, LocalArchive(archive), clock=now)
    assert seqs(archive) == Counter([8])


def test_a_merge_writes_files_like_any_other_and_no_plate_into_the_log(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq, plate="QXZ001") for seq in range(1, 4)])
    seal(engine, LocalArchive(archive), clock=now)
    late(engine, a_read(2, plate="QXZ002"), update_seq=1)
    seal(engine, LocalArchive(archive), clock=now)
    table = DeltaTable(archive / "reads")
    assert len(table.file_uris()) == 1
    log = "".join(p.read_text(encoding="utf-8") for p in (archive / "reads" / "_delta_log").glob("*.json"))
    assert '"remove"' in log
    assert "QXZ" not in log
    adds = [
        json.loads(line)["add"] for line in log.replace("}{", "}\n{").splitlines() if line.startswith('{"add')
    ]
    assert {"captured_at", "seq"} == set(json.loads(adds[-1]["stats"])["minValues"])


def test_of_two_commits_that_remove_the_same_file_one_is_made(engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2)])
    seal(engine, LocalArchive(archive), clock=now)
    one, other = open_archive(LocalArchive(archive)), open_archive(LocalArchive(archive))
    (file,) = live_files(one)
    rows = pq.ParquetFile(archive / "reads" / file.name).read()
    for table in (one, other):
        name = reads_name("day", 1)
        again = write_file(LocalArchive(archive), READS, {"captured_date": "2025-03-04"}, name, [rows])
        if table is one:
            commit(table, READS, add=[again], remove=[file])
        else:
            with pytest.raises(DeltaError, match=r"[Cc]oncurrent"):
                commit(table, READS, add=[again], remove=[file])
    assert seqs(archive) == Counter([1, 2])
