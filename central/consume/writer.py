"""Batches: from the queue through one transaction to the acknowledgements (no MQTT here).

A batch is taken out of the queue before it is committed, and exactly that batch is acknowledged: what arrives
meanwhile waits for the next one. (Acknowledging a buffer that still fills loses what came in between.)
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError

from central.consume.outage import Outage
from central.consume.parse import Record, parse
from central.consume.store import Outcome, Reply, Store
from central.errors import StoreError
from central.sections import IngestSettings
from central.types import Arrival, DeadLetter
from edge.contract.topics import Address

_IDLE_S: Final = 0.2
_BURST_ROWS: Final = 16
_PAUSE_S: Final = 0.005
"""A burst that pauses this long waits for us: the broker has as much under way as it may. Waiting out the
whole time for each such window would cap the rate at window / time (20 messages / 50 ms with mosquitto)."""
_FEW_ROWS: Final = 150
"""After a batch no longer than this edges are told at once; of longer ones there is a backlog, or a rush."""
_REPLY_S: Final = 0.2
"""Then they are told this often: each reply costs as much as some reads."""
_RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

_PASSING: Final = (OperationalError, InterfaceError, StoreError)
"""The database or the disk is away, full or locked: the same batch may succeed later."""
_REFUSED: Final = (DataError, IntegrityError, ValueError, OverflowError)
"""Something in the batch itself cannot be stored. Any other fault is the database's or ours, and ends us: taken
for a fault of the messages, it would put every one of them with the dead letters and acknowledge it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and the connection over which it came: its packet id means nothing to a later one."""

    arrival: Arrival
    connection: int


class Link(Protocol):
    """Where acknowledgements go (adapter: link.py)."""

    def confirm(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are done with (PUBACK)."""
        ...

    def reply(self, replies: Sequence[Reply]) -> None:
        """Tell the edges what is committed."""
        ...


class Writer:
    """Commits what comes through the queue; `run` is a thread's whole life.

    Attributes:
        counts: messages by what became of them, `batches`, and `unchecked` reads as in `Outcome`.
    """

    def __init__(
        self,
        deliveries: "queue.Queue[Delivery]",
        *,
        store: Store,
        link: Link,
        settings: IngestSettings,
    ) -> None:
        self.counts: Final[Counter[str]] = Counter()
        self._deliveries: Final = deliveries
        self._store: Final = store
        self._link: Final = link
        self._wait_s: Final = settings.batch_s
        self._rows: Final = settings.batch_rows
        self._stopping: Final = threading.Event()
        self._replies: Final[dict[tuple[Address, int], Reply]] = {}  # committed, not yet told
        self._reply_at_s = 0.0

    def stop(self) -> None:
        """Let `run` end once the queue is empty."""
        self._stopping.set()

    def run(self) -> None:
        """Commit batch after batch until stopped and through.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database fails in a way that waiting cannot mend, or fails
                while we stop. The batch is not acknowledged and comes again.
        """
        while True:
            batch = self._collect()
            if batch:
                self._handle(batch)
                continue
            self._reply()
            if self._stopping.is_set():
                return

    def _collect(self) -> list[Delivery]:
        try:
            batch = [self._deliveries.get(block=not self._stopping.is_set(), timeout=_IDLE_S)]
        except queue.Empty:
            return []
        until = time.monotonic() + self._wait_s
        while True:
            before = len(batch)
            self._drain(batch)
            has_paused = len(batch) == before >= _BURST_ROWS
            if len(batch) >= self._rows or has_paused or time.monotonic() >= until:
                return batch
            # Not in the queue's own wait: each message would wake us, and take the interpreter from who brings them.
            if self._stopping.wait(_PAUSE_S):
                self._drain(batch)
                return batch

    def _drain(self, batch: list[Delivery]) -> None:
        """Add what is there, as far as the batch may grow."""
        with suppress(queue.Empty):
            while len(batch) < self._rows:
                batch.append(self._deliveries.get_nowait())

    def _handle(self, batch: Sequence[Delivery]) -> None:
        outcomes = self._commit([delivery.arrival for delivery in batch])
        self._link.confirm(batch)
        self.counts["batches"] += 1
        for outcome in outcomes:
            self._replies.update({(reply.address, reply.epoch): reply for reply in outcome.replies})
            self.counts.update(outcome.counts)
            self.counts["unchecked"] += outcome.unchecked
            _tell(outcome)
        if len(batch) <= _FEW_ROWS or time.monotonic() >= self._reply_at_s:
            self._reply()

    def _reply(self) -> None:
        """Tell edges all that was committed: a later reply says what an earlier one of its epoch says."""
        if self._replies:
            self._link.reply(tuple(self._replies.values()))
            self._replies.clear()
            self._reply_at_s = time.monotonic() + _REPLY_S

    def _commit(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Commit, waiting as long as the database is away: meanwhile the broker holds what it has."""
        outage = Outage("batch not committed")
        for delay_s in _delays():
            try:
                outcomes = self._commit_once(arrivals)
            except _PASSING as error:
                outage.tell(_brief(error))
                if self._stopping.wait(delay_s):
                    raise
            else:
                outage.end()
                return outcomes
        raise AssertionError("delays never end")

    def _commit_once(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        records = [parse(arrival) for arrival in arrivals]
        try:
            return [self._store.ingest(records)]
        except _PASSING:
            raise
        except _REFUSED as error:
            _log.warning("batch refused, storing it one by one", rows=len(arrivals), error=_brief(error))
        except SQLAlchemyError as error:
            _log.error(
                "the database and this program do not fit together; the batch is not acknowledged",
                rows=len(arrivals),
                error=_brief(error),
            )
            raise
        return [self._commit_alone(a, record) for a, record in zip(arrivals, records, strict=True)]

    def _commit_alone(self, arrival: Arrival, record: Record) -> Outcome:
        """One message cannot stop the others: what the database refuses becomes a dead letter."""
        try:
            return self._store.ingest([record])
        except _PASSING:
            raise
        except _REFUSED as error:
            reason = f"the database refuses it: {_brief(error)}"
        dead = DeadLetter(arrival.topic, arrival.payload, arrival.received_at, reason)
        return self._store.ingest([dead])


def _delays() -> Iterator[float]:
    yield from _RETRY_S
    while True:
        yield _RETRY_S[-1]


def _brief(error: Exception) -> str:
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def _tell(outcome: Outcome) -> None:
    """Note the alerts without their plates: a log is read without a purpose and outlives a deletion."""
    for alert in outcome.alerts:
        _log.warning(
            "alert",
            alert_id=alert.alert_id,
            edge=alert.edge_id,
            camera=alert.camera_id,
            captured_at=alert.captured_at.isoformat(),
            list=alert.list_name,
            reason=str(alert.reason),
            priority=alert.priority,
            late=alert.late,
        )
    if outcome.counts["dead"]:
        _log.warning("messages put with the dead letters", number=outcome.counts["dead"])
