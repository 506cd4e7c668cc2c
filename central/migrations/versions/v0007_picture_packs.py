"""What a pack holds is asked of every pack whose time is over.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Find the rows of a pack."""
    op.create_index("picture_pack", "picture", ["pack"])
    op.create_index("clip_part_pack", "clip_part", ["pack"])


def downgrade() -> None:
    """Look through all of them again."""
    op.drop_index("clip_part_pack", "clip_part")
    op.drop_index("picture_pack", "picture")
