"""Reads until they are in the archive, and the updates of them; by which seal they went there."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, SmallInteger, String, Table, Text

from central.tables.metadata import Serial, metadata


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
        Column("seal_id", Serial),
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

seal = Table(
    "seal",
    metadata,
    Column("seal_id", Serial, primary_key=True, autoincrement=True),
    Column("state", String(8), nullable=False),  # open: rows are marked; done: they are in the archive
    Column("rows", Integer, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),  # the marked rows have been deleted
    sqlite_autoincrement=True,  # a number is never used again
)
