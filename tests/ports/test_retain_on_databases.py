"""Reads whose time is over: shown by no question from that microsecond on, then removed, but for those held."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from central_city import FIRST, City
from central_reads import a_read, hold_row, put
from sqlalchemy import Engine, event, insert, select, update
from told_alerts import plan_all

from central.access.audit import verify
from central.access.key import read_key
from central.alert.log import Act, note
from central.archive import retain as retaining
from central.archive.derive import parts_of
from central.archive.place import LocalArchive
from central.archive.rules import Rules
from central.archive.schema import DERIVED, PLATES, READS
from central.archive.table import open_archive
from central.archive.visible import Term
from central.db import (
    alert,
    alert_event,
    alert_trail,
    audit,
    dead_letter,
    delivery,
    hot_read,
    hunt_trace,
    late_update,
    legal_hold,
    reading,
    suppressed_read,
    to_us,
)
from central.db import seal as seal_table
from central.errors import StoreError
from central.hotlist.suppress import Term as SuppressedTerm
from central.hotlist.suppress import enter, suppressions
from central.maintain import maintain
from central.query.lists import newest_alerts
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from central.types import EventKind, Look
from edge.contract.read import ReadId

BOGOTA = ZoneInfo("America/Bogota")
KEEP = 30
NOW = datetime(2025, 2, 2, 12, tzinfo=UTC)
HELD = "HLD001"
MIDNIGHT = datetime(2025, 1, 30, tzinfo=UTC)


@pytest.fixture
def city(database: Engine, tmp_path: Path) -> City:
    city = City(database, tmp_path / "archive")
    for day in range(6):  # 27 January to 1 February
        at = FIRST + timedelta(days=day, hours=9)
        put(city.engine, [a_read(1000 + day, plate=HELD, captured_at=at, camera_id="cam-9")])
        city.read(FIRST + timedelta(days=day), 30)
    return city


def hold(city: City, term: Term) -> int:
    with city.engine.begin() as connection:
        return connection.execute(insert(legal_hold).values(hold_row(term))).inserted_primary_key[0]


def lift(city: City) -> None:
    with city.engine.begin() as connection:
        connection.execute(update(legal_hold).values(lifted_us=2, lifted_by="ana", lifted_why="over"))


def sees(city: City, cut: datetime) -> list[object]:
    """What every question answers at the moment whose cut-off this is."""
    rules = Rules(keep=timedelta(days=KEEP), clock=lambda: cut + timedelta(days=KEEP))
    spans = {"since": datetime(2025, 1, 1, tzinfo=UTC), "until": datetime(2025, 4, 1, tzinfo=UTC)}
    with Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=rules) as reads:
        found: list[object] = [reads.totals()]
        for asked in (
            Question(**spans),
            Question(plate=HELD),
            Question(pattern=compile_pattern("?BC00*")),
            Question(cameras=("cam-9", "cam-1")),
            Question(plate="ABC003", limit=3),
            Question(**spans, arrived_since=spans["since"]),
        ):
            found.append(reads.find(asked).reads)
        found += [reads.counts(Question(**spans)), reads.seen(Question(cameras=("cam-9", "cam-1")))]
        found += [reads.counts(asked), reads.places(asked, zone=BOGOTA)]
        found.append(reads.heatmap(Question(**spans), zone=BOGOTA))
        found.append(reads.volumes(Question(**spans), zone=BOGOTA))
    return found


def shown_seqs(city: City, cut: datetime) -> Counter[int]:
    rules = Rules(keep=timedelta(days=KEEP), clock=lambda: cut + timedelta(days=KEEP))
    everything = Question(since=datetime(2020, 1, 1, tzinfo=UTC))
    with Reads(city.engine, LocalArchive(city.settings.path), QuerySettings(), rules=rules) as reads:
        found = Counter(read.seq for read in reads.find(everything).reads)
        counted = reads.totals()
        assert counted.hot + counted.archived == sum(found.values())
        assert sum(hour.reads for hour in reads.counts(everything).hours) == sum(found.values())
    return found


def retain(city: City, cut: datetime, **more: object):
    return city.retain(cut + timedelta(days=KEEP), keep_days=KEEP, **more)


def keep_up(city: City, cut: datetime) -> None:
    """A whole round of maintenance."""
    retain(city, cut)
    settings = city.settings.model_copy(update={"keep_days": KEEP})
    now = cut + timedelta(days=KEEP)
    maintain(city.engine, LocalArchive(city.settings.path), settings, clock=lambda: now)


@pytest.mark.parametrize("stage", ["sealed", "derived"])
def test_no_question_shows_a_read_from_its_microsecond_on(city: City, stage: str) -> None:
    if stage == "derived":
        city.maintain(NOW)
        assert city.periods() == {"2025-01", "2025-02-01"}
    rows = city.rows()
    moment = sorted(row["captured_at"] for row in rows)[130]
    for cut in (moment, moment + timedelta(microseconds=1), MIDNIGHT, MIDNIGHT - timedelta(microseconds=1)):
        assert shown_seqs(city, cut) == Counter(row["seq"] for row in rows if row["captured_at"] >= cut)


@pytest.mark.parametrize(("stage", "held"), [("sealed", True), ("derived", False), ("derived", True)])
def test_answers_are_the_same_before_and_after_what_is_over_is_removed(
    city: City, stage: str, held: bool
) -> None:
    if stage == "derived":
        city.maintain(NOW)
    if held:
        hold(city, Term(plate=HELD, since=FIRST + timedelta(days=1)))
        hold(city, Term(read=ReadId("edge-1", 7, 3)))
        hold(city, Term(camera_id="cam-1", since=FIRST, until=FIRST + timedelta(hours=1)))
    cut = MIDNIGHT + timedelta(hours=5)
    before = sees(city, cut)
    removed = retain(city, cut)
    days = [(FIRST + timedelta(days=day)).date() for day in range(3)]
    assert sorted(day for removal in removed for day in removal.days) == days
    assert sees(city, cut) == before
    left = [row for row in city.rows() if row["captured_at"] < MIDNIGHT]
    assert bool(left) is held
    assert sum(removal.held for removal in removed) == len(left)
    assert retain(city, cut) == [], "a second time there is nothing to do"
    keep_up(city, cut)
    assert sees(city, cut) == before
    city.check()
    assert parts_of(open_archive(LocalArchive(city.settings.path), PLATES))
    assert "2025-01" not in city.periods(), "a month of which days have ended is kept in days"
    lift(city)
    keep_up(city, cut)
    assert not [row for row in city.rows() if row["captured_at"] < MIDNIGHT]
    city.check()


def test_nothing_of_what_was_removed_is_left_on_the_disk_after_the_grace(city: City) -> None:
    city.maintain(NOW)
    cut = datetime(2025, 2, 1, tzinfo=UTC)
    city.improve(1005, FIRST + timedelta(days=5, hours=9), plate="NEW123", camera_id="cam-9")
    keep_up(city, cut)
    settings = city.settings.model_copy(update={"keep_days": KEEP, "grace_h": 0})
    now = cut + timedelta(days=KEEP)
    maintain(city.engine, LocalArchive(city.settings.path), settings, clock=lambda: now)
    for layout in (READS, *DERIVED):
        on_disk = sorted((city.settings.path / layout.folder).glob("*=*/**/*.parquet"))
        live = [city.settings.path / layout.folder / name for name in city.files(layout)]
        assert on_disk == sorted(live)
    assert not list(city.settings.path.rglob("*2025-01*.parquet"))
    assert min(row["captured_at"] for row in (*city.rows(), *city.rows(PLATES))) >= cut


@pytest.mark.parametrize("stage", [1, 3, 6])
def test_a_removal_that_is_cut_off_is_continued(
    city: City, stage: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.maintain(NOW)
    hold(city, Term(plate=HELD, since=FIRST + timedelta(days=1)))
    cut = MIDNIGHT + timedelta(hours=5)
    before = sees(city, cut)
    left = stage

    def cut_off(real):
        def work(*args: object, **more: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise StoreError("cut off")
            done = real(*args, **more)
            left -= 1
            if left == 0:
                raise StoreError("cut off")
            return done

        return work

    with monkeypatch.context() as patch:
        for name in ("central.archive.write.commit", "central.archive.write.force_to_disk"):
            module, _, function = name.rpartition(".")
            patch.setattr(name, cut_off(getattr(__import__(module, fromlist=["x"]), function)))
        with pytest.raises(StoreError, match="cut off"):
            retain(city, cut)
    assert sees(city, cut) == before
    city.seal()
    keep_up(city, cut)
    assert sees(city, cut) == before
    assert Counter(row["plate"] for row in city.rows() if row["captured_at"] < MIDNIGHT) == {HELD: 2}
    city.check()


def test_rows_of_the_database_go_and_held_ones_stay(city: City) -> None:
    old, young = MIDNIGHT - timedelta(microseconds=1), MIDNIGHT
    put(city.engine, [a_read(2001, captured_at=old), a_read(2002, captured_at=young)])
    put(city.engine, [a_read(2003, captured_at=old, plate=HELD)])
    hold(city, Term(plate=HELD))
    removed = retain(city, MIDNIGHT)
    assert [(r.source, r.rows) for r in removed[:1]] == [("hot_read", 1)]
    with reading(city.engine) as connection:
        assert set(connection.scalars(select(hot_read.c.seq))) == {2002, 2003}


def an_alert(city: City, seq: int, plate: str, at: datetime) -> None:
    read = {"edge_id": "edge-1", "epoch": 7, "seq": seq, "camera_id": "cam-9", "captured_us": to_us(at)}
    row = {
        **read,
        "raised_us": to_us(at),
        "plate": plate,
        "likelihood": 0.8,
        "hotlist_entry_id": 1,
        "list_name": "stolen",
        "reason": "stolen",
        "priority": 3,
        "explanation": "exactly the plate listed",
        "late": False,
        "passage_first_us": to_us(at),
        "passage_last_us": to_us(at),
    }
    with city.engine.begin() as connection:
        connection.execute(insert(alert).values(alert_id=seq, **row))
        connection.execute(insert(alert_trail).values(alert_id=seq, **read))
        note(connection, seq, Act(EventKind.RAISED, at))


def test_alerts_and_their_hits_go_with_their_reads(database: Engine, tmp_path: Path) -> None:
    city = City(database, tmp_path / "archive")
    city.read(MIDNIGHT, 1)
    old = MIDNIGHT - timedelta(microseconds=1)
    for seq, plate, at in ((11, "ABC123", old), (12, HELD, old), (13, "ABC123", MIDNIGHT)):
        an_alert(city, seq, plate, at)
    assert plan_all(city.engine) == 3
    letter = {"topic": "x", "payload": b"ABC123", "reason": "?", "times": 1}
    with city.engine.begin() as connection:
        letters = [letter | {"received_us": to_us(at)} for at in (old, MIDNIGHT)]
        connection.execute(insert(dead_letter), letters)
    hold(city, Term(plate=HELD))
    rules = Rules(keep=timedelta(days=KEEP), clock=lambda: MIDNIGHT + timedelta(days=KEEP))
    for _ in range(2):
        assert [found.seq for found in newest_alerts(city.engine, rules=rules, limit=9)] == [13, 12]
        with Reads(city.engine, city.archive, QuerySettings(), rules=rules) as reads:
            asked = Question(since=datetime(2020, 1, 1, tzinfo=UTC))
            assert sum(day.hits for day in reads.volumes(asked, zone=BOGOTA).rows) == 2
        retain(city, MIDNIGHT)
    with reading(city.engine) as connection:
        for table, column in ((alert, "seq"), (alert_trail, "seq")):
            assert set(connection.scalars(select(table.c[column]))) == {12, 13}
        for table in (alert_event, delivery):
            assert set(connection.scalars(select(table.c.alert_id))) == {12, 13}
        assert list(connection.scalars(select(dead_letter.c.received_us))) == [to_us(MIDNIGHT)]


NOON = MIDNIGHT - timedelta(hours=12)
HOUR = timedelta(hours=1)


def test_what_is_removed_goes_slice_by_slice(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody else writes while rows are removed."""
    monkeypatch.setattr(retaining, "_SLICE_ROWS", 2)
    city = City(database, tmp_path / "archive")
    city.read(MIDNIGHT, 1)
    old_us = to_us(MIDNIGHT) - 1
    letter = {"topic": "x", "payload": b"", "reason": "?", "times": 1, "received_us": old_us}
    for seq in range(1, 6):
        an_alert(city, seq, "ABC123", MIDNIGHT - timedelta(hours=1))
        with city.engine.begin() as connection:
            connection.execute(insert(dead_letter).values(letter))
    assert plan_all(city.engine) == 5
    slices: list[tuple[str, int]] = []

    def note_slice(*executed: Any) -> None:
        _, cursor, statement, *_ = executed
        if statement.startswith("DELETE FROM"):
            slices.append((statement.split()[2], cursor.rowcount))

    event.listen(city.engine, "after_cursor_execute", note_slice)
    retain(city, MIDNIGHT)
    event.remove(city.engine, "after_cursor_execute", note_slice)
    for table in (alert, alert_trail, alert_event, delivery, dead_letter):
        assert [rows for name, rows in slices if name == table.name] == [2, 2, 1], table.name


