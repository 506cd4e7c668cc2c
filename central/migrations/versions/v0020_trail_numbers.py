"""Each read of a trail says with which event its passage came.

Of those that are there nobody can tell, so it is the last event of their alert so far: for one that somebody confirms
from now on they were there to be compared, and for one that was confirmed before they are not said to have been.

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
    op.execute(
        "UPDATE alert_trail SET number = coalesce("
        "(SELECT alert.events FROM alert WHERE alert.alert_id = alert_trail.alert_id), 0)"
    )


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("alert_trail") as table:
        table.drop_column("number")
