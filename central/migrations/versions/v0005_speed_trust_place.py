"""How fast, how far to trust, and where: what reads tell beyond the plate; and how turning cameras stand.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_READS = ("hot_read", "late_update")


def upgrade() -> None:
    """Add the columns, all of which may be null, and the table."""
    for name in _READS:
        op.add_column(name, sa.Column("speed_mps", sa.Float(), nullable=True))
        op.add_column(name, sa.Column("trust", sa.String(length=16), nullable=True))
        op.add_column(name, sa.Column("lat", sa.Float(), nullable=True))
        op.add_column(name, sa.Column("lon", sa.Float(), nullable=True))
    op.create_table(
        "ptz_state",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "camera_id"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("ptz_state")
    for name in _READS:
        with op.batch_alter_table(name) as table:
            for column in ("lon", "lat", "trust", "speed_mps"):
                table.drop_column(column)
