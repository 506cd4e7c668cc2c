"""Opening the database: migrations, locks, snapshots, and clear words where it cannot be opened."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from central_reads import a_read, put
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError

import central.migrations
from central.db import audit, from_us, hot_read, metadata, open_database, reading, table_version, to_us
from central.errors import StoreError


def test_the_migrations_make_the_tables_of_the_program(database: Engine):
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(database: Engine, database_url: str):
    put(database, [a_read(1)])
    again = open_database(database_url)
    with reading(again) as connection:
        assert connection.execute(select(func.count()).select_from(hot_read)).scalar_one() == 1
    again.dispose()


def test_every_step_follows_the_one_before_and_is_called_as_its_file():
    folder = Path(central.migrations.__file__).parent / "versions"
    files = sorted(folder.glob("v*.py"))
    before = None
    for file in files:
        step = import_module(f"central.migrations.versions.{file.stem}")
        assert (step.revision, step.down_revision) == (file.name[1:5], before), file
        before = step.revision
    assert len(files) >= 14


def test_opening_what_is_up_to_date_does_not_load_what_changes_tables(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/central.sqlite"
    open_database(url).dispose()
    opened = f"import sys; from central.db import open_database; open_database({url!r})"
    program = f"{opened}; print('alembic' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_tables_of_a_newer_program_are_left_alone(database: Engine, database_url: str):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"version 9999.*knows up to \d{4}.*newer Atalaya"):
        open_database(database_url)


def test_processes_may_open_an_empty_database_at_once(empty_database_url: str):
    program = "import sys; from central.db import open_database; open_database(sys.argv[1]).dispose()"
    words = [sys.executable, "-c", program, empty_database_url]
    processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", "", ""]
    engine = open_database(empty_database_url)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(table_version)).scalar_one() == 2
    engine.dispose()


def test_audit_rows_can_be_neither_changed_nor_deleted(database: Engine):
    row = {
        "at_us": 1,
        "actor": "maria",
        "purpose": "test",
        "case_number": "1",
        "action": "history",
        "detail": "",
        "rows": 0,
        "previous_hash": "0" * 64,
        "hash": "1" * 64,
    }
    with database.begin() as connection:
        connection.execute(insert(audit), [row])
    forged = "id, at_us, 'nobody', purpose, case_number, action, detail, rows, previous_hash, hash FROM audit"
    upsert = "ON CONFLICT (id) DO UPDATE SET actor = 'nobody'"
    statements = [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        f"INSERT INTO audit SELECT {forged} WHERE true {upsert}",
    ]
    if database.dialect.name == "sqlite":
        statements += [f"INSERT OR REPLACE INTO audit SELECT {forged}", f"REPLACE INTO audit SELECT {forged}"]
        statements += ["UPDATE OR REPLACE audit SET actor = 'nobody'"]
    else:
        statements += [
            "TRUNCATE audit",
            "MERGE INTO audit USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
        ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(text(statement))
    with reading(database) as connection:
        assert connection.execute(select(audit.c.actor)).scalars().all() == ["maria"]
    with database.begin() as connection:
        connection.execute(insert(audit), [row])  # a new one is still taken


def test_a_reader_sees_one_snapshot_and_holds_up_no_writer(database: Engine):
    counting = select(func.count()).select_from(hot_read)
    put(database, [a_read(1)])
    with reading(database) as connection:
        assert connection.execute(counting).scalar_one() == 1
        put(database, [a_read(2)])
        assert connection.execute(counting).scalar_one() == 1
    with reading(database) as connection:
        assert connection.execute(counting).scalar_one() == 2


def test_a_second_writer_on_sqlite_waits_for_the_first(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    counting = select(func.count()).select_from(hot_read)

    def count_then_add(seq: int) -> None:
        with engine.begin() as connection:
            seen = connection.execute(counting).scalar_one()
        put(engine, [a_read(seq, plate=f"AAA{seen:03d}")])

    def both(seq: int) -> None:
        # Reads first, then writes what it read: stale under a deferred BEGIN, refused by SQLite as locked.
        with engine.begin() as connection:
            seen = connection.execute(counting).scalar_one()
            connection.execute(text("UPDATE table_version SET version = :v"), {"v": seen + 1})
        count_then_add(seq)

    threads = [threading.Thread(target=both, args=(seq,)) for seq in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(counting).scalar_one() == 20
    engine.dispose()


def test_sqlite_survives_a_power_cut_by_its_settings(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()


def test_missing_folders_are_made(tmp_path: Path):
    open_database(f"sqlite:///{tmp_path}/a/b/central.sqlite").dispose()
    assert (tmp_path / "a" / "b" / "central.sqlite").exists()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


def test_what_is_no_database_is_named(tmp_path: Path):
    (tmp_path / "central.sqlite").write_bytes(
        b"not a database at all, but long enough to be read as one" * 30
    )
    with pytest.raises(StoreError, match=r"central\.sqlite: file is not a database"):
        open_database(f"sqlite:///{tmp_path}/central.sqlite")


def test_a_locked_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(_sqlite_arguments(), "timeout", 0.05)
    url = f"sqlite:///{tmp_path}/central.sqlite"
    open_database(url).dispose()
    with sqlite3.connect(tmp_path / "central.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="database is locked"):
            open_database(url)
        other.execute("ROLLBACK")
    other.close()


def _sqlite_arguments() -> dict[str, float]:
    from central import db

    arguments: dict[str, float] = db._CONNECT["sqlite"]["connect_args"]
    return arguments


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no url at all", "not a database URL"),
        ("oracle://somewhere/db", "oracle"),
        ("sqlite:////proc/nowhere/central.sqlite", "/proc/nowhere"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/db", "127.0.0.1"),
        ("postgresql+psycopg://u@127.0.0.1:1/db?password=secret", "postgresql 127.0.0.1/db"),
        ("postgresql+psycopg://u@/db?host=/nowhere&password=secret", "postgresql /nowhere/db"),
    ],
)
def test_an_unusable_url_is_named_without_its_password(url: str, says: str):
    with pytest.raises(StoreError) as caught:
        open_database(url)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@given(
    st.datetimes(
        min_value=datetime(2, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
        max_value=datetime(9998, 1, 1),  # noqa: DTZ001
        timezones=st.timezones(),
    )
)
def test_times_survive_as_microseconds(moment: datetime):
    assert from_us(to_us(moment)) == moment.astimezone(UTC)
