"""Hotlists: good lines kept, bad ones named; the index matches exactly and at the time of capture."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from central_messages import HEADER, list_plates, matched, rows
from central_reads import NOON, a_read
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from central.db import from_us, hotlist_entry, open_database, to_us
from central.errors import HotlistError, StoreError
from central.hotlist.end import Which, end_entry
from central.hotlist.grammar import load_grammar
from central.hotlist.live import Hotlist
from central.hotlist.match import match
from central.hotlist.merge import Import
from central.hotlist.row import Checks, Refusal, Row
from central.hotlist.sheet import open_sheet
from central.hotlist.store import ImportReport, Sample, import_csv, preview_csv
from central.types import Hit, HotlistEntry, Reason
from edge.contract.listed import Terms
from edge.contract.match import spellings
from edge.contract.read import PlateRead, Scored

GRAMMAR = load_grammar()
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
GOOD = "ABC123,CO,particular,stolen,1,SIJIN,C-1,2026-01-01,2026-12-31"


@pytest.fixture
def sqlite(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield engine
    engine.dispose()


@dataclass
class Read:
    """What a file says, read to its end."""

    rows: list[Row]
    refused: list[Refusal]
    sha256: str


def read_sheet(path: Path) -> Read:
    with open_sheet(path, Checks(ZoneInfo("America/Bogota"), GRAMMAR)) as opened:
        lines = list(opened.rows())
        return Read(
            [line for line in lines if isinstance(line, Row)],
            [line for line in lines if isinstance(line, Refusal)],
            opened.sha256,
        )


def sheet(folder: Path, text: str | bytes) -> Read:
    path = folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sheet(path)


def refusals(folder: Path, *lines: str) -> dict[int, str]:
    found = sheet(folder, "\n".join([HEADER, *lines]))
    return {refusal.line: refusal.reason for refusal in found.refused}


def test_good_lines_are_kept_and_bad_ones_named_by_line(database: Engine, tmp_path: Path):
    report = list_plates(
        database,
        tmp_path,
        GOOD,
        "no plate!,CO,,stolen,1,SIJIN,C-2,,2026-12-31",
        "",
        "XYZ-98 a,CO,motocicleta,wanted,,SIJIN,C-3,,2026-12-31",
        "ABC124,CO,,stolen,1,SIJIN,C-4,,",
        at=AT,
    )
    assert (report.added, report.changed, report.unchanged) == (2, 0, 0)
    assert {r.line: r.reason for r in report.refused} == {
        3: "plate: expected 1 to 12 letters A-Z and digits, found 'no plate!'",
        6: "valid_until: empty (expiry is compulsory)",
    }
    assert [(r["plate"], r["plate_class"], r["priority"]) for r in rows(database, hotlist_entry)] == [
        ("ABC123", "particular", 1),
        ("XYZ98A", "motocicleta", 5),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ABC123,COL,,stolen,1,S,C,,2026-12-31", "country: expected two letters"),
        ("ÑBC123,CO,,stolen,1,S,C,,2026-12-31", "plate"),
        ("ABC1234567890,CO,,stolen,1,S,C,,2026-12-31", "plate"),
        ("ABC123,ZZ,,stolen,1,S,C,,2026-12-31", "country: no plates of 'ZZ' are known; known are AR, BO, "),
        ("ABC123,CO,Class 1,stolen,1,S,C,,2026-12-31", "plate_class: CO has no 'class 1'; it has "),
        (
            "ABC123,CO,particlar,stolen,1,S,C,,2026-12-31",
            "motocicleta, oficial, organismos, particular, publico",
        ),
        ("ABC123,AR,oficial,stolen,1,S,C,,2026-12-31", "plate_class: AR has no 'oficial'"),
        ("ABC123,CO,,lost,1,S,C,,2026-12-31", "reason: expected one of stolen, wanted"),
        ("ABC123,CO,,stolen,0,S,C,,2026-12-31", "priority: expected 1"),
        ("ABC123,CO,,stolen,²,S,C,,2026-12-31", "priority: expected 1"),
        ("ABC123,CO,,stolen,1,,C,,2026-12-31", "source: empty"),
        ("ABC123,CO,,stolen,1,S,,,2026-12-31", "case_number: empty"),
        ("ABC123,CO,,stolen,1,S,C,,31/12/2026", "valid_until: expected a day"),
        ("ABC123,CO,,stolen,1,S,C,,2026-02-30", "valid_until: expected a day"),
        ("ABC123,CO,,stolen,1,S,C,,9999-12-31", "valid_until: expected a day"),
        ("ABC123,CO,,stolen,1,S,C,2026-12-31,2026-12-30", "valid_until: 2026-12-30 is not after"),
        ("ABC123,CO,,stolen,1,S,C,,2026-12-31,more", "10 fields, line 1 names 9"),
        ("ABC123,CO", "2 fields"),
        ('ABC123,CO,,stolen,1,"S,C,,2026-12-31', "quotation marks do not pair up"),
        ("ABC123,CO,,stolen,1,S\x00,C,,2026-12-31", "source: holds a character that cannot be printed"),
        ("ABC123,CO,,stolen,1,\u202eS,C,,2026-12-31", "source: holds a character that cannot be printed"),
        (f"ABC123,CO,,stolen,1,{'S' * 120},C,,2026-12-31", "source: longer than 119"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_spares_the_next(tmp_path: Path, line: str, says: str):
    found = refusals(tmp_path, line, GOOD)
    assert list(found) == [2]
    assert says in found[2]


def test_a_plate_that_stands_twice_is_named(sqlite: Engine, tmp_path: Path):
    venezuelan = GOOD.replace("CO,particular", "VE,")
    report = list_plates(sqlite, tmp_path, GOOD, GOOD.replace("ABC123", "abc-123"), venezuelan, at=AT)
    assert report.added == 2
    assert {r.line: r.reason for r in report.refused} == {3: "ABC123 (CO) stands in line 2 already"}


@pytest.mark.parametrize(
    "refused",
    [GOOD.replace("2026-12-31", "2026-01-02"), GOOD.replace(",1,", ",0,"), GOOD.replace("CO", "ZZ")],
)
def test_a_refused_line_takes_no_good_ones_place(sqlite: Engine, tmp_path: Path, refused: str):
    report = list_plates(sqlite, tmp_path, refused, GOOD, GOOD, at=AT)
    assert report.added == 1
    assert [r.line for r in report.refused] == [2, 4]
    assert report.refused[1].reason == "ABC123 (CO) stands in line 3 already"
    (row,) = rows(sqlite, hotlist_entry)
    assert from_us(int(str(row["valid_until_us"]))) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (f"{HEADER}\n{GOOD}\nse\xf1or".encode("latin-1"), "line 3: not UTF-8 (byte 0xf1)"),
        (b"plate,country\nABC123,CO", "missing: 'reason', 'source', 'case_number', 'valid_until'"),
        (HEADER.replace("valid_until", "valid_untill").encode(), "unknown: 'valid_untill'"),
        (f"{HEADER},plate".encode(), "twice: 'plate'"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_list_is_refused_whole(tmp_path: Path, content: bytes, says: str):
    with pytest.raises(HotlistError) as caught:
        sheet(tmp_path, content)
    assert says in str(caught.value)
    assert "list.csv" in str(caught.value)


def test_latin_1_is_said_plainly(tmp_path: Path):
    with pytest.raises(HotlistError, match=r"if it is Latin-1 or Windows-1252 \(there this byte is 'ñ'\)"):
        sheet(tmp_path, f"{HEADER},note\n{GOOD},señor\n".encode("latin-1"))


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(HotlistError, match=r"nowhere\.csv: cannot be read: No such file"):
        read_sheet(tmp_path / "nowhere.csv")
    monkeypatch.setattr("central.hotlist.sheet.MAX_BYTES", 10)
    with pytest.raises(HotlistError, match="larger than"):
        sheet(tmp_path, HEADER)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{GOOD}\n".encode(),
        f"{HEADER}\r\n{GOOD}\r\n".encode("utf-8-sig"),
        f"{HEADER}\n{GOOD}".replace(",", ";").encode(),
        f"{HEADER.upper()}\r{GOOD}".encode(),
        (b"valid_until,plate,country,reason,source,case_number\n2026-12-31,abc 123,co,Stolen,SIJIN,C-1"),
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: bytes):
    found = sheet(tmp_path, content)
    assert found.refused == []
    assert [(r.plate, r.country, r.reason, r.line) for r in found.rows] == [
        ("ABC123", "CO", Reason.STOLEN, 2)
    ]


def test_a_day_is_meant_where_the_city_is_and_its_last_hour_counts(tmp_path: Path):
    row = sheet(tmp_path, f"{HEADER}\n{GOOD}").rows[0]
    assert row.valid_from == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert row.valid_until == datetime(2027, 1, 1, 5, tzinfo=UTC)
    timed = GOOD.replace("2026-12-31", "2026-06-01T10:30").replace("2026-01-01", "2026-01-01T00:00:00+02:00")
    row = sheet(tmp_path, f"{HEADER}\n{timed}").rows[0]
    assert row.valid_from == datetime(2025, 12, 31, 22, tzinfo=UTC)
    assert row.valid_until == datetime(2026, 6, 1, 15, 30, tzinfo=UTC)


def test_formulas_become_text(tmp_path: Path):
    line = "ABC123,CO,,stolen,1,=HYPERLINK(1),+57 300,,2026-12-31,@x,-1,'=ok"
    found = sheet(tmp_path, f"{HEADER},brand,color,note\n{line}")
    row = found.rows[0]
    assert (row.source, row.case_number, row.brand, row.color, row.note) == (
        "'=HYPERLINK(1)",
        "'+57 300",
        "'@x",
        "'-1",
        "'=ok",
    )


def test_importing_again_adds_nothing_and_a_changed_line_changes_its_entry(database: Engine, tmp_path: Path):
    other = "XYZ98A,CO,motocicleta,stolen,2,SIJIN,C-3,,2026-12-31"
    list_plates(database, tmp_path, GOOD, other, at=AT)
    before = {row["plate"]: row for row in rows(database, hotlist_entry)}
    confirmed_us = to_us(AT + timedelta(days=3))
    # The second line does not say since when: it stays as it was.
    again = list_plates(database, tmp_path, GOOD, other, at=AT + timedelta(days=3))
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    changed = list_plates(database, tmp_path, GOOD.replace(",1,", ",9,"), at=AT)
    assert (changed.added, changed.changed, changed.unchanged) == (0, 1, 0)
    after = {row["plate"]: row for row in rows(database, hotlist_entry)}
    assert after["XYZ98A"] == before["XYZ98A"] | {"confirmed_us": confirmed_us}
    assert after["ABC123"]["priority"] == 9
    assert after["ABC123"]["id"] == before["ABC123"]["id"]


def test_an_entry_is_ended_by_an_earlier_expiry_and_a_stale_one_is_not_added(
    database: Engine, tmp_path: Path
):
    list_plates(database, tmp_path, GOOD, at=AT)
    ended = list_plates(database, tmp_path, GOOD.replace("2026-12-31", "2026-01-02"), at=AT)
    assert (ended.changed, ended.refused) == (1, ())
    entry = rows(database, hotlist_entry)[0]
    assert from_us(int(str(entry["valid_until_us"]))) == datetime(2026, 1, 3, tzinfo=UTC)
    stale = list_plates(
        database, tmp_path, GOOD.replace("ABC123", "OLD001").replace("2026-12-31", "2026-01-02"), at=AT
    )
    assert stale.added == 0
    assert "is over, and OLD001 is not on this list" in stale.refused[0].reason


def test_lists_are_apart(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, GOOD, at=AT)
    order = Import(list_name="interpol", entered_by="jose", at=AT)
    assert (
        import_csv(database, tmp_path / "hotlist.csv", order, grammar=GRAMMAR, log=lambda *_: None).added == 1
    )
    assert len(rows(database, hotlist_entry)) == 2


@pytest.mark.parametrize("name", ["", "Medellín", "a b", "x" * 64])
def test_a_list_needs_a_plain_name(sqlite: Engine, tmp_path: Path, name: str):
    (tmp_path / "list.csv").write_text(f"{HEADER}\n{GOOD}")
    order = Import(list_name=name, entered_by="maria", at=AT)
    with pytest.raises(HotlistError, match="name of the list"):
        import_csv(sqlite, tmp_path / "list.csv", order, grammar=GRAMMAR, log=lambda *_: None)


def test_a_failed_import_leaves_the_list_as_it_was(sqlite: Engine, tmp_path: Path):
    list_plates(sqlite, tmp_path, GOOD, at=AT)
    before = rows(sqlite, hotlist_entry)
    with sqlite.begin() as connection:
        refuse = (
            "CREATE TRIGGER no BEFORE UPDATE ON hotlist_entry BEGIN SELECT RAISE(ABORT, 'disk on fire'); END"
        )
        connection.exec_driver_sql(refuse)
    # The new line goes in before the changed one fails.
    with pytest.raises(StoreError, match=r"hotlist 'medellin' cannot be written: disk on fire"):
        list_plates(sqlite, tmp_path, GOOD.replace("ABC123", "NEW001"), GOOD.replace(",1,", ",9,"), at=AT)
    assert rows(sqlite, hotlist_entry) == before


def test_an_import_that_cannot_be_logged_is_none(database: Engine, tmp_path: Path):
    def full(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    (tmp_path / "list.csv").write_text(f"{HEADER}\n{GOOD}")
    order = Import("medellin", "maria", at=AT)
    with pytest.raises(StoreError, match="disk full"):
        import_csv(database, tmp_path / "list.csv", order, grammar=GRAMMAR, log=full)
    assert rows(database, hotlist_entry) == []


def test_an_import_says_what_it_did_and_of_which_file(sqlite: Engine, tmp_path: Path):
    list_plates(sqlite, tmp_path, GOOD, GOOD.replace("ABC123", "ABC124"), at=AT)
    shorter = GOOD.replace("2026-12-31", "2026-06-30")
    report = list_plates(
        sqlite, tmp_path, shorter, GOOD.replace("ABC123", "ABC124").replace(",1,", ",9,"), "bad line", at=AT
    )
    assert (report.added, report.changed, report.ended_sooner, len(report.refused)) == (0, 2, 1, 1)
    assert report.sha256 == hashlib.sha256((tmp_path / "hotlist.csv").read_bytes()).hexdigest()


def test_an_import_is_live_in_the_next_transaction(database: Engine, database_url: str, tmp_path: Path):
    hotlist = Hotlist(grammar=GRAMMAR)
    elsewhere = open_database(database_url)
    with database.begin() as connection:
        hotlist.refresh(connection)
        first = hotlist.plates
        hotlist.refresh(connection)
        assert hotlist.plates is first
    list_plates(elsewhere, tmp_path, GOOD, at=AT)
    with database.begin() as connection:
        hotlist.refresh(connection)
        assert hotlist.plates == {"ABC123"}
    elsewhere.dispose()


def test_an_ended_entry_is_live_at_once_and_still_hit_by_what_was_seen_before(
    database: Engine, tmp_path: Path
):
    list_plates(database, tmp_path, GOOD, at=AT)
    hotlist = Hotlist(grammar=GRAMMAR)
    with database.begin() as connection:
        hotlist.refresh(connection)
    ended = end_entry(
        database, Which(plate="abc 123", country="CO"), by="ana", at=AT, why="found", log=lambda *_: None
    )
    assert (ended.list_name, ended.plate, ended.country) == ("medellin", "ABC123", "CO")
    before, after = (a_read(1, plate_class=None, captured_at=AT + timedelta(seconds=s)) for s in (-1, 1))
    with database.begin() as connection:
        hotlist.refresh(connection)
        assert [hit.entry_id for hit in matched(hotlist, connection, before)] == [ended.number]
        assert matched(hotlist, connection, after) == []
    with pytest.raises(HotlistError, match="no entry ABC123"):
        end_entry(
            database, Which(plate="ABC123", country="CO"), by="ana", at=AT, why="found", log=lambda *_: None
        )


def test_what_was_taken_off_by_hand_comes_back_only_once_its_source_has_confirmed_it_since(
    database: Engine, tmp_path: Path
):
    list_plates(database, tmp_path, GOOD, at=AT)
    end_entry(database, Which(number=1), by="ana", at=AT, why="found", log=lambda *_: None)
    path, hour = tmp_path / "hotlist.csv", timedelta(hours=1)

    def take(*said: str, columns: str = f"{HEADER},confirmed") -> ImportReport:
        path.write_text("\n".join([columns, *said]) + "\n")
        order = Import("medellin", "maria", at=AT + 3 * hour, whole=True)
        return import_csv(database, path, order, grammar=GRAMMAR, log=lambda *_: None)

    before = rows(database, hotlist_entry)
    for said in (take(GOOD, columns=HEADER), take(f"{GOOD},"), take(f"{GOOD},2026-03-04T12:00+00:00")):
        assert (said.added, said.changed, said.revived, said.unchanged, said.removed) == (0, 0, 0, 0, 0)
        assert [each.reason for each in said.refused] == [
            "ABC123 (CO) was taken off by hand at 2026-03-04 12:00:00 UTC: only a line whose `confirmed` is later "
            "than that brings it back"
        ]
    assert rows(database, hotlist_entry) == before
    said = take(f"{GOOD},2026-03-04T12:01+00:00")
    assert (said.added, said.changed, said.revived, said.refused) == (0, 0, 1, ())
    (row,) = rows(database, hotlist_entry)
    assert (row["id"], row["ended_why"], row["ended_by_hand"]) == (1, None, False)
    assert take(GOOD, columns=HEADER).unchanged == 1, "as every other from then on"


@pytest.mark.parametrize("until", ["2026-03-01", "2026-03-04T13:00+00:00"])
def test_what_was_taken_off_by_hand_stays_so_where_a_newer_line_is_over_itself(
    database: Engine, tmp_path: Path, until: str
):
    list_plates(database, tmp_path, GOOD, at=AT)
    end_entry(database, Which(number=1), by="ana", at=AT, why="found", log=lambda *_: None)
    path, hour = tmp_path / "hotlist.csv", timedelta(hours=1)

    def take(line: str, confirmed: str) -> tuple[int, int, int]:
        path.write_text(f"{HEADER},confirmed\n{line},{confirmed}\n")
        order = Import("medellin", "maria", at=AT + 3 * hour, whole=True)
        said = import_csv(database, path, order, grammar=GRAMMAR, log=lambda *_: None)
        return said.changed, said.revived, len(said.refused)

    over = GOOD.replace("2026-12-31", until).replace(",1,", ",2,")
    assert take(over, "2026-03-04T12:01+00:00") == (1, 0, 0)
    (row,) = rows(database, hotlist_entry)
    assert (row["priority"], row["ended_why"], row["ended_by_hand"]) == (2, "found", True)
    stale = take(GOOD, "2026-03-04T11:59+00:00")
    assert stale == (0, 0, 1), "it knows nothing of what was done by hand"
    assert take(GOOD, "2026-03-04T14:00+00:00") == (0, 1, 0)
    (row,) = rows(database, hotlist_entry)
    assert (row["ended_why"], row["ended_by_hand"]) == (None, False)


def test_what_was_over_and_is_looked_for_again_is_told(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, GOOD, GOOD.replace("ABC123", "ABC124"), at=AT)
    list_plates(database, tmp_path, GOOD.replace("2026-12-31", "2026-01-02"), at=AT)
    (tmp_path / "hotlist.csv").write_text("\n".join([HEADER, GOOD, GOOD.replace("ABC123", "ABC124")]))
    sample = Sample(9)
    order = Import("medellin", "maria", at=AT)
    report = preview_csv(database, tmp_path / "hotlist.csv", order, grammar=GRAMMAR, sample=sample)
    assert (report.changed, report.revived, report.unchanged) == (0, 1, 1)
    assert [(each.what.value, each.plate, [name for name, *_ in each.told]) for each in sample.changes] == [
        ("revived", "ABC123", ["valid_until"])
    ]


def test_an_end_that_cannot_be_logged_is_none(database: Engine, tmp_path: Path):
    def full(*_: object) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    list_plates(database, tmp_path, GOOD, at=AT)
    entries = rows(database, hotlist_entry)
    with pytest.raises(StoreError, match="disk full"):
        end_entry(database, Which(number=1), by="ana", at=AT, why="found", log=full)
    assert rows(database, hotlist_entry) == entries


def test_a_plate_is_found_in_every_list_and_among_many(database: Engine, tmp_path: Path):
    numbered = [GOOD.replace("ABC123", f"AAA{number:03d}") for number in range(200)]
    list_plates(database, tmp_path, GOOD, *numbered, at=AT)
    list_plates(database, tmp_path, GOOD, list_name="interpol", at=AT)
    hotlist = Hotlist(grammar=GRAMMAR)
    seen = a_read(1, plate_class=None, captured_at=AT - timedelta(seconds=1))
    with database.begin() as connection:
        assert matched(hotlist, connection, seen) == [], "nothing is known before the first look"
        hotlist.refresh(connection)
        found = matched(hotlist, connection, seen)
    assert len(hotlist.plates) == 201
    assert {hit.entry.list_name for hit in found} == {"medellin", "interpol"}
    assert {hit.entry.plate for hit in found} == {"ABC123"}


# The match


def entry(**more: object) -> HotlistEntry:
    fields: dict[str, object] = {
        "list_name": "medellin",
        "plate": "ABC123",
        "country": "CO",
        "plate_class": "particular",
        "reason": Reason.STOLEN,
        "priority": 1,
        "source": "SIJIN",
        "case_number": "C-1",
        "valid_from": NOON - timedelta(days=1),
        "valid_until": NOON + timedelta(days=1),
    }
    return HotlistEntry(**{**fields, **more})  # type: ignore[arg-type]


def hits(read: PlateRead, *entries: HotlistEntry) -> list[Hit]:
    terms = Terms(GRAMMAR, frozenset(), least=lambda _list: 0.1)
    return match(read, spellings(read), enumerate(entries, start=1), terms)


def scored(value: str | None) -> Scored | None:
    return None if value is None else Scored(value=value, likelihood=0.9)


@pytest.mark.parametrize(
    ("listed", "read", "matches"),
    [
        ({}, {}, True),
        ({}, {"country": scored("VE")}, False),
        ({}, {"country": None, "plate_class": None}, True),
        ({}, {"country": scored("ZZ"), "plate_class": scored("open")}, True),
        ({}, {"plate_class": None}, True),
        ({"plate_class": None}, {"plate_class": scored("motocicleta")}, True),
        # A taxi's plate has the shape of a private car's, a motorcycle's has not.
        ({}, {"plate_class": scored("publico")}, True),
        ({}, {"plate_class": scored("motocicleta")}, False),
        ({}, {"plate_class": scored("a class of no grammar")}, True),
        ({"valid_from": NOON + timedelta(seconds=2)}, {}, False),
        ({"valid_from": NOON + timedelta(seconds=1)}, {}, True),
        ({"valid_until": NOON + timedelta(seconds=1)}, {}, False),
        ({"valid_until": NOON + timedelta(seconds=2)}, {}, True),
        ({"plate": "A8C123"}, {}, False),
        ({"plate": "ABC12"}, {}, False),
    ],
)
def test_a_read_matches_what_was_decoded(listed: dict[str, object], read: dict[str, object], matches: bool):
    seen = a_read(1, **{"plate_class": scored("particular"), **read})  # captured one second past noon
    assert bool(hits(seen, entry(**listed))) is matches


def test_hits_come_most_urgent_first():
    entries = (entry(priority=5), entry(priority=1, list_name="interpol"), entry(priority=5))
    found = hits(a_read(1, plate_class=None), *entries)
    assert [hit.entry_id for hit in found] == [2, 1, 3]


@given(
    listed=st.text("ABCO0128", min_size=1, max_size=6),
    seen=st.text("ABCO0128", min_size=1, max_size=6),
)
def test_what_was_decoded_matches_and_nothing_that_the_read_may_not_be(listed: str, seen: str):
    read = a_read(1, plate=seen, plate_class=None)
    is_hit = bool(hits(read, entry(plate=listed, plate_class=None)))
    assert is_hit or listed != seen
    assert not is_hit or listed in {spelling.text for spelling in spellings(read)}


# The grammars


def test_the_grammars_of_the_checkout_are_loaded():
    assert "CO" in load_grammar().countries
