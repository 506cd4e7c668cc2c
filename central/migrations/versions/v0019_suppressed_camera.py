"""A suppression at a camera says of which edge it is.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Those of before stay as wide as they were: at every edge's camera of that name."""
    op.add_column("suppression", sa.Column("edge_id", sa.String(length=63), nullable=True))


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("suppression") as table:
        table.drop_column("edge_id")
