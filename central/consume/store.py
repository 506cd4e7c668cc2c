"""The transaction: a batch of records becomes rows, ranges and alerts, all of it or nothing (no MQTT here).

An update may come in any order. Before its read: it is stored as the read, which it replaces, and the read's
own number counts as received. After a seal has taken the row: it waits in `late_update` for the archive.
Of several updates of a read the highest number wins, whichever comes last, after its seal too.
"""

import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError

from central.alert.sighting import Sighting
from central.alert.store import Alerts, Recorded
from central.archive.newest import holds_as_new
from central.archive.packing import PackWriter
from central.clip.store import Wish, ask
from central.consume.batch import Batch, touched
from central.consume.media import write_clips, write_pictures
from central.consume.notices import write_notices
from central.consume.parse import Record
from central.consume.put import insert_all, put
from central.consume.ranges import Ledger, Source, Span
from central.consume.refuse import Refusals
from central.db import hot_read, late_update
from central.hotlist.live import Hotlist
from central.sections import ClipSettings
from central.types import (
    Alert,
    Hit,
    ReadArrival,
)
from edge.contract.clip import LONGEST_S
from edge.contract.delivery import Ack, Received, SeqRange, Stream
from edge.contract.listed import read_country
from edge.contract.topics import Address, Kind

