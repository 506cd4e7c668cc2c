"""Whether the place is whole: a restore that is under way, or was cut off."""

from sqlalchemy import BigInteger, Column, String, Table

from central.tables.metadata import metadata

# One row from the beginning of a restore to its end; while it stands nothing else may use the place.
restoring = Table(
    "restoring",
    metadata,
    Column("snapshot", String(63), primary_key=True),
    Column("began_us", BigInteger, nullable=False),
)
