"""DuckDB reads a bucket's files through us, and a question that waits for the server ends when it shall."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from central.archive.lent import LentFiles
from central.archive.place import LocalArchive, plainly
from central.errors import CancelledError, StoreError, TimedOutError, UnreadableError
from central.query.duck import Duck

SQL = (
    "SELECT seq FROM read_parquet($files, hive_partitioning = false) WHERE seq >= 60000 ORDER BY seq LIMIT 2"
)
FILES = {"files": ["archive://reads/day.parquet"]}


class _File:
    """Counts what is asked of the server, and answers only while that answers."""

    def __init__(self, file: Any, owner: "Bucket") -> None:
        self._file, self._owner = file, owner

    def size(self) -> int:
        return int(self._file.size())

    def read_at(self, length: int, offset: int) -> bytes:
        self._owner.asked["read of the end" if offset + length == self.size() else "read"] += 1
        self._owner.wait()
        return bytes(self._file.read_at(length, offset))


class Bucket:
    """A file system of pyarrow's whose server may stall, or be away."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answers = threading.Event()
        self.answers.set()
        self.is_away = False
        self.asking = threading.Event()

    def open_input_file(self, path: str) -> _File:
        self.asked["open"] += 1
        return _File(fs.LocalFileSystem().open_input_file(path), self)

    def wait(self) -> None:
        self.asking.set()
        assert self.answers.wait(60)
        if self.is_away:
            raise OSError("When reading in bucket 'plates': connection refused")


class BucketArchive(LocalArchive):
    """An archive in it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.bucket = Bucket()

    def path(self, name: str) -> str:
        return f"archive://{name}"

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: threading.Event) -> None:
        duck.register_filesystem(LentFiles(self.bucket, str(self.scratch), given_up))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[BucketArchive]:
    (tmp_path / "reads").mkdir()
    pq.write_table(
        pa.table({"seq": range(100_000)}), tmp_path / "reads" / "day.parquet", row_group_size=10_000
    )
    made = BucketArchive(tmp_path)
    yield made
    made.bucket.answers.set()


def ask(archive: BucketArchive, duck: Duck) -> list[int]:
    duck.begin()
    return duck.run(SQL, FILES, {})["seq"].to_pylist()


def test_a_file_is_opened_once_and_its_footer_read_once(archive: BucketArchive) -> None:
    duck = Duck(archive, timeout_s=60, memory_mb=256)
    assert ask(archive, duck) == [60_000, 60_001]
    first = Counter(archive.bucket.asked)
    assert first["open"] == 1
    assert first["read of the end"] > 0
    assert ask(archive, duck) == [60_000, 60_001]
    again = archive.bucket.asked - first
    # How many rows are read before the limit is met is a matter of DuckDB's threads, and no sum to compare.
    assert set(again) == {"read"}, "the footer is known, the rows are not"
    duck.close()


def test_a_question_that_waits_for_the_server_ends_in_its_time(archive: BucketArchive) -> None:
    duck = Duck(archive, timeout_s=0.3, memory_mb=256)
    archive.bucket.answers.clear()
    with pytest.raises(TimedOutError, match=r"no answer within 0.3 s"):
        ask(archive, duck)
    archive.bucket.answers.set()
    other = Duck(archive, timeout_s=60, memory_mb=256)
    assert ask(archive, other) == [60_000, 60_001]
    for one in (duck, other):
        one.close()


def test_a_question_that_waits_for_the_server_is_cancelled_and_the_next_one_answered(
    archive: BucketArchive,
) -> None:
    duck = Duck(archive, timeout_s=60, memory_mb=256)
    archive.bucket.answers.clear()

    def cancel() -> None:
        assert archive.bucket.asking.wait(60)
        duck.cancel()

    cancelling = threading.Thread(target=cancel)
    cancelling.start()
    with pytest.raises(CancelledError):
        ask(archive, duck)
    cancelling.join()
    archive.bucket.answers.set()
    assert ask(archive, duck) == [60_000, 60_001]
    duck.close()


def test_a_server_that_is_away_is_named_in_one_line(archive: BucketArchive) -> None:
    duck = Duck(archive, timeout_s=60, memory_mb=256)
    archive.bucket.is_away = True
    with pytest.raises(StoreError) as caught:
        ask(archive, duck)
    message = str(caught.value)
    assert message == (
        "the archive cannot be reached: OSError: When reading in bucket 'plates': connection refused"
    )
    archive.bucket.is_away = False
    assert ask(archive, duck) == [60_000, 60_001]
    duck.close()


def test_a_file_that_is_not_there_is_the_file_s_fault(archive: BucketArchive) -> None:
    duck = Duck(archive, timeout_s=60, memory_mb=256)
    duck.begin()
    with pytest.raises(UnreadableError, match=r"FileNotFoundError: .*reads/other.parquet"):
        duck.run(SQL, {"files": ["archive://reads/other.parquet"]}, {})
    duck.close()


def test_ranges_are_cut_where_a_file_ends_and_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    files = LentFiles(fs.LocalFileSystem(), str(tmp_path), threading.Event())
    assert files.size("archive://file") == 10
    assert files.read_range("archive://file", 7, 99) == b"789"
    assert files.read_range("archive://file", 10, 1) == b""
    with closing(files.open("archive://file")) as opened:
        assert opened.read(3) == b"012"
        assert opened.read() == b"3456789"
        assert opened.seek(4) == 4
        assert (opened.tell(), opened.read(2), opened.tell()) == (4, b"45", 6)
    with pytest.raises(PermissionError):
        files.open("archive://file", "wb")
    with pytest.raises(FileNotFoundError):
        files.size("archive://none")


def test_each_thread_reads_from_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(range(256)))
    opened = LentFiles(fs.LocalFileSystem(), str(tmp_path), threading.Event()).open("archive://file")
    opened.seek(200)
    elsewhere = threading.Thread(target=lambda: opened.seek(3))
    elsewhere.start()
    elsewhere.join()
    assert opened.read(1) == bytes([200])


def test_a_fault_is_told_in_one_line_without_keys() -> None:
    answer = (
        "Kernel error\n   \x1b[31m\u21b3\x1b[0m 403 Forbidden\n    \x1b[31m\u21b3\x1b[0m "
        '<?xml version="1.0"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message>'
        "<AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>\n"
    )
    assert plainly(OSError(answer)) == "Kernel error 403 Forbidden SignatureDoesNotMatch"
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 3\nOSError: it is away\n'
    assert plainly(duckdb.Error(traceback)) == "OSError: it is away"
