"""Damaged files: answers go on without them and say so, and maintenance mends what stands elsewhere."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import damaged
import pyarrow.parquet as pq
import pytest
from central_city import FIRST, City
from central_reads import LASTING
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.rules import Rules
from central.archive.schema import DICTIONARY, HOURS, PLATES, READS, Layout
from central.errors import DamagedError, StoreError
from central.query.answers import Answer
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.query.watch import Watch
from central.sections import QuerySettings
from central.verify import verify

SINCE, DAY = FIRST - timedelta(hours=3), timedelta(days=1)
LATER = FIRST + 2 * DAY + timedelta(hours=12)


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def city(database: Engine, tmp_path: Path) -> City:
    """Two closed days of 24 reads, each derived, and a day of two seals of 12 that is not over."""
    made = City(database, tmp_path / "archive")
    for day in range(3):
        for hour in (0, 8):
            made.read(FIRST + timedelta(days=day, hours=hour))
    made.maintain(FIRST + 2 * DAY + timedelta(hours=10))
    made.now = LATER
    return made


@pytest.fixture
def reads(city: City) -> Iterator[Reads]:
    with opened(city) as asked:
        yield asked


def opened(city: City) -> Reads:
    return Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=LASTING)


def harmed(city: City, files: list[Path], harms: Mapping[str, Callable[[Path], None]]) -> Iterator[Reads]:
    """Who asks after each kind of harm; between two of them the files are whole again."""
    whole = {path: path.read_bytes() for path in files}
    for harm in harms.values():
        for path in files:
            harm(path)
        with opened(city) as reads:
            yield reads
        for path, content in whole.items():
            path.write_bytes(content)


def file(city: City, layout: Layout, at: int) -> Path:
    return city.settings.path / layout.folder / city.files(layout)[at]


def all_seqs(reads: Reads, **question: object) -> tuple[Counter[int], Answer]:
    answer = reads.find(Question(since=SINCE, limit=1_000, **question))  # type: ignore[arg-type]
    return Counter(read.seq for read in answer.reads), answer


def check(city: City, *, thoroughly: bool = True) -> list[str]:
    found = verify(LocalArchive(city.settings.path), is_due=lambda *_: thoroughly)
    return [fault.name for fault in found.faults]


def mend(city: City, now: datetime = LATER) -> None:
    """A round in which every file's turn comes."""
    city.settings = city.settings.model_copy(update={"verify_days": 0.01, "maintain_s": 864.0})
    city.done = city.maintain(now)  # type: ignore[attr-defined]


def test_an_answer_over_a_damaged_file_of_reads_is_of_all_the_rest_and_says_what_is_missing(
    city: City, reads: Reads
) -> None:
    """The day is not closed, so no copy holds it."""
    hit = file(city, READS, 2)
    name = f"reads/{hit.relative_to(city.settings.path / 'reads')}"
    truth, _ = all_seqs(reads)
    for fresh in harmed(city, [hit], damaged.ALL):
        for _ in range(2):  # the second time it is known
            seqs, answer = all_seqs(fresh)
            assert sum(seqs.values()) == 60
            assert not seqs - truth
            (lost,) = answer.missing
            assert (lost.file, lost.day, lost.reads) == (name, (FIRST + 2 * DAY).date(), 12)
            assert lost.why
            assert not lost.aside
        before = fresh.find(Question(since=SINCE, until=SINCE + 2 * DAY, limit=1_000))
        assert (len(before.reads), before.missing) == (48, ())
        assert check(city) == [name]


def test_sums_say_it_too(city: City) -> None:
    damaged.halve(file(city, READS, 3))
    everything = Question(since=SINCE, limit=1_000)
    with opened(city) as reads:
        counts, heat = reads.counts(everything), reads.heatmap(everything, zone=UTC)
        seen, places = reads.seen(everything), reads.places(everything, zone=UTC)
        volumes = reads.volumes(everything, zone=UTC)
    totals = [sum(row.reads for row in rows) for rows in (counts.hours, heat.rows, seen.rows, places.places)]
    assert [*totals, sum(row.reads for row in volumes.rows)] == [60] * 5
    assert {len(answer.missing) for answer in (counts, heat, seen, places, volumes)} == {1}


