"""Maintenance closes, derives, merges and sweeps, and no row is another one than before; on both databases."""

import os
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import damaged
import pyarrow.parquet as pq
import pytest
from central_city import FIRST, City
from sqlalchemy import Engine

from central.archive import close as closing
from central.archive.derive import due, parts_of, turn, unturned
from central.archive.mend import NOTHING
from central.archive.parts import Part, Period, holders
from central.archive.place import Archive, LocalArchive
from central.archive.schema import DERIVED, PLATES, READS
from central.archive.sorter import Sorter
from central.archive.table import open_archive
from central.errors import StoreError
from central.lock import exclusive
from central.maintain import Round, Step, maintain


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
    assert [set(held) for held in city.held()] == [set(days[:7])] * len(DERIVED)
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
    assert {
        str(part.period) for part in parts_of(open_archive(LocalArchive(city.settings.path), PLATES))
    } == {
        "2025-01",
        "2025-02-01",
    }
    one, other = FIRST + timedelta(days=1), FIRST + timedelta(days=3)
    city.read(one)
    row = next(r for r in city.rows() if r["captured_date"] == other.date())
    city.improve(row["seq"], row["captured_at"], plate="NEW123", camera_id=row["camera_id"])
    assert [set(held) for held in city.held()] == [
        {(FIRST + timedelta(days=day)).date() for day in (0, 2, 4, 5)}
    ] * len(DERIVED), "what changed is not held any more"
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
    assert due(LocalArchive(city.settings.path), today=date(2025, 2, 2)).days == ()


def test_plates_that_cannot_be_turned_keep_no_others_waiting(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (0, 1, 5, 6):  # two days of January, which are merged, and two of February
        city.read(FIRST + timedelta(days=day))
    now, tried = datetime(2025, 2, 4, 12, tzinfo=UTC), list[str]()

    def failing(archive: Archive, part: Part, *, duck: Sorter) -> None:
        tried.append(str(part.period))
        if part.period.day in (0, 1):
            raise StoreError(f"{part.period} cannot be turned")
        turn(archive, part, duck=duck)

    with monkeypatch.context() as patched:
        patched.setattr("central.maintain.turn", failing)
        with pytest.raises(StoreError, match="2025-01 cannot be turned"):
            city.maintain(now)
    assert tried == ["2025-01", "2025-02-01", "2025-02-02"], "each once"
    place = LocalArchive(city.settings.path)
    assert [str(part.period) for part in unturned(place)] == ["2025-01", "2025-02-01"]
    city.maintain(now)
    assert unturned(place) == []
    city.check()


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
    swept = maintain(city.engine, LocalArchive(settings.path), settings, clock=lambda: city.now)
    assert swept.swept == 2
    assert [f.name[:3] for f in folder.glob("*/*.parquet")] == ["day"]
    assert city.identities() == before


def test_damaged_files_are_mended_from_each_other_or_set_aside(city: City) -> None:
    """In the round in which their turn comes; here that is each."""
    for day in range(3):
        city.read(FIRST + timedelta(days=day))
    city.maintain(FIRST + timedelta(days=2, hours=10))
    city.settings = city.settings.model_copy(update={"verify_days": 0.01, "maintain_s": 864.0})
    before = city.identities()
    of_reads, of_plates = city.files(READS), city.files(PLATES)
    damaged.flip(city.settings.path / "reads" / of_reads[0])
    damaged.flip(city.settings.path / "plates" / next(name for name in of_plates if "2025-01-28" in name))
    damaged.flip(city.settings.path / "reads" / of_reads[2])
    done = city.maintain(FIRST + timedelta(days=2, hours=11)).mended
    assert (done.rebuilt, done.aside, done.lost) == ((f"reads/{of_reads[0]}",), (f"reads/{of_reads[2]}",), 12)
    assert len(done.again) == 1
    assert before - city.identities() == Counter(
        key for key in before if isinstance(key[2], datetime) and key[2].date() == date(2025, 1, 29)
    )
    assert city.identities() - before == Counter()
    assert city.maintain(FIRST + timedelta(days=2, hours=12)).mended == NOTHING
    city.maintain(FIRST + timedelta(days=4))
    city.check()


def test_a_round_that_fails_tells_what_it_had_set_aside(city: City) -> None:
    """The next one finds no damage any more."""
    for day in range(2):
        city.read(FIRST + timedelta(days=day))
    damaged.flip(city.settings.path / "reads" / (hit := city.files(READS)[0]))

    def no_room(step: Step) -> None:
        if step.what.startswith("closing"):
            raise StoreError("no room")

    with pytest.raises(StoreError, match=rf"^no room; .* set aside \(reads/{hit}; 12 reads are lost\)"):
        city.maintain(FIRST + timedelta(days=3), no_room)
    assert city.maintain(FIRST + timedelta(days=3)).mended == NOTHING
