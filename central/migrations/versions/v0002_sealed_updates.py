"""The newest update that the archive holds of a read.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table; what was sealed before is not known to it."""
    op.create_table(
        "sealed_update",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("update_seq", sa.BigInteger(), nullable=False),
        sa.Column("sealed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "epoch", "seq"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("sealed_update")
