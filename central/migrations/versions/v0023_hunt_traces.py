"""What the hunts of entries found.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make its table; all entries are due."""
    op.create_table(
        "hunt_trace",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entered_us", sa.BigInteger(), nullable=False),
        sa.Column("hunted_us", sa.BigInteger(), nullable=False),
        sa.Column("reads", sa.BigInteger(), nullable=False),
        sa.Column("first_us", sa.BigInteger()),
        sa.Column("last_us", sa.BigInteger()),
        sa.Column("last_camera", sa.String(63)),
        sa.Column("lacking", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("hunt_trace")
