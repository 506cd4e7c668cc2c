"""What is known beside an entry that was hit: plates that are taken for it, and that nobody confirmed it for long."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import Run, config_in, runner
from central_messages import GRAMMAR, HEADER, a_store, ingest, list_plates, matched, read_message, rows
from central_reads import NOON, a_read
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text

from central import db
from central.db import alert, hotlist_entry, open_database
from central.hotlist.lists import Terms, change, listings
from central.hotlist.live import Hotlist
from central.hotlist.merge import Import
from central.hotlist.stale import PRIORITY, as_of
from central.hotlist.store import ImportReport, Sample, preview_csv
from central.hotlist.suppress import Term, enter
from central.hotlist.twins import GROUPS, Other, Taken, Twin, alike
from central.types import Hit, HotlistEntry, Look, Reason
from edge.contract.match import LOOK_ALIKE

DAY = timedelta(days=1)
GOOD = "ABC123,CO,,stolen,1,SIJIN,C-1,2024-01-01,2026-12-31"
PLATES = st.text("0123568BCDGILOQSZAX", min_size=1, max_size=7)


def good(*plates: str) -> list[str]:
    return [GOOD.replace("ABC123", plate) for plate in plates]


def quiet(*_: object) -> None:
    pass


def entry(**more: object) -> HotlistEntry:
    listed = HotlistEntry(
        "medellin", "ABC123", "CO", None, Reason.STOLEN, 1, "SIJIN", "C-1", NOON - DAY, NOON + DAY
    )
    fields = {name: getattr(listed, name) for name in listed.__dataclass_fields__}
    return HotlistEntry(**{**fields, **more})


# Which plates are twins


def test_every_group_is_one_that_the_reader_confuses_too():
    whole = [set(group) for group in LOOK_ALIKE]
    assert [group for group in GROUPS if not any(set(group) <= other for other in whole)] == []
    characters = "".join(GROUPS)
    assert len(set(characters)) == len(characters), "one character in two groups would make no equivalence"


@given(plate=PLATES, other=PLATES)
def test_plates_are_alike_where_each_character_is(plate: str, other: str):
    def same(a: str, b: str) -> bool:
        return a == b or any({a, b} <= set(group) for group in GROUPS)

    pairs = len(plate) == len(other) and all(map(same, plate, other))
    assert (alike(plate) == alike(other)) is pairs


@given(
    named=st.lists(st.tuples(PLATES, st.sampled_from(["CO", "VE"])), unique=True, max_size=30), sought=PLATES
)
def test_what_was_taken_is_found_again_and_its_twins_with_it(named: list[tuple[str, str]], sought: str):
    taken = Taken()
    for line, (plate, country) in enumerate(named, start=2):
        taken.add(plate, country, line)
    assert taken.count == len(named)
    for line, (plate, country) in enumerate(named, start=2):
        assert taken.line_of(plate, country) == line
    assert taken.line_of(sought, "AR") is None
    assert taken.twins(sought) == [
        (plate, country, line)
        for line, (plate, country) in enumerate(named, start=2)
        if plate != sought and alike(plate) == alike(sought)
    ]


# Twins of an import


def imported(
    engine: Engine, folder: Path, *content: str, list_name: str = "medellin"
) -> tuple[int, list[Twin]]:
    """What a preview says, which the import says too."""
    path = folder / "hotlist.csv"
    path.write_text("\n".join([HEADER, *content]) + "\n")
    sample = Sample(100)
    order = Import(list_name, "maria", NOON - DAY, UTC)
    said = preview_csv(engine, path, order, grammar=GRAMMAR, sample=sample)
    done: ImportReport = list_plates(engine, folder, *content, list_name=list_name)
    assert done == said
    return done.twins, sample.twins


def test_a_new_entry_whose_look_alike_is_listed_is_named(database: Engine, tmp_path: Path):
    assert imported(database, tmp_path, *good("ABC012"), list_name="interpol") == (0, [])
    count, twins = imported(database, tmp_path, *good("ABCO12", "XYZ777", "A8CO12", "ABC012"))
    assert count == 3
    assert twins == [
        Twin(2, "ABCO12", "CO", (Other("ABC012 (CO) in interpol", "interpol"),)),
        Twin(
            4,
            "A8CO12",
            "CO",
            (Other("ABCO12 (CO) in line 2", None), Other("ABC012 (CO) in interpol", "interpol")),
        ),
        Twin(5, "ABC012", "CO", (Other("ABCO12 (CO) in line 2", None), Other("A8CO12 (CO) in line 4", None))),
    ]
    assert imported(database, tmp_path, *good("ABCO12", "A8CO12")) == (0, []), "it was said once"


def test_a_twin_in_an_earlier_portion_is_found_and_one_that_is_over_is_not(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("central.hotlist.merge.BATCH", 2)
    over = GOOD.replace("2026-12-31", "2025-01-01").replace("ABC123", "A8C123")
    list_plates(database, tmp_path, over, at=datetime(2024, 6, 1, tzinfo=UTC), list_name="old")
    count, twins = imported(database, tmp_path, *good("ABC123", "XYZ777", "XYZ778", "ABCI23"))
    assert (count, twins) == (1, [Twin(5, "ABCI23", "CO", (Other("ABC123 (CO) in line 2", None),))])


def test_entries_of_before_have_what_is_alike_of_them(empty_database_url: str):
    from alembic import command
    from alembic.config import Config

    plates = ["ABCO12", "0DOQ1IL2Z38B", "5S6GC", "XYZ"]
    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0012")
        for plate in plates:
            connection.execute(
                text(
                    "INSERT INTO hotlist_entry (list_name, plate, country, reason, priority, source, case_number, "
                    "valid_from_us, valid_until_us, note, entered_by, entered_us) "
                    "VALUES ('old', :plate, 'CO', 'stolen', 1, 'S', 'C', 0, 9, '', 'ana', 7)"
                ),
                {"plate": plate},
            )
    engine.dispose()
    opened = open_database(empty_database_url)
    assert {row["plate"]: row["alike"] for row in rows(opened, hotlist_entry)} == {
        p: alike(p) for p in plates
    }
    opened.dispose()


def test_twins_are_told_by_command(tmp_path: Path):
    run: Run = runner(config_in(tmp_path))
    path = tmp_path / "l.csv"
    lasting = [line.replace("2026", "2199") for line in good("ABC123", "A8C123", "ABCI23")]
    path.write_text("\n".join([HEADER, *lasting]))
    words = ["hotlist", "import", str(path), "--list", "robados", "--as", "ana", "--limit", "1"]
    told = json.loads(run(*words, "--preview", "--json").stdout)
    assert (told["twins_in_all"], [each["plate"] for each in told["twins"]]) == (2, ["A8C123"])
    result = run(*words)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "line 3: A8C123 (CO) IS TAKEN FOR ABC123 (CO) in line 2: check the spelling with the source",
        "and 1 more that are taken for one another",
    ]


# When an entry is stale


@given(
    age_h=st.floats(0, 1000, allow_nan=False),
    after_h=st.one_of(st.none(), st.integers(1, 800)),
    priority=st.integers(1, 9),
)
def test_an_entry_is_stale_after_its_time_and_then_waits_behind_all(
    age_h: float, after_h: int | None, priority: int
):
    listed = entry(priority=priority, confirmed_at=NOON)
    at = NOON + timedelta(hours=age_h)
    counted = as_of(listed, stale_after_h=after_h, at=at)
    if after_h is not None and at - NOON > timedelta(hours=after_h):
        assert (counted.priority, counted.stale_since) == (PRIORITY, NOON)
    else:
        assert counted is listed


def test_where_nobody_asked_for_a_confirmation_nothing_is_stale():
    assert as_of(entry(), stale_after_h=1, at=NOON).stale_since is None


# Hits


@pytest.fixture
def hits(database: Engine) -> Iterator[object]:
    hotlist = Hotlist(grammar=GRAMMAR)

    def found(seq: int = 1, **read: object) -> list[Hit]:
        with database.begin() as connection:
            hotlist.refresh(connection)
            return matched(hotlist, connection, a_read(seq, plate_class=None, **read))

    return found


def test_a_stale_entry_is_hit_behind_the_others(database: Engine, tmp_path: Path, hits):
    list_plates(database, tmp_path, *good("ABC123"), at=NOON - 2 * DAY)
    list_plates(database, tmp_path, GOOD.replace(",1,", ",5,"), list_name="interpol", at=NOON - 2 * DAY)
    assert [(hit.entry.list_name, hit.entry.priority) for hit in hits()] == [("medellin", 1), ("interpol", 5)]
    change(database, "medellin", Terms(stale_after_h=36), at=NOON, log=quiet)
    assert [(hit.entry.list_name, hit.entry.priority) for hit in hits()] == [
        ("interpol", 5),
        ("medellin", PRIORITY),
    ]
    assert [each.stale for each in listings(database, at=NOON)] == [0, 1]
    list_plates(database, tmp_path, *good("ABC123"), at=NOON)
    assert [hit.entry.priority for hit in hits()] == [1, 5], "confirmed again"
    assert [each.stale for each in listings(database, at=NOON)] == [0, 0]


def test_a_hit_names_the_other_plates_that_are_looked_for_then(database: Engine, tmp_path: Path, hits):
    late = GOOD.replace("ABC123", "ABCI2E").replace("2024-01-01", "2026-01-01")
    list_plates(database, tmp_path, *good("ABC123", "A8C123"), late.replace("ABCI2E", "ABCI23"))
    list_plates(database, tmp_path, *good("ABC123", "AB0123"), list_name="interpol")
    assert [hit.entry.twins for hit in hits()] == [("A8C123",), ("A8C123",)]


@pytest.mark.parametrize("at_a_time", [2, 1_000])
def test_reads_of_a_batch_are_matched_as_each_by_itself(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
):
    monkeypatch.setattr(db, "_AT_A_TIME", at_a_time)
    plates = ["ABC123", "A8C123", "XYZ980", "XYZ98D", "KLM01A", "QQQ111"]
    list_plates(database, tmp_path, *good(*plates), at=NOON)
    list_plates(database, tmp_path, *good("ABC123", "XYZ98O"), list_name="interpol", at=NOON - 2 * DAY)
    change(database, "interpol", Terms(stale_after_h=36), at=NOON, log=quiet)
    term = Term("QQQ111", "CO", None, None, NOON - DAY, NOON + DAY)
    enter(database, term, Look("ana", "redress", "C-1"), reason="the owner has it back", log=quiet)
    reads = [a_read(n, plate=plate, plate_class=None) for n, plate in enumerate([*plates, "ZZZ999"], start=1)]
    hotlist = Hotlist(grammar=GRAMMAR)
    with database.begin() as connection:
        hotlist.refresh(connection)
        gathered = hotlist.gather(connection, reads)
        together = [hotlist.match(connection, read, gathered) for read in reads]
        assert together == [matched(hotlist, connection, read) for read in reads]
    told = {
        read.plate: [hit.entry.list_name for hit in hits] for read, hits in zip(reads, together, strict=True)
    }
    assert told["ABC123"] == ["medellin", "interpol"]
    assert (told["QQQ111"], told["ZZZ999"]) == ([], [])
    assert [hit.entry.twins for hit in together[2]] == [("XYZ98D", "XYZ98O")]


def test_an_alert_says_in_both_languages_what_the_list_leaves_open(database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, *good("ABC123", "A8C123"), at=NOON - 2 * DAY)
    change(database, "medellin", Terms(stale_after_h=36), at=NOON, log=quiet)
    ingest(a_store(database, tmp_path), [read_message(a_read(1, plate_class=None))])
    (raised,) = rows(database, alert)
    said = str(raised["explanation"])
    since = f"{NOON - 2 * DAY:%Y-%m-%d %H:%M} UTC"
    assert raised["priority"] == PRIORITY
    assert f"STALE: not confirmed since {since}, so its priority is 9: ask its source before anybody" in said
    assert f"SIN CONFIRMAR desde {since}: verifique con la fuente" in said
    assert "COMPARE: A8C123 is listed too, and taken for ABC123 (COMPARE: también se busca A8C123" in said