@pytest.mark.parametrize("until_h", [0, 14], ids=["the whole day", "part of the day"])
def test_totals_count_the_rest_and_say_what_is_missing(city: City, until_h: int) -> None:
    """Of a day of which reads are no longer to be shown each file is opened to count; else the log knows."""
    hit = file(city, READS, 3)
    cut = FIRST + 2 * DAY - timedelta(hours=14) + timedelta(hours=until_h)
    rules = Rules(keep=timedelta(days=30), clock=lambda: cut + timedelta(days=30))

    def asked() -> Reads:
        return Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=rules)

    with asked() as reads:
        shown = reads.totals()
        in_it = _rows_of(reads, hit)
    assert shown.missing == ()
    for _ in harmed(city, [hit], damaged.SEEN):
        with asked() as reads:
            if not until_h:  # nothing of it is opened
                assert reads.totals() == shown
                reads.find(Question(since=SINCE, limit=1_000))
            counted, watch = reads.totals(), Watch(reads, city.engine)
            assert counted.archived == shown.archived - in_it
            (lost,) = counted.missing
            assert (lost.file, lost.reads) == (f"reads/{hit.relative_to(city.settings.path / 'reads')}", 12)
            watch.fresh(since=SINCE)
            assert watch.missing == watch.totals().missing == counted.missing


def _rows_of(reads: Reads, path: Path) -> int:
    """How many reads of a file are shown."""
    kept = {(row["edge_id"], row["epoch"], row["seq"]) for row in pq.read_table(path).to_pylist()}
    found = reads.find(Question(since=SINCE - 30 * DAY, limit=1_000)).reads
    return sum((read.edge_id, read.epoch, read.seq) in kept for read in found)


def test_totals_say_what_is_lost_for_good(city: City, reads: Reads) -> None:
    damaged.tear(file(city, READS, 2))
    mend(city)
    counted = reads.totals()
    assert (counted.archived, [lost.reads for lost in counted.missing]) == (60, [12])


def test_a_closed_day_is_answered_from_the_copy_and_nothing_is_missing(city: City, reads: Reads) -> None:
    truth, _ = all_seqs(reads)
    for fresh in harmed(city, [file(city, READS, 0)], damaged.ALL):
        seqs, answer = all_seqs(fresh)
        assert (seqs, answer.missing) == (truth, ())


@pytest.mark.parametrize("layout", [PLATES, DICTIONARY, HOURS], ids=lambda layout: layout.folder)
def test_without_its_copy_a_day_is_answered_from_the_reads(city: City, layout: Layout) -> None:
    rows = city.rows()
    hit = [file(city, layout, at) for at in range(len(city.files(layout)))]
    for fresh in harmed(city, hit, damaged.SEEN):
        everything = Question(since=SINCE, limit=1_000)
        assert sum(count.reads for count in fresh.counts(everything).hours) == 72
        found = fresh.find(Question(pattern=compile_pattern("*BC00*"), limit=1_000))
        assert len(found.reads) == sum(str(row["plate"])[1:5] == "BC00" for row in rows)
        assert found.missing == ()


def test_damage_that_is_met_is_mended_from_the_copy_to_the_last_row(city: City) -> None:
    before = city.identities()
    damaged.flip(file(city, READS, 0))
    damaged.lose(file(city, READS, 1))
    assert len(check(city, thoroughly=False)) == 1
    mend(city)
    assert len(city.done.mended.rebuilt) == 2  # type: ignore[attr-defined]
    assert check(city) == []
    assert city.identities() == before
    assert not (city.settings.path / "set-aside").exists()
    city.check_held()


@pytest.mark.parametrize("layout", [PLATES, DICTIONARY, HOURS], ids=lambda layout: layout.folder)
def test_what_is_derived_is_derived_anew(city: City, layout: Layout) -> None:
    damaged.flip(file(city, layout, 0))
    mend(city)
    assert len(city.done.mended.again) == 1  # type: ignore[attr-defined]
    assert check(city) == []
    city.maintain(FIRST + 4 * DAY)
    city.check()


def test_a_merged_month_is_made_anew_from_its_days(city: City) -> None:
    city.maintain(datetime(2025, 2, 3, tzinfo=UTC))
    assert city.periods() == {"2025-01"}
    damaged.empty(file(city, PLATES, 1))
    mend(city, datetime(2025, 2, 3, 1, tzinfo=UTC))
    assert check(city) == []
    assert city.periods() == {"2025-01"}
    city.check()


