"""Plates for which nobody is to be stopped for a while.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the tables; nothing is suppressed yet."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "suppression",
        sa.Column("suppression_id", serial, autoincrement=True, nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("list_name", sa.String(length=63), nullable=True),
        sa.Column("camera_id", sa.String(length=63), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("case_number", sa.String(length=63), nullable=False),
        sa.Column("entered_by", sa.String(length=63), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted_by", sa.String(length=63), nullable=True),
        sa.Column("lifted_us", sa.BigInteger(), nullable=True),
        sa.Column("lifted_why", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("suppression_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("suppression_plate", "suppression", ["plate"])
    op.create_table(
        "suppressed_read",
        sa.Column("suppression_id", serial, nullable=False),
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("suppression_id", "edge_id", "epoch", "seq"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("suppressed_read")
    op.drop_index("suppression_plate", "suppression")
    op.drop_table("suppression")
