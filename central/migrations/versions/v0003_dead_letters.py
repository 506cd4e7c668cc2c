"""Dead letters without a number are counted.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Count each letter that is there once; equal ones among them stay apart."""
    op.add_column("dead_letter", sa.Column("times", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("dead_letter", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_index("dead_letter_digest", "dead_letter", ["digest"], unique=True)


def downgrade() -> None:
    """Forget how often each came."""
    op.drop_index("dead_letter_digest", "dead_letter")
    with op.batch_alter_table("dead_letter") as table:
        table.drop_column("digest")
        table.drop_column("times")
