"""Hot rows and archive answer as one: none missing, none twice, the newest version of each."""

import os
import signal
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Event, Timer

import duckdb
import pyarrow as pa
import pytest
from central_reads import LASTING, NOON, a_read, put
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, insert, update

from central.archive.place import LocalArchive
from central.archive.schema import READS, Layout
from central.archive.write import seal
from central.db import hot_read, late_update, open_database, to_us
from central.db import seal as seal_table
from central.errors import CancelledError, QueryError, StoreError, TimedOutError
from central.query.answers import HourCount
from central.query.duck import Duck
from central.query.pattern import compile_pattern
from central.query.plan import Question, Sources, plan, reads_sql
from central.query.reads import Reads
from central.query.tables import Tables
from central.sections import QuerySettings
from central.types import DetailedRead

ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3"
BOGOTA = timezone(timedelta(hours=-5))


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "the archive, ñ 100%"


@pytest.fixture
def reads(engine: Engine, archive: Path):
    with Reads(engine, LocalArchive(archive), QuerySettings(), rules=LASTING) as opened:
        yield opened


def seal_now(engine: Engine, archive: Path) -> None:
    seal(engine, LocalArchive(archive), clock=lambda: NOON)


def found(reads: Reads, **question) -> list[int]:
    return [read.seq for read in reads.find(Question(**question)).reads]


class TestPlan:
    """Pure: no database, no file."""

    @given(st.text(max_size=20))
    def test_what_a_person_types_never_reaches_the_sql(self, typed: str) -> None:
        question = Question(plate="ABC123", cameras=(typed,), limit=5)
        every = Sources(("files", "days", "months"), updated=True, improved=True, wanted=True)
        sql = reads_sql(plan(question), every)
        assert sql == reads_sql(plan(Question(plate="X", cameras=("c",), limit=5)), every)
        assert plan(question).parameters["camera_0"] == typed

    @pytest.mark.parametrize("plate", ["ABC'; DROP TABLE hot", "ÁBC123", "A" * 13, "ABC%", "-"])
    def test_what_is_no_plate_is_refused(self, plate: str) -> None:
        with pytest.raises(QueryError, match="not a plate"):
            plan(Question(plate=plate))

    @pytest.mark.parametrize("typed", ["abc123", "ABC 123", "ABC-123", "abc·123", "A.B.C.123"])
    def test_case_and_separators_do_not_matter(self, typed: str) -> None:
        assert plan(Question(plate=typed)).parameters["plate"] == "ABC123"

    def test_a_pattern_of_wildcards_alone_is_answered_of_a_camera_or_a_time(self) -> None:
        pattern = compile_pattern("???")
        assert plan(Question(pattern=pattern, cameras=("cam-1",))).parameters["spelt"] == "___"
        assert plan(Question(pattern=pattern, since=NOON)).condition.startswith("true AND captured_at")

    def test_dates_are_utc(self) -> None:
        evening = datetime(2025, 3, 4, 19, 30, tzinfo=BOGOTA)
        planned = plan(Question(since=evening, until=evening + timedelta(hours=1)))
        assert [day.isoformat() for day in planned.dates] == ["2025-03-05", "2025-03-05"]

    @pytest.mark.parametrize(
        ("question", "wrong"),
        [
            (Question(plate="ABC123", pattern=compile_pattern("A*")), "not two of them"),
            (Question(pattern=compile_pattern("?*")), "needs a character, a camera, an area or a time"),
            (Question(), "needs a plate, a camera, an area or a time"),
            (Question(plate="ABC123", limit=0), "limit 0"),
            (Question(plate="ABC123", limit=1_000_001), "limit 1000001"),
            (Question(since=NOON, until=NOON), "empty time span"),
            (Question(since=NOON.replace(tzinfo=None)), "without a zone"),
            (Question(cameras=tuple("c" * 501)), "501 cameras"),
        ],
    )
    def test_a_wrong_question_is_told_why(self, question: Question, wrong: str) -> None:
        with pytest.raises(QueryError, match=wrong):
            plan(question)


def test_nothing_yet_answers_nothing(reads: Reads) -> None:
    assert reads.find(Question(plate="ABC123")).reads == ()
    assert reads.counts(Question(since=NOON)).hours == ()
    assert (reads.totals().hot, reads.totals().archived) == (0, 0)