_UNCHECKABLE: Final = (ValueError, OverflowError, DataError, IntegrityError)
"""A fault in matching or in an alert, which must not cost the read."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An acknowledgement to publish.

    Attributes:
        held: the spans of each stream, sorted and disjoint.
        retain: it is of the edge's newest epoch; an older one must not take its place at the broker.
    """

    address: Address
    epoch: int
    held: Mapping[Stream, Sequence[Span]]
    retain: bool

    @property
    def ack(self) -> Ack:
        """As a message, made anew: of most replies a later one is sent."""
        streams = {
            # Sorted and disjoint by construction, so that the models need not look again.
            stream: Received.model_construct(
                ranges=tuple(SeqRange.model_construct(first=first, last=last) for first, last in spans)
            )
            for stream, spans in self.held.items()
        }
        return Ack.model_construct(edge_id=self.address.edge_id, epoch=self.epoch, streams=streams)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch did, once it is committed.

    Attributes:
        counts: messages by what became of them: read, update, picture, clip, gone, health, ptz, unit, dead,
            duplicate, erased.
        unchecked: reads and updates that were stored, and whose alert could not be raised.
    """

    replies: tuple[Reply, ...]
    alerts: tuple[Alert, ...]
    counts: Counter[str]
    unchecked: int


class Store:
    """Takes batches; one thread's."""

    def __init__(  # noqa: PLR0913  # all that a transaction touches, wired once
        self,
        engine: Engine,
        *,
        pictures: PackWriter,
        hotlist: Hotlist,
        alerts: Alerts,
        late_after: timedelta,
        clips: ClipSettings | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        """Prepare.

        Args:
            engine: the database.
            pictures: writes pictures and clips.
            hotlist: what is looked for.
            alerts: raises them.
            late_after: a read older than this is late.
            clips: how much of a clip is asked for with an alert; None: none is.
            refusals: what must not come again.
        """
        self._engine: Final = engine
        self._pictures: Final = pictures
        self._hotlist: Final = hotlist
        self._alerts: Final = alerts
        self._late_after: Final = late_after
        self._clips: Final = clips
        self._refusals: Final = refusals

    def ingest(self, records: Sequence[Record]) -> Outcome:
        """Commit a batch, in any order and with any repetitions.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of it is committed.
            StoreError: a picture cannot be written; nothing of it is committed.
        """
        addressed = touched(records)
        with self._pictures.trying(), self._engine.begin() as connection:
            ledger = Ledger.load(connection, {address.edge_id for address, _ in addressed})
            batch = Batch(ledger)
            self._hotlist.refresh(connection)
            for record in records:
                batch.take(record)
            if self._refusals is not None:
                self._refusals.sift(connection, batch)
            alerts = self._write(connection, batch)
            ledger.save(connection)
            newest = ledger.newest_epochs()
            replies = tuple(
                Reply(
                    address,
                    epoch,
                    ledger.after(address.edge_id, epoch),
                    retain=epoch == newest.get(address.edge_id, 0),
                )
                for address, epoch in addressed
            )
        return Outcome(replies, tuple(alerts), batch.counts(), batch.unchecked)

    def _write(self, connection: Connection, batch: Batch) -> list[Alert]:
        late = {id(r): r.read.is_late(now=r.received_at, limit=self._late_after) for r in batch.seen()}
        insert_all(connection, hot_read, [r.row | {"late": late[id(r)]} for r in batch.reads])
        applied = [u for u in batch.updates if _apply(connection, batch.ledger, u, late=late[id(u)])]
        write_pictures(connection, self._pictures, batch.pictures)
        batch.dead += write_clips(connection, self._pictures, batch.clips)
        write_notices(connection, dead=batch.dead, stray=batch.stray, gone=batch.gone, states=batch.states)
        return self._check(connection, batch, applied, late=late)

    def _check(
        self, connection: Connection, batch: Batch, applied: Sequence[ReadArrival], *, late: dict[int, bool]
    ) -> list[Alert]:
        """Raise the alerts of a batch.

        After an outage the newest reads may be here before the others. So what is continued backwards in time
        joins first, newest first; then, forwards, what is left joins or raises, and none raises that need not.
        """
        alerts: list[Alert] = []
        listed = (arrival for arrival in batch.reads if self._hotlist.listed(arrival.read))
        reads = sorted(listed, key=lambda arrival: arrival.read.best_at)
        sightings = self._sightings(connection, batch, (*reads, *applied), late=late)
        met = self._alerts.alone(connection, list(sightings.values()))
        turns = [(arrival, False) for arrival in reversed(reads)]
        turns += [(arrival, True) for arrival in (*reads, *applied)]
        for arrival, may_raise in turns:
            sighting = sightings.get(id(arrival))
            if sighting is None:
                continue
            if not may_raise and met.isdisjoint(hit.entry_id for hit in sighting.hits):
                continue
            try:
                with connection.begin_nested():  # what fails here takes nothing else with it
                    act = self._alerts.record if may_raise else self._alerts.join
                    recorded = act(connection, sighting, met)
                    alerts += recorded.raised
                    self._ask_for_clip(connection, arrival, recorded)
            except _UNCHECKABLE as error:
                del sightings[id(arrival)]
                batch.unchecked += 1
                _tell_unchecked(arrival, error)
        return alerts

    def _sightings(
        self,
        connection: Connection,
        batch: Batch,
        arrivals: Sequence[ReadArrival],
        *,
        late: dict[int, bool],
    ) -> dict[int, Sighting]:
        """What there is to do for an arrival, by its identity; without those of which that cannot be told."""
        found: dict[int, Sighting] = {}
        gathered = self._hotlist.gather(connection, [arrival.read for arrival in arrivals])
        for arrival in arrivals:
            try:
                hits = self._hotlist.match(connection, arrival.read, gathered)
                # What an update no longer hits may have alerts too.
                is_update = arrival.topic.kind is Kind.UPDATE
                borne = self._hotlist.borne(arrival.read, gathered) if is_update else ()
                if hits or is_update:
                    found[id(arrival)] = _sighting(arrival, hits, borne, late=late[id(arrival)])
            except _UNCHECKABLE as error:
                batch.unchecked += 1
                _tell_unchecked(arrival, error)
        return found

    def _ask_for_clip(self, connection: Connection, arrival: ReadArrival, recorded: Recorded) -> None:
        """Where a vehicle comes by, in the transaction of the alert: a centre that dies now asks when it is back.

        Not where no box can hold it any more: after an outage, or of a recording that is replayed.
        """
        if self._clips is None or not recorded.alerts:
            return
        read = arrival.read
        age_s = (arrival.received_at - read.best_at).total_seconds() + (read.clock_error_s or 0.0)
        if age_s > LONGEST_S:
            return
        wish = Wish(
            address=arrival.topic.address,
            camera_id=read.camera_id,
            read=read.id,
            at=read.best_at,
            before_s=self._clips.before_s,
            after_s=self._clips.after_s,
            by=f"alert {recorded.alerts[0]}",
            asked_at=arrival.received_at,
        )
        ask(connection, wish)


def _sighting(arrival: ReadArrival, hits: Sequence[Hit], borne: Sequence[Hit], *, late: bool) -> Sighting:
    return Sighting(
        read=arrival.read,
        hits=hits,
        borne=borne,
        received_at=arrival.received_at,
        late=late,
        country_known=read_country(arrival.read) is not None,
        is_update=arrival.topic.kind is Kind.UPDATE,
    )


def _apply(connection: Connection, ledger: Ledger, arrival: ReadArrival, *, late: bool) -> bool:
    """Store an update; False where a newer one is there already."""
    row = arrival.row | {"late": late}
    read = Source(arrival.read.edge_id, arrival.read.epoch, Stream.READ)
    if ledger.take(read, arrival.read.seq):
        connection.execute(insert(hot_read), [row])
        return True
    kept = ("received_us", "late")  # of the read: when it came, and not the update
    values = {name: value for name, value in row.items() if name not in (*kept, "seal_id")}
    is_older = (hot_read.c.update_seq < row["update_seq"], hot_read.c.seal_id.is_(None))
    newer = connection.execute(update(hot_read).where(*_is_read(hot_read, row), *is_older).values(values))
    if newer.rowcount:
        return True
    shown = (hot_read.c[name] for name in ("update_seq", *kept))
    hot = connection.execute(select(*shown).where(*_is_read(hot_read, row))).mappings().first()
    if hot is not None and hot["update_seq"] >= row["update_seq"]:
        return False
    row |= {name: hot[name] for name in kept} if hot is not None else {}
    if not put(connection, late_update, row, newer="update_seq", kept=kept):
        return False
    if not holds_as_new(connection, row):
        return True
    connection.execute(delete(late_update).where(*_is_read(late_update, row)))
    return False


def _is_read(table: Table, row: dict[str, Any]) -> tuple[ColumnElement[bool], ...]:
    return tuple(column == row[column.name] for column in table.primary_key)


def _tell_unchecked(arrival: ReadArrival, error: Exception) -> None:
    """Without the error's own words, which may name the plate; where it happened says as much."""
    places = traceback.extract_tb(error.__traceback__)
    _log.error(
        "a read is stored, but its alert could not be raised",
        edge=arrival.read.edge_id,
        epoch=arrival.read.epoch,
        seq=arrival.read.seq,
        fault=type(error).__name__,
        at=f"{places[-1].filename}:{places[-1].lineno}",
    )
