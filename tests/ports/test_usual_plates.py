"""Which plates pass day after day, in a folder and in a bucket."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest
from central_reads import a_read, put
from sqlalchemy import Engine

from central.archive.place import Archive
from central.archive.usual import LEAST_READS, usual_plates
from central.archive.write import seal
from central.db import open_database
from central.maintain import maintain
from central.sections import ArchiveSettings

TODAY = date(2025, 5, 20)
NUMBERS = count(1)
NOON = datetime(2025, 5, 20, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield opened
    opened.dispose()


def usual(archive: Archive) -> set[str]:
    found = list(usual_plates(archive, today=TODAY, memory_mb=256))
    assert len(found) == len(set(found))
    return set(found)


def passed(engine: Engine, plate: str, *days: date) -> None:
    """Once on each of these days; numbers go on."""
    for day in days:
        at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        put(engine, [a_read(next(NUMBERS), plate=plate, captured_at=at)])


def kept(engine: Engine, archive: Archive, tmp_path: Path) -> None:
    seal(engine, archive, clock=lambda: NOON)
    maintain(engine, archive, ArchiveSettings(path=tmp_path / "archive", close_after_s=0), clock=lambda: NOON)


def test_without_an_archive_nobody_is_known(archive: Archive) -> None:
    assert usual(archive) == set()


def test_who_passed_often_this_month_and_the_last_is_known(
    engine: Engine, archive: Archive, tmp_path: Path
) -> None:
    may = [date(2025, 5, number) for number in range(1, 20)]
    april = [date(2025, 4, number) for number in range(20, 30)]
    march = [date(2025, 3, number) for number in range(1, 20)]
    passed(engine, "OFT111", *may[:LEAST_READS])
    passed(engine, "BOT222", *april[: LEAST_READS - 1], may[0])  # in two months, of which one is merged
    passed(engine, "FEW333", *may[: LEAST_READS - 1])
    passed(engine, "OLD444", *march)
    passed(engine, "NEW555", *[TODAY] * LEAST_READS)  # today is not over
    kept(engine, archive, tmp_path)
    assert usual(archive) == {"OFT111", "BOT222"}
    passed(engine, "FEW333", may[5])
    kept(engine, archive, tmp_path)
    assert usual(archive) == {"OFT111", "BOT222", "FEW333"}


def test_in_january_the_last_month_is_december(engine: Engine, archive: Archive, tmp_path: Path) -> None:
    passed(engine, "DEC111", *[date(2024, 12, number) for number in range(1, 6)])
    kept(engine, archive, tmp_path)
    assert set(usual_plates(archive, today=date(2025, 1, 31), memory_mb=256)) == {"DEC111"}
    assert set(usual_plates(archive, today=date(2025, 2, 1), memory_mb=256)) == set()