def test_hot_and_sealed_rows_answer_as_one(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2, plate="XYZ987")])
    seal_now(engine, archive)
    put(engine, [a_read(3), a_read(4, plate="XYZ987")])
    assert found(reads, plate="ABC123") == [3, 1]
    assert found(reads, plate="XYZ987") == [4, 2]
    assert found(reads, plate="ABC128") == []
    assert (reads.totals().hot, reads.totals().archived) == (2, 2)


def test_a_read_looks_the_same_before_and_after_sealing(reads: Reads, engine: Engine, archive: Path) -> None:
    late = a_read(2, captured_at=NOON - timedelta(days=3), country=None, plate_class=None, direction=None)
    put(engine, [a_read(1, lane="2", preset="north"), late], received_at=NOON + timedelta(seconds=9))
    before = reads.find(Question(plate="ABC123"))
    seal_now(engine, archive)
    after = reads.find(Question(plate="ABC123"))
    assert before == after
    first, second = after.reads
    assert first.captured_at == NOON + timedelta(seconds=1)
    assert first.received_at == NOON + timedelta(seconds=9)
    assert (first.first_at, first.last_at) == (NOON + timedelta(seconds=0.5), NOON + timedelta(seconds=1.5))
    assert first.likelihood == 0.7912
    assert (first.lane, first.preset, first.country, first.plate_class) == ("2", "north", "CO", "private")
    assert (second.country, second.plate_class, second.direction) == (None, None, None)
    assert second.received_at - second.captured_at > timedelta(days=3)


def test_details_are_the_same_before_and_after_sealing(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1, plate_raw="A8C-123"), a_read(2)])
    question = Question(plate="ABC123")
    before = reads.find(question, detailed=True)
    seal_now(engine, archive)
    assert reads.find(question, detailed=True) == before
    second, first = before.reads
    assert isinstance(first, DetailedRead)
    assert isinstance(second, DetailedRead)
    assert (first.plate_raw, second.plate_raw) == ("A8C-123", "ABC123")
    assert first.characters is not None
    assert "".join(position.char for position in first.characters) == "ABC123"
    sure, doubted = first.characters[:2]
    assert (sure.likelihood, sure.alternatives) == (1.0, ())
    assert doubted.likelihood == pytest.approx(0.79, rel=0.011)
    assert [(a.char, pytest.approx(a.likelihood, rel=0.011)) for a in doubted.alternatives] == [("8", 0.2)]
    assert first.box is not None
    box = (first.box.x, first.box.y, first.box.width, first.box.height)
    assert box == pytest.approx((0.25, 0.5, 0.1, 0.05), abs=2e-4)
    plain = reads.find(question)
    assert [(read.seq, read.plate) for read in plain.reads] == [(2, "ABC123"), (1, "ABC123")]
    assert not any(isinstance(read, DetailedRead) for read in plain.reads)


def test_an_update_brings_its_own_details(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1)])
    seal_now(engine, archive)
    put(engine, [a_read(1, plate_raw="ABC.123")], table=late_update, update_seq=1)
    (read,) = reads.find(Question(plate="ABC123"), detailed=True).reads
    assert isinstance(read, DetailedRead)
    assert read.plate_raw == "ABC.123"


def test_a_message_that_cannot_be_read_again_has_no_details(reads: Reads, engine: Engine) -> None:
    put(engine, [a_read(1)])
    with engine.begin() as connection:
        connection.execute(update(hot_read).values(message="{}"))
    (read,) = reads.find(Question(plate="ABC123"), detailed=True).reads
    assert isinstance(read, DetailedRead)
    assert (read.plate_raw, read.characters, read.box) == ("ABC123", None, None)


def test_camera_and_window(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq, camera_id=f"cam-{seq % 3}") for seq in range(1, 31)])
    seal_now(engine, archive)
    put(engine, [a_read(seq, camera_id=f"cam-{seq % 3}") for seq in range(31, 61)])
    window = {"since": NOON + timedelta(seconds=10), "until": NOON + timedelta(seconds=40)}
    assert found(reads, cameras=("cam-1",), **window) == [s for s in range(39, 9, -1) if s % 3 == 1]
    assert found(reads, cameras=("cam-1", "cam-2"), **window) == [s for s in range(39, 9, -1) if s % 3]
    assert found(reads, cameras=("nowhere",), **window) == []
    assert found(reads, **window) == list(range(39, 9, -1))


