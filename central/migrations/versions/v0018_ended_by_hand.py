"""An entry says whether somebody took it off, or a file that did not name it.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """What ended before its time, and not by a file, was taken off by hand."""
    op.add_column(
        "hotlist_entry", sa.Column("ended_by_hand", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    entry = sa.table("hotlist_entry", sa.column("ended_by_hand"), sa.column("ended_why"))
    by_file = entry.c.ended_why.like("not in the file %")
    op.execute(entry.update().where(entry.c.ended_why.is_not(None), ~by_file).values(ended_by_hand=sa.true()))


def downgrade() -> None:
    """Forget it."""
    with op.batch_alter_table("hotlist_entry") as table:
        table.drop_column("ended_by_hand")
