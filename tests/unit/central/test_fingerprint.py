"""Every way of changing a list leaves each entry with its part and its fingerprint; migrated entries have them too."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_messages import GRAMMAR, HEADER, list_plates, rows
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, text

from central.db import hotlist_entry, open_database
from central.hotlist.end import Which, end_entry
from central.hotlist.fingerprint import SENT, marks
from central.hotlist.merge import Import
from central.hotlist.store import import_csv
from edge.contract.hotlist import PARTS, part_of

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
UNTIL = "2026-12-31"
ENTRY = {
    "plate": "ABC123",
    "list_name": "stolen",
    "country": "CO",
    "plate_class": "particular",
    "vehicle_type": None,
    "color": "rojo",
    "brand": None,
    "valid_from_us": 5,
    "valid_until_us": 9,
    "priority": 1,
}


def line(plate: str, *, until: str = UNTIL, priority: int = 5, source: str = "SIJIN") -> str:
    return f"{plate},CO,,stolen,{priority},{source},C-1,2026-01-01,{until}"


def take(engine: Engine, folder: Path, *lines: str, columns: str) -> None:
    """Import these lines, of these columns, a while later."""
    path = folder / "list.csv"
    path.write_text("\n".join([columns, *lines]) + "\n")
    order = Import("medellin", "maria", AT + 4 * HOUR)
    import_csv(engine, path, order, grammar=GRAMMAR, log=lambda *_: None)


def fingerprints(engine: Engine) -> dict[str, object]:
    """Of each plate; and each row must say what its values make."""
    found = rows(engine, hotlist_entry)
    for row in found:
        assert {"part": row["part"], "fingerprint": row["fingerprint"]} == marks(row), row["plate"]
    return {str(row["plate"]): row["fingerprint"] for row in found}


def test_a_fingerprint_is_of_what_is_sent_and_of_nothing_else() -> None:
    told = marks(ENTRY)
    assert told["part"] == part_of("ABC123")
    assert 0 <= told["fingerprint"] < 2**40
    assert marks({**ENTRY, "note": "x", "source": "y", "id": 7}) == told
    others = {name: "another" if isinstance(value, str | None) else 8 for name, value in ENTRY.items()}
    changed = {name: marks({**ENTRY, name: others[name]})["fingerprint"] for name in SENT}
    assert set(changed) == set(ENTRY)
    assert len({told["fingerprint"], *changed.values()}) == len(ENTRY) + 1


@given(st.integers(0, 2**50), st.integers(0, 2**50), st.sampled_from(["rojo", "azul", None]))
def test_entries_that_swap_their_times_have_another_sum(one: int, other: int, color: str | None) -> None:
    first, second = {**ENTRY, "color": color}, {**ENTRY, "plate": "XYZ789"}

    def total(of_first: int, of_second: int) -> int:
        pair = ({**first, "valid_until_us": of_first}, {**second, "valid_until_us": of_second})
        return sum(marks(entry)["fingerprint"] for entry in pair)

    assert (total(one, other) == total(other, one)) is (one == other)


def test_a_million_of_them_can_be_summed() -> None:
    assert 2**40 * 1_000_000 < 2**63


def test_an_import_marks_what_is_new_and_what_changes_and_leaves_the_rest(
    database: Engine, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, line("AAA111"), line("BBB222"), line("CCC333"), at=AT)
    before = fingerprints(database)
    assert len(set(before.values())) == 3
    again = (line("AAA111", source="DIJIN"), line("BBB222", priority=1), line("DDD444"))
    list_plates(database, tmp_path, *again, at=AT + HOUR)
    after = fingerprints(database)
    assert {plate for plate in after if after[plate] != before.get(plate)} == {"BBB222", "DDD444"}


@pytest.mark.parametrize("column", ["plate_class", "vehicle_type", "color", "brand"])
def test_each_column_that_is_sent_is_marked(database: Engine, tmp_path: Path, column: str) -> None:
    columns, seen = f"plate,country,reason,source,case_number,valid_until,{column}", []
    for value in ("", "particular"):  # a class, and as good a word as any for the others
        take(database, tmp_path, f"ABC123,CO,stolen,S,C,{UNTIL},{value}", columns=columns)
        seen.append(fingerprints(database)["ABC123"])
    assert seen[0] != seen[1]


def test_what_a_file_ends_and_what_it_brings_back_is_marked(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, line("AAA111"), line("BBB222"), line("CCC333"), at=AT)
    before = fingerprints(database)
    whole = {"whole": True, "even_many": True}
    list_plates(database, tmp_path, line("AAA111"), line("BBB222", until="2026-03-01"), at=AT + HOUR, **whole)
    ended = fingerprints(database)
    assert {plate for plate in ended if ended[plate] != before[plate]} == {"BBB222", "CCC333"}
    list_plates(database, tmp_path, line("CCC333"), line("BBB222"), at=AT + 2 * HOUR)
    assert fingerprints(database) == before


def test_what_is_taken_off_by_hand_is_marked_and_so_is_its_return(database: Engine, tmp_path: Path) -> None:
    list_plates(database, tmp_path, line("AAA111"), line("BBB222"), at=AT)
    before = fingerprints(database)
    which = Which(plate="AAA111", country="CO")
    end_entry(database, which, by="ana", at=AT + HOUR, why="found", log=lambda *_: None)
    ended = fingerprints(database)
    assert (ended["AAA111"] != before["AAA111"], ended["BBB222"]) == (True, before["BBB222"])
    # A line that is over too leaves the later of the two ends.
    columns = f"{HEADER},confirmed"
    take(database, tmp_path, f"{line('AAA111', until='2026-03-02')},2026-03-04T14:00", columns=columns)
    assert fingerprints(database)["AAA111"] == ended["AAA111"]
    take(database, tmp_path, f"{line('AAA111')},2026-03-04T15:00", columns=columns)
    assert fingerprints(database) == before


def test_entries_of_before_are_marked_when_the_tables_are_brought_up_to_date(empty_database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "central:migrations")
    config.set_main_option("path_separator", "os")
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0021")
        old = text(
            "INSERT INTO hotlist_entry (list_name, plate, country, color, reason, priority, source, case_number, "
            "valid_from_us, valid_until_us, note, entered_by, entered_us) "
            "VALUES ('viejo', :plate, 'CO', :color, 'stolen', 1, 'S', 'C', 0, :until, '', 'ana', 7)"
        )
        some = [
            {"plate": f"ABC{n:04d}", "color": "añil" if n % 2 else None, "until": n} for n in range(2_003)
        ]
        connection.execute(old, some)  # more than are filled at a time
        command.upgrade(config, "0022")
    engine.dispose()
    opened = open_database(empty_database_url)
    assert len(set(fingerprints(opened).values())) == 2_003
    assert {row["part"] for row in rows(opened, hotlist_entry)} == set(range(PARTS))
    opened.dispose()
