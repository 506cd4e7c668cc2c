"""Each read of a trail says whether it was only taken for the listed plate, and whether a better look refuted it.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_ADDED = ("alike", "refuted")


def upgrade() -> None:
    """Add the columns."""
    for name in _ADDED:
        op.add_column("alert_trail", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Forget them."""
    with op.batch_alter_table("alert_trail") as table:
        for name in _ADDED:
            table.drop_column(name)
