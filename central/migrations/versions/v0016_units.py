"""Where the units are that may be sent.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "unit",
        sa.Column("unit_id", sa.String(length=63), nullable=False),
        sa.Column("station", sa.String(length=63), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("unit")
