"""Alerts have a state, and a log of what became of them.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ADDED = (
    "state",
    "events",
    "claimed_by",
    "station",
    "unit_id",
    "outcome",
    "escalation",
    "merged_into",
)


def upgrade() -> None:
    """Alerts of before are raised and no more, and their log says so."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    added = (
        sa.Column("state", sa.String(length=16), nullable=False, server_default="raised"),
        sa.Column("events", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_by", sa.String(length=63), nullable=True),
        sa.Column("station", sa.String(length=63), nullable=True),
        sa.Column("unit_id", sa.String(length=63), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("escalation", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("merged_into", serial, nullable=True),
    )
    for column in added:
        op.add_column("alert", column)
    op.create_index("alert_state", "alert", ["state", "raised_us"])
    op.create_table(
        "alert_event",
        sa.Column("event_id", serial, autoincrement=True, nullable=False),
        sa.Column("alert_id", serial, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=63), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sa.UniqueConstraint("alert_id", "number", name="alert_event_once"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO alert_event (alert_id, number, at_us, kind, actor, detail) "
        "SELECT alert_id, 1, raised_us, 'raised', 'atalaya', '{}' FROM alert ORDER BY alert_id"
    )
    op.execute("UPDATE alert SET events = 1")


def downgrade() -> None:
    """Forget what became of them."""
    op.drop_table("alert_event")
    op.drop_index("alert_state", "alert")
    with op.batch_alter_table("alert") as table:
        for column in reversed(_ADDED):
            table.drop_column(column)