def test_a_table_is_gone_through_once(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "_SLICE_ROWS", 2)
    row = {"entered_us": 1, "hunted_us": 2, "reads": 0, "lacking": 0}

    def enter(*numbers: int) -> None:
        with database.begin() as connection:
            connection.execute(insert(hunt_trace), [{"entry_id": number, **row} for number in numbers])

    enter(10, 11, 12, 13, 14)
    behind = [1]

    keys = retaining._keys

    def found(*asked: Any) -> Any:
        some = keys(*asked)
        if behind:
            enter(behind.pop())
        return some

    monkeypatch.setattr(retaining, "_keys", found)
    retaining._delete(database, hunt_trace, hunt_trace.c.reads == 0)
    with reading(database) as connection:
        assert list(connection.scalars(select(hunt_trace.c.entry_id))) == [1], "the next call's"


ON_SIGHTINGS = [
    (Term(plate="ABC123", since=NOON + HOUR, until=NOON + 2 * HOUR), True),
    (Term(plate="ABC123", since=NOON + 4 * HOUR, until=NOON + 5 * HOUR), False),
    (Term(plate="ABC123", until=NOON), False),
    (Term(camera_id="cam-3", since=NOON, until=NOON + HOUR), False),
    (Term(camera_id="cam-9", since=NOON, until=NOON + HOUR), True),
    (Term(camera_id="cam-9", since=NOON + 2 * HOUR, until=NOON + 4 * HOUR), False),
    (Term(read=ReadId("edge-2", 7, 99)), True),
    (Term(read=ReadId("edge-1", 7, 11)), True),
    (Term(read=ReadId("edge-1", 7, 99)), False),
    (Term(camera_id="cam-3", since=NOON + 2 * HOUR, until=NOON + 4 * HOUR), True),
]


