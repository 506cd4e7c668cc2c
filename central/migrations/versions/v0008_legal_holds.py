"""Holds that keep reads beyond their time, and the reads under a hold that have pictures.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables; nothing is held yet."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "legal_hold",
        sa.Column("hold_id", serial, autoincrement=True, nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=True),
        sa.Column("camera_id", sa.String(length=63), nullable=True),
        sa.Column("edge_id", sa.String(length=63), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("since_us", sa.BigInteger(), nullable=True),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("case_number", sa.String(length=63), nullable=False),
        sa.Column("legal_basis", sa.String(length=500), nullable=False),
        sa.Column("entered_by", sa.String(length=63), nullable=False),
        sa.Column("entered_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted_by", sa.String(length=63), nullable=True),
        sa.Column("lifted_us", sa.BigInteger(), nullable=True),
        sa.Column("lifted_why", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("hold_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "held_read",
        sa.Column("hold_id", serial, nullable=False),
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hold_id", "edge_id", "epoch", "seq"),
    )
    op.create_index("held_read_read", "held_read", ["edge_id", "epoch", "seq"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("held_read")
    op.drop_table("legal_hold")
