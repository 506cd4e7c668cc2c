"""The first tables.

Revision ID: 0001
Revises: (none)
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and make the audit append-only in the database itself."""
    _reads()
    _deliveries()
    _hotlist()
    _alerts()
    _seals()
    _audit()


def downgrade() -> None:
    """There is nothing before the first tables."""
    raise NotImplementedError("the first step cannot be undone")


def _serial() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _reads() -> None:
    for name in ("hot_read", "late_update"):
        op.create_table(
            name,
            sa.Column("edge_id", sa.String(length=63), nullable=False),
            sa.Column("epoch", sa.BigInteger(), nullable=False),
            sa.Column("seq", sa.BigInteger(), nullable=False),
            sa.Column("site_id", sa.String(length=63), nullable=False),
            sa.Column("camera_id", sa.String(length=63), nullable=False),
            sa.Column("captured_us", sa.BigInteger(), nullable=False),
            sa.Column("first_us", sa.BigInteger(), nullable=False),
            sa.Column("last_us", sa.BigInteger(), nullable=False),
            sa.Column("received_us", sa.BigInteger(), nullable=False),
            sa.Column("plate", sa.String(length=12), nullable=False),
            sa.Column("plate_raw", sa.String(length=24), nullable=False),
            sa.Column("country", sa.String(length=2), nullable=True),
            sa.Column("plate_class", sa.String(length=32), nullable=True),
            sa.Column("likelihood", sa.Float(), nullable=False),
            sa.Column("vehicle_type", sa.String(length=32), nullable=True),
            sa.Column("vehicle_color", sa.String(length=32), nullable=True),
            sa.Column("direction", sa.String(length=16), nullable=True),
            sa.Column("lane", sa.String(length=32), nullable=True),
            sa.Column("preset", sa.String(length=63), nullable=True),
            sa.Column("votes", sa.SmallInteger(), nullable=False),
            sa.Column("frames", sa.SmallInteger(), nullable=False),
            sa.Column("late", sa.Boolean(), nullable=False),
            sa.Column("update_seq", sa.BigInteger(), nullable=False),
            sa.Column("message", sa.Text(), nullable=False),
            sa.Column("seal_id", _serial(), nullable=True),
            sa.PrimaryKeyConstraint("edge_id", "epoch", "seq"),
        )
    op.create_index("hot_read_captured", "hot_read", ["captured_us"])
    op.create_index("hot_read_plate", "hot_read", ["plate", "captured_us"])
    op.create_index("hot_read_seal", "hot_read", ["seal_id"])
    op.create_index("late_update_plate", "late_update", ["plate", "captured_us"])


def _deliveries() -> None:
    op.create_table(
        "received_range",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "epoch", "stream", "first_seq"),
    )
    op.create_table(
        "gone_range",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "edge_health",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("edge_id"),
    )
    op.create_table(
        "picture",
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("read_seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("pack", sa.String(length=120), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("edge_id", "epoch", "read_seq", "kind"),
    )


def _hotlist() -> None:
    op.create_table(
        "hotlist_entry",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("list_name", sa.String(length=63), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("plate_class", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("case_number", sa.String(length=63), nullable=False),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=False),
        sa.Column("vehicle_type", sa.String(length=32), nullable=True),
        sa.Column("color", sa.String(length=32), nullable=True),
        sa.Column("brand", sa.String(length=63), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.String(length=63), nullable=False),
        sa.Column("entered_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("list_name", "plate", "country", name="hotlist_entry_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "table_version",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.execute("INSERT INTO table_version (name, version) VALUES ('hotlist_entry', 0)")


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("alert_id", _serial(), autoincrement=True, nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.Column("plate", sa.String(length=12), nullable=False),
        sa.Column("likelihood", sa.Float(), nullable=False),
        sa.Column("hotlist_entry_id", _serial(), nullable=False),
        sa.Column("list_name", sa.String(length=63), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("passage_first_us", sa.BigInteger(), nullable=False),
        sa.Column("passage_last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
        sa.UniqueConstraint("edge_id", "epoch", "seq", "hotlist_entry_id", name="alert_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_passage", "alert", ["hotlist_entry_id", "camera_id", "passage_last_us"])
    op.create_table(
        "alert_trail",
        sa.Column("alert_id", _serial(), nullable=False),
        sa.Column("edge_id", sa.String(length=63), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("captured_us", sa.BigInteger(), nullable=False),
        sa.Column("camera_id", sa.String(length=63), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "edge_id", "epoch", "seq"),
    )
    op.create_index("alert_trail_read", "alert_trail", ["edge_id", "epoch", "seq"])


def _seals() -> None:
    op.create_table(
        "seal",
        sa.Column("seal_id", _serial(), autoincrement=True, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seal_id"),
        sqlite_autoincrement=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=63), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case_number", sa.String(length=63), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit table is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit table is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )
