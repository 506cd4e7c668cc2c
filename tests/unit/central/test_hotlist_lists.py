"""Lists as a whole: how each is kept, what an import confirms, what a preview says, and what a whole list ends."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import GRAMMAR, HEADER, list_plates, rows
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from central.access.audit import verify
from central.access.key import read_key
from central.db import audit, from_us, hotlist, hotlist_entry, open_database, table_version, to_us
from central.errors import HotlistError
from central.hotlist.budget import limit_of_list
from central.hotlist.end import Which, end_entry
from central.hotlist.lists import Kind, Terms, change, listings, set_event
from central.hotlist.merge import Import, is_cut_off
from central.hotlist.store import ImportReport, Sample, import_csv, preview_csv
from central.sections import MatchSettings

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOOD = "ABC123,CO,particular,stolen,1,SIJIN,C-1,2026-01-01,2026-12-31"


@pytest.fixture
def sqlite(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield engine
    engine.dispose()


def quiet(*_: object) -> None:
    pass


def lines(count: int, *, begin: int = 0) -> list[str]:
    return [GOOD.replace("ABC123", f"AAA{number:03d}") for number in range(begin, begin + count)]


def written(folder: Path, *content: str, columns: str = HEADER) -> Path:
    path = folder / "hotlist.csv"
    path.write_text("\n".join([columns, *content]) + "\n")
    return path


def previewed(engine: Engine, path: Path, *, limit: int = 50, **more: bool) -> tuple[ImportReport, Sample]:
    preview = Sample(limit)
    order = Import("medellin", "maria", AT, UTC, **more)
    return preview_csv(engine, path, order, grammar=GRAMMAR, sample=preview), preview


def confirmed(engine: Engine) -> dict[str, datetime]:
    return {str(row["plate"]): from_us(int(str(row["confirmed_us"]))) for row in rows(engine, hotlist_entry)}


# How a list is kept


def test_the_first_import_makes_a_list_and_later_ones_leave_it(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, GOOD, at=AT)
    change(database, "medellin", Terms("SIJIN", 36, 5.0), at=AT, log=quiet)
    list_plates(database, tmp_path, GOOD, at=AT + HOUR)
    (kept,) = listings(database, at=AT)
    assert (kept.name, kept.kind, kept.agency, kept.stale_after_h) == (
        "medellin",
        Kind.STANDING,
        "SIJIN",
        36,
    )
    assert (kept.false_alarms_a_day, kept.made_by, kept.made_at) == (5.0, "maria", AT)
    assert (kept.in_force, kept.ended) == (1, 0)


def test_a_term_is_changed_alone_and_taken_back(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, GOOD, at=AT)
    told: list[object] = []
    change(database, "medellin", Terms(stale_after_h=36), at=AT, log=lambda _, values: told.append(values))
    change(database, "medellin", Terms(agency="SIJIN"), at=AT, log=quiet)
    kept = change(database, "medellin", Terms(false_alarms_a_day=2.5), at=AT, log=quiet)
    assert (kept.stale_after_h, kept.agency, kept.false_alarms_a_day) == (36, "SIJIN", 2.5)
    kept = change(database, "medellin", Terms("", 0, 0), at=AT, log=quiet)
    assert (kept.stale_after_h, kept.agency, kept.false_alarms_a_day) == (None, None, None)
    assert told == [{"stale_after_h": 36}]


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        (Terms(), "nothing to change"),
        (Terms(stale_after_h=-1), "expected 1 to 8784 hours"),
        (Terms(stale_after_h=9000), "expected 1 to 8784 hours"),
        (Terms(false_alarms_a_day=-0.1), "at most 10000"),
        (Terms(false_alarms_a_day=float("nan")), "at most 10000"),
        (Terms(agency="a" * 64), "at most 63"),
        (Terms(agency="\u202e"), "can be printed"),
    ],
)
def test_a_term_out_of_its_bounds_changes_nothing(sqlite: Engine, tmp_path: Path, terms: Terms, says: str):
    list_plates(sqlite, tmp_path, GOOD, at=AT)
    before = rows(sqlite, hotlist)
    with pytest.raises(HotlistError, match=says):
        change(sqlite, "medellin", terms, at=AT, log=quiet)
    assert rows(sqlite, hotlist) == before


def test_a_list_that_is_not_there_is_not_changed(sqlite: Engine, tmp_path: Path):
    list_plates(sqlite, tmp_path, GOOD, at=AT)
    with pytest.raises(HotlistError, match="no list 'medelin' is known; known are medellin"):
        change(sqlite, "medelin", Terms(stale_after_h=36), at=AT, log=quiet)


def test_a_running_centre_notices_that_a_list_is_kept_otherwise(database: Engine, tmp_path: Path):
    def version() -> dict[str, int]:
        return {str(row["name"]): int(str(row["version"])) for row in rows(database, table_version)}

    list_plates(database, tmp_path, GOOD, at=AT)
    before = version()
    change(database, "medellin", Terms(stale_after_h=36), at=AT, log=quiet)
    set_event(database, "match", AT + HOUR, by="ana", at=AT, log=quiet)
    assert version()[hotlist_entry.name] == before[hotlist_entry.name] + 2


def test_a_list_for_an_event_has_an_end_which_may_be_moved(database: Engine, tmp_path: Path):
    made = set_event(database, "match", AT + HOUR, by="ana", at=AT, log=quiet)
    assert (made.kind, made.purge_at, made.made_by) == (Kind.EVENT, AT + HOUR, "ana")
    list_plates(database, tmp_path, GOOD, at=AT, list_name="match")
    moved = set_event(database, "match", AT + 2 * HOUR, by="jose", at=AT, log=quiet)
    assert (moved.purge_at, moved.made_by, moved.in_force) == (AT + 2 * HOUR, "ana", 1)


def test_nothing_is_imported_into_an_event_that_is_over(database: Engine, tmp_path: Path):
    set_event(database, "match", AT + HOUR, by="ana", at=AT, log=quiet)
    with pytest.raises(HotlistError, match="of an event that is over"):
        list_plates(database, tmp_path, GOOD, at=AT + HOUR, list_name="match")
    assert rows(database, hotlist_entry) == []


@pytest.mark.parametrize(
    ("name", "until", "says"),
    [
        ("match", AT, "is past"),
        ("Match Day", AT + HOUR, "expected lower case"),
        ("medellin", AT + HOUR, "is a standing list, whose entries are not to be deleted"),
    ],
)
def test_what_is_no_event_is_refused(sqlite: Engine, tmp_path: Path, name: str, until: datetime, says: str):
    list_plates(sqlite, tmp_path, GOOD, at=AT)
    with pytest.raises(HotlistError, match=says):
        set_event(sqlite, name, until, by="ana", at=AT, log=quiet)
    assert len(rows(sqlite, hotlist)) == 1


def test_lists_of_before_stand_and_their_entries_were_confirmed_when_entered(tmp_path: Path):
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    url = f"sqlite:///{tmp_path}/old.sqlite"
    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0011")
        old = text(
            "INSERT INTO hotlist_entry (list_name, plate, country, reason, priority, source, case_number, "
            "valid_from_us, valid_until_us, note, entered_by, entered_us) "
            "VALUES ('old', :plate, 'CO', 'stolen', 1, 'S', 'C', 0, 9, '', 'ana', 7)"
        )
        connection.execute(old, [{"plate": plate} for plate in ("ABC123", "ABC124", "ABC125")])
        command.upgrade(config, "0012")
        ended = text("UPDATE hotlist_entry SET ended_why = :why WHERE plate = :plate")
        by_file = "not in the file 0a1b, which was the whole list"
        connection.execute(ended, [{"plate": "ABC124", "why": "found"}, {"plate": "ABC125", "why": by_file}])
    engine.dispose()
    opened = open_database(url)
    assert [(row["name"], row["kind"], row["made_by"]) for row in rows(opened, hotlist)] == [
        ("old", "standing", "ana")
    ]
    assert [(row["confirmed_us"], row["ended_by_hand"]) for row in rows(opened, hotlist_entry)] == [
        (7, False),
        (7, True),
        (7, False),
    ]
    opened.dispose()


# What a file confirms


def test_a_file_confirms_what_it_names_and_nothing_else(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(3), at=AT)
    again = list_plates(database, tmp_path, lines(3)[0], lines(3)[1].replace(",1,", ",9,"), at=AT + HOUR)
    assert (again.changed, again.unchanged) == (1, 1)
    assert confirmed(database) == {"AAA000": AT + HOUR, "AAA001": AT + HOUR, "AAA002": AT}


def test_a_file_with_the_column_confirms_what_it_says_and_never_backwards(database: Engine, tmp_path: Path):
    columns = f"{HEADER},confirmed,agency,legal_basis"
    said = [
        f"{line},{when},SIJIN,Ley 1453" for line, when in zip(lines(3), ("2026-03-01", "", ""), strict=True)
    ]

    def take(at: datetime) -> ImportReport:
        path = written(tmp_path, *said, columns=columns)
        return import_csv(database, path, Import("medellin", "maria", at), grammar=GRAMMAR, log=quiet)

    assert take(AT).added == 3
    march = datetime(2026, 3, 1, tzinfo=UTC)
    assert confirmed(database) == {"AAA000": march, "AAA001": AT, "AAA002": AT}
    said[0], said[1] = (
        said[0].replace("03-01", "02-01"),
        said[1].replace(",,SIJIN", ",2026-03-05T09:00,SIJIN"),
    )
    late = take(AT + 24 * HOUR)
    assert (late.changed, late.unchanged) == (0, 3)
    assert confirmed(database) == {
        "AAA000": march,
        "AAA001": datetime(2026, 3, 5, 9, tzinfo=UTC),
        "AAA002": AT,
    }
    (entry, *_) = rows(database, hotlist_entry)
    assert (entry["agency"], entry["legal_basis"]) == ("SIJIN", "Ley 1453")


def test_a_confirmation_that_a_wrong_clock_left_in_the_future_counts_as_now(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(2), at=AT + 2400 * HOUR)
    assert list_plates(database, tmp_path, lines(1)[0], at=AT).unchanged == 1
    assert confirmed(database) == {"AAA000": AT, "AAA001": AT + 2400 * HOUR}


def test_a_confirmation_that_has_not_come_yet_is_refused(sqlite: Engine, tmp_path: Path):
    path = written(tmp_path, f"{GOOD},2026-03-05", columns=f"{HEADER},confirmed")
    report = import_csv(sqlite, path, Import("medellin", "maria", AT), grammar=GRAMMAR, log=quiet)
    assert [refusal.reason for refusal in report.refused] == [
        "confirmed: 2026-03-05 00:00 UTC has not come yet"
    ]


# A preview


def test_a_preview_says_what_an_import_does_and_writes_nothing(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(4), at=AT - HOUR)
    before = [rows(database, table) for table in (hotlist_entry, hotlist, table_version)]
    changed = lines(1)[0].replace(",1,", ",9,").replace("2026-12-31", "2026-06-30")
    path = written(tmp_path, changed, lines(4)[1], "BBB111,CO,,lost,1,S,C,,2026-12-31", *lines(1, begin=9))
    report, preview = previewed(database, path, whole=True)
    assert [rows(database, table) for table in (hotlist_entry, hotlist, table_version)] == before
    assert [(c.what.value, c.plate, c.line) for c in preview.changes] == [
        ("changed", "AAA000", 2),
        ("added", "AAA009", 5),
        ("removed", "AAA002", None),
        ("removed", "AAA003", None),
    ]
    assert preview.changes[0].told == (
        ("priority", "1", "9"),
        ("valid_until", "2027-01-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00"),
    )
    order = Import("medellin", "maria", AT, UTC, whole=True)
    assert import_csv(database, path, order, grammar=GRAMMAR, log=quiet) == report
    assert (report.added, report.changed, report.unchanged, report.removed) == (1, 1, 1, 2)


def test_a_preview_of_a_list_that_is_not_there_makes_none(database: Engine, tmp_path: Path):
    report, preview = previewed(database, written(tmp_path, *lines(5)), limit=3)
    assert (report.added, len(preview.changes), preview.is_cut_off) == (5, 3, False)
    assert rows(database, hotlist) == []


# A file that is the whole list


def test_what_a_whole_list_does_not_name_is_ended_with_a_reason(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(4), at=AT - HOUR)
    list_plates(database, tmp_path, *lines(4), at=AT - HOUR, list_name="interpol")
    report = list_plates(database, tmp_path, *lines(2), at=AT, whole=True)
    assert report.removed == 2
    ended = [row for row in rows(database, hotlist_entry) if row["ended_why"] is not None]
    assert [(row["list_name"], row["plate"]) for row in ended] == [
        ("medellin", "AAA002"),
        ("medellin", "AAA003"),
    ]
    assert {row["valid_until_us"] for row in ended} == {to_us(AT)}
    assert ended[0]["ended_why"] == f"not in the file {report.sha256[:12]}, which was the whole list"
    again = list_plates(database, tmp_path, *lines(4), at=AT + HOUR, whole=True)
    assert (again.changed, again.revived, again.removed) == (0, 2, 0), "they are looked for again"
    assert [row for row in rows(database, hotlist_entry) if row["ended_why"] is not None] == []


def test_a_slip_of_the_pen_lets_no_vehicle_go(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(3), at=AT - HOUR)
    slips = [lines(3)[0].replace("stolen", "lost"), lines(3)[1].replace("2026-12-31", "31/12/2026")]
    report = list_plates(database, tmp_path, *slips, lines(3)[2], at=AT, whole=True)
    assert (len(report.refused), report.removed) == (2, 0)


@pytest.mark.parametrize(
    "slip",
    [
        '"AAA002,CO,particular,stolen,1,SIJIN,C-1,2026-01-01,2026-12-31',
        "AAA002,CO,particular,stolen,1,SIJIN,C-1,2026-01-01,2026-12-31,",
        "AAA002,COL,particular,stolen,1,SIJIN,C-1,2026-01-01,2026-12-31",
    ],
)
def test_where_a_slip_hides_the_plate_a_whole_list_ends_nothing_and_says_so(
    database: Engine, tmp_path: Path, slip: str
):
    list_plates(database, tmp_path, *lines(4), at=AT - HOUR)
    path = written(tmp_path, *lines(2), slip)
    told, sample = previewed(database, path, whole=True)
    report = list_plates(database, tmp_path, *lines(2), slip, at=AT, whole=True)
    assert (report.removed, report.spared, len(report.refused)) == (0, 2, 1)
    assert told == report
    assert sample.changes == []
    assert [row["ended_why"] for row in rows(database, hotlist_entry)] == [None] * 4
    again = list_plates(database, tmp_path, *lines(2), at=AT, whole=True)
    assert (again.removed, again.spared) == (2, 0)


def test_a_slip_does_not_make_a_file_that_may_be_cut_off_a_good_one(database: Engine, tmp_path: Path):
    """One that is cut off mostly ends within a line."""
    list_plates(database, tmp_path, *lines(60), at=AT - HOUR)
    with pytest.raises(HotlistError, match="is it cut off"):
        list_plates(database, tmp_path, *lines(30), lines(31)[30][:9], at=AT, whole=True)


def test_a_file_that_may_be_cut_off_ends_nothing(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *lines(60), at=AT - HOUR)
    before = rows(database, hotlist_entry)
    with pytest.raises(HotlistError, match=r"does not name 30 of the 60 entries of 'medellin'.*--even-many"):
        list_plates(database, tmp_path, *lines(30), at=AT, whole=True)
    assert rows(database, hotlist_entry) == before, "nor does it change or confirm anything"
    assert previewed(database, written(tmp_path, *lines(30)), whole=True)[1].is_cut_off
    assert list_plates(database, tmp_path, *lines(30), at=AT, whole=True, even_many=True).removed == 30


@given(removed=st.integers(0, 3000), in_force=st.integers(0, 3000))
def test_more_than_a_fifth_and_more_than_twenty_is_cut_off(removed: int, in_force: int):
    assert is_cut_off(removed=removed, in_force=in_force) is (removed > 20 and removed * 5 > in_force)


def test_a_file_of_several_portions_is_one_import(
    sqlite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.hotlist.merge.BATCH", 3)
    list_plates(sqlite, tmp_path, *lines(5), at=AT - HOUR)
    twice = [*lines(8), lines(1)[0], "bad", *lines(3, begin=8)]
    report = list_plates(sqlite, tmp_path, *twice, at=AT, whole=True)
    assert (report.added, report.unchanged, report.removed) == (6, 5, 0)
    assert {r.line: r.reason for r in report.refused} == {
        10: "AAA000 (CO) stands in line 2 already",
        11: "1 fields, line 1 names 9",
    }


class Beside(Sample):
    """Something else happens, once, while the file is compared."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(50)
        self.act, self.acted = act, False

    def take(self, *told: Any) -> None:
        super().take(*told)
        if not self.acted:
            self.acted = True
            self.act()


