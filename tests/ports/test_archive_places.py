"""The archive does the same in a folder of this machine and in a bucket of a real S3 server."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from archived import archived_rows
from central_city import FIRST, City
from central_reads import LASTING, NOON, a_read, put
from sqlalchemy import Engine, func, select, update

from central.archive.files import write_file
from central.archive.place import Archive
from central.archive.schema import DERIVED, HOURS, READS
from central.archive.table import commit, live_files, open_archive
from central.archive.write import seal
from central.db import hot_read, late_update, open_database
from central.db import seal as seal_table
from central.errors import QueryError, StoreError
from central.maintain import Round, maintain
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings

BOGOTA = ZoneInfo("America/Bogota")
MONTH_OVER = datetime(2025, 2, 3, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield opened
    opened.dispose()


@pytest.fixture
def city(engine: Engine, tmp_path: Path, archive: Archive) -> City:
    return City(engine, tmp_path / "archive", archive)


@pytest.fixture
def reads(engine: Engine, archive: Archive) -> Iterator[Reads]:
    with Reads(engine, archive, QuerySettings(), rules=LASTING) as opened:
        yield opened


def answers(reads: Reads) -> list[object]:
    found: list[object] = [reads.find(Question(plate="ABC003"), detailed=True), reads.totals().archived]
    found += [reads.find(Question(pattern=compile_pattern(text))) for text in ("AB*", "?BC00?", "NEW*")]
    found += [reads.find(Question(cameras=("cam-1",), since=FIRST, until=FIRST + timedelta(days=2)))]
    found += [reads.seen(Question(plate="ABC001")), reads.counts(Question(cameras=("cam-1", "cam-3")))]
    return [*found, reads.heatmap(Question(since=FIRST), zone=BOGOTA)]


def seqs(archive: Archive) -> Counter[int]:
    table = open_archive(archive)
    return Counter([] if table is None else archived_rows(table, ["seq"])["seq"].to_pylist())


def hot_rows(engine: Engine) -> int:
    with engine.begin() as connection:
        return connection.scalar(select(func.count()).select_from(hot_read)) or 0


def test_the_life_of_an_archive(city: City, reads: Reads) -> None:
    for day in range(5):  # 30 January to 3 February
        for hour in (0, 9):
            city.read(FIRST + timedelta(days=3 + day, hours=hour))
    row = next(r for r in city.rows() if r["captured_date"] == (FIRST + timedelta(days=4)).date())
    city.improve(row["seq"], row["captured_at"], plate="NEW123", camera_id=row["camera_id"])
    before, there = answers(reads), city.identities()
    assert sum(there.values()) == 120
    done = city.maintain(MONTH_OVER)
    assert (len(done.closed), len(done.derived), done.merged) == (4, 4, ("2025-01",))
    assert answers(reads) == before
    city.read(FIRST + timedelta(days=3, hours=1))  # late, into a closed day of a merged month
    held = [read.seq for read in reads.find(Question(cameras=("cam-0", "cam-1", "cam-2", "cam-3"))).reads]
    assert Counter(held) == Counter(range(1, 133))
    assert len(city.maintain(MONTH_OVER).closed) == 1
    assert city.maintain(MONTH_OVER) == Round((), (), (), 0)
    city.check_held()
    assert sum(hour.reads for hour in reads.counts(Question(since=FIRST)).hours) == 132


def test_what_was_replaced_is_swept_and_nothing_else(city: City, reads: Reads, archive: Archive) -> None:
    for hour in (0, 3):
        city.read(FIRST + timedelta(hours=hour))
    city.maintain(FIRST + timedelta(days=2))
    day = f"reads/captured_date={FIRST:%Y-%m-%d}"
    before = answers(reads)
    assert len(archive.files(day)) == 3
    without_grace = city.settings.model_copy(update={"grace_h": 0})
    assert maintain(city.engine, archive, without_grace, clock=lambda: city.now).swept == 2
    (left,) = archive.files(day)
    assert left.startswith(f"{day}/day-")
    assert answers(reads) == before
    assert [len(archive.files(f"{layout.folder}/_delta_log")) > 0 for layout in DERIVED] == [True] * len(
        DERIVED
    )


def test_reads_whose_time_is_over_are_removed(city: City) -> None:
    for day in range(3):
        city.read(FIRST + timedelta(days=day))
    city.maintain(FIRST + timedelta(days=4))
    cut = FIRST.replace(hour=0) + timedelta(days=1)
    left = Counter(row["seq"] for row in city.rows() if row["captured_at"] >= cut)
    assert sum(left.values()) == 24
    city.retain(cut + timedelta(days=30), keep_days=30)
    assert Counter(row["seq"] for row in city.rows()) == left
    city.maintain(FIRST + timedelta(days=4))
    city.check()


def test_readers_never_notice_a_seal(engine: Engine, archive: Archive) -> None:
    put(engine, [a_read(seq) for seq in range(1, 61)])
    over = threading.Event()
    found: list[list[int]] = []

    def ask() -> None:
        with Reads(engine, archive, QuerySettings(), rules=LASTING) as reads:
            while not over.is_set():
                found.append([read.seq for read in reads.find(Question(plate="ABC123")).reads])

    asking = threading.Thread(target=ask)
    asking.start()
    while not found:
        over.wait(0.01)
    seal(engine, archive, clock=lambda: NOON, chunk_rows=15)
    over.set()
    asking.join()
    assert len(found) > 1
    assert all(answer == list(range(60, 0, -1)) for answer in found)
    assert seqs(archive) == Counter(range(1, 61))


def test_an_update_over_midnight_moves_the_row(engine: Engine, archive: Archive) -> None:
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    put(engine, [a_read(1, captured_at=midnight - timedelta(seconds=0.2)), a_read(2)])
    seal(engine, archive, clock=lambda: NOON)
    late = a_read(1, captured_at=midnight + timedelta(seconds=0.3), plate="NEW123")
    put(engine, [late], table=late_update, update_seq=1)
    seal(engine, archive, clock=lambda: NOON)
    table = open_archive(archive)
    assert table is not None
    rows = {row["seq"]: row for row in archived_rows(table).to_pylist()}
    assert (rows[1]["plate"], rows[1]["captured_date"]) == ("NEW123", midnight.date())
    assert seqs(archive) == Counter([1, 2])


def test_a_seal_that_was_cut_off_after_its_commit_is_finished(engine: Engine, archive: Archive) -> None:
    put(engine, [a_read(1)])
    seal(engine, archive, clock=lambda: NOON)
    as_before_the_end(engine)
    seal(engine, archive, clock=lambda: NOON)
    assert hot_rows(engine) == 0
    assert seqs(archive) == Counter([1])


def test_a_seal_whose_file_is_gone_keeps_the_rows(engine: Engine, archive: Archive) -> None:
    put(engine, [a_read(1)])
    seal(engine, archive, clock=lambda: NOON)
    as_before_the_end(engine)
    (file,) = archive.files(f"reads/captured_date={NOON:%Y-%m-%d}")
    archive.delete(file)
    with pytest.raises(StoreError, match="seal 1 cannot be forced"):
        seal(engine, archive, clock=lambda: NOON)
    assert hot_rows(engine) == 1


def as_before_the_end(engine: Engine) -> None:
    """A seal as it was between its commit and the deletion of its rows."""
    put(engine, [a_read(1)])
    with engine.begin() as connection:
        connection.execute(update(hot_read).values(seal_id=1))
        connection.execute(update(seal_table).values(state="open", finished_us=None))


def test_of_two_commits_that_remove_the_same_file_one_is_made(engine: Engine, archive: Archive) -> None:
    put(engine, [a_read(1), a_read(2)])
    seal(engine, archive, clock=lambda: NOON)
    one, other = open_archive(archive), open_archive(archive)
    assert one is not None
    assert other is not None
    (file,) = live_files(one)
    rows = archived_rows(one).drop_columns("captured_date")
    for table, name in ((one, "day-a"), (other, "day-b")):
        again = write_file(archive, READS, file.partition, name, [rows])
        assert again is not None
        if table is one:
            commit(table, READS, add=[again], remove=[file])
        else:
            with pytest.raises(Exception, match="atalaya-removing|oncurrent"):
                commit(table, READS, add=[again], remove=[file])
    assert seqs(archive) == Counter([1, 2])


def test_a_file_is_there_whole_or_not_at_all(archive: Archive) -> None:
    archive.prepare()
    rows = pa.Table.from_pylist([{"camera_id": "cam-1", "hour": 3, "reads": 7}], schema=HOURS.columns)

    def broken() -> Iterator[pa.Table]:
        yield rows
        raise OSError("the other half cannot be read")

    month = {"year": 2025, "month": 3}
    with pytest.raises(OSError, match="the other half"):
        write_file(archive, HOURS, month, "broken.parquet", broken())
    assert write_file(archive, HOURS, month, "empty.parquet", []) is None
    written = write_file(archive, HOURS, month, "whole.parquet", [rows])
    assert written is not None
    assert archive.files("hours/year=2025/month=3") == ["hours/year=2025/month=3/whole.parquet"]
    assert archive.size("hours/year=2025/month=3/whole.parquet") == written.size
    assert len(archive.read("hours/year=2025/month=3/whole.parquet")) == written.size
    assert [path.name for path in archive.scratch.glob("_spill-*")] == []
    archive.delete("hours/year=2025/month=3/whole.parquet")
    archive.delete("hours/year=2025/month=3/whole.parquet")
    with pytest.raises(FileNotFoundError):
        archive.size("hours/year=2025/month=3/whole.parquet")
    with pytest.raises(FileNotFoundError):
        archive.read("hours/year=2025/month=3/whole.parquet")


def test_where_nothing_was_archived_nothing_is_found(reads: Reads, archive: Archive, city: City) -> None:
    assert reads.find(Question(plate="ABC123")).reads == ()
    assert reads.totals().archived == 0
    assert open_archive(archive) is None
    assert city.maintain(FIRST) == Round((), (), (), 0)


def test_a_question_reads_the_archive_and_nothing_else(
    reads: Reads, archive: Archive, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("not for you")
    for place in (str(tmp_path / "secret"), f"file://{tmp_path}/secret", "s3://other/secret"):
        reads._asker._duck.begin()
        with pytest.raises(QueryError, match="the archive cannot answer: "):
            reads._asker._duck.run("SELECT * FROM read_text($file)", {"file": place}, {})
