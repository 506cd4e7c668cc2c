"""A restore that was cut off is noticed.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "restoring",
        sa.Column("snapshot", sa.String(length=63), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("restoring")
