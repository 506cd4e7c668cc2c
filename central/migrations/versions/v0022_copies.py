"""Entries say which part of the boxes' copies they stand in, and what they say there; the last copy is known.

Revision ID: 0022
Revises: 0021
"""

import json
from hashlib import sha256
from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_SENT = (
    "plate",
    "list_name",
    "country",
    "plate_class",
    "vehicle_type",
    "color",
    "brand",
    "valid_from_us",
    "valid_until_us",
    "priority",
)
_ADDED = ("part", "fingerprint")
_AT_A_TIME = 2_000
_entry = sa.table("hotlist_entry", *(sa.column(name) for name in ("id", *_SENT, *_ADDED)))


def upgrade() -> None:
    """Fill them for the entries that are there, some thousands at a time: a list may have a million of them."""
    op.add_column("hotlist_entry", sa.Column("part", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column(
        "hotlist_entry", sa.Column("fingerprint", sa.BigInteger(), nullable=False, server_default="0")
    )
    _fill(op.get_bind())
    columns = ["part", "list_name", "valid_until_us", "fingerprint"]
    op.create_index("hotlist_entry_part", "hotlist_entry", columns)
    op.create_table(
        "hotlist_copy",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("sums", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("hotlist_copy")
    op.drop_index("hotlist_entry_part", "hotlist_entry")
    with op.batch_alter_table("hotlist_entry") as table:
        for name in _ADDED:
            table.drop_column(name)


def _fill(connection: sa.Connection) -> None:
    columns = [_entry.c[name] for name in ("id", *_SENT)]
    query = sa.select(*columns).order_by(_entry.c.id).limit(_AT_A_TIME)
    filled = sa.update(_entry).where(_entry.c.id == sa.bindparam("at_id"))
    filled = filled.values({name: sa.bindparam(f"new_{name}") for name in _ADDED})
    last = 0
    while rows := connection.execute(query.where(_entry.c.id > last)).all():
        connection.execute(filled, [_marks(*row) for row in rows])
        last = rows[-1][0]


def _marks(number: int, *sent: object) -> dict[str, int]:
    told = json.dumps(sent, separators=(",", ":")).encode()
    fingerprint = int.from_bytes(sha256(told).digest()[:5])
    return {"at_id": number, "new_part": crc32(str(sent[0]).encode()) % 256, "new_fingerprint": fingerprint}