def test_only_the_days_of_the_question_are_opened(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(day, captured_at=NOON + timedelta(days=day)) for day in range(1, 8)])
    seal_now(engine, archive)
    for file in archive.glob("reads/captured_date=2025-03-0[5-8]/*.parquet"):
        file.write_bytes(b"damaged")
    since = NOON + timedelta(days=4, hours=12)
    assert found(reads, plate="ABC123", since=since) == [7, 6, 5]
    opened = reads.find(Question(plate="ABC123", since=since - timedelta(days=1)))
    assert [lost.day.isoformat() for lost in opened.missing] == ["2025-03-08"]


def test_a_cut_answer_says_so(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 4)])
    seal_now(engine, archive)
    put(engine, [a_read(seq) for seq in range(4, 6)])
    three = reads.find(Question(plate="ABC123", limit=3))
    assert [read.seq for read in three.reads] == [5, 4, 3]
    assert three.cut
    five = reads.find(Question(plate="ABC123", limit=5))
    assert len(five.reads) == 5
    assert not five.cut
    assert reads.counts(Question(plate="ABC123", limit=1)).cut is False


def test_counts_by_camera_and_hour(reads: Reads, engine: Engine, archive: Path) -> None:
    hour = timedelta(hours=1)
    put(engine, [a_read(1), a_read(2), a_read(3, captured_at=NOON + hour)])
    seal_now(engine, archive)
    put(engine, [a_read(4, captured_at=NOON + hour), a_read(5, camera_id="cam-2", captured_at=NOON + hour)])
    assert reads.counts(Question(since=NOON)).hours == (
        HourCount("cam-1", NOON + hour, 2),
        HourCount("cam-2", NOON + hour, 1),
        HourCount("cam-1", NOON, 2),
    )


def test_arrivals_are_found_by_when_they_came(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1)], received_at=NOON + timedelta(minutes=1))
    put(engine, [a_read(2)], received_at=NOON + timedelta(minutes=2))
    seal_now(engine, archive)
    put(engine, [a_read(3, captured_at=NOON - timedelta(days=2))], received_at=NOON + timedelta(minutes=3))
    put(engine, [a_read(4)], received_at=NOON + timedelta(minutes=1))
    assert found(reads, arrived_since=NOON + timedelta(minutes=2)) == [2, 3]


def test_late_updates_win_over_hot_and_sealed_rows(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2)])
    seal_now(engine, archive)
    put(engine, [a_read(3)])
    put(engine, [a_read(2, plate="ABC128"), a_read(3, plate="ABC128")], table=late_update, update_seq=1)
    for _ in range(2):
        assert found(reads, plate="ABC123") == [1]
        assert found(reads, plate="ABC128") == [3, 2]
        assert found(reads, since=NOON) == [3, 2, 1]
        seal_now(engine, archive)


def test_rows_of_a_seal_that_is_cut_off_at_any_step_are_there_once(
    reads: Reads, engine: Engine, archive: Path
) -> None:
    """At every statement that sealing sends, another connection asks: the answer is always the same."""
    put(engine, [a_read(seq) for seq in range(1, 8)])
    seal_now(engine, archive)
    put(engine, [a_read(seq) for seq in range(8, 12)])
    put(engine, [a_read(3, votes=4)], table=late_update, update_seq=1)
    sealing = open_database(str(engine.url))
    answers = []

    def ask(_connection, _cursor, statement: str, *_: object) -> None:
        if not statement.startswith("PRAGMA"):
            answers.append(found(reads, plate="ABC123"))

    event.listen(sealing, "before_cursor_execute", ask)
    seal(sealing, LocalArchive(archive), clock=lambda: NOON, chunk_rows=2)
    sealing.dispose()
    assert len(answers) > 30
    assert all(answer == list(range(11, 0, -1)) for answer in answers)


