"""The transaction: a batch of records becomes rows, ranges and alerts, all of it or nothing (no MQTT here).

An update may come in any order. Before its read: it is stored as the read, which it replaces, and the read's
own number counts as received. After a seal has taken the row: it waits in `late_update` for the archive.
Of several updates of a read the highest number wins, whichever comes last.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from central.alert.store import Alerts, Look
from central.archive.pictures import PackWriter
from central.consume.parse import Record
from central.consume.ranges import Ledger, Source
from central.consume.rows import to_row
from central.db import dead_letter, edge_health, gone_range, hot_read, late_update, picture, to_us
from central.hotlist.index import HotlistIndex, read_country
from central.hotlist.store import Hotlist
from central.types import Alert, DeadLetter, GoneArrival, HealthArrival, PictureArrival, ReadArrival
from edge.contract import topics
from edge.contract.delivery import Ack, Stream
from edge.contract.topics import Address, Kind, Numbered


@dataclass(frozen=True, slots=True)
class Reply:
    """An acknowledgement to publish.

    Attributes:
        retain: it is of the edge's newest epoch; an older one must not take its place at the broker.
    """

    address: Address
    ack: Ack
    retain: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch did, once it is committed.

    Attributes:
        counts: messages by what became of them: read, update, picture, gone, health, dead, duplicate.
    """

    replies: tuple[Reply, ...]
    alerts: tuple[Alert, ...]
    counts: Counter[str]


@dataclass(slots=True)
class _Batch:
    """The records of a batch that were not received before, by kind."""

    ledger: Ledger
    index: HotlistIndex
    reads: list[ReadArrival] = field(default_factory=list)
    updates: list[ReadArrival] = field(default_factory=list)
    pictures: list[PictureArrival] = field(default_factory=list)
    gone: list[GoneArrival] = field(default_factory=list)
    health: list[HealthArrival] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    duplicates: int = 0


class Store:
    """Takes batches; one thread's."""

    def __init__(
        self,
        engine: Engine,
        *,
        pictures: PackWriter,
        hotlist: Hotlist,
        alerts: Alerts,
        late_after: timedelta,
    ) -> None:
        self._engine: Final = engine
        self._pictures: Final = pictures
        self._hotlist: Final = hotlist
        self._alerts: Final = alerts
        self._late_after: Final = late_after

    def ingest(self, records: Sequence[Record]) -> Outcome:
        """Commit a batch, in any order and with any repetitions.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of it is committed.
            StoreError: a picture cannot be written; nothing of it is committed.
        """
        touched = _touched(records)
        with self._engine.begin() as connection:
            ledger = Ledger.load(connection, {address.edge_id for address, _ in touched})
            batch = _Batch(ledger, self._hotlist.current(connection))
            for record in records:
                _sort_in(batch, record)
            alerts = self._write(connection, batch)
            ledger.save(connection)
            replies = tuple(
                Reply(
                    address, ledger.ack(address.edge_id, epoch), epoch == ledger.newest_epoch(address.edge_id)
                )
                for address, epoch in touched
            )
        return Outcome(replies, tuple(alerts), _counts(batch))

    def _write(self, connection: Connection, batch: _Batch) -> list[Alert]:
        late = {id(r): r.read.is_late(now=r.received_at, limit=self._late_after) for r in _looks(batch)}
        if batch.reads:
            connection.execute(insert(hot_read), [to_row(r, late=late[id(r)]) for r in batch.reads])
        applied = [u for u in batch.updates if _apply(connection, batch.ledger, u, late=late[id(u)])]
        self._write_pictures(connection, batch.pictures)
        _write_notices(connection, batch)
        alerts: list[Alert] = []
        for record in (*batch.reads, *applied):
            look = _look(record, batch.index, late=late[id(record)])
            if look.hits or look.is_update:
                alerts += self._alerts.record(connection, look)
        return alerts

    def _write_pictures(self, connection: Connection, pictures: Sequence[PictureArrival]) -> None:
        if not pictures:
            return
        places = self._pictures.write([p.jpeg for p in pictures], at=pictures[0].received_at)
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        for arrival, place in sorted(zip(pictures, places, strict=True), key=lambda pair: pair[0].topic.seq):
            read, kind = arrival.topic.read_id, str(arrival.topic.kind)
            rows[read, kind] = {
                "edge_id": read.edge_id,
                "epoch": read.epoch,
                "read_seq": read.seq,
                "kind": kind,
                "seq": arrival.topic.seq,
                "pack": place.pack,
                "offset": place.offset,
                "length": place.length,
                "sha256": place.sha256,
            }
        for row in rows.values():
            _put(connection, picture, row, newer="seq")


def _touched(records: Iterable[Record]) -> list[tuple[Address, int]]:
    """The edges and epochs that the records belong to, older epochs first."""
    found = set()
    for record in records:
        if isinstance(record, GoneArrival):
            found.add((record.address, record.gone.epoch))
        elif (topic := _topic(record)) is not None:
            found.add((topic.address, topic.epoch))
    return sorted(found, key=lambda pair: (pair[0].edge_id, pair[1], pair[0].site_id))


