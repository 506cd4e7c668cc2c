"""What a question shows is proven by the row groups that it can be out of, and by no others."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.archive.files import write_file
from central.archive.place import LocalArchive
from central.archive.proof import Prover, Sought
from central.archive.schema import PARTITION, READS
from central.archive.table import LiveFile
from central.bench.history import reads_of

DAY = date(2026, 6, 1)
GROUP_ROWS = 200
GROUPS = 5


class WatchedArchive(LocalArchive):
    """Tells which bytes were asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[tuple[int, int]] = []

    @contextmanager
    def open(self, name: str) -> Iterator[Any]:  # type: ignore[override]  # as much of a file as is asked for
        with super().open(name) as source:
            yield _Watched(source, self.asked)


class _Watched:
    def __init__(self, source: pa.NativeFile, asked: list[tuple[int, int]]) -> None:
        self._source, self._asked = source, asked
        self.size = source.size

    def read_at(self, length: int, offset: int) -> bytes:
        self._asked.append((offset, length))
        return bytes(self._source.read_at(length, offset))


class Written:
    """A file of reads in order of plates, of some row groups."""

    def __init__(self, archive: WatchedArchive, path: Path, file: LiveFile) -> None:
        self.archive, self.path, self.file = archive, path, file
        self.content = path.read_bytes()
        metadata = pq.read_metadata(path)
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        names = [groups[0].column(number).path_in_schema for number in range(metadata.num_columns)]
        plates = [group.column(names.index("plate")).statistics for group in groups]
        self.first_plates = [statistics.min for statistics in plates]
        self.last_plates = [statistics.max for statistics in plates]
        starts = [
            min(c.dictionary_page_offset or c.data_page_offset for c in map(group.column, range(len(names))))
            for group in groups
        ]
        sizes = [
            sum(c.total_compressed_size for c in map(group.column, range(len(names)))) for group in groups
        ]
        self.spans = [(start, start + size) for start, size in zip(starts, sizes, strict=True)]

    def inside(self, number: int) -> str:
        """A plate that stands in this row group and in no other."""
        plates = (
            pq.ParquetFile(pa.BufferReader(self.content))
            .read_row_group(number, ["plate"])["plate"]
            .to_pylist()
        )
        return next(p for p in plates if self.first_plates[number] < p < self.last_plates[number])

    def hit(self, at: int) -> None:
        content = bytearray(self.content)
        content[at] ^= 0x04
        self.path.write_bytes(content)

    def fault(self, **sought: Any) -> str | None:
        return Prover(self.archive).fault(READS, self.file, Sought(**sought))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    archive = WatchedArchive(tmp_path_factory.mktemp("archive"))
    rows = reads_of(DAY, GROUP_ROWS * GROUPS).sort_by("plate").drop_columns(PARTITION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("central.archive.files.ROW_GROUP_ROWS", GROUP_ROWS)
        made = write_file(archive, READS, {PARTITION: DAY}, "day.parquet", [rows])
    assert made is not None
    live = LiveFile(made.name, made.partition, made.rows, made.size, datetime.now(UTC))
    found = Written(archive, archive.scratch / READS.folder / made.name, live)
    assert len(found.spans) == GROUPS
    return found


@pytest.fixture(autouse=True)
def _whole_again(written: Written) -> Iterator[None]:
    written.archive.asked.clear()
    yield
    written.path.write_bytes(written.content)


def test_of_a_plate_only_its_row_group_is_read_and_once(written: Written) -> None:
    prover = Prover(written.archive)
    sought = Sought(plates=[written.inside(3)])
    assert prover.fault(READS, written.file, sought) is None
    pages = [(offset, long) for offset, long in written.archive.asked if offset < written.spans[-1][1]]
    begin, end = written.spans[3]
    assert pages == [(begin, end - begin)]
    written.archive.asked.clear()
    assert prover.fault(READS, written.file, sought) is None
    assert written.archive.asked == []


@pytest.mark.parametrize("number", range(GROUPS))
def test_a_hit_in_a_row_group_is_told_to_those_alone_who_seek_there(written: Written, number: int) -> None:
    begin, end = written.spans[number]
    written.hit((begin + end) // 2)
    inside = written.inside(number)
    assert written.fault(plates=[inside]) == "its pages are not what was written"
    assert written.fault() is not None
    beside = [written.inside(other) for other in range(GROUPS) if other != number]
    assert written.fault(plates=beside) is None
    assert written.fault(plates=sorted([*beside, inside])) is not None


@given(data=st.data())
def test_no_bit_of_rows_or_footer_flips_unnoticed(written: Written, data: st.DataObject) -> None:
    """The page index between them tells DuckDB where pages are, and makes no rows."""
    footer = len(written.content) - 8 - int.from_bytes(written.content[-8:-4], "little")
    regions = st.integers(0, written.spans[-1][1] - 1) | st.integers(footer, len(written.content) - 1)
    written.hit(data.draw(regions))
    assert written.fault() is not None


def test_a_time_that_no_row_group_has_needs_none(written: Written) -> None:
    written.hit(written.spans[0][0] + 50)
    morning = datetime(2026, 6, 1, tzinfo=UTC)
    assert written.fault(until=morning) is None
    assert written.fault(since=morning + timedelta(days=1)) is None
    assert written.fault(since=morning, until=morning + timedelta(days=1)) is not None
    assert written.fault(cameras=["cam-~"]) is None
    assert written.fault(cameras=["cam-100"]) is not None


def test_what_is_short_or_gone_is_told(written: Written) -> None:
    written.path.write_bytes(written.content[:-20])
    assert written.fault() == f"{written.file.size - 20} of {written.file.size} bytes"
    written.path.write_bytes(b"")
    assert written.fault() == f"0 of {written.file.size} bytes"
    written.path.unlink()
    assert written.fault() == "is not there"


def test_of_a_file_without_checksums_there_is_nothing_to_read(tmp_path: Path) -> None:
    """Earlier versions wrote such."""
    archive, name = WatchedArchive(tmp_path), "captured_date=2026-06-01/old.parquet"
    path = tmp_path / READS.folder / name
    path.parent.mkdir(parents=True)
    pq.write_table(reads_of(DAY, 50).drop_columns(PARTITION), path)
    live = LiveFile(name, {PARTITION: str(DAY)}, 50, path.stat().st_size, datetime.now(UTC))
    assert Prover(archive).fault(READS, live, Sought()) is None
    assert all(offset > 4 for offset, _ in archive.asked)
    path.write_bytes(path.read_bytes()[:-4] + b"????")
    assert Prover(archive).fault(READS, live, Sought()) == "it does not end as Parquet does"


def test_a_lost_checksum_is_missed(written: Written) -> None:
    at = written.content.rindex(b"ATALAYA1")
    written.hit(at)
    prover = Prover(written.archive)
    told = [prover.fault(READS, written.file, Sought()) for _ in range(2)]
    assert told == ["its checksum is damaged"] * 2


plates = st.text("AB1", min_size=1, max_size=3)


@given(
    sought=st.lists(plates, min_size=1).map(sorted),
    held=st.lists(plates, min_size=1),
    camera=st.none() | plates,
)
def test_no_row_group_that_holds_what_is_sought_is_passed_over(
    sought: list[str], held: list[str], camera: str | None
) -> None:
    spans = {"plate": (min(held), max(held)), "camera_id": ("A", "A")}
    may = Sought(plates=sought, cameras=None if camera is None else [camera]).may_be_in(spans)
    if set(sought) & set(held) and camera in (None, "A"):
        assert may
    if all(plate < min(held) or plate > max(held) for plate in sought) or camera not in (None, "A"):
        assert not may