def test_a_seal_that_ends_between_archive_and_database_is_noticed(
    reads: Reads, engine: Engine, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is opened, a whole seal runs, then the database is read: without a second look, rows are lost."""
    put(engine, [a_read(1)])
    seal_now(engine, archive)
    put(engine, [a_read(2)])
    real, turns = Tables.view, []

    def look_then_seal(tables: Tables, layout: Layout):
        view = real(tables, layout)
        if layout is READS:
            turns.append(len(turns))
            if len(turns) == 1:
                seal_now(engine, archive)
        return view

    monkeypatch.setattr(Tables, "view", look_then_seal)
    assert found(reads, plate="ABC123") == [2, 1]
    assert len(turns) == 2


def test_the_wrong_archive_is_named(engine: Engine, archive: Path, tmp_path: Path) -> None:
    put(engine, [a_read(1)])
    seal_now(engine, archive)
    with (
        Reads(engine, LocalArchive(tmp_path / "elsewhere"), QuerySettings(), rules=LASTING) as reads,
        pytest.raises(StoreError, match="not the archive of this database"),
    ):
        reads.find(Question(plate="ABC123"))


def test_an_open_seal_hides_no_row(reads: Reads, engine: Engine, archive: Path) -> None:
    put(engine, [a_read(1), a_read(2)])
    with engine.begin() as connection:
        connection.execute(insert(seal_table).values(seal_id=1, state="open", rows=1, started_us=to_us(NOON)))
        connection.execute(update(hot_read).where(hot_read.c.seq == 1).values(seal_id=1))
    assert found(reads, plate="ABC123") == [2, 1]


@pytest.mark.parametrize("timeout_s", [0.1, 1e-6])
def test_an_answer_that_takes_too_long_is_given_up(tmp_path: Path, timeout_s: float) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=timeout_s, memory_mb=256)
    duck.begin()
    with pytest.raises(TimedOutError, match="no answer within"):
        duck.run(ENDLESS, {}, {})
    duck.close()


def test_a_given_up_answer_does_not_spoil_the_next(tmp_path: Path) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=2, memory_mb=256)
    duck.begin()
    with pytest.raises(TimedOutError):
        duck.run(ENDLESS, {}, {})
    with pytest.raises(TimedOutError):  # its time is over, however quick the rest of it may be
        duck.run("SELECT 1 AS one", {}, {})
    duck.begin()
    assert duck.run("SELECT 1 AS one", {}, {}).to_pylist() == [{"one": 1}]
    duck.close()


def test_an_answer_is_given_up_from_another_thread(tmp_path: Path) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=60, memory_mb=256)
    duck.begin()
    canceller = Timer(0.3, duck.cancel)
    canceller.start()
    with pytest.raises(CancelledError):
        duck.run(ENDLESS, {}, {})
    canceller.join()
    with pytest.raises(CancelledError):  # still the same question
        duck.run("SELECT 1 AS one", {}, {})
    duck.begin()
    assert duck.run("SELECT 1 AS one", {}, {}).to_pylist() == [{"one": 1}]
    duck.close()


def test_ctrl_c_ends_an_answer_as_it_ends_any_program(tmp_path: Path) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=60, memory_mb=256)
    duck.begin()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    pressing = Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    pressing.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            duck.run(ENDLESS, {}, {})
    finally:
        pressing.join()
        signal.signal(signal.SIGINT, before)
    assert duck.run("SELECT 1 AS one", {}, {}).to_pylist() == [{"one": 1}]
    duck.close()


def test_the_thread_that_answers_is_there_before_any_question(tmp_path: Path) -> None:
    """Ctrl-C while it begins would leave it running, with an answer that nobody gives up."""
    before = set(threading.enumerate())
    duck = Duck(LocalArchive(tmp_path), timeout_s=60, memory_mb=256)
    (answering,) = set(threading.enumerate()) - before
    duck.begin()
    assert duck.run("SELECT a FROM given", {}, {"given": pa.table({"a": [1]})}).to_pylist() == [{"a": 1}]
    assert set(threading.enumerate()) - before == {answering}
    duck.close()
    assert not answering.is_alive()


def test_ctrl_c_while_a_question_is_handed_over_leaves_nothing_that_goes_on(tmp_path: Path) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=60, memory_mb=256)
    duck.begin()
    hand_over = duck._worker.submit

    def interrupted(*work: object) -> None:
        hand_over(*work)  # type: ignore[arg-type]
        duck._worker.submit = hand_over
        raise KeyboardInterrupt

    duck._worker.submit = interrupted
    with pytest.raises(KeyboardInterrupt):
        duck.run(ENDLESS, {}, {})
    duck.close()


def test_a_question_is_cancelled_while_its_rows_are_fetched(reads: Reads, engine: Engine) -> None:
    put(engine, [a_read(1)])
    cancelling = [True]

    def cancel(*_: object) -> None:
        if cancelling:
            cancelling.pop()
            reads.cancel()

    event.listen(engine, "before_cursor_execute", cancel)
    with pytest.raises(CancelledError):
        found(reads, plate="ABC123")
    assert found(reads, plate="ABC123") == [1]


def test_an_answer_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=20, memory_mb=64)
    duck.begin()
    with pytest.raises(QueryError, match="cannot answer"):
        duck.run("SELECT list(range) FROM range(100000000)", {}, {})
    duck.close()


class LentArchive(LocalArchive):
    """An archive that thinks eight threads best, or lets nobody read."""

    fault: duckdb.Error | None = None

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: Event) -> None:
        if self.fault is not None:
            raise self.fault
        duck.execute("SET threads = 8")


@pytest.mark.parametrize(("given", "used"), [(1, 1), (None, 8)])
def test_an_answer_takes_as_many_threads_as_were_given_whatever_the_archive_likes(
    tmp_path: Path, given: int | None, used: int
) -> None:
    duck = Duck(LentArchive(tmp_path), timeout_s=20, memory_mb=256, threads=given)
    duck.begin()
    assert duck.run("SELECT current_setting('threads') AS n", {}, {}).to_pylist() == [{"n": used}]
    duck.close()


def test_a_duckdb_that_cannot_begin_is_a_fault_of_the_store(tmp_path: Path) -> None:
    archive = LentArchive(tmp_path)
    archive.fault = duckdb.IOException("no more memory for threads")
    with pytest.raises(StoreError, match="archive cannot be opened: no more memory"):
        Duck(archive, timeout_s=20, memory_mb=256)


def test_a_duckdb_that_went_down_is_replaced_and_each_question_meanwhile_told_so(tmp_path: Path) -> None:
    archive = LentArchive(tmp_path)
    duck = Duck(archive, timeout_s=20, memory_mb=256)
    duck.begin()
    duck._duck.close()
    archive.fault = duckdb.IOException("no more memory for threads")
    for _ in range(2):
        with pytest.raises(StoreError, match="archive cannot be opened"):
            duck.run("FROM one", {}, {"one": pa.table({"a": [1]})})
    archive.fault = None
    with pytest.raises(QueryError, match="cannot answer"):
        duck.run("FROM one", {}, {"one": pa.table({"a": [1]})})
    assert duck.run("FROM one", {}, {"one": pa.table({"a": [1]})}).to_pylist() == [{"a": 1}]
    duck.close()


def test_what_arrow_cannot_take_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duck = Duck(LocalArchive(tmp_path), timeout_s=20, memory_mb=256)
    duck.begin()
    with pytest.raises(QueryError, match="cannot answer"):
        duck.run("FROM one", {}, {"one": object()})

    def fail(*_: object) -> None:
        raise pa.ArrowInvalid("offset overflow")

    monkeypatch.setattr(duck, "_answer", fail)
    with pytest.raises(QueryError, match="cannot answer: offset overflow"):
        duck.run("SELECT 1", {}, {})
    duck.close()


def test_duckdb_reads_nothing_but_the_archive(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", encoding="utf-8")
    duck = Duck(LocalArchive(tmp_path / "archive"), timeout_s=20, memory_mb=256)
    duck.begin()
    with pytest.raises(QueryError, match="file system operations are disabled"):
        duck.run("SELECT * FROM read_csv($file)", {"file": str(secret)}, {})
    for sql in ("SET enable_external_access = true", "INSTALL httpfs"):
        with pytest.raises(QueryError):
            duck.run(sql, {}, {})
    duck.close()
