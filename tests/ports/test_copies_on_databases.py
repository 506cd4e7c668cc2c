"""Every question has the same answer whether copies may serve or only the reads themselves; on both databases."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from central_city import FIRST, City
from central_reads import LASTING, a_read, put
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.schema import DERIVED, DICTIONARY, ENDINGS, HOURS, PLATES, Layout
from central.archive.table import LiveFile
from central.db import late_update
from central.query import asker
from central.query import reads as asking
from central.query.choice import Choice
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.query.tables import Tables
from central.sections import QuerySettings

BOGOTA = ZoneInfo("America/Bogota")
KOLKATA = ZoneInfo("Asia/Kolkata")
MIDDLE = FIRST + timedelta(days=3, hours=1, minutes=20)


def questions() -> list[Question]:
    plates = [Question(plate=plate) for plate in ("ABC003", "NEW123")]
    patterns = [compile_pattern(text) for text in ("AB*", "?BC00?", "NEW*", "Q??9*", "*C007", "*B*7")]
    asked = [*plates, *(Question(pattern=pattern) for pattern in patterns)]
    asked += [Question(pattern=compile_pattern("*8C0O3", alike=True))]
    asked += [Question(pattern=compile_pattern("A8C0O3", alike=True)), Question(plate="ABC003", limit=2)]
    asked += [Question(pattern=patterns[1], limit=7), Question(pattern=patterns[1], until=MIDDLE)]
    asked += [
        Question(pattern=compile_pattern("*"), cameras=("cam-1",)),
        Question(plate="ABC001", since=MIDDLE),
    ]
    some = frozenset({"ABC003", "ABC010", "NEW123", "QQQ111"})
    asked += [
        Question(plates=some),
        Question(plates=some, since=MIDDLE),
        Question(plates=frozenset({"QQQ111"})),
    ]
    return [*asked, Question(since=FIRST, limit=5), Question(since=FIRST, arrived_since=MIDDLE)]


def answers(reads: Reads) -> list[object]:
    found: list[object] = []
    for number, question in enumerate(questions()):
        found.append(reads.find(question, detailed=number % 2 == 0))
        if number < 3:
            found.append(reads.seen(question))
    found.append(reads.places(questions()[0], zone=BOGOTA))
    for question in (Question(cameras=("cam-1", "cam-3")), Question(since=FIRST, until=MIDDLE)):
        found += [reads.counts(question), reads.volumes(question, zone=BOGOTA)]
        found += [reads.heatmap(question, zone=zone) for zone in (BOGOTA, KOLKATA)]
    return found


@contextmanager
def no_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("copy_by_plate", "copy_by_hour"):
            patch.setattr(asking, name, lambda _plan: None)
        yield


class Opened(Tables):
    """Notes which tables' files were named to the database engine."""

    names: ClassVar[set[str]] = set()

    def path(self, layout: Layout, file: LiveFile) -> str:
        Opened.names.add(layout.folder)
        return super().path(layout, file)


@pytest.fixture
def city(database: Engine, tmp_path: Path) -> City:
    city = City(database, tmp_path / "archive")
    for day in range(8):  # 27 January to 3 February
        city.read(FIRST + timedelta(days=day), 30)
        city.read(FIRST + timedelta(days=day, hours=9), 30)
    return city


@pytest.fixture
def reads(city: City, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    monkeypatch.setattr(asker, "Tables", Opened)
    Opened.names = set()
    with Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=LASTING) as opened:
        yield opened


def same(reads: Reads) -> None:
    with no_copies():
        expected = answers(reads)
    for got, wanted in zip(answers(reads), expected, strict=True):
        assert got == wanted


def test_answers_do_not_depend_on_what_is_derived(city: City, reads: Reads) -> None:
    before = answers(reads)
    assert Opened.names == {"reads"}
    city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC))
    assert city.periods() == {"2025-01", "2025-02-01", "2025-02-02"}
    Opened.names = set()
    assert answers(reads) == before
    assert Opened.names == {"reads", *(layout.folder for layout in DERIVED)}


def test_an_ending_is_looked_up_where_each_plate_is_spelt_from_its_end(city: City, reads: Reads) -> None:
    city.maintain(datetime(2025, 2, 4, 12, tzinfo=UTC))
    for text, folder in (
        ("*007", "endings"),
        ("?BC007", "endings"),
        ("ABC*", "dictionary"),
        ("A*7", "dictionary"),
    ):
        Opened.names = set()
        assert {read.plate for read in reads.find(Question(pattern=compile_pattern(text))).reads} >= {
            "ABC007"
        }
        assert Opened.names == {folder, "plates"}


