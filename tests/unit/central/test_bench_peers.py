"""What the archive is compared with holds the very reads, and answers them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from central.archive.schema import PARTITION
from central.bench.history import reads_of
from central.bench.peers import QUESTIONS, Asked, Plain, measure

DAYS = (date(2026, 6, 1), date(2026, 6, 2))
READS = 2_000


@pytest.fixture(scope="module")
def reads() -> pa.Table:
    return pa.concat_tables([reads_of(day, READS) for day in DAYS])


@pytest.fixture(scope="module")
def files(reads: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> dict[date, list[Path]]:
    """Of each day two, as an archive has them before it is closed."""
    folder = tmp_path_factory.mktemp("reads")
    made = {}
    for number, day in enumerate(DAYS):
        of_day = reads.slice(number * READS, READS).drop_columns(PARTITION)
        made[day] = [folder / f"{day}-{half}.parquet" for half in (0, 1)]
        for half, path in enumerate(made[day]):
            pq.write_table(of_day.slice(half * READS // 2, READS // 2), path)
    return made


@pytest.fixture
def plain(files: dict[date, list[Path]], tmp_path: Path) -> Plain:
    peer = Plain(tmp_path / "plain")
    peer.fill(files, lambda _: None)
    return peer


def asked(reads: pa.Table) -> Asked:
    """A read that there is."""
    row = reads.slice(READS + 7, 1).to_pylist()[0]
    hour = row["captured_at"].replace(minute=0, second=0, microsecond=0)
    return Asked(row["plate"], row["camera_id"], hour.astimezone(UTC))


def expected(reads: pa.Table, about: Asked) -> dict[str, int]:
    rows = reads.select(["plate", "camera_id", "captured_at"]).to_pylist()
    plates, until = [row["plate"] for row in rows], about.since + timedelta(hours=2)
    begins, then = about.plate[:3], about.plate[4]
    return {
        "history": plates.count(about.plate),
        "prefix": sum(p.startswith(begins) and len(p) > 4 and p[4] == then for p in plates),
        "leading": len({p for p in plates if p[1:] == about.plate[1:] and p}),
        "camera": sum(
            r["camera_id"] == about.camera and about.since <= r["captured_at"] < until for r in rows
        ),
        "heatmap": len({(r["camera_id"], r["captured_at"].astimezone(UTC).hour) for r in rows}),
    }


def test_every_answer_is_that_of_the_reads(plain: Plain, reads: pa.Table) -> None:
    about = asked(reads)
    right = expected(reads, about)
    assert all(right.values())
    told: list[str] = []
    found = measure(plain, about, rows=len(reads), on_question=told.append)
    assert {name: took.rows for name, took in found.queries.items()} == right
    assert told == list(QUESTIONS)
    assert found.rows == 2 * READS
    on_disk = sum(file.stat().st_size for file in plain.folder.rglob("*.parquet"))
    assert found.bytes_per_row == on_disk / (2 * READS)


def test_each_day_is_one_file_in_order_of_time(plain: Plain) -> None:
    for day in DAYS:
        [file] = (plain.folder / f"{PARTITION}={day}").iterdir()
        times = pq.read_table(file, columns=["captured_at"])["captured_at"].to_pylist()
        assert times == sorted(times)
        assert len(times) == READS
        assert {moment.astimezone(UTC).date() for moment in times} == {day}


def test_what_is_there_is_not_taken_again(plain: Plain, files: dict[date, list[Path]]) -> None:
    before = {file: file.stat().st_mtime_ns for file in plain.folder.rglob("*.parquet")}
    days: list[date] = []
    plain.fill(files, days.append)
    assert days == []
    assert {file: file.stat().st_mtime_ns for file in plain.folder.rglob("*.parquet")} == before


def test_what_is_asked_leaves_no_quote_to_a_plate() -> None:
    parameters = Asked("AB'C12", "cam-1", datetime(2026, 6, 1, tzinfo=UTC)).parameters()
    assert parameters["plate"] == "AB'C12"
    assert "AB'C12" not in "".join(QUESTIONS.values())
