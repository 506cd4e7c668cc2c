"""Sealing, asking and logging behave alike on SQLite and on PostgreSQL."""

import threading
from collections import Counter
from pathlib import Path

import pytest
from archived import archived_rows
from central_reads import LASTING, NOON, a_read, put
from deltalake import DeltaTable
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from central.access.audit import AuditLog, verify
from central.access.key import AuditKey
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import hot_read, late_update
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.types import Look


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def seal_now(database: Engine, archive: Path) -> None:
    seal(database, LocalArchive(archive), clock=lambda: NOON, chunk_rows=7)


def test_reads_are_archived_once_and_found_before_and_after(database: Engine, archive: Path) -> None:
    with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
        put(database, [a_read(seq) for seq in range(1, 21)])
        seal_now(database, archive)
        put(database, [a_read(seq) for seq in range(21, 31)])
        put(database, [a_read(3, plate="ABC128")], table=late_update, update_seq=1)
        for _ in range(2):
            found = [read.seq for read in reads.find(Question(plate="ABC123")).reads]
            assert found == [seq for seq in range(30, 0, -1) if seq != 3]
            assert [read.seq for read in reads.find(Question(plate="ABC128")).reads] == [3]
            assert [count.reads for count in reads.counts(Question(since=NOON)).hours] == [30]
            seal_now(database, archive)
    archived = archived_rows(DeltaTable(archive / "reads"))
    assert Counter(archived["seq"].to_pylist()) == Counter(range(1, 31))
    with database.begin() as connection:
        for table in (hot_read, late_update):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_readers_never_notice_a_seal(database: Engine, archive: Path) -> None:
    put(database, [a_read(seq) for seq in range(1, 61)])
    over = threading.Event()
    answers: list[list[int]] = []

    def ask() -> None:
        with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
            while not over.is_set():
                answers.append([read.seq for read in reads.find(Question(plate="ABC123")).reads])

    asking = threading.Thread(target=ask)
    asking.start()
    while not answers:
        over.wait(0.01)
    seal_now(database, archive)
    over.set()
    asking.join()
    assert len(answers) > 1
    assert all(answer == list(range(60, 0, -1)) for answer in answers)


def test_writers_of_the_log_make_one_chain_that_cannot_be_changed(database: Engine) -> None:
    key = AuditKey(bytes(32))
    log = AuditLog(database, key, clock=lambda: NOON)

    def write() -> None:
        for _ in range(15):
            log.begin(Look("ana", "why", "1"), "history", {})

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (verify(database, key).rows, verify(database, key).fault) == (45, "")
    for sql in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(text(sql))
