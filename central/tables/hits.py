"""Hotlists, and the alerts that reads raised by them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from central.tables.metadata import Serial, metadata

hotlist_entry = Table(
    "hotlist_entry",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
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
    Column("agency", String(63)),
    Column("legal_basis", Text, nullable=False, server_default=""),
    Column("confirmed_us", BigInteger, nullable=False, server_default="0"),  # by its source, the last time
    Column("ended_why", String(500)),  # null where it was not ended before its time
    Column("ended_by_hand", Boolean, nullable=False, server_default=false()),  # not by a file that lacks it
    Column(
        "alike", String(12), nullable=False, server_default=""
    ),  # the same for look-alikes (hotlist.twins)
    # Of the copies that boxes hold (hotlist.fingerprint): where it stands in them, and what it says there.
    Column("part", SmallInteger, nullable=False, server_default="0"),
    Column("fingerprint", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("list_name", "plate", "country", name="hotlist_entry_key"),
    sqlite_autoincrement=True,  # a number is never used again
)

Index("hotlist_entry_alike", hotlist_entry.c.alike)
# What has changed, and how long each list is, are read from it alone.
Index(
    "hotlist_entry_part",
    *(hotlist_entry.c[name] for name in ("part", "list_name", "valid_until_us", "fingerprint")),
)

# The copy that boxes were given last; one row, once there was one.
hotlist_copy = Table(
    "hotlist_copy",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of its head
    Column("version", BigInteger, nullable=False),  # of the lists, as in `table_version`
    Column("changed", BigInteger, nullable=False),  # number of the first head that named these very entries
    Column("issued_us", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("sums", Text, nullable=False),  # JSON: of each part, its entries and the sum of their fingerprints
)

# What the hunt of an entry found: a row for every one that was hunted, without its plate. It holds for the entry as it
# was entered then (`entered_us`), and as long as the reads that it counts may be shown; else the entry is due again.
hunt_trace = Table(
    "hunt_trace",
    metadata,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("entered_us", BigInteger, nullable=False),
    Column("hunted_us", BigInteger, nullable=False),
    Column("reads", BigInteger, nullable=False),
    Column("first_us", BigInteger),  # these three null where it was never seen
    Column("last_us", BigInteger),
    Column("last_camera", String(63)),
    Column("lacking", Integer, nullable=False),  # files that were damaged, and may be mended; 1: no answer
)

# How each list is kept; one that has none of its own terms has a row too.
hotlist = Table(
    "hotlist",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("kind", String(16), nullable=False),  # standing, event
    Column("agency", String(63)),
    Column("stale_after_h", Integer),
    Column("purge_us", BigInteger),  # of an event's list: then its entries are deleted
    Column("false_alarms_a_day", Float),
    Column("made_by", String(63), nullable=False),
    Column("made_us", BigInteger, nullable=False),
)

# Plates for which nobody is to be stopped for a while, after somebody was without reason.
suppression = Table(
    "suppression",
    metadata,
    Column("suppression_id", Serial, primary_key=True, autoincrement=True),
    Column("plate", String(12), nullable=False),
    Column("country", String(2), nullable=False),
    Column("list_name", String(63)),  # null: of every list
    Column("edge_id", String(63)),  # whose camera; null with a camera: every edge's of that name
    Column("camera_id", String(63)),  # null: everywhere
    Column("reason", String(500), nullable=False),
    Column("case_number", String(63), nullable=False),
    Column("entered_by", String(63), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("lifted_by", String(63)),
    Column("lifted_us", BigInteger),
    Column("lifted_why", String(500)),
    sqlite_autoincrement=True,  # a number is never used again
)
Index("suppression_plate", suppression.c.plate)

# Reads that would have raised or joined an alert.
suppressed_read = Table(
    "suppressed_read",
    metadata,
    Column("suppression_id", Serial, primary_key=True),
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("captured_us", BigInteger, nullable=False),
)

# Files of the watched folder that were imported and have not been put away yet.
taken_file = Table(
    "taken_file",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("identity", String(160), nullable=False),  # inode, time of its last change, size and SHA-256
    Column("report", Text, nullable=False),  # JSON
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
    Column("alert_id", Serial, primary_key=True, autoincrement=True),
    Column("raised_us", BigInteger, nullable=False),
    Column("edge_id", String(63), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # Where and when it was first seen, which may be another read: messages come in any order.
    Column("camera_id", String(63), nullable=False),
    Column("captured_us", BigInteger, nullable=False),  # as passage_first_us
    Column("plate", String(12), nullable=False),
    Column("likelihood", Float, nullable=False),
    Column("hotlist_entry_id", Serial, nullable=False),
    Column("list_name", String(63), nullable=False),
    Column("reason", String(16), nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    # Capture times of the earliest and the latest read of the trail.
    Column("passage_first_us", BigInteger, nullable=False),
    Column("passage_last_us", BigInteger, nullable=False),
    # What has become of it so far; `alert_event` says how.
    Column("state", String(16), nullable=False, server_default="raised"),
    Column("events", Integer, nullable=False, server_default="0"),  # the number of its last event
    Column("claimed_by", String(63)),
    Column("station", String(63)),
    Column("unit_id", String(63)),
    Column("outcome", String(16)),
    Column("escalation", SmallInteger, nullable=False, server_default="0"),
    Column("merged_into", Serial),  # the alert that took this one in
    UniqueConstraint("edge_id", "epoch", "seq", "hotlist_entry_id", name="alert_once"),
    sqlite_autoincrement=True,  # a number is never used again
)
Index("alert_passage", alert.c.hotlist_entry_id, alert.c.camera_id, alert.c.passage_last_us)
Index("alert_state", alert.c.state, alert.c.raised_us)

# All that happened to alerts, each row written in the transaction that changes the alert. Only added to: an erasure by
# order of a court, and the end of the alert's own time, take its rows away.
alert_event = Table(
    "alert_event",
    metadata,
    Column("event_id", Serial, primary_key=True, autoincrement=True),
    Column("alert_id", Serial, nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, 3 ... within its alert
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("actor", String(63), nullable=False),  # a person's name, or `atalaya`
    Column("detail", Text, nullable=False),  # JSON; see central.alert.log
    UniqueConstraint("alert_id", "number", name="alert_event_once"),
    sqlite_autoincrement=True,  # a number is never used again
)

# Every read of an alert's vehicle, the one that raised it included.
alert_trail = Table(
    "alert_trail",
    metadata,
    Column("alert_id", Serial, primary_key=True),
    Column("edge_id", String(63), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("captured_us", BigInteger, nullable=False),
    Column("camera_id", String(63), nullable=False),
    # Of the alert's event with which its passage came: what came after the confirmation nobody has confirmed.
    Column("number", Integer, nullable=False, server_default="0"),
    Column(
        "alike", Boolean, nullable=False, server_default=false()
    ),  # another plate was decoded, taken for it
    Column("refuted", Boolean, nullable=False, server_default=false()),  # by a better look, the last one
)
Index("alert_trail_read", alert_trail.c.edge_id, alert_trail.c.epoch, alert_trail.c.seq)