def test_what_stands_nowhere_else_is_set_aside_and_said_for_good(city: City, reads: Reads) -> None:
    hit = file(city, READS, 2)
    name = hit.relative_to(city.settings.path)
    damaged.tear(hit)
    content = hit.read_bytes()
    mend(city)
    assert city.done.mended.aside == (str(name),)  # type: ignore[attr-defined]
    assert city.done.mended.lost == 12  # type: ignore[attr-defined]
    aside = city.settings.path / "set-aside"
    (kept,) = aside.glob("*.parquet")
    assert kept.read_bytes() == content
    assert kept.stat().st_mode & 0o777 == 0o600
    (word,) = aside.glob("*.json")
    told = json.loads(word.read_bytes())
    assert (told["file"], told["rows"], told["lost"]) == (str(name), 12, 12)
    assert check(city) == []
    seqs, answer = all_seqs(reads)
    assert (sum(seqs.values()), set(seqs.values())) == (60, {1})
    assert [(lost.file, lost.reads, lost.aside) for lost in answer.missing] == [(str(name), 12, True)]
    city.maintain(FIRST + 4 * DAY)
    city.check()
    assert [lost.reads for lost in all_seqs(reads)[1].missing] == [12]


def test_row_groups_that_are_whole_are_saved(
    city: City, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.archive.files.ROW_GROUP_ROWS", 10)
    city.read(FIRST + 2 * DAY + timedelta(hours=9), 35)
    names = set(city.files(READS))
    hit = max(
        (city.settings.path / "reads" / name for name in names), key=lambda path: path.stat().st_mtime_ns
    )
    before = city.identities()
    damaged.flip(hit)
    mend(city)
    assert city.done.mended.lost == 10  # type: ignore[attr-defined]
    after = city.identities()
    assert (sum((before - after).values()), sum((after - before).values())) == (10, 0)
    assert [lost.reads for lost in all_seqs(reads)[1].missing] == [10]


def test_killed_before_the_commit_nothing_is_said_twice(
    city: City, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged.tear(file(city, READS, 2))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("central.archive.mend.commit", killed)
        with pytest.raises(KeyboardInterrupt):
            mend(city)
    assert [lost.reads for lost in all_seqs(reads)[1].missing] == [12]
    mend(city)
    assert [lost.reads for lost in all_seqs(reads)[1].missing] == [12]


def test_a_copy_that_is_older_than_the_day_is_not_believed(city: City, reads: Reads) -> None:
    """What it still holds may have been improved since, or erased."""
    first = FIRST.date()
    at = FIRST + timedelta(hours=1)
    city.improve(1, at, plate="NEW123")
    (hit,) = (
        p
        for p in (city.settings.path / "reads" / f"captured_date={first}").glob("*.parquet")
        if f"captured_date={first}/{p.name}" in city.files(READS)
    )
    damaged.tear(hit)
    mend(city)
    assert city.done.mended.lost == 24  # type: ignore[attr-defined]
    seqs, answer = all_seqs(reads)
    assert sum(seqs.values()) == 48
    assert sum(lost.reads for lost in answer.missing) == 24


def test_damage_is_never_written_again_as_if_it_were_whole(city: City) -> None:
    """An update of a read in a damaged file waits until that is mended."""
    before = city.identities()
    (at,) = (row["captured_at"] for row in city.rows() if row["seq"] == 1)
    assert isinstance(at, datetime)
    damaged.flip(file(city, READS, 0))
    with pytest.raises(DamagedError, match=r"reads/captured_date=2025-01-27/day-.* is damaged: "):
        city.improve(1, at)
    mend(city)
    city.seal()
    assert {(k[0], k[2], k[3]) for k in city.identities()} == {(k[0], k[2], k[3]) for k in before}


def test_who_must_know_of_every_read_is_told_that_some_are_not_known(city: City, reads: Reads) -> None:
    """The pictures of a hold would go, and an erased plate would stay."""
    damaged.tear(file(city, READS, 2))
    with pytest.raises(StoreError, match="is damaged, so not every read is known"):
        reads.identities(Question(since=SINCE, limit=1_000))
    mend(city)
    assert len(reads.identities(Question(since=SINCE, limit=1_000))) == 60


def test_every_byte_of_a_file_counts(city: City) -> None:
    """Footer and mark as well as pages: any flipped bit is found, wherever it is."""
    hit = file(city, READS, 0)
    whole = hit.read_bytes()
    for at in range(0, len(whole), 97):
        content = bytearray(whole)
        content[at] ^= 1 << at % 8
        hit.write_bytes(content)
        assert len(check(city)) == 1, at
    hit.write_bytes(whole)
    assert check(city) == []