def test_an_alert_is_held_by_each_of_its_sightings(database: Engine, tmp_path: Path) -> None:
    city = City(database, tmp_path / "archive")
    city.read(MIDNIGHT, 1)
    for seq in (11, 12):
        an_alert(city, seq, f"ABC1{seq + 12}", NOON)
    last_us = to_us(NOON + 3 * HOUR)  # at another camera, of another edge, which has numbers of its own
    last = {"edge_id": "edge-2", "epoch": 7, "seq": 99, "camera_id": "cam-3", "captured_us": last_us}
    with city.engine.begin() as connection:
        connection.execute(insert(alert_trail).values(alert_id=11, **last))
        connection.execute(update(alert).where(alert.c.alert_id == 11).values(passage_last_us=last_us))
    rules = Rules(keep=timedelta(days=KEEP), clock=lambda: MIDNIGHT + timedelta(days=KEEP))
    for term, is_held in ON_SIGHTINGS:
        lift(city)
        hold(city, term)
        shown = {found.alert_id for found in newest_alerts(city.engine, rules=rules, limit=9)}
        assert (11 in shown) is is_held, term
    retain(city, MIDNIGHT)
    with reading(city.engine) as connection:
        assert list(connection.scalars(select(alert.c.alert_id))) == [11]
        assert list(connection.scalars(select(alert_trail.c.alert_id))) == [11, 11]


