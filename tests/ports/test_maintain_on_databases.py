"""Maintenance closes, derives, merges and sweeps, and no row is another one than before; on both databases."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from central_reads import a_read, put
from deltalake import DeltaTable
from sqlalchemy import Engine

from central.archive import close as closing
from central.archive.derive import bucket_of, due, parts_of
from central.archive.parts import Part, Period, holders, newest
from central.archive.schema import DERIVED, DICTIONARY, HOURS, PLATES, READS, Layout
from central.archive.table import live_files, open_archive
from central.archive.write import seal
from central.db import late_update
from central.errors import StoreError
from central.lock import exclusive
from central.maintain import Round, Step, maintain
from central.settings import ArchiveSettings

FIRST = datetime(2025, 1, 27, 3, 0, tzinfo=UTC)
PLATES_SEEN = [f"{a}BC{n:03}" for a in "ADXZ" for n in range(9)]


class City:
    """An archive that reads of some days are sealed into."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        self.settings = ArchiveSettings(path=path, memory_mb=256)
        self.now = FIRST
        self.seq = 0
        self._chance = random.Random(7)

    def read(self, moment: datetime, count: int = 12) -> None:
        """So many reads from that moment on, and a seal."""
        reads = []
        for _ in range(count):
            self.seq += 1
            at = moment + timedelta(seconds=self._chance.uniform(0, 7000))
            camera = f"cam-{self._chance.randrange(4)}"
            reads.append(
                a_read(self.seq, plate=self._chance.choice(PLATES_SEEN), captured_at=at, camera_id=camera)
            )
        put(self.engine, reads)
        self.seal()

    def improve(self, seq: int, moment: datetime, **more: object) -> None:
        put(self.engine, [a_read(seq, captured_at=moment, **more)], table=late_update, update_seq=1)
        self.seal()

    def seal(self) -> None:
        seal(self.engine, self.settings.path, clock=lambda: self.now)

    def maintain(self, now: datetime, on_step: Callable[[Step], None] = lambda _: None) -> Round:
        self.now = now
        return maintain(self.engine, self.settings, clock=lambda: self.now, on_step=on_step)

    def rows(self, layout: Layout = READS) -> list[dict[str, object]]:
        return DeltaTable(self.settings.path / layout.folder).to_pyarrow_table().to_pylist()

    def identities(self, layout: Layout = READS) -> Counter[tuple[object, ...]]:
        return Counter((r["seq"], r["plate"], r["captured_at"], r["camera_id"]) for r in self.rows(layout))

    def files(self, layout: Layout) -> list[str]:
        table = open_archive(self.settings.path, layout)
        return [] if table is None else sorted(file.name for file in live_files(table))

    def periods(self) -> set[str]:
        return {str(part.period) for part in parts_of(open_archive(self.settings.path, PLATES))}

    def held(self) -> list[dict[date, Period]]:
        table = open_archive(self.settings.path)
        assert table is not None
        days = newest((file.captured_date, file.name) for file in live_files(table))
        return [holders(parts_of(open_archive(self.settings.path, layout)), days) for layout in DERIVED]

    def check(self) -> None:
        """What is derived says of every row of the reads that it holds, and of no other."""
        assert self.identities(PLATES) == self.identities()
        plates: Counter[object] = Counter()
        for row in self.rows(DICTIONARY):
            plates[(row["year"], row["month"], row["plate"])] += row["reads"]
        hours: Counter[object] = Counter()
        for row in self.rows(HOURS):
            hours[(row["camera_id"], row["hour"])] += row["reads"]
        reads = self.rows()
        assert plates == Counter((r["captured_at"].year, r["captured_at"].month, r["plate"]) for r in reads)
        assert hours == Counter((r["camera_id"], int(r["captured_at"].timestamp()) // 3600) for r in reads)
        for row in self.rows(PLATES):
            assert row["bucket"] == bucket_of(str(row["plate"]))
            assert (row["year"], row["month"]) == (row["captured_at"].year, row["captured_at"].month)


@pytest.fixture
def city(database: Engine, tmp_path: Path) -> City:
    return City(database, tmp_path / "archive")


def test_nothing_is_due_where_nothing_was_archived(city: City) -> None:
    assert city.maintain(FIRST) == Round((), (), (), 0)
    assert not city.settings.path.exists()


def test_a_day_that_is_over_is_closed_and_derived_and_a_month_merged(city: City) -> None:
    for day in range(8):  # 27 January to 3 February
        for hour in (0, 9):
            city.read(FIRST + timedelta(days=day, hours=hour))
    before = city.identities()
    days = [(FIRST + timedelta(days=day)).date() for day in range(8)]
    done = city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC))
    assert done == Round(tuple(days[:7]), tuple(days[:7]), ("2025-01",), 0)
    assert city.identities() == before
    assert [name.split("/")[1][:3] for name in city.files(READS)].count("day") == 7
    assert city.periods() == {"2025-01", "2025-02-01", "2025-02-02"}
    assert [set(held) for held in city.held()] == [set(days[:7])] * 3
    assert city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC)) == Round((), (), (), 0)
    city.maintain(datetime(2025, 2, 4, 2, tzinfo=UTC))
    city.check()


