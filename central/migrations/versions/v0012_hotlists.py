"""Entries say whose they are, by which law, and when they were last confirmed; lists say how they are kept.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_ADDED = ("agency", "legal_basis", "confirmed_us", "ended_why")


def upgrade() -> None:
    """An entry of before was confirmed when it was entered, and its list stands until somebody says otherwise."""
    op.add_column("hotlist_entry", sa.Column("agency", sa.String(length=63), nullable=True))
    op.add_column("hotlist_entry", sa.Column("legal_basis", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "hotlist_entry", sa.Column("confirmed_us", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("hotlist_entry", sa.Column("ended_why", sa.String(length=500), nullable=True))
    op.execute("UPDATE hotlist_entry SET confirmed_us = entered_us")
    op.create_table(
        "hotlist",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("agency", sa.String(length=63), nullable=True),
        sa.Column("stale_after_h", sa.Integer(), nullable=True),
        sa.Column("purge_us", sa.BigInteger(), nullable=True),
        sa.Column("false_alarms_a_day", sa.Float(), nullable=True),
        sa.Column("made_by", sa.String(length=63), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute(
        "INSERT INTO hotlist (name, kind, made_by, made_us) "
        "SELECT list_name, 'standing', MIN(entered_by), MIN(entered_us) FROM hotlist_entry GROUP BY list_name"
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("hotlist")
    with op.batch_alter_table("hotlist_entry") as table:
        for column in reversed(_ADDED):
            table.drop_column(column)