def test_an_archive_of_before_is_given_its_endings_and_answers_meanwhile(city: City, reads: Reads) -> None:
    now = datetime(2025, 2, 4, 12, tzinfo=UTC)
    city.maintain(now)
    others = {layout.folder: city.files(layout) for layout in DERIVED if layout is not ENDINGS}
    shutil.rmtree(city.settings.path / "endings")
    asked, fresh = Question(pattern=compile_pattern("*007")), QuerySettings()
    with Reads(city.engine, LocalArchive(city.settings.path), fresh, rules=LASTING) as meanwhile:
        Opened.names = set()
        expected = meanwhile.find(asked)
        assert Opened.names == {"dictionary", "plates"}
    city.maintain(now)
    city.check_held()
    city.check()
    assert {layout.folder: city.files(layout) for layout in DERIVED if layout is not ENDINGS} == others
    with Reads(city.engine, LocalArchive(city.settings.path), fresh, rules=LASTING) as afterwards:
        assert afterwards.find(asked) == expected
    assert expected.reads


def test_nor_on_what_has_changed_since(city: City, reads: Reads) -> None:
    now = datetime(2025, 2, 3, 12, tzinfo=UTC)
    city.maintain(now)
    one, other = FIRST + timedelta(days=1), FIRST + timedelta(days=4)
    city.read(one)  # late
    row = next(r for r in city.rows() if r["captured_date"] == other.date())
    city.improve(row["seq"], row["captured_at"], plate="NEW123", camera_id=row["camera_id"])
    same(reads)
    city.maintain(now)
    same(reads)
    moved = next(r for r in city.rows() if r["captured_date"] == (FIRST + timedelta(days=2)).date())
    improved = a_read(
        moved["seq"], plate="NEW123", captured_at=moved["captured_at"] + timedelta(hours=1), camera_id="cam-0"
    )
    put(city.engine, [improved], table=late_update, update_seq=1)  # and no seal yet
    put(city.engine, [a_read(9001, plate="ABC003", captured_at=now, camera_id="cam-1")])
    same(reads)
    assert [read.seq for read in reads.find(Question(plate="ABC003", limit=1)).reads] == [9001]
    assert {read.plate for read in reads.find(Question(pattern=compile_pattern("NEW*"))).reads} == {"NEW123"}
    assert len(reads.find(Question(pattern=compile_pattern("NEW*"))).reads) == 2


@pytest.mark.parametrize("lost", [PLATES, DICTIONARY, HOURS])
def test_nor_on_a_copy_that_was_lost(city: City, reads: Reads, lost: Layout) -> None:
    city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC))
    with no_copies():
        expected = answers(reads)
    shutil.rmtree(city.settings.path / lost.folder)
    with Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=LASTING) as opened:
        assert answers(opened) == expected
    done = city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC))
    assert len(done.derived) == 7
    assert done.merged == ("2025-01",)
    city.check_held()


def test_a_plate_s_history_opens_its_bucket_alone(
    city: City, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.maintain(datetime(2025, 2, 3, 12, tzinfo=UTC))
    opened: list[str] = []
    real = Opened.path
    monkeypatch.setattr(
        Opened, "path", lambda tables, layout, file: opened.append(file.name) or real(tables, layout, file)
    )
    assert reads.find(Question(plate="ABC003", limit=100_000)).reads
    plates = [name for name in opened if name.startswith("year=")]
    assert plates
    assert len({name.split("/")[2] for name in plates}) == 1, "one bucket"
    assert all(name.startswith("captured_date=2025-02-03") for name in opened if name not in plates)


def test_spans_are_all_of_time_newest_first() -> None:
    def file(name: str, **partition: str) -> LiveFile:
        return LiveFile(name, partition, 1, 1, FIRST)

    days = [FIRST + timedelta(days=n) for n in range(40)]
    choice = Choice(tuple(file("x", captured_date=f"{day:%Y-%m-%d}") for day in days))
    spans = choice.spans()
    assert len(spans) > 2
    assert spans[0][1] == date.max
    assert spans[-1][0] == date.min
    assert all(older[1] + timedelta(days=1) == newer[0] for newer, older in pairwise(spans))
    counted = [sum(first <= f.captured_date <= last for f in choice.reads) for first, last in spans]
    assert sum(counted) == 40
    assert min(counted[:-1]) > 0
