"""No row of the audit can be put over another.

SQLite's `INSERT OR REPLACE` deletes the row in its way without asking the triggers for DELETE.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Refuse a row with the number of another; PostgreSQL has no way around its triggers."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER audit_no_insert_over BEFORE INSERT ON audit "
            "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) "
            "BEGIN SELECT RAISE(ABORT, 'the audit table is append-only'); END"
        )


def downgrade() -> None:
    """Trust the triggers of the first step."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_insert_over")
