"""Others are told of alerts, and what became of that is kept.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the tables; nobody is told of what was before."""
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "subscriber",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("after_event_id", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "delivery",
        sa.Column("subscriber", sa.String(length=63), nullable=False),
        sa.Column("event_id", serial, autoincrement=False, nullable=False),
        sa.Column("alert_id", serial, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.Column("said", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "event_id"),
    )
    op.create_index("delivery_due", "delivery", ["subscriber", "state", "next_us"])
    op.create_index("delivery_alert", "delivery", ["alert_id", "subscriber"])


def downgrade() -> None:
    """Forget them."""
    op.drop_table("delivery")
    op.drop_table("subscriber")
