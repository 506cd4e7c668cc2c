"""Each read of a trail says with which event its passage came; of those that are there nobody asks.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the column."""
    op.add_column("alert_trail", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("alert_trail") as table:
        table.drop_column("number")
