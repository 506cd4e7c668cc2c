"""Messages as edges send them, and what became of them at the centre."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from central_reads import NOON
from sqlalchemy import Connection, Engine, Table, select

from central.alert.store import Alerts
from central.archive.packing import PackWriter
from central.consume.parse import parse
from central.consume.store import Outcome, Store
from central.db import alert, reading, received_range
from central.hotlist.grammar import load_grammar
from central.hotlist.live import Hotlist
from central.hotlist.merge import Import
from central.hotlist.store import ImportReport, import_csv
from central.types import Arrival, Hit
from edge.contract.delivery import Gone, SeqRange, Stream
from edge.contract.read import PlateRead
from edge.contract.topics import Address, Kind, Numbered

HEADER = "plate,country,plate_class,reason,priority,source,case_number,valid_from,valid_until"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00?\x00\x00\xff\xd9"
)
"""The markers of a picture of one pixel; nobody here decodes it."""


GRAMMAR = load_grammar()


def matched(hotlist: Hotlist, connection: Connection, read: PlateRead) -> list[Hit]:
    """The hits of one read by itself."""
    return hotlist.match(connection, read, hotlist.gather(connection, [read]))


def address_of(read: PlateRead) -> Address:
    return Address(read.site_id, read.edge_id)


def read_message(read: PlateRead, *, received_at: datetime | None = None) -> Arrival:
    """The read as it arrives, a second after its capture unless told."""
    topic = Numbered(address_of(read), read.camera_id, Kind.READ, read.epoch, read.seq, read.seq)
    at = received_at or read.best_at + timedelta(seconds=1)
    return Arrival(str(topic), read.model_dump_json().encode(), at, 1)


def update_message(read: PlateRead, number: int, *, received_at: datetime | None = None) -> Arrival:
    """A better look at a read."""
    topic = Numbered(address_of(read), read.camera_id, Kind.UPDATE, read.epoch, number, read.seq)
    at = received_at or read.best_at + timedelta(seconds=2)
    return Arrival(str(topic), read.model_dump_json().encode(), at, 1)


def picture_message(read: PlateRead, number: int, *, kind: Kind = Kind.CROP, jpeg: bytes = JPEG) -> Arrival:
    topic = Numbered(address_of(read), read.camera_id, kind, read.epoch, number, read.seq)
    return Arrival(str(topic), jpeg, read.best_at + timedelta(seconds=3), 1)


def gone_message(read: PlateRead, first: int, last: int, *, stream: Stream = Stream.READ) -> Arrival:
    gone = Gone(
        edge_id=read.edge_id,
        epoch=read.epoch,
        stream=stream,
        dropped=SeqRange(first=first, last=last),
        reason="spool full",
    )
    return Arrival(address_of(read).gone, gone.model_dump_json().encode(), NOON, 1)


def a_store(
    engine: Engine, folder: Path, *, passage_s: float = 30.0, late_s: float = 60.0, vehicle_h: float = 0.0
) -> Store:
    """The store as the service wires it; each passage is an alert of its own unless told."""
    return Store(
        engine,
        pictures=PackWriter(folder),
        hotlist=Hotlist(grammar=GRAMMAR),
        alerts=Alerts(within=timedelta(seconds=passage_s), vehicle=timedelta(hours=vehicle_h)),
        late_after=timedelta(seconds=late_s),
    )


def ingest(store: Store, arrivals: Iterable[Arrival]) -> Outcome:
    return store.ingest([parse(arrival) for arrival in arrivals])


def list_plates(
    engine: Engine,
    folder: Path,
    *lines: str,
    at: datetime | None = None,
    list_name: str = "medellin",
    **more: Any,
) -> ImportReport:
    """Import a hotlist of these lines (columns of HEADER); `more` of the order."""
    path = folder / "hotlist.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    order = Import(list_name, entered_by="maria", at=at or NOON - timedelta(days=1), zone=UTC, **more)
    return import_csv(engine, path, order, grammar=GRAMMAR, log=lambda *_: None)


def rows(engine: Engine, table: Table) -> list[dict[str, object]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def standing(engine: Engine) -> list[dict[str, object]]:
    """The alerts that no other has taken in."""
    return [row for row in rows(engine, alert) if row["merged_into"] is None]


def identities(engine: Engine, *tables: Table) -> Counter[tuple[str, int, int]]:
    """How often each read stands in these tables."""
    return Counter(
        (str(row["edge_id"]), int(str(row["epoch"])), int(str(row["seq"])))
        for table in tables
        for row in rows(engine, table)
    )


def held(engine: Engine) -> dict[str, list[tuple[int, int]]]:
    """The received ranges of every stream, by its name; for one edge and one epoch."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in rows(engine, received_range):
        span = (int(str(row["first_seq"])), int(str(row["last_seq"])))
        found.setdefault(str(row["stream"]), []).append(span)
    return {stream: sorted(spans) for stream, spans in found.items()}