def _topic(record: Record) -> Numbered | None:
    """The numbered topic under which a record came; a dead letter has one where its topic can be read."""
    if isinstance(record, ReadArrival | PictureArrival):
        return record.topic
    if isinstance(record, DeadLetter):
        try:
            topic = topics.parse(record.topic)
        except ValueError:
            return None
        return topic if isinstance(topic, Numbered) else None
    return None


def _sort_in(batch: _Batch, record: Record) -> None:
    topic = _topic(record)
    if topic is not None and not batch.ledger.take(_source(topic), topic.seq):
        batch.duplicates += 1
        return
    match record:
        case ReadArrival() if record.topic.kind is Kind.READ:
            batch.reads.append(record)
        case ReadArrival():
            batch.updates.append(record)
        case PictureArrival():
            batch.pictures.append(record)
        case HealthArrival():
            batch.health.append(record)
        case DeadLetter():
            batch.dead.append(record)
        case GoneArrival():
            gone = record.gone
            if batch.ledger.take_range(Source(gone.edge_id, gone.epoch, gone.stream), gone.dropped):
                batch.gone.append(record)
            else:
                batch.duplicates += 1


def _source(topic: Numbered) -> Source:
    return Source(topic.address.edge_id, topic.epoch, topic.kind.stream)


def _apply(connection: Connection, ledger: Ledger, arrival: ReadArrival, *, late: bool) -> bool:
    """Store an update; False where a newer one is there already."""
    row = to_row(arrival, late=late)
    read = Source(arrival.read.edge_id, arrival.read.epoch, Stream.READ)
    if ledger.take(read, arrival.read.seq):
        connection.execute(insert(hot_read), [row])
        return True
    is_hot = (
        hot_read.c.edge_id == row["edge_id"],
        hot_read.c.epoch == row["epoch"],
        hot_read.c.seq == row["seq"],
        hot_read.c.seal_id.is_(None),
    )
    kept = ("received_us", "late", "seal_id")  # of the read: when it came, and not the update
    values = {name: value for name, value in row.items() if name not in kept}
    newer = connection.execute(
        update(hot_read).where(*is_hot, hot_read.c.update_seq < row["update_seq"]).values(values)
    )
    if newer.rowcount:
        return True
    is_stale = connection.execute(select(hot_read.c.seq).where(*is_hot)).first() is not None
    return not is_stale and _put(connection, late_update, row, newer="update_seq")


def _write_notices(connection: Connection, batch: _Batch) -> None:
    if batch.dead:
        rows = [
            {
                "topic": _storable(d.topic),
                "payload": d.payload,
                "reason": _storable(d.reason),
                "received_us": to_us(d.received_at),
            }
            for d in batch.dead
        ]
        connection.execute(insert(dead_letter), rows)
    if batch.gone:
        connection.execute(insert(gone_range), [_gone_row(g) for g in batch.gone])
    for edge_id, arrival in {h.health.edge_id: h for h in batch.health}.items():
        row = {
            "edge_id": edge_id,
            "online": arrival.health.online,
            "received_us": to_us(arrival.received_at),
            "message": arrival.health.model_dump_json(),
        }
        _put(connection, edge_health, row, newer=None)


def _gone_row(arrival: GoneArrival) -> dict[str, Any]:
    gone = arrival.gone
    return {
        "edge_id": gone.edge_id,
        "epoch": gone.epoch,
        "stream": str(gone.stream),
        "first_seq": gone.dropped.first,
        "last_seq": gone.dropped.last,
        "reason": _storable(gone.reason),
        "received_us": to_us(arrival.received_at),
    }


def _put(connection: Connection, table: Table, row: dict[str, Any], *, newer: str | None) -> bool:
    """Insert a row, or replace the one of its key where `newer` is higher; False where it is not."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(row)
    keys = [column.name for column in table.primary_key]
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in row if name not in keys},
        where=None if newer is None else table.c[newer] < statement.excluded[newer],
    )
    return connection.execute(statement).rowcount > 0


def _looks(batch: _Batch) -> Iterable[ReadArrival]:
    return (*batch.reads, *batch.updates)


def _look(arrival: ReadArrival, index: HotlistIndex, *, late: bool) -> Look:
    return Look(
        read=arrival.read,
        hits=index.match(arrival.read),
        received_at=arrival.received_at,
        late=late,
        country_known=read_country(arrival.read) is not None,
        is_update=arrival.topic.kind is Kind.UPDATE,
    )


def _storable(text: str) -> str:
    """PostgreSQL's text holds no NUL; a text column of ours, no half of a surrogate pair."""
    return text.replace("\x00", "�").encode(errors="replace").decode()


def _counts(batch: _Batch) -> Counter[str]:
    return Counter(
        read=len(batch.reads),
        update=len(batch.updates),
        picture=len(batch.pictures),
        gone=len(batch.gone),
        health=len(batch.health),
        dead=len(batch.dead),
        duplicate=batch.duplicates,
    )
