"""One at a time over all processes of a database, on SQLite and on PostgreSQL."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from archived import archived_rows
from central_reads import a_read, put
from deltalake import DeltaTable
from sqlalchemy import Engine, func, insert, select, text

from central.archive.improve import replace
from central.archive.place import LocalArchive
from central.archive.rows import to_table
from central.archive.table import append, make_archive, open_archive
from central.db import hot_read, open_database, reading, table_version
from central.errors import BusyError, StoreError
from central.lock import exclusive

_HOLD = """
import sys
from central.db import open_database
from central.lock import exclusive
with exclusive(open_database(sys.argv[1]), "sealing", wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock."""
    words = [sys.executable, "-c", _HOLD, database_url]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_one_is_refused_and_told_of_the_first(database: Engine) -> None:
    with (
        exclusive(database, "serving", wait=False),
        pytest.raises(
            BusyError, match=r"another one is serving already \(.*process \d+.*\); there can be one"
        ),
        exclusive(database, "serving", wait=False),
    ):
        pass
    with exclusive(database, "serving", wait=False):
        pass


def test_other_names_are_other_locks(database: Engine) -> None:
    with exclusive(database, "sealing", wait=False), exclusive(database, "maintaining", wait=False):
        pass


def test_whoever_waits_gets_it_when_the_first_is_done(database: Engine) -> None:
    order = []

    def second() -> None:
        with exclusive(database, "sealing", wait=True):
            order.append("second")

    waiting = threading.Thread(target=second)
    with exclusive(database, "sealing", wait=True):
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join(20)
    assert order == ["first", "second"]


def test_it_ends_with_a_process_that_is_killed(database: Engine, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StoreError, match="already"), exclusive(database, "sealing", wait=False):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait(20)
    with exclusive(database, "sealing", wait=True) as held, held.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(hot_read)) == 0


def test_what_is_done_under_it_is_committed(database: Engine) -> None:
    with exclusive(database, "sealing", wait=True) as held:
        put(held, [a_read(1)])
        with reading(held) as connection:
            assert connection.scalar(select(hot_read.c.seq)) == 1
    put(database, [a_read(2)])


def test_an_exception_gives_it_back(database: Engine) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(database, "sealing", wait=False):
        _ = 1 / 0
    with exclusive(database, "sealing", wait=False):
        pass


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    (tmp_path / "central.sqlite.sealing").mkdir()
    with (
        pytest.raises(StoreError, match=r"central\.sqlite\.sealing: cannot be written: Is a directory"),
        exclusive(engine, "sealing", wait=True),
    ):
        pass
    engine.dispose()


# PostgreSQL may end the session that holds it


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    engine = open_database(postgres_url)
    yield engine
    engine.dispose()


def end_sessions(engine: Engine, name: str) -> None:
    """As an administrator, or a server that is restarted."""
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE :name"
    with engine.begin() as connection:
        assert connection.scalar(text(ended), {"name": f"%, {name}"}) == 1


def touch(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(table_version).values(name="touched", version=1))


@pytest.mark.postgres
def test_once_the_server_has_dropped_it_nothing_is_committed_under_it(postgres: Engine) -> None:
    with exclusive(postgres, "sealing", wait=True) as held:
        end_sessions(postgres, "sealing")
        with exclusive(postgres, "sealing", wait=True):  # another is let in
            for _ in range(2):
                with pytest.raises(StoreError, match="the lock for sealing was lost with its connection"):
                    touch(held)
        with pytest.raises(StoreError, match="was lost"), reading(held) as connection:
            connection.execute(select(hot_read))
    touch(postgres)  # fails where one of the others committed


@pytest.mark.postgres
def test_the_next_holder_begins_only_when_the_last_one_s_transactions_are_over(postgres: Engine) -> None:
    entered = threading.Event()

    def enter() -> None:
        with exclusive(postgres, "sealing", wait=True):
            entered.set()

    with exclusive(postgres, "sealing", wait=True) as held:
        with held.begin() as connection:
            end_sessions(postgres, "sealing")
            follower = threading.Thread(target=enter)
            follower.start()
            assert not entered.wait(0.5)
            connection.execute(insert(table_version).values(name="touched", version=1))
        follower.join(20)
        assert entered.is_set()


# The fence of the Delta log


def opened(path: Path) -> DeltaTable:
    table = open_archive(LocalArchive(path))
    assert table is not None
    return table


def test_of_two_who_write_one_seal_the_second_commits_nothing(database: Engine, tmp_path: Path) -> None:
    put(database, [a_read(1), a_read(2)])
    with reading(database) as connection:
        new = to_table(connection.execute(select(hot_read)).mappings())
    path = tmp_path / "archive"
    make_archive(LocalArchive(path))
    first, second, third = (opened(path) for _ in range(3))
    append(LocalArchive(path), first, new, seal_id=1)
    append(LocalArchive(path), first, new.slice(0, 0), seal_id=2)
    with pytest.raises(StoreError, match="seal 1 cannot be written"):
        append(LocalArchive(path), second, new, seal_id=1)
    with pytest.raises(StoreError, match="seal 1: updates cannot be written"):
        replace(LocalArchive(path), third, new, seal_id=1)
    assert archived_rows(opened(path), ["seq"]).num_rows == 2