def test_while_a_file_is_compared_others_write_and_what_they_did_counts(database: Engine, tmp_path: Path):
    """Taken off by hand meanwhile: or the file, which knew nothing of it, would bring the vehicle back."""
    list_plates(database, tmp_path, *lines(3), at=AT - HOUR)
    path = written(tmp_path, *[line.replace(",1,", ",9,") for line in lines(2)], *lines(1, begin=9))
    sample = Beside(lambda: end_entry(database, Which(number=1), by="ana", at=AT, why="found", log=quiet))
    order = Import("medellin", "maria", AT, UTC, whole=True)
    report = import_csv(database, path, order, grammar=GRAMMAR, log=quiet, sample=sample)
    assert sample.acted
    assert (report.added, report.changed, report.revived, report.removed) == (1, 1, 0, 1)
    assert [each.reason[:32] for each in report.refused] == ["AAA000 (CO) was taken off by han"]
    assert [(each.what.value, each.plate) for each in sample.changes] == [
        ("changed", "AAA001"),
        ("added", "AAA009"),
        ("removed", "AAA002"),
    ], "each is told once"
    entries = {str(row["plate"]): row for row in rows(database, hotlist_entry)}
    assert {plate: row["priority"] for plate, row in entries.items()} == {
        "AAA000": 1,
        "AAA001": 9,
        "AAA002": 1,
        "AAA009": 1,
    }
    assert [entries[plate]["ended_by_hand"] for plate in ("AAA000", "AAA002")] == [True, False]


