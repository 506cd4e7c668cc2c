"""Plates that a court has ordered to be erased.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the tables, and the number by which a running consumer sees that an order was given."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "erasure",
        sa.Column("erasure_id", serial, autoincrement=True, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("plate_hash", sa.String(length=64), nullable=False),
        sa.Column("plate_box", sa.LargeBinary(), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("case_number", sa.String(length=63), nullable=False),
        sa.Column("ordered_by", sa.String(length=63), nullable=False),
        sa.Column("ordered_us", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("signature", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("erasure_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "erased_read",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("erasure_id", serial, nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "epoch", "seq"),
    )
    op.create_table(
        "erased_mark",
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("marked_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark"),
    )
    op.create_table(
        "erased_file",
        sa.Column("erasure_id", serial, nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("sha256_before", sa.String(length=64), nullable=True),
        sa.Column("sha256_after", sa.String(length=64), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("erasure_id", "name"),
    )
    op.execute("INSERT INTO table_version (name, version) VALUES ('erasure', 0)")


def downgrade() -> None:
    """Forget them: what was erased stays so, and may come again."""
    op.execute("DELETE FROM table_version WHERE name = 'erasure'")
    for table in ("erased_file", "erased_mark", "erased_read", "erasure"):
        op.drop_table(table)
