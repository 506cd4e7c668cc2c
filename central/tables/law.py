"""What the law asks: holds, erasures by order of a court, and the audit log."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from central.tables.metadata import Serial, metadata

# What is to be kept beyond its time: a plate, a camera or a single read, one of them. Never deleted, but lifted.
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("hold_id", Serial, primary_key=True, autoincrement=True),
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
    Column("hold_id", Serial, primary_key=True, autoincrement=False),
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
)
Index("held_read_read", held_read.c.edge_id, held_read.c.epoch, held_read.c.seq)

# Plates that a court has ordered to be erased (`central.erase`); never in clear.
erasure = Table(
    "erasure",
    metadata,
    Column("erasure_id", Serial, primary_key=True, autoincrement=True),
    Column("state", String(8), nullable=False),  # see central.erase.run
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
    Column("erasure_id", Serial, nullable=False),
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
    Column("erasure_id", Serial, primary_key=True),
    Column("name", String(300), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("sha256_before", String(64)),
    Column("sha256_after", String(64)),  # of what took its place; null: nothing did
    Column("done", Boolean, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
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
