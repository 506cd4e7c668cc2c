"""The database: tables, and how to open it (SQLite by default, PostgreSQL by its URL).

It holds what is hot or small: hot rows until they are sealed, the received ranges that outlive them, dead
letters, the hotlist, alerts, pictures' places, health and the audit log. Times are microseconds since 1970 UTC.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
)

Clock = Callable[[], datetime]
"""Now, UTC-aware; injected wherever time matters."""

metadata = MetaData()
_Serial = BigInteger().with_variant(Integer, "sqlite")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

hot_read = Table(
    "hot_read",
    metadata,
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
    Column("votes", SmallInteger, nullable=False),
    Column("frames", SmallInteger, nullable=False),
    Column("late", Boolean, nullable=False),
    # The whole message as it came, for what has no column: alternatives, box, model versions.
    Column("message", Text, nullable=False),
    # The seal that has taken this row into the archive; null until then.
    Column("seal_id", _Serial),
)
Index("hot_read_plate", hot_read.c.plate, hot_read.c.captured_us)
Index("hot_read_captured", hot_read.c.captured_us)
Index("hot_read_seal", hot_read.c.seal_id)

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
    Column("received_us", BigInteger, nullable=False),
)

edge_health = Table(
    "edge_health",
    metadata,
    Column("edge_id", String(63), primary_key=True),
    Column("online", Boolean, nullable=False),
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
    Column("pack", String(120), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)

hotlist_entry = Table(
    "hotlist_entry",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("list_name", String(63), nullable=False),
    Column("plate", String(12), nullable=False),
    Column("country", String(2), nullable=False),
    Column("plate_class", String(32)),
    Column("reason", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),
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
    UniqueConstraint("list_name", "plate", "country", "plate_class", name="hotlist_entry_key"),
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
    Column("captured_us", BigInteger, nullable=False),
    Column("plate", String(12), nullable=False),
    Column("likelihood", Float, nullable=False),
    Column("hotlist_entry_id", _Serial, nullable=False),
    Column("list_name", String(63), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    UniqueConstraint("edge_id", "epoch", "seq", "hotlist_entry_id", name="alert_once"),
)
Index("alert_passage", alert.c.hotlist_entry_id, alert.c.camera_id, alert.c.captured_us)

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

seal = Table(
    "seal",
    metadata,
    Column("seal_id", _Serial, primary_key=True, autoincrement=True),
    Column("state", String(8), nullable=False),  # open: rows marked; done: in the archive, hot rows deleted
    Column("rows", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
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
)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly (no float on the way)."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(moment_us: int) -> datetime:
    """The UTC-aware time of `to_us`."""
    return _EPOCH + timedelta(microseconds=moment_us)


def open_database(url: str) -> Engine:
    """Open the database and bring its tables up to date.

    Raises:
        StoreError: it cannot be reached, or its tables are of a newer version.
    """
    raise NotImplementedError(url)
