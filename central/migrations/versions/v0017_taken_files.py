"""Files of the watched folder that were imported and have not been put away yet.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "taken_file",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("identity", sa.String(length=160), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("taken_file")
