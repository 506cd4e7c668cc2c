"""The units that may be sent: where each was last."""

from sqlalchemy import BigInteger, Column, Float, String, Table

from central.tables.metadata import metadata

# One row a unit, of what it said last: where it was before is nobody's business.
unit = Table(
    "unit",
    metadata,
    Column("unit_id", String(63), primary_key=True),
    Column("station", String(63)),
    Column("state", String(8), nullable=False),  # free, busy or off
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
