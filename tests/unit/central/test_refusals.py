"""What a fault costs: never an acknowledged read, never a read for an alert's sake, never a plate in the log."""

import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import structlog
from central_messages import a_store, ingest, list_plates, read_message, rows
from central_reads import a_read
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from central.alert.sighting import Sighting
from central.alert.store import Alerts, Recorded
from central.archive.packing import PackWriter
from central.consume.store import Reply, Store
from central.consume.writer import Delivery, Writer
from central.db import alert, alert_trail, dead_letter, hot_read
from central.hotlist.grammar import load_grammar
from central.hotlist.live import Hotlist
from central.sections import IngestSettings
from central.service import StopSignal, _dead_threads, log_to_stderr

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


class FakeLink:
    """Remembers what was acknowledged."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def confirm(self, deliveries: Sequence[Delivery]) -> None:
        self.said += ["puback"] * len(deliveries)

    def reply(self, replies: Sequence[Reply]) -> None:
        self.said += ["ack"] * len(replies)


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """The log as the service writes it."""
    stderr = StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    log_to_stderr()
    yield stderr
    structlog.reset_defaults()


def a_writer(store: Store, link: FakeLink, *seqs: int) -> Writer:
    deliveries: queue.Queue[Delivery] = queue.Queue()
    for seq in seqs:
        deliveries.put(Delivery(read_message(a_read(seq)), 1))
    return Writer(deliveries, store=store, link=link, settings=IngestSettings())


def execute(database: Engine, sql: str) -> None:
    with database.begin() as connection:
        connection.execute(text(sql))


def test_a_fault_of_the_tables_ends_the_writer_and_acknowledges_nothing(store: Store, database: Engine):
    execute(database, "ALTER TABLE hot_read RENAME COLUMN direction TO heading")
    link = FakeLink()
    writer = a_writer(store, link, 1, 2)
    writer.stop()
    # SQLite says the same of a database that is away, so there the writer tries again until it is stopped.
    expected = OperationalError if database.dialect.name == "sqlite" else ProgrammingError
    with pytest.raises(expected, match="direction"):
        writer.run()
    assert link.said == []
    execute(database, "ALTER TABLE hot_read RENAME COLUMN heading TO direction")
    assert (rows(database, hot_read), rows(database, dead_letter)) == ([], [])


def test_no_plate_stands_in_the_log_when_a_commit_fails_while_we_stop(
    store: Store, database: Engine, log: StringIO
):
    execute(database, "ALTER TABLE hot_read RENAME COLUMN direction TO heading")
    writer = a_writer(store, FakeLink(), 1)
    writer.stop()
    stopping = StopSignal()
    with _dead_threads(stopping):
        thread = threading.Thread(target=writer.run, name="writer")
        thread.start()
        thread.join()
    said = log.getvalue()
    assert "thread died" in said
    assert "INSERT INTO hot_read" in said
    assert "direction" in stopping.fault
    assert "ABC123" not in said + stopping.fault


class BrokenAlerts(Alerts):
    """Raises the alert, and then finds something wrong with it."""

    def record(self, connection: Connection, sighting: Sighting, met: set[int]) -> Recorded:
        recorded = super().record(connection, sighting, met)
        if sighting.read.seq == 2:
            raise ValueError(f"no words for {sighting.read.plate}")
        return recorded


def test_a_fault_in_an_alert_costs_neither_the_read_nor_the_others(
    database: Engine, tmp_path: Path, log: StringIO
):
    list_plates(database, tmp_path, LISTED)
    with PackWriter(tmp_path / "pictures") as pictures:
        store = Store(
            database,
            pictures=pictures,
            hotlist=Hotlist(grammar=load_grammar()),
            alerts=BrokenAlerts(within=timedelta(seconds=30)),
            late_after=timedelta(seconds=60),
        )
        link = FakeLink()
        writer = a_writer(store, link, 1, 2, 3)
        writer.stop()
        writer.run()
    assert [row["seq"] for row in rows(database, hot_read)] == [1, 2, 3]
    assert rows(database, dead_letter) == []
    assert len(rows(database, alert)) == 1
    assert [row["seq"] for row in rows(database, alert_trail)] == [1, 3]
    assert (writer.counts["read"], writer.counts["unchecked"]) == (3, 1)
    said = log.getvalue()
    assert "a read is stored, but its alert could not be raised" in said
    assert "seq=2" in said
    assert "ABC123" not in said


def test_a_listed_vehicle_that_cannot_be_understood_costs_only_itself(
    store: Store, database: Engine, tmp_path: Path, log: StringIO
):
    list_plates(database, tmp_path, LISTED, "XYZ987,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
    execute(database, "UPDATE hotlist_entry SET reason = 'unheard-of' WHERE plate = 'XYZ987'")
    outcome = ingest(store, [read_message(a_read(1)), read_message(a_read(2, plate="XYZ987"))])
    assert [a.plate for a in outcome.alerts] == ["ABC123"]
    assert outcome.counts["read"] == 2
    said = log.getvalue()
    assert "hotlist entry cannot be understood, its vehicle is not looked for" in said
    assert "XYZ987" not in said


def test_a_missing_row_of_ours_is_no_fault_of_the_reads(store: Store, database: Engine):
    execute(database, "DELETE FROM table_version")
    link = FakeLink()
    writer = a_writer(store, link, 1)
    writer.stop()
    with pytest.raises(SQLAlchemyError, match="No row was found"):
        writer.run()
    assert link.said == []