def test_suppressions_and_what_they_held_back_go_with_their_time(database: Engine, tmp_path: Path) -> None:
    city = City(database, tmp_path / "archive")
    city.read(MIDNIGHT, 1)
    city.seal()
    old = MIDNIGHT - timedelta(microseconds=1)
    look = Look("ana", "stopped by mistake", "2026-117")
    for plate, until in (("ABC123", old), ("ABC124", MIDNIGHT)):
        term = SuppressedTerm(plate, "CO", None, None, MIDNIGHT - timedelta(days=2), until)
        enter(city.engine, term, look, reason="recovered", log=lambda *_: None)
    read = {"suppression_id": 2, "edge_id": "edge-1", "epoch": 7}
    with city.engine.begin() as connection:
        held_back = [read | {"seq": seq, "captured_us": to_us(at)} for seq, at in ((1, old), (2, MIDNIGHT))]
        connection.execute(insert(suppressed_read), held_back)
    retain(city, MIDNIGHT)
    (kept,) = suppressions(city.engine, at=MIDNIGHT, ended=True)
    assert (kept.plate, kept.hits, kept.last_at) == ("ABC124", 1, MIDNIGHT)


def test_an_update_may_move_a_read_over_the_cut_off(database: Engine, tmp_path: Path) -> None:
    city = City(database, tmp_path / "archive")
    old, young = MIDNIGHT - timedelta(microseconds=1), MIDNIGHT
    put(city.engine, [a_read(1, captured_at=old), a_read(2, captured_at=young), a_read(3, captured_at=young)])
    city.seal()
    updates = [a_read(1, captured_at=young), a_read(2, captured_at=old)]
    put(city.engine, updates, table=late_update, update_seq=1)
    rules = Rules(keep=timedelta(days=KEEP), clock=lambda: MIDNIGHT + timedelta(days=KEEP))
    with Reads(city.engine, city.archive, QuerySettings(), rules=rules) as reads:
        for asked in (Question(plate="ABC123"), Question(cameras=("cam-1",)), Question(since=young)):
            assert {read.seq for read in reads.find(asked).reads} == {1, 3}
        retain(city, MIDNIGHT)
        assert {read.seq for read in reads.find(Question(plate="ABC123")).reads} == {1, 3}
    city.seal()
    retain(city, MIDNIGHT)
    assert sorted(row["seq"] for row in city.rows()) == [1, 3]


