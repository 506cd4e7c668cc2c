"""The audit log: declared, written first, chained, and what breaks the chain is named."""

import hashlib
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from central_reads import NOON
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from central.access.audit import AuditLog, verify
from central.access.key import AuditKey, open_key, read_key
from central.access.look import declare
from central.db import audit, open_database
from central.errors import AccessError
from central.types import Look

LOOK = Look("ana.rojas", "stolen motorcycle", "2026-117")
KEY = AuditKey(bytes(32))


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


@pytest.fixture
def log(engine: Engine) -> AuditLog:
    return AuditLog(engine, KEY, clock=lambda: NOON)


def rows(engine: Engine) -> list:
    with engine.begin() as connection:
        return list(connection.execute(select(audit).order_by(audit.c.id)))


def tamper(engine: Engine, sql: str) -> None:
    """Change the log as somebody does who owns the file: the triggers are dropped first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER audit_append_only ON audit"))
        else:
            for act in ("update", "delete", "insert_over"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_no_{act}"))
        connection.execute(text(sql))


class TestDeclare:
    def test_who_why_and_case_make_a_look(self) -> None:
        assert declare(" ana.rojas ", "stolen motorcycle", "2026-117") == LOOK

    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            ((None, "p", "c"), r"without who asks \(--as\)$"),
            (("w", "", "c"), r"without the purpose \(--purpose\)$"),
            (("w", "  ", None), r"without the purpose \(--purpose\) and the case number \(--case\)$"),
            ((None, None, None), r"who asks \(--as\), the purpose \(--purpose\) and the case number"),
        ],
    )
    def test_what_is_missing_is_named(self, given: tuple, missing: str) -> None:
        with pytest.raises(AccessError, match=missing):
            declare(*given)

    def test_what_does_not_fit_is_refused(self) -> None:
        with pytest.raises(AccessError, match=r"who asks \(--as\): 64 characters, expected at most 63"):
            declare("w" * 64, "p", "c")
        with pytest.raises(AccessError, match="cannot be printed"):
            declare("w", "a\nforged line", "c")


class TestLog:
    def test_a_look_is_two_rows(self, engine: Engine, log: AuditLog) -> None:
        begun = log.begin(LOOK, "history", {"plate": "0f" * 32, "limit": 10})
        assert [(r.action, r.rows) for r in rows(engine)] == [("history", None)]
        log.end(LOOK, "history", begun=begun, rows=3)
        first, second = rows(engine)
        assert (first.actor, first.purpose, first.case_number) == (
            "ana.rojas",
            "stolen motorcycle",
            "2026-117",
        )
        assert json.loads(first.detail) == {"plate": "0f" * 32, "limit": 10}
        assert (second.action, second.rows, json.loads(second.detail)) == ("history.shown", 3, {"look": 1})

    def test_a_look_that_showed_nothing_says_why(self, engine: Engine, log: AuditLog) -> None:
        begun = log.begin(LOOK, "history", {})
        log.fail(LOOK, "history", begun=begun, why="no answer within 60 s")
        last = rows(engine)[-1]
        assert (last.action, last.rows) == ("history.failed", None)
        assert json.loads(last.detail) == {"look": 1, "why": "no answer within 60 s"}

    @pytest.mark.parametrize("sql", ["UPDATE audit SET purpose = 'x'", "DELETE FROM audit"])
    def test_the_database_refuses_to_change_it(self, engine: Engine, log: AuditLog, sql: str) -> None:
        log.begin(LOOK, "history", {})
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(sql))
        assert len(rows(engine)) == 1

    def test_writers_at_once_make_one_chain(self, engine: Engine, log: AuditLog) -> None:
        another = open_database(str(engine.url))
        other = AuditLog(another, KEY, clock=lambda: NOON)

        def write(into: AuditLog) -> None:
            for _ in range(25):
                into.begin(LOOK, "history", {})

        threads = [threading.Thread(target=write, args=(into,)) for into in (log, other, log, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        another.dispose()
        assert verify(engine, KEY).rows == 100
        assert verify(engine, KEY).fault == ""


def test_an_empty_log_holds(engine: Engine) -> None:
    verdict = verify(engine, KEY)
    assert (verdict.rows, verdict.head, verdict.fault) == (0, "0" * 64, "")


class TestVerify:
    @pytest.fixture(autouse=True)
    def _ten_rows(self, log: AuditLog) -> None:
        for number in range(10):
            log.begin(LOOK, "history", {"number": number})

    def test_an_untouched_chain_holds(self, engine: Engine) -> None:
        verdict = verify(engine, KEY)
        assert (verdict.rows, verdict.fault) == (10, "")
        assert verdict.head == rows(engine)[-1].hash

    @pytest.mark.parametrize(
        ("sql", "fault"),
        [
            ("UPDATE audit SET actor = 'somebody' WHERE id = 4", "row 4: was altered"),
            ("UPDATE audit SET purpose = 'x' WHERE id >= 6", "row 6: was altered"),
            ("UPDATE audit SET at_us = at_us + 1 WHERE id = 1", "row 1: was altered"),
            ("UPDATE audit SET rows = 0 WHERE id = 2", "row 2: was altered"),
            ("UPDATE audit SET hash = previous_hash WHERE id = 3", "row 3: was altered"),
            ("DELETE FROM audit WHERE id = 5", "row 6: expected row 5: rows in between were taken out"),
            ("DELETE FROM audit WHERE id = 1", "row 2: expected row 1: rows in between were taken out"),
            ("UPDATE audit SET previous_hash = hash WHERE id = 9", "row 9: does not follow"),
            (
                "INSERT INTO audit SELECT 11, at_us, actor, purpose, case_number, action, detail, rows, "
                "previous_hash, hash FROM audit WHERE id = 10",
                "row 11: does not follow",
            ),
        ],
    )
    def test_the_first_touched_row_is_named(self, engine: Engine, sql: str, fault: str) -> None:
        tamper(engine, sql)
        assert verify(engine, KEY).fault.startswith(fault)

    @pytest.mark.parametrize("key", [None, AuditKey(bytes(31) + b"\1")])
    def test_who_has_no_key_cannot_make_the_chain_anew(self, engine: Engine, key: AuditKey | None) -> None:
        """Every hash from the altered row on is computed again, as the source says how: all but the key."""
        names = (
            "id",
            "at_us",
            "actor",
            "purpose",
            "case_number",
            "action",
            "detail",
            "rows",
            "previous_hash",
        )
        tamper(engine, "UPDATE audit SET actor = 'somebody' WHERE id = 4")
        previous = rows(engine)[2].hash
        for row in rows(engine)[3:]:
            values = {**row._mapping, "previous_hash": previous}
            content = json.dumps([values[name] for name in names], ensure_ascii=False).encode()
            previous = hashlib.sha256(content).hexdigest() if key is None else key.of_row(content)
            with engine.begin() as connection:
                anew = audit.update().where(audit.c.id == row.id)
                connection.execute(anew.values(previous_hash=values["previous_hash"], hash=previous))
        assert verify(engine, KEY).fault == "row 4: was altered"

    def test_the_head_shows_that_the_end_was_cut_off(self, engine: Engine) -> None:
        noted = verify(engine, KEY).head
        tamper(engine, "DELETE FROM audit WHERE id > 8")
        assert verify(engine, KEY).fault == ""
        assert verify(engine, KEY).head != noted


class TestKey:
    def test_a_key_is_made_once_and_only_for_its_owner(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "audit.key"
        first = open_key(path).of_plate("ABC123")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert open_key(path).of_plate("ABC123") == first
        assert open_key(path).of_plate("ABC124") != first
        assert len(first) == 64
        assert [p.name for p in path.parent.iterdir()] == ["audit.key"]

    def test_it_is_on_the_disk_with_its_name_before_a_row_needs_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "audit.key"
        forced: list[tuple[int, bool]] = []
        real = os.fsync

        def fsync(descriptor: int) -> None:
            forced.append((os.fstat(descriptor).st_ino, path.exists()))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        open_key(path)
        assert forced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]

    def test_another_key_gives_another_hash(self, tmp_path: Path) -> None:
        assert open_key(tmp_path / "a").of_plate("ABC123") != open_key(tmp_path / "b").of_plate("ABC123")

    def test_a_plate_and_a_row_never_have_the_same_hash(self) -> None:
        assert KEY.of_plate("ABC123") != KEY.of_row(b"ABC123")

    def test_a_check_makes_no_key(self, tmp_path: Path) -> None:
        with pytest.raises(AccessError, match="No such file"):
            read_key(tmp_path / "key")
        assert list(tmp_path.iterdir()) == []
        assert open_key(tmp_path / "key").of_plate("A") == read_key(tmp_path / "key").of_plate("A")

    def test_many_first_looks_make_one_key(self, tmp_path: Path) -> None:
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.append(open_key(tmp_path / "key").of_plate("ABC123")))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1

    def test_a_key_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        open_key(path)
        path.chmod(0o640)
        with pytest.raises(AccessError, match="can be read by others; chmod 600"):
            open_key(path)

    @pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe", b"zz" * 32, b"00" * 31])
    def test_a_file_without_a_key_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "key"
        path.touch(mode=0o600)
        path.write_bytes(content)
        with pytest.raises(AccessError, match="key of the audit log"):
            open_key(path)