def test_files_are_in_the_order_that_is_asked_for(city: City) -> None:
    for hour in (0, 3, 6):
        city.read(FIRST + timedelta(hours=hour), 40)
    city.maintain(FIRST + timedelta(days=2))
    (file,) = city.files(READS)
    rows = pq.ParquetFile(city.settings.path / "reads" / file).read().to_pylist()
    assert rows == sorted(rows, key=lambda r: (r["camera_id"], r["captured_at"]))
    assert len({r["camera_id"] for r in rows}) == 4
    for name in city.files(PLATES):
        rows = pq.ParquetFile(city.settings.path / "plates" / name).read().to_pylist()
        assert rows == sorted(rows, key=lambda r: (r["plate"], r["captured_at"]))
    assert len(city.files(PLATES)) > 4


def test_a_day_is_closed_some_time_after_its_end(city: City) -> None:
    city.read(FIRST)
    assert city.maintain(datetime(2025, 1, 28, 0, 59, tzinfo=UTC)).closed == ()
    assert city.maintain(datetime(2025, 1, 28, 1, 0, tzinfo=UTC)).closed == (FIRST.date(),)


def test_a_day_that_is_not_over_is_closed_for_its_many_files_and_not_derived(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.archive.close.MOST_FILES", 3)
    for hour in range(4):
        city.read(FIRST + timedelta(hours=hour))
    done = city.maintain(FIRST + timedelta(hours=5))
    assert (done.closed, done.derived) == ((FIRST.date(),), ())
    assert len(city.files(READS)) == 1


def test_late_reads_and_late_updates_make_a_day_due_again_and_nothing_else(city: City) -> None:
    for day in range(6):
        city.read(FIRST + timedelta(days=day))
    now = datetime(2025, 2, 2, 12, tzinfo=UTC)
    city.maintain(now)
    assert {str(part.period) for part in parts_of(open_archive(city.settings.path, PLATES))} == {
        "2025-01",
        "2025-02-01",
    }
    one, other = FIRST + timedelta(days=1), FIRST + timedelta(days=3)
    city.read(one)
    row = next(r for r in city.rows() if r["captured_date"] == other.date())
    city.improve(row["seq"], row["captured_at"], plate="NEW123", camera_id=row["camera_id"])
    assert [set(held) for held in city.held()] == [
        {(FIRST + timedelta(days=day)).date() for day in (0, 2, 4, 5)}
    ] * 3, "what changed is not held any more"
    done = city.maintain(now)
    assert done.closed == (one.date(),), "the improved day is one file in order still"
    assert done.derived == (one.date(), other.date())
    assert done.merged == ("2025-01",)
    city.check()
    assert any(row["plate"] == "NEW123" for row in city.rows(PLATES))


def test_a_day_s_own_part_goes_before_what_its_month_says(city: City) -> None:
    parts = {Part(Period(2025, 1), 10), Part(Period(2025, 1, 5), 12)}
    days = {date(2025, 1, 4): 9, date(2025, 1, 5): 12, date(2025, 1, 6): 11}
    assert holders(parts, days) == {date(2025, 1, 4): Period(2025, 1), date(2025, 1, 5): Period(2025, 1, 5)}
    assert holders(parts, {date(2025, 1, 5): 13}) == {}, "its month's part is older still"


@pytest.mark.parametrize("stage", range(1, 30, 6))
def test_a_round_that_is_cut_off_is_continued(city: City, stage: int) -> None:
    for day in range(6):
        city.read(FIRST + timedelta(days=day))
        city.read(FIRST + timedelta(days=day, hours=5))
    before, now = city.identities(), datetime(2025, 2, 2, 12, tzinfo=UTC)
    left = stage

    def cut(_step: Step) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise StoreError("cut off")

    with pytest.raises(StoreError, match="cut off"):
        city.maintain(now, cut)
    assert city.identities() == before
    city.maintain(now)
    assert city.identities() == before
    city.check()
    assert due(city.settings.path, today=date(2025, 2, 2)).days == ()


def test_two_do_not_maintain_at_once(city: City) -> None:
    city.read(FIRST)
    with (
        exclusive(city.engine, "maintaining", wait=False),
        pytest.raises(StoreError, match="another one is maintaining already"),
    ):
        city.maintain(FIRST + timedelta(days=2))


def test_a_seal_goes_on_while_a_day_is_closed(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in (0, 3):
        city.read(FIRST + timedelta(hours=hour))
    real, turns = closing._sorted, []

    def seal_meanwhile(*args: object, **more: object) -> object:
        written = real(*args, **more)
        turns.append(1)
        if len(turns) == 1:
            city.read(FIRST + timedelta(hours=6))
        elif len(turns) == 2:
            row = city.rows()[0]
            city.improve(row["seq"], row["captured_at"], plate="NEW123", camera_id=row["camera_id"])
        return written

    monkeypatch.setattr(closing, "_sorted", seal_meanwhile)
    city.maintain(FIRST + timedelta(days=2))
    assert len(city.files(READS)) == 2, "the late seal stays beside the closed file"
    assert Counter(r["seq"] for r in city.rows()) == Counter(range(1, 37))
    city.maintain(FIRST + timedelta(days=2))
    assert len(turns) == 3, "once more, for a read that was improved meanwhile"
    assert Counter(r["seq"] for r in city.rows()) == Counter(range(1, 37))
    assert sum(r["plate"] == "NEW123" for r in city.rows()) == 1
    city.maintain(FIRST + timedelta(days=2))
    city.check()


def test_what_was_replaced_is_swept_after_its_grace_and_nothing_else(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in (0, 3):
        city.read(FIRST + timedelta(hours=hour))
    spilt = city.settings.path / "_spill-left"
    spilt.mkdir()
    city.maintain(FIRST + timedelta(days=2))
    folder = city.settings.path / "reads"
    assert len(list(folder.glob("*/*.parquet"))) == 3
    long_ago = time.time() - 25 * 3600
    for file in (*folder.glob("*/seal-*.parquet"), spilt):
        os.utime(file, (long_ago, long_ago))
    assert city.maintain(FIRST + timedelta(days=2)).swept == 0, "the log knows when they were replaced"
    assert not spilt.exists()
    before = city.identities()
    settings = city.settings.model_copy(update={"grace_h": 0})
    swept = maintain(city.engine, settings, clock=lambda: city.now)
    assert swept.swept == 2
    assert [f.name[:3] for f in folder.glob("*/*.parquet")] == ["day"]
    assert city.identities() == before