def test_a_read_of_a_day_that_is_over_comes_late_and_is_removed_again(city: City) -> None:
    city.maintain(NOW)
    keep_up(city, MIDNIGHT)
    before = sees(city, MIDNIGHT)
    put(city.engine, [a_read(3001, captured_at=FIRST)])
    assert sees(city, MIDNIGHT) == before, "hot"
    city.seal()
    assert sees(city, MIDNIGHT) == before, "and sealed"
    (removed,) = retain(city, MIDNIGHT)
    assert (removed.rows, removed.days) == (1, (FIRST.date(),))
    assert sees(city, MIDNIGHT) == before


def test_a_hold_brings_back_what_was_hidden_and_not_yet_removed(city: City) -> None:
    assert shown_seqs(city, MIDNIGHT)[1001] == 0
    hold(city, Term(read=ReadId("edge-1", 7, 1001)))
    assert shown_seqs(city, MIDNIGHT)[1001] == 1


def test_the_copies_of_a_day_in_a_month_of_days_go_with_it(city: City) -> None:
    settings = city.settings.model_copy(update={"keep_days": KEEP})
    now = MIDNIGHT + timedelta(days=KEEP)
    maintain(city.engine, LocalArchive(city.settings.path), settings, clock=lambda: now)
    retain(city, MIDNIGHT)
    assert city.periods() == {"2025-01-30", "2025-01-31", "2025-02-01"}
    city.check()


def test_what_is_removed_stands_in_the_audit_log_in_counts(city: City) -> None:
    retain(city, MIDNIGHT)
    with reading(city.engine) as connection:
        (row,) = connection.execute(select(audit)).mappings()
    assert (row["actor"], row["action"]) == ("maintenance", "retention")
    assert '"days": 3, "first": "2025-01-27", "held": 0, "last": "2025-01-29", "rows": 93' in row["detail"]
    assert '"cut_off": "2025-01-30T00:00:00+00:00"' in row["detail"]
    assert verify(city.engine, read_key(city.settings.path.with_name("audit.key"))).fault == ""


def test_the_archive_goes_on_after_everything_of_it_is_over(city: City) -> None:
    city.maintain(NOW)
    late = NOW + timedelta(days=60)
    keep_up(city, late)
    assert city.rows() == []
    assert shown_seqs(city, late) == Counter()
    city.read(late + timedelta(days=1), 5)
    assert sum(shown_seqs(city, late).values()) == 5
    with reading(city.engine) as connection:
        numbers = sorted(connection.scalars(select(seal_table.c.seal_id)))
    assert numbers == [6, 7, 8], "old seals are forgotten, but for the newest"


def test_a_damaged_file_that_was_set_aside_goes_with_its_day(database: Engine, tmp_path: Path) -> None:
    city = City(database, tmp_path / "archive")
    city.read(MIDNIGHT, 1)
    folder = city.settings.path / "set-aside"
    folder.mkdir()
    for day in ("2025-01-29", "2025-01-30"):
        (folder / f"{day}.parquet").write_bytes(b"ABC123")
        (folder / f"{day}.parquet.json").write_text(f'{{"day": "{day}"}}', encoding="utf-8")
    retain(city, MIDNIGHT)
    assert sorted(file.name for file in folder.iterdir()) == ["2025-01-30.parquet", "2025-01-30.parquet.json"]


def test_nothing_is_made_where_nothing_was_archived(database: Engine, tmp_path: Path) -> None:
    empty = City(database, tmp_path / "archive")
    assert retain(empty, MIDNIGHT) == []
    assert not (tmp_path / "archive").exists()
