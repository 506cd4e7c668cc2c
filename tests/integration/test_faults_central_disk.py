"""Parts of the centre on a disk that is full or read-only: each raises a fault of ours and leaves nothing behind."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from central_city import FIRST, City
from central_messages import JPEG
from central_reads import LASTING, NOON, a_read, put
from disks import fill
from sqlalchemy import Engine

from central.access.key import open_key
from central.archive.packing import PackWriter
from central.archive.pictures import Packs
from central.archive.place import LocalArchive
from central.archive.sorter import sorter
from central.archive.storage import check_writable
from central.db import open_database
from central.erase.purge import purge
from central.errors import StoreError
from central.lock import exclusive
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.verify import verify


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


@pytest.fixture
def engine(disk: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{disk}/central.sqlite")
    yield engine
    engine.dispose()


def test_a_lock_is_had_on_a_full_disk_too(engine: Engine, disk: Path) -> None:
    fill(disk)
    with exclusive(engine, "maintaining", wait=False) as held:
        assert held is engine
        with (
            pytest.raises(StoreError, match=r"another one is maintaining already \(process \?\)"),
            exclusive(engine, "maintaining", wait=False),
        ):
            pytest.fail("two have it")


def test_a_database_that_finds_no_room_to_be_written_anew_is_as_it_was(engine: Engine, disk: Path) -> None:
    put(engine, [a_read(seq) for seq in range(1, 2001)])
    ballast = fill(disk)
    with pytest.raises(StoreError, match=rf"{disk}/central\.sqlite: cannot be written anew: .*full"):
        purge(engine)
    ballast.unlink()
    purge(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM hot_read").scalar_one() == 2000


def test_pictures_that_find_no_room_leave_no_pack_behind_however_often_they_are_tried(disk: Path) -> None:
    folder = disk / "pictures"
    with PackWriter(folder, max_bytes=100_000) as writer:
        (kept,) = writer.write([JPEG], at=NOON)
        ballast = fill(disk, leave=200_000)
        for _ in range(5):
            with pytest.raises(StoreError, match=rf"{folder}: a picture cannot be written: No space left"):
                writer.write([bytes(60_000)] * 8, at=NOON)
        assert [file.name for file in folder.rglob("*.pack")] == [Path(kept.pack).name]
        ballast.unlink()
        places = writer.write([JPEG, bytes(60_000)], at=NOON)
    packs = Packs(folder)
    assert [packs.read(place) for place in (kept, *places)] == [JPEG, JPEG, bytes(60_000)]


def test_packs_on_a_read_only_disk_are_read_and_neither_deleted_nor_blanked(disk: Path) -> None:
    with PackWriter(disk / "pictures") as writer:
        (place,) = writer.write([JPEG], at=NOON)
    read_only(disk)
    packs = Packs(disk / "pictures")
    assert packs.read(place) == JPEG
    for change in (packs.delete, lambda name: packs.blank(name, list)):
        with pytest.raises(StoreError, match=rf"{place.pack}: cannot be written: Read-only file system"):
            change(place.pack)


def test_where_nothing_can_be_spilt_nothing_is_sorted(disk: Path) -> None:
    read_only(disk)
    for folder in (disk, disk / "archive"):
        with (
            pytest.raises(StoreError, match=rf"{folder}: cannot be written: Read-only file system"),
            sorter(LocalArchive(folder), memory_mb=256),
        ):
            pytest.fail("it sorts")


def test_rows_that_were_given_up_may_outlive_their_sorter(disk: Path) -> None:
    """As those of a file that found no room: what is raised then would only be told to nobody."""
    with sorter(LocalArchive(disk), memory_mb=256) as duck:
        rows = duck.stream("FROM nothing", {}, {"nothing": pa.table({"seq": [1, 2, 3]})})
        next(rows)
    rows.close()


def test_of_a_read_only_archive_questions_are_answered_and_all_else_is_refused(
    disk: Path, tmp_path: Path
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    city = City(engine, disk / "archive")
    for day in (0, 1, 30):
        city.read(FIRST + timedelta(days=day))
    city.maintain(FIRST + timedelta(days=3))
    open_key(disk / "audit.key")
    before, now = city.identities(), FIRST + timedelta(days=40)
    read_only(disk)
    put(engine, [a_read(900, captured_at=FIRST + timedelta(days=30))])
    for refused in (city.seal, lambda: city.maintain(now), lambda: city.retain(now, keep_days=30)):
        with pytest.raises(StoreError, match=rf"{disk}/archive.*Read-only file system"):
            refused()
    with Reads(engine, city.archive, QuerySettings(), rules=LASTING) as reads:
        answer = reads.find(Question(since=FIRST - timedelta(days=1), limit=1000))
    assert answer.missing == ()
    assert sorted(read.seq for read in answer.reads) == [*range(1, 37), 900]
    assert verify(city.archive).faults == ()
    assert city.identities() == before
    engine.dispose()


def test_a_spill_that_ends_while_it_is_looked_at_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    city = City(engine, tmp_path / "archive")
    city.read(FIRST)
    glob = Path.glob
    gone = tmp_path / "archive" / "_spill-of-a-seal"
    monkeypatch.setattr(
        Path, "glob", lambda self, pattern: [*glob(self, pattern), *([gone] if "spill" in pattern else [])]
    )
    assert city.maintain(FIRST + timedelta(days=2)).closed == (FIRST.date(),)
    engine.dispose()


def test_only_what_can_never_be_written_is_refused(disk: Path) -> None:
    ballast = fill(disk)
    with suppress(OSError):  # nor is there an inode for it
        (disk / "more").mkdir()
    check_writable(disk)
    check_writable(disk / "archive" / "of" / "tomorrow")
    ballast.unlink()
    assert list(disk.iterdir()) in ([], [disk / "more"])
    read_only(disk)
    for folder in (disk, disk / "archive" / "of" / "tomorrow"):
        with pytest.raises(StoreError, match=rf"^{folder}: cannot be written: Read-only file system$"):
            check_writable(folder)