def test_of_two_imports_that_begin_at_once_neither_doubles_an_entry(database: Engine, tmp_path: Path):
    path = written(tmp_path, *lines(3))
    order = Import("medellin", "maria", AT, UTC)
    sample = Beside(lambda: import_csv(database, path, order, grammar=GRAMMAR, log=quiet))
    report = import_csv(database, path, order, grammar=GRAMMAR, log=quiet, sample=sample)
    assert (report.added, report.unchanged, len(rows(database, hotlist_entry))) == (0, 3, 3)
    assert sample.changes == []


def test_a_file_that_turns_out_to_be_no_text_changes_nothing(
    sqlite: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.hotlist.merge.BATCH", 3)
    path = tmp_path / "hotlist.csv"
    path.write_bytes("\n".join([HEADER, *lines(9)]).encode() + b"\n\xff\n")
    with pytest.raises(HotlistError, match="line 11: not UTF-8"):
        import_csv(sqlite, path, Import("medellin", "maria", AT), grammar=GRAMMAR, log=quiet)
    assert rows(sqlite, hotlist_entry) == []
    assert rows(sqlite, hotlist) == []


# The commands


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(config_in(tmp_path))


def test_lists_are_shown_and_kept_by_command(run: Run, tmp_path: Path):
    path = written(tmp_path, GOOD.replace("2026-12-31", "2199-12-31"))
    assert run("hotlist", "import", str(path), "--list", "robados", "--as", "ana").exit_code == 0
    kept = ["--stale-after-h", "36", "--agency", "SIJIN", "--false-alarms-a-day", "5"]
    assert run("hotlist", "set", "robados", *kept, *LOOK).stdout == "list robados is kept so from now on\n"
    made = run("hotlist", "event", "match", "--until", "2199-06-01", *LOOK)
    assert made.stdout == "list match is over after 2199-06-01\n"
    shown = run("hotlist", "lists").stdout
    assert re.search(r"robados +standing +SIJIN +1 +0 +0 +36 h +5 +10% +\d+\.\d%", shown)
    assert re.search(r"match +event +0 +0 +0 +10% +\d+\.\d% +2199-06-01", shown)
    assert "permanente" in run("hotlist", "lists", language="es").stdout
    told = json.loads(run("hotlist", "lists", "--json").stdout)["lists"]
    assert [(each["name"], each["kind"], each["in_force"]) for each in told] == [
        ("match", "event", 0),
        ("robados", "standing", 1),
    ]
    engine = database_of(tmp_path / "central.yaml")
    acts = [(row["action"], json.loads(str(row["detail"]))) for row in rows(engine, audit)]
    assert acts[1] == (
        "hotlist.set",
        {"list": "robados", "agency": "SIJIN", "stale_after_h": 36, "false_alarms_a_day": 5.0},
    )
    assert acts[2][0] == "hotlist.event"
    assert verify(engine, read_key(tmp_path / "state" / "audit.key")).fault == ""


def test_what_a_list_s_budget_costs_is_shown(tmp_path: Path):
    """A list that may cost next to nothing, in a city of many reads: even the surest of them err too often for it."""
    run = runner(config_in(tmp_path, match={"reads_a_day": 1e9}))
    path = written(tmp_path, *[line.replace("2026-12-31", "2199-12-31") for line in lines(40)])
    for name in ("cheap", "dear"):
        run("hotlist", "import", str(path), "--list", name, "--as", "ana")
    run("hotlist", "set", "cheap", "--false-alarms-a-day", "0.0001", *LOOK)
    limits = json.loads(run("hotlist", "lists", "--json").stdout)["limits"]
    budget = MatchSettings(reads_a_day=1e9)
    assert limits == {
        "cheap": asdict(limit_of_list(40, budget, 0.0001)),
        "dear": asdict(limit_of_list(40, budget, None)),
    }
    assert (limits["cheap"]["is_kept"], limits["dear"]["is_kept"]) == (False, True)
    assert limits["cheap"]["missed"] > limits["dear"]["missed"]
    shown = run("hotlist", "lists").stdout
    assert f"{limits['cheap']['missed']:.1%}" in shown
    assert "(more than allowed)" in " ".join(shown.split())


@pytest.mark.parametrize(
    "words", [["set", "robados", "--agency", "x"], ["event", "match", "--until", "2199-06-01"]]
)
def test_nobody_changes_a_list_without_why_and_case(run: Run, words: list[str]):
    result = run("hotlist", *words, "--as", "ana")
    assert result.exit_code == 2
    assert "the purpose (--purpose) and the case number (--case)" in result.stderr


def test_a_preview_is_told_by_command(run: Run, tmp_path: Path):
    lasting = [line.replace("2026-12-31", "2199-12-31") for line in lines(30)]
    path = written(tmp_path, *lasting)
    words = ["hotlist", "import", str(path), "--list", "robados", "--as", "ana"]
    run(*words)
    written(tmp_path, lasting[0].replace(",1,", ",9,"), "BBB111,CO,,lost,1,S,C,,2199-12-31")
    shown = run(*words, "--preview", "--whole", "--limit", "1")
    assert shown.exit_code == 1
    assert re.search(r"2 +AAA000 \(CO\) +changed +priority: 1 -> 9", shown.stdout)
    assert shown.stdout.count("removed") == 2, "one that is shown, and the count"
    assert shown.stdout.endswith("0 added, 1 changed, 0 unchanged, 29 removed, 1 refused\n")
    assert "REFUSED SO" in shown.stderr
    told = json.loads(run(*words, "--preview", "--whole", "--json").stdout)
    assert (told["removed"], len(told["changes"]), told["is_cut_off"]) == (29, 30, True)
    assert told["refused"][0]["line"] == 3
    refused = run(*words, "--whole")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert run(*words, "--whole", "--even-many").stdout == (
        "0 added, 1 changed, 0 unchanged, 29 removed, 1 refused\n"
    )


def test_what_a_whole_list_spared_is_told_by_command(run: Run, tmp_path: Path):
    lasting = [line.replace("2026-12-31", "2199-12-31") for line in lines(2)]
    words = [
        "hotlist",
        "import",
        str(written(tmp_path, *lasting)),
        "--list",
        "robados",
        "--as",
        "ana",
        "--whole",
    ]
    run(*words)
    written(tmp_path, lasting[0], f"{lasting[1]},")
    for more in ([], ["--preview"]):
        told = run(*words, *more)
        assert told.exit_code == 1
        assert "STILL LOOKED FOR: 1 that the file does not name" in told.stderr
        assert told.stdout.endswith("0 added, 0 changed, 1 unchanged, 0 removed, 1 refused\n")


@pytest.mark.parametrize(("word", "needs"), [("--even-many", "--whole"), ("--json", "--preview")])
def test_a_word_that_means_nothing_alone_is_refused(run: Run, tmp_path: Path, word: str, needs: str):
    result = run("hotlist", "import", str(written(tmp_path, GOOD)), "--list", "x", "--as", "ana", word)
    assert result.exit_code == 2
    assert needs in result.stderr


def test_what_a_file_brings_does_not_hide_what_it_lacks(database: Engine, tmp_path: Path):
    """Two hundred entries, and a wrong file of many others."""
    list_plates(database, tmp_path, *lines(200), at=AT)
    others = [line.replace("AAA", "BBB") for line in lines(999)]
    ended = [line.replace("2026-12-31", "2026-01-02").replace("AAA", "CCC") for line in lines(300)]
    list_plates(database, tmp_path, *[line.replace("01-02", "12-31") for line in ended], at=AT - HOUR)
    list_plates(database, tmp_path, *ended, at=AT - HOUR)
    revived = [line.replace("01-02", "12-31") for line in ended]
    with pytest.raises(HotlistError, match=r"200 of the 200 entries"):
        list_plates(database, tmp_path, *others, *revived, at=AT, whole=True)
    assert len(rows(database, hotlist_entry)) == 500
