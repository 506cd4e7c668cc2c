"""Entries whose plates look alike are found by what is the same of them.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_GROUPS = ("0DOQ", "1IL", "2Z", "38B", "5S", "6CG")


def upgrade() -> None:
    """Fill it for the entries that are there, in SQL: a list may have a million of them."""
    op.add_column(
        "hotlist_entry", sa.Column("alike", sa.String(length=12), nullable=False, server_default="")
    )
    told = "plate"
    for group in _GROUPS:
        for other in group[1:]:
            told = f"REPLACE({told}, '{other}', '{group[0]}')"
    op.execute(f"UPDATE hotlist_entry SET alike = {told}")  # noqa: S608  # of the groups above
    op.create_index("hotlist_entry_alike", "hotlist_entry", ["alike"])


def downgrade() -> None:
    """Forget it."""
    op.drop_index("hotlist_entry_alike", "hotlist_entry")
    with op.batch_alter_table("hotlist_entry") as table:
        table.drop_column("alike")
