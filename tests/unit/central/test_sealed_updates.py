"""Updates of reads that a seal has taken: the newest one wins, in alerts, in answers and in the archive."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from archived import archived_rows
from central_messages import (
    a_store,
    gone_message,
    ingest,
    list_plates,
    read_message,
    rows,
    update_message,
)
from central_reads import LASTING, NOON, a_read
from deltalake import DeltaTable
from sqlalchemy import Engine, event, insert, update

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.consume.store import Store
from central.db import hot_read, late_update, open_database, sealed_update, to_us
from central.db import seal as seal_table
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from edge.contract.delivery import Stream

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def seal_now(database: Engine, archive: Path, *, after: timedelta = timedelta(0)) -> None:
    seal(database, LocalArchive(archive), clock=lambda: NOON + after)


def archived(path: Path) -> list[tuple[int, str, int]]:
    found = archived_rows(DeltaTable(path / "reads"), ["seq", "plate", "update_seq"]).to_pylist()
    return sorted((row["seq"], row["plate"], row["update_seq"]) for row in found)


def remembered(database: Engine) -> list[tuple[Any, Any]]:
    return sorted((row["seq"], row["update_seq"]) for row in rows(database, sealed_update))


def mark(database: Engine) -> None:
    """As a seal does that has just begun."""
    row = {"seal_id": 1, "state": "open", "rows": 1, "started_us": to_us(NOON)}
    with database.begin() as connection:
        connection.execute(insert(seal_table).values(row))
        connection.execute(update(hot_read).values(seal_id=1))


# Alerts


def test_an_update_of_a_sealed_read_raises_the_alert(
    store: Store, database: Engine, archive: Path, tmp_path: Path
):
    list_plates(database, tmp_path, LISTED)
    ingest(store, [read_message(a_read(1, plate="ABC128"))])
    seal_now(database, archive)
    assert [a.seq for a in ingest(store, [update_message(a_read(1), 1)]).alerts] == [1]
    assert [row["plate"] for row in rows(database, late_update)] == ["ABC123"]


def a_read_with_update_9(store: Store, database: Engine, archive: Path, *, how: str) -> None:
    """Update 9 reaches the archive in the row itself, or in a later seal, or is on its way there."""
    better = update_message(a_read(1, plate="NEW999"), 9)
    if how == "later seal":
        ingest(store, [read_message(a_read(1, plate="ABC128"))])
        seal_now(database, archive)
        ingest(store, [better])
    else:
        ingest(store, [read_message(a_read(1, plate="ABC128")), better])
    if how == "on its way":
        mark(database)
    else:
        seal_now(database, archive)


@pytest.mark.parametrize("how", ["same seal", "later seal", "on its way"])
def test_an_older_update_of_a_sealed_read_is_refused_at_the_door(
    store: Store, database: Engine, archive: Path, tmp_path: Path, how: str
):
    list_plates(database, tmp_path, LISTED)
    a_read_with_update_9(store, database, archive, how=how)
    outcome = ingest(store, [update_message(a_read(1, plate="ABC123"), 8)])
    assert outcome.alerts == ()
    assert [8 in reply.ack.streams[Stream.UPDATE] for reply in outcome.replies] == [True]
    assert rows(database, late_update) == []
    with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
        (found,) = reads.find(Question(since=NOON - timedelta(days=1))).reads
    assert found.plate == "NEW999"


def test_a_newer_update_of_a_sealed_read_is_taken(store: Store, database: Engine, archive: Path):
    a_read_with_update_9(store, database, archive, how="same seal")
    ingest(store, [update_message(a_read(1, plate="TOP111"), 10)])
    seal_now(database, archive)
    assert archived(archive) == [(1, "TOP111", 10)]
    assert remembered(database) == [(1, 10)]


# What is remembered of sealed updates, and for how long


def test_reads_without_updates_leave_nothing_to_remember(store: Store, database: Engine, archive: Path):
    ingest(store, [read_message(a_read(seq)) for seq in range(1, 5)])
    seal_now(database, archive)
    assert remembered(database) == []


def test_an_update_is_remembered_until_every_one_below_it_has_come(
    store: Store, database: Engine, archive: Path
):
    ingest(store, [read_message(a_read(seq)) for seq in (1, 2, 3)])
    ingest(store, [update_message(a_read(seq), number) for seq, number in ((1, 1), (2, 3), (3, 6))])
    seal_now(database, archive)
    assert remembered(database) == [(2, 3), (3, 6)]
    ingest(store, [update_message(a_read(2, plate="OLD222"), 2)])
    seal_now(database, archive)
    assert remembered(database) == [(3, 6)]
    ingest(store, [gone_message(a_read(1), 4, 5, stream=Stream.UPDATE)])
    seal_now(database, archive)
    assert remembered(database) == []
    assert [row[2] for row in archived(archive)] == [1, 3, 6]


def test_an_update_whose_forerunners_never_come_is_forgotten_in_the_end(
    store: Store, database: Engine, archive: Path
):
    a_read_with_update_9(store, database, archive, how="same seal")
    seal_now(database, archive, after=timedelta(days=89))
    assert remembered(database) == [(1, 9)]
    seal_now(database, archive, after=timedelta(days=91))
    assert remembered(database) == []


# When the read came


@pytest.mark.parametrize("how", ["sealed", "on its way"])
def test_a_read_came_when_it_came_whatever_improved_it(
    store: Store, database: Engine, archive: Path, how: str
):
    ingest(store, [read_message(a_read(seq)) for seq in (1, 2)])
    if how == "sealed":
        seal_now(database, archive)
    else:
        mark(database)
    moved = a_read(1, plate="ABC128", captured_at=NOON + timedelta(seconds=3))
    ingest(store, [update_message(moved, 1, received_at=NOON + timedelta(minutes=9))])
    for _ in range(2):
        with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
            (found,) = reads.find(Question(plate="ABC128")).reads
            assert [r.seq for r in reads.find(Question(arrived_since=NOON)).reads] == [1, 2]
            assert reads.find(Question(arrived_since=NOON + timedelta(minutes=5))).reads == ()
        assert found.captured_at == NOON + timedelta(seconds=3)
        assert (found.received_at, found.late) == (a_read(1).best_at + timedelta(seconds=1), False)
        seal_now(database, archive)


def test_an_update_whose_read_the_archive_lacks_came_when_it_came(
    store: Store, database: Engine, archive: Path
):
    ingest(store, [read_message(a_read(2))])
    seal_now(database, archive)
    ingest(store, [gone_message(a_read(1), 1, 1)])
    at = NOON + timedelta(minutes=9)
    ingest(store, [update_message(a_read(1), 1, received_at=at)])
    for _ in range(2):
        with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
            assert [r.seq for r in reads.find(Question(plate="ABC123")).reads] == [2, 1]
            (found,) = reads.find(Question(arrived_since=at)).reads
        assert (found.seq, found.received_at, found.late) == (1, at, True)
        seal_now(database, archive)


# An update at the very moment of a seal


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("table", ["hot_read", "late_update"])
def test_an_update_that_comes_while_its_forerunner_is_deleted_stays(
    store: Store,
    database: Engine,
    database_url: str,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
):
    """Two connections: the seal's DELETE waits for the update's transaction, which is about to commit."""
    monkeypatch.setattr("central.archive.write._SLICE_ROWS", 2)
    ingest(store, [read_message(a_read(seq)) for seq in (1, 2, 3)])
    if table == "late_update":
        seal_now(database, archive)
        ingest(store, [update_message(a_read(seq), seq) for seq in (1, 2, 3)])
    other = open_database(database_url)
    other_store = a_store(other, archive.parent / "other")
    about_to_commit = threading.Event()

    def hold(_connection: object) -> None:
        about_to_commit.set()
        time.sleep(0.5)

    def improve() -> None:
        ingest(other_store, [update_message(a_read(1, plate="NEW999"), 9)])

    improving = threading.Thread(target=improve)

    def meet(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.split()[:3] == ["DELETE", "FROM", table] and not about_to_commit.is_set():
            improving.start()
            assert about_to_commit.wait(10)

    event.listen(other, "commit", hold)
    event.listen(database, "before_cursor_execute", meet)
    seal_now(database, archive)
    improving.join()
    assert [(row["seq"], row["update_seq"]) for row in rows(database, late_update)] == [(1, 9)]
    assert rows(database, hot_read) == []
    event.remove(database, "before_cursor_execute", meet)
    seal_now(database, archive)
    assert (1, "NEW999", 9) in archived(archive)
    assert len(archived(archive)) == 3
    other_store._pictures.close()
    other.dispose()
