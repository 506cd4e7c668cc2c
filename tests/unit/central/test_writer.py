"""Batches: exactly the batch that was committed is acknowledged; nothing stops the others."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from central_messages import a_store, ingest, read_message, rows
from central_reads import a_read
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from central.consume.parse import Record
from central.consume.store import Outcome, Reply, Store
from central.consume.writer import Delivery, Writer
from central.db import dead_letter, hot_read, open_database
from central.sections import IngestSettings
from central.types import Arrival


class FakeLink:
    """Remembers what was acknowledged, and in which order."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.confirmed: list[int] = []
        self.replies: list[Reply] = []

    def confirm(self, deliveries: Sequence[Delivery]) -> None:
        self.said.append("puback")
        self.confirmed += [delivery.arrival.mid for delivery in deliveries]

    def reply(self, replies: Sequence[Reply]) -> None:
        self.said.append("ack")
        self.replies += replies


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> Store:
    return a_store(engine, tmp_path / "pictures")


def a_delivery(seq: int, **more: object) -> Delivery:
    message = read_message(a_read(seq, **more))
    return Delivery(Arrival(message.topic, message.payload, message.received_at, seq), 1)


def a_writer(store: Store, link: FakeLink, **more: object) -> tuple["queue.Queue[Delivery]", Writer]:
    deliveries: queue.Queue[Delivery] = queue.Queue()
    settings = IngestSettings.model_validate({"batch_s": 0.02, **more})
    return deliveries, Writer(deliveries, store=store, link=link, settings=settings)


def run_through(writer: Writer) -> None:
    """Run until what is in the queue is through."""
    writer.stop()
    writer.run()


def numbers(link: FakeLink) -> list[tuple[int, int]]:
    """The ranges of the last acknowledgement."""
    (received,) = link.replies[-1].ack.streams.values()
    return [(span.first, span.last) for span in received]


def test_everything_is_committed_then_acknowledged(store: Store, engine: Engine):
    link = FakeLink()
    deliveries, writer = a_writer(store, link)
    event.listen(engine, "commit", lambda _connection: link.said.append("commit"))
    for seq in (1, 2, 3):
        deliveries.put(a_delivery(seq))
    run_through(writer)
    assert link.said == ["commit", "puback", "ack"]
    assert link.confirmed == [1, 2, 3]
    assert numbers(link) == [(1, 3)]
    assert (writer.counts["read"], writer.counts["batches"]) == (3, 1)


