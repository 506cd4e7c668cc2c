"""The database: tables, and how to open it (SQLite by default, PostgreSQL by its URL).

It holds what is hot or small: hot rows until they are sealed, the received ranges that outlive them, dead
letters, the hotlist, alerts, pictures' places, health and the audit log. Times are microseconds since 1970 UTC.

`engine.begin()` is for writing: on SQLite it takes the write lock at once, so that nothing that was read in it
can be stale when it is written. `reading(engine)` is for reading: one snapshot, and no writer waits for it.
A change of the tables here needs a migration in `central/migrations/versions`; a test compares the two.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from central.errors import StoreError
from central.migrations.run import NewerTablesError, upgrade

Clock = Callable[[], datetime]
"""Now, UTC-aware; injected wherever time matters."""

metadata = MetaData()
_Serial = BigInteger().with_variant(Integer, "sqlite")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read_columns() -> list[Column[Any]]:
    """The columns of a read, the same in each table that holds reads."""
    return [
        Column("edge_id", String(63), primary_key=True),
        Column("epoch", BigInteger, primary_key=True),
        Column("seq", BigInteger, primary_key=True),
        Column("site_id", String(63), nullable=False),
        Column("camera_id", String(63), nullable=False),
        Column("captured_us", BigInteger, nullable=False),
        Column("first_us", BigInteger, nullable=False),
        Column("last_us", BigInteger, nullable=False),
        Column("received_us", BigInteger, nullable=False),
        Column("plate", String(12), nullable=False),
        Column("plate_raw", String(24), nullable=False),
        Column("country", String(2)),
        Column("plate_class", String(32)),
        Column("likelihood", Float, nullable=False),
        Column("vehicle_type", String(32)),
        Column("vehicle_color", String(32)),
        Column("direction", String(16)),
        Column("lane", String(32)),
        Column("preset", String(63)),
        Column("speed_mps", Float),
        Column("trust", String(16)),  # null: normal
        Column("lat", Float),
        Column("lon", Float),
        Column("votes", SmallInteger, nullable=False),
        Column("frames", SmallInteger, nullable=False),
        Column("late", Boolean, nullable=False),
        # The update that this row shows, by its number in the stream of updates; 0 is the read as first sent.
        Column("update_seq", BigInteger, nullable=False),
        # The whole message as it came, for what has no column: alternatives, box, model versions.
        Column("message", Text, nullable=False),
        # The seal that has taken this row into the archive; null until then.
        Column("seal_id", _Serial),
    ]


hot_read = Table("hot_read", metadata, *_read_columns())
Index("hot_read_plate", hot_read.c.plate, hot_read.c.captured_us)
Index("hot_read_captured", hot_read.c.captured_us)
Index("hot_read_seal", hot_read.c.seal_id)

# Updates whose read a seal had already taken: the row as it should be, one a read, the newest update wins.
# The archive merges it by identity (inserting where it has no such row: the read itself was a dead letter or
# gone) unless what it holds has a higher `update_seq`, and deletes it here.
late_update = Table("late_update", metadata, *_read_columns())
Index("late_update_plate", late_update.c.plate, late_update.c.captured_us)

# Of sealed reads that updates have improved: the newest update that the archive holds, so that an older one
# that comes late is known for what it is. `archive.newest` writes an entry and says when it goes.
sealed_update = Table(
    "sealed_update",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("update_seq", BigInteger, nullable=False),
    Column("sealed_us", BigInteger, nullable=False),
)

received_range = Table(
    "received_range",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
)

gone_range = Table(
    "gone_range",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("edge_id", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("stream", String(8), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("received_us", BigInteger, nullable=False),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("received_us", BigInteger, nullable=False),  # the latest time
    Column("times", Integer, nullable=False, default=1),
    # Of topic and reason, where the topic has no number: such a letter may come again and again.
    Column("digest", String(64)),
)
Index("dead_letter_digest", dead_letter.c.digest, unique=True)

edge_health = Table(
    "edge_health",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
)

# Where each turning camera stands, as its edge said last.
ptz_state = Table(
    "ptz_state",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("camera_id", String(63), primary_key=True),
    Column("received_us", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
)

picture = Table(
    "picture",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("read_seq", BigInteger, primary_key=True),
    Column("kind", String(8), primary_key=True),
    # Its number in the stream of its kind: a later picture of the same kind takes the place of an earlier one.
    Column("seq", BigInteger, nullable=False),
    # Below the folder of pictures, such as 2026-03-01/14-5f0c2d9e11a07b34.pack.
    Column("pack", String(120), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)

Index("picture_pack", picture.c.pack)

# Clips that were asked of edges, and what came of it (`central.clip.store` says what the states mean).
clip = Table(
    "clip",
    metadata,
    Column("request", String(32), primary_key=True),
    Column("site_id", String(63), nullable=False),
    Column("edge_id", String(63), nullable=False),
    Column("camera_id", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("read_seq", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("before_s", Float, nullable=False),
    Column("after_s", Float, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("asked_by", String(80), nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("answered_us", BigInteger),
    # Of the clip itself, as the edge told with its parts.
    Column("parts", Integer),
    Column("size", Integer),
    Column("sha256", String(64)),
    Column("began_us", BigInteger),
    Column("ended_us", BigInteger),
)
Index("clip_read", clip.c.edge_id, clip.c.epoch, clip.c.read_seq)
Index("clip_state", clip.c.state, clip.c.asked_us)

# Where each part lies, in the packs of the pictures.
clip_part = Table(
    "clip_part",
    metadata,
    Column("request", String(32), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("pack", String(120), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)

Index("clip_part_pack", clip_part.c.pack)

hotlist_entry = Table(
    "hotlist_entry",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("list_name", String(63), nullable=False),
    Column("plate", String(12), nullable=False),
    Column("country", String(2), nullable=False),
    Column("plate_class", String(32)),
    Column("reason", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 1 is the most urgent of 9
    Column("source", String(120), nullable=False),
    Column("case_number", String(63), nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("vehicle_type", String(32)),
    Column("color", String(32)),
    Column("brand", String(63)),
    Column("note", Text, nullable=False),
    Column("entered_by", String(63), nullable=False),
    Column("entered_us", BigInteger, nullable=False),
    UniqueConstraint("list_name", "plate", "country", name="hotlist_entry_key"),
    sqlite_autoincrement=True,  # a number is never used again
)

# Raised in the transaction that changes the table, so that who keeps a copy in memory sees that it is stale.
table_version = Table(
    "table_version",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("alert_id", _Serial, primary_key=True, autoincrement=True),
    Column("raised_us", BigInteger, nullable=False),
    Column("edge_id", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("camera_id", String(63), nullable=False),
    Column("captured_us", BigInteger, nullable=False),  # of the first sighting, as passage_first_us
    Column("plate", String(12), nullable=False),
    Column("likelihood", Float, nullable=False),
    Column("hotlist_entry_id", _Serial, nullable=False),
    Column("list_name", String(63), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    # The passage so far: capture times of the earliest and the latest read of the trail.
    Column("passage_first_us", BigInteger, nullable=False),
    Column("passage_last_us", BigInteger, nullable=False),
    UniqueConstraint("edge_id", "epoch", "seq", "hotlist_entry_id", name="alert_once"),
    sqlite_autoincrement=True,  # a number is never used again
)
Index("alert_passage", alert.c.hotlist_entry_id, alert.c.camera_id, alert.c.passage_last_us)

# Every read of an alert's passage, the one that raised it included.
alert_trail = Table(
    "alert_trail",
    metadata,
    Column("alert_id", _Serial, primary_key=True),
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("captured_us", BigInteger, nullable=False),
    Column("camera_id", String(63), nullable=False),
)
Index("alert_trail_read", alert_trail.c.edge_id, alert_trail.c.epoch, alert_trail.c.seq)

# What is to be kept beyond its time: a plate, a camera or a single read, one of them. Never deleted, but lifted.
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("hold_id", _Serial, primary_key=True, autoincrement=True),
    Column("plate", String(12)),
    Column("camera_id", String(63)),
    Column("edge_id", String(63)),
    Column("epoch", BigInteger),
    Column("seq", BigInteger),
    # Of capture, at or after and before; null: open.
    Column("since_us", BigInteger),
    Column("until_us", BigInteger),
    Column("case_number", String(63), nullable=False),
    Column("legal_basis", String(500), nullable=False),
    Column("entered_by", String(63), nullable=False),
    Column("entered_us", BigInteger, nullable=False),
    Column("lifted_by", String(63)),
    Column("lifted_us", BigInteger),
    Column("lifted_why", String(500)),
    sqlite_autoincrement=True,  # a number is never used again
)

# The reads under a hold that have pictures; found in the archive, for a picture knows no plate.
held_read = Table(
    "held_read",
    metadata,
    Column("hold_id", _Serial, primary_key=True, autoincrement=False),
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
)
Index("held_read_read", held_read.c.edge_id, held_read.c.epoch, held_read.c.seq)
# Plates that a court has ordered to be erased (`central.erase`); never in clear.
erasure = Table(
    "erasure",
    metadata,
    Column("erasure_id", _Serial, primary_key=True, autoincrement=True),
    Column("state", String(8), nullable=False),  # ordered, cleared, done
    Column("plate_hash", String(64), nullable=False),
    Column("plate_box", LargeBinary),  # encrypted with the audit key; null once the work is done
    Column("since_us", BigInteger),
    Column("until_us", BigInteger),
    Column("reference", String(200), nullable=False),
    Column("case_number", String(63), nullable=False),
    Column("ordered_by", String(63), nullable=False),
    Column("ordered_us", BigInteger, nullable=False),
    Column("removed", Text, nullable=False),  # rows removed at once, JSON by table
    Column("certificate", Text),  # JSON
    Column("signature", String(64)),
    sqlite_autoincrement=True,  # a number is never used again
)

# Until the files are written again: reads that no question shows any more.
erased_read = Table(
    "erased_read",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("erasure_id", _Serial, nullable=False),
    Column("captured_us", BigInteger, nullable=False),
)

# Keyed hashes of the reads that were erased, for what still comes of them: a picture, a clip, an update.
erased_mark = Table(
    "erased_mark",
    metadata,
    Column("mark", String(64), primary_key=True),
    Column("marked_us", BigInteger, nullable=False),
)

# What an erasure rewrites: files of the archive, packs of pictures. A hash is null before it is known.
erased_file = Table(
    "erased_file",
    metadata,
    Column("erasure_id", _Serial, primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("sha256_before", String(64)),
    Column("sha256_after", String(64)),  # of what took its place; null: nothing did
    Column("done", Boolean, nullable=False),
)

seal = Table(
    "seal",
    metadata,
    Column("seal_id", _Serial, primary_key=True, autoincrement=True),
    Column("state", String(8), nullable=False),  # open: rows are marked; done: they are in the archive
    Column("rows", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),  # the marked rows have been deleted
    sqlite_autoincrement=True,  # a number is never used again
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("case_number", String(63), nullable=False),
    Column("action", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("rows", Integer),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    sqlite_autoincrement=True,  # a number is never used again
)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly (no float on the way)."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(moment_us: int) -> datetime:
    """The UTC-aware time of `to_us`."""
    return _EPOCH + timedelta(microseconds=moment_us)


def open_database(url: str) -> Engine:
    """Open the database and bring its tables up to date.

    A password of PostgreSQL stands in no setting: name its file (`?passfile=...`) or use libpq's own.

    Raises:
        StoreError: it cannot be reached, or its tables are of a newer version.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            Path(parsed.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The parameters are plates, and the message of a fault goes into a log that anybody may read.
        options = {"hide_parameters": True} | _CONNECT.get(parsed.get_backend_name(), {})
        engine = create_engine(parsed, **options)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise StoreError(f"database {described(url)}: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            upgrade(connection)
    except (SQLAlchemyError, NewerTablesError) as error:
        engine.dispose()
        raise StoreError(f"database {described(url)}: {getattr(error, 'orig', None) or error}") from error
    return engine


def described(url: str | URL) -> str:
    """Which database it is, for logs and errors: its kind, host and name, and nothing that may be secret."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return "(not a database URL)"
    host = parsed.host or parsed.query.get("host", "")
    place = parsed.database or ""
    return f"{parsed.get_backend_name()} {f'{host}/{place}' if host else place}"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that reads one snapshot and keeps no writer waiting."""
    if engine.dialect.name == "sqlite":
        options: dict[str, Any] = {"read_only": True}
    else:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


_CONNECT: dict[str, dict[str, Any]] = {
    "sqlite": {"connect_args": {"timeout": 30.0}},  # seconds that a writer waits for another
    "postgresql": {"connect_args": {"connect_timeout": 10}, "pool_pre_ping": True},
}
_MIGRATION_LOCK = 0x6C7072  # any number that every process of ours takes for this


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    # FULL: what is committed is acknowledged, and then the edge deletes it; it must survive a power cut.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
