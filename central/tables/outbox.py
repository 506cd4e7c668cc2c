"""Who was told what of alerts. No plates: alerts have numbers."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from central.tables.metadata import Serial, metadata

# Up to which event of the log each subscriber has its deliveries planned.
subscriber = Table(
    "subscriber",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("after_event_id", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),  # what was before that is not told
)

delivery = Table(
    "delivery",
    metadata,
    Column("subscriber", String(63), primary_key=True),
    Column("event_id", Serial, primary_key=True, autoincrement=False),
    Column("alert_id", Serial, nullable=False),
    Column("number", Integer, nullable=False),  # of the event, within its alert
    Column("key", String(64), nullable=False),
    Column("state", String(8), nullable=False),  # central.outbox.rules.State
    Column("tries", Integer, nullable=False),
    Column("since_us", BigInteger, nullable=False),  # when it happened, or was asked for again
    Column("next_us", BigInteger, nullable=False),  # not tried before
    Column("done_us", BigInteger),  # when it was sent or given up
    Column("said", String(120), nullable=False),  # what came of the last try
)
Index("delivery_due", delivery.c.subscriber, delivery.c.state, delivery.c.next_us)
Index("delivery_alert", delivery.c.alert_id, delivery.c.subscriber)
