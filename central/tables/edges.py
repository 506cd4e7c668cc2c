"""What edges sent besides: which numbers have come, what could not be understood, how they are."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from central.tables.metadata import Serial, metadata

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
    Column("id", Serial, primary_key=True, autoincrement=True),
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
    Column("id", Serial, primary_key=True, autoincrement=True),
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