def test_a_batch_is_no_longer_than_it_may_be(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("central.consume.writer._REPLY_S", 0.0)  # told after each batch
    link = FakeLink()
    deliveries, writer = a_writer(store, link, batch_rows=4)
    for seq in range(1, 11):
        deliveries.put(a_delivery(seq))
    run_through(writer)
    assert [r.ack.streams["read"].ranges[0].last for r in link.replies] == [4, 8, 10]


class SlowStore:
    """Lets messages arrive while a batch is being committed, as they do in earnest."""

    def __init__(self, store: Store, deliveries: "queue.Queue[Delivery]") -> None:
        self._store = store
        self._deliveries = deliveries
        self._next = 100

    def ingest(self, records: Sequence[Record]) -> Outcome:
        outcome = self._store.ingest(records)
        if self._next < 105:
            self._next += 1
            self._deliveries.put(a_delivery(self._next))
        return outcome


def test_what_arrives_during_a_commit_is_not_acknowledged_with_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.consume.writer._REPLY_S", 0.0)  # told after each batch
    link = FakeLink()
    deliveries, _ = a_writer(store, link)
    writer = Writer(deliveries, store=SlowStore(store, deliveries), link=link, settings=IngestSettings())
    deliveries.put(a_delivery(1))
    run_through(writer)
    assert [r.ack.streams["read"].ranges[-1].last for r in link.replies] == [1, 101, 102, 103, 104, 105]
    assert link.confirmed == [1, 101, 102, 103, 104, 105]
    assert writer.counts["batches"] == 6


def test_after_a_few_messages_edges_are_told_at_once(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("central.consume.writer._REPLY_S", 3600.0)
    link = FakeLink()
    deliveries, _ = a_writer(store, link)
    writer = Writer(deliveries, store=SlowStore(store, deliveries), link=link, settings=IngestSettings())
    deliveries.put(a_delivery(1))
    run_through(writer)
    assert link.said == ["puback", "ack"] * 6


def test_a_batch_waits_for_its_time_and_no_longer(store: Store):
    link = FakeLink()
    deliveries, writer = a_writer(store, link, batch_s=0.3)
    thread = threading.Thread(target=writer.run)
    thread.start()
    started = time.monotonic()
    deliveries.put(a_delivery(1))
    while not link.said and time.monotonic() < started + 10:
        time.sleep(0.005)
    waited = time.monotonic() - started
    writer.stop()
    thread.join(10)
    assert 0.29 <= waited < 5


def test_a_burst_that_pauses_goes_at_once(store: Store):
    link = FakeLink()
    deliveries, writer = a_writer(store, link, batch_s=5)
    for seq in range(1, 21):
        deliveries.put(a_delivery(seq))
    thread = threading.Thread(target=writer.run)
    started = time.monotonic()
    thread.start()
    while not link.said and time.monotonic() < started + 10:
        time.sleep(0.005)
    waited = time.monotonic() - started
    writer.stop()
    thread.join(10)
    assert waited < 4
    assert len(link.confirmed) == 20


class FailingStore:
    """Fails with an error so many times, then works."""

    def __init__(self, store: Store, error: Exception, times: int) -> None:
        self._store = store
        self._error = error
        self._times = times

    def ingest(self, records: Sequence[Record]) -> Outcome:
        if self._times:
            self._times -= 1
            raise self._error
        return self._store.ingest(records)


AWAY = OperationalError("INSERT", {}, Exception("server closed the connection"))


def test_a_database_that_is_away_is_waited_for(store: Store, engine: Engine):
    link = FakeLink()
    deliveries, _ = a_writer(store, link)
    failing = FailingStore(store, AWAY, 2)
    writer = Writer(deliveries, store=failing, link=link, settings=IngestSettings())
    deliveries.put(a_delivery(1))
    thread = threading.Thread(target=writer.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not link.said and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.stop()
    thread.join(10)
    assert link.confirmed == [1]
    assert len(rows(engine, hot_read)) == 1


def test_a_database_that_is_away_when_we_stop_ends_us_without_an_acknowledgement(store: Store):
    link = FakeLink()
    deliveries, _ = a_writer(store, link)
    failing = FailingStore(store, AWAY, 99)
    writer = Writer(deliveries, store=failing, link=link, settings=IngestSettings())
    deliveries.put(a_delivery(1))
    writer.stop()
    with pytest.raises(OperationalError):
        writer.run()
    assert link.said == []


def test_what_the_database_refuses_becomes_a_dead_letter_and_stops_nobody(store: Store, engine: Engine):
    link = FakeLink()
    deliveries, writer = a_writer(store, link)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no BEFORE INSERT ON hot_read WHEN NEW.plate = 'BAD666' "
            "BEGIN SELECT RAISE(ABORT, 'no such plate'); END"
        )
    for seq in (1, 2, 3):
        deliveries.put(a_delivery(seq, plate="BAD666" if seq == 2 else "ABC123"))
    run_through(writer)
    assert sorted(str(row["seq"]) for row in rows(engine, hot_read)) == ["1", "3"]
    (dead,) = rows(engine, dead_letter)
    assert "the database refuses it: IntegrityError: no such plate" in str(dead["reason"])
    assert dead["payload"] == a_delivery(2, plate="BAD666").arrival.payload
    assert link.confirmed == [1, 2, 3]
    assert numbers(link) == [(1, 3)]


def test_an_unknown_fault_ends_the_thread(store: Store):
    link = FakeLink()
    deliveries, _ = a_writer(store, link)
    failing = FailingStore(store, RuntimeError("a mistake of ours"), 1)
    writer = Writer(deliveries, store=failing, link=link, settings=IngestSettings())
    deliveries.put(a_delivery(1))
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        writer.run()
    assert link.said == []


def test_a_store_takes_an_empty_batch(store: Store):
    outcome = ingest(store, [])
    assert outcome.replies == ()
    assert not +outcome.counts


def test_behind_a_backlog_edges_are_told_once_in_a_while_and_all_of_it_at_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.consume.writer._FEW_ROWS", 0)
    monkeypatch.setattr("central.consume.writer._REPLY_S", 3600.0)
    link = FakeLink()
    deliveries, writer = a_writer(store, link, batch_rows=1)
    for seq in (1, 2, 3, 4):
        deliveries.put(a_delivery(seq))
    run_through(writer)
    assert link.said == ["puback", "ack", "puback", "puback", "puback", "ack"]
    assert numbers(link) == [(1, 4)]
