"""The search that proves an erasure is one that can fail: the plate is planted in each place, found and named."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from central_city import FIRST, City
from central_reads import NOON, a_read, put
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from central.access.key import AuditKey
from central.archive.schema import DERIVED, READS
from central.db import audit, dead_letter, open_database
from central.erase.plate import Needle, boxed, unboxed
from central.erase.search import Aim, Searched, Unsearched, search_database, search_file, search_folder
from central.errors import AccessError

PLATE = "ABC123"
AIM = Aim(Needle(PLATE))


def found_in(folder: Path, aim: Aim = AIM) -> dict[str, int]:
    into = Searched()
    search_folder(folder, aim, into)
    return {found.where.removeprefix(f"{folder}/"): found.times for found in into.found}


@pytest.mark.parametrize("spelt", ["ABC123", "abc123", "ABC-123", "ABC 123", "A·B·C·1·2·3", "ABC\xa0123"])
def test_however_it_is_spelt(spelt: str) -> None:
    assert AIM.needle.in_text(f'{{"plate": "{spelt}"}}')
    assert AIM.needle.in_bytes(b"\x00\x07" + spelt.encode() + b"\xff")
    assert PLATE not in AIM.needle.without(f"seen {spelt} twice").upper().replace("-", "")


@pytest.mark.parametrize("text", ["ABC1234", "XABC123", "AB0123", "ABC12", "ABC--- 123", ""])
def test_another_word_is_not_it(text: str) -> None:
    assert not AIM.needle.in_text(text)


def test_a_longer_word_explains_bytes_and_only_itself() -> None:
    data = b"\x01XABC123\x02"
    assert AIM.needle.in_bytes(data) == [2]
    needle = Needle(PLATE, frozenset(AIM.needle.longer_in("of XABC123 alone")))
    assert needle.in_bytes(data) == []
    assert needle.in_bytes(b"YABC123ABC123") == [1, 7], "fields of a database stand side by side"


@given(st.integers(0, 9 * 1024 * 1024))
def test_nothing_is_missed_between_two_pieces(at: int) -> None:
    file = io.BytesIO(bytes(at) + b"ABC123")
    into = Searched()
    search_file("file", file, AIM, into)
    assert [(found.where, found.times) for found in into.found] == [("file", 1)]
    assert into.bytes == at + 6


def test_files_links_names_and_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "spool.sqlite").write_bytes(b"\x00ABC123ABC123\x00")
    (tmp_path / "ABC-123.csv").write_text("nothing")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    into = Searched()
    search_folder(tmp_path, AIM, into)
    search_folder(tmp_path / "gone", AIM, into)
    search_folder(tmp_path / ("a" * 300), AIM, into)
    assert {(f.where.removeprefix(f"{tmp_path}/"), f.times) for f in into.found} == {
        ("a/b/spool.sqlite", 2),
        ("ABC-123.csv: its name", 1),
    }
    assert into.files == 2
    assert into.unsearched == [
        Unsearched("link", f"{tmp_path}/link"),
        Unsearched("not_there", f"{tmp_path}/gone"),
        Unsearched("unreadable", f"{tmp_path}/{'a' * 300}", "File name too long"),
    ]


def test_compressed_columns_are_decoded(tmp_path: Path) -> None:
    plates = [f"QQQ{n:03}" for n in range(500)]
    table = pa.table({"word": pa.array([*plates, "abc-123"]), "number": list(range(501))})
    nested = pa.table({"add": [{"stats": '{"least": "ABC123"}'}, {"stats": None}]})
    plain = pa.table({"word": plates})
    for name, content in {"flat": table, "nested": nested, "plain": plain}.items():
        pq.write_table(content, tmp_path / name, compression="zstd", write_statistics=False)
    assert b"abc-123" not in (tmp_path / "flat").read_bytes(), "or decoding proves nothing"
    assert found_in(tmp_path) == {"flat: word": 1, "nested: add.stats": 1}


def test_a_plate_that_is_kept_backwards_is_found_so_and_only_so(tmp_path: Path) -> None:
    words = {"reversed": ["321CBA", "ABC123"], "word": ["321CBA", "321CBA"]}
    pq.write_table(pa.table(words), tmp_path / "file", compression="zstd", write_statistics=False)
    assert found_in(tmp_path) == {"file: reversed": 1}


def test_what_a_file_tells_of_its_columns_is_searched_too(tmp_path: Path) -> None:
    table = pa.table({"word": ["AAA111", "ABC123"]})
    pq.write_table(table, tmp_path / "file", compression="zstd", write_page_index=True)
    assert found_in(tmp_path)["file"] >= 1


def test_a_parquet_file_that_is_cut_off_is_searched_as_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"word": ["ABC123"]}), tmp_path / "file", compression="none")
    whole = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(whole[:-20])
    into = Searched()
    search_folder(tmp_path, AIM, into)
    assert [found.where for found in into.found] == [f"{tmp_path}/file"]
    assert (into.unsearched[0].why, into.unsearched[0].where) == ("columns", f"{tmp_path}/file")


def test_a_window_judges_what_tells_its_time(tmp_path: Path) -> None:
    times = pa.array([NOON, NOON + timedelta(days=1)], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"plate": ["ABC123", "ABC123"], "captured_at": times}), tmp_path / "reads")
    (tmp_path / "log.txt").write_text("ABC123")
    aim = Aim(Needle(PLATE), since=NOON + timedelta(hours=1))
    into = Searched()
    search_folder(tmp_path, aim, into)
    assert [(found.where, found.times) for found in into.found] == [(f"{tmp_path}/reads: plate", 1)]
    assert into.unsearched == [Unsearched("window", f"{tmp_path}/log.txt")]


def test_every_table_of_the_archive_is_seen_through(tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "central.sqlite").write_bytes(sqlite_template.read_bytes())
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    city = City(engine, tmp_path / "archive")
    put(engine, [a_read(1, plate=PLATE, captured_at=FIRST), a_read(2, plate="ABC1234", captured_at=FIRST)])
    city.seal()
    city.maintain(FIRST + timedelta(days=2))
    found = found_in(tmp_path / "archive")
    named = {where.split("/")[0] + ":" + where.partition(": ")[2] for where in found}
    for layout in (READS, *DERIVED):
        assert (f"{layout.folder}:plate" in named) == ("plate" in layout.columns.names)
    assert "endings:reversed" in named
    logs = [where for where in found if "_delta_log" in where]
    assert logs == [], "no log says a plate"
    engine.dispose()


def test_every_text_of_the_database_is_searched(database: Engine) -> None:
    put(database, [a_read(1, plate=PLATE), a_read(2, plate="ABC1234")])
    letter = {"topic": "t", "payload": b"x ABC123", "reason": "r", "received_us": 1, "times": 1}
    entry = {"at_us": 1, "actor": "a", "purpose": "why ABC 123?", "case_number": "1", "action": "x"}
    with database.begin() as connection:
        connection.execute(insert(dead_letter).values(letter))
        connection.execute(insert(audit).values(**entry, detail="{}", previous_hash="", hash=""))
    into = Searched()
    needle = search_database(database, AIM, into)
    assert {found.where for found in into.found} == {
        "database: hot_read.plate",
        "database: hot_read.plate_raw",
        "database: hot_read.message",
        "database: dead_letter.payload",
        "database: audit.purpose",
    }
    assert needle.longer == {b"ABC1234"}
    assert into.rows >= 4
    late = Searched()
    search_database(database, Aim(Needle(PLATE), since=datetime(2025, 3, 5, tzinfo=UTC)), late)
    assert {found.where for found in late.found} == {
        "database: dead_letter.payload",
        "database: audit.purpose",
    }


def test_pictures_are_searched_for_the_very_spelling(tmp_path: Path) -> None:
    (tmp_path / "14-ab.pack").write_bytes(b"\xff\xd8 ABC123 abc123 XABC123 \xff")
    assert found_in(tmp_path) == {"14-ab.pack": 1}


def test_the_plate_is_kept_encrypted_under_the_audit_key() -> None:
    key = AuditKey(b"k" * 32)
    box = boxed(PLATE, key)
    assert PLATE.encode() not in box
    assert unboxed(box, key) == PLATE
    with pytest.raises(AccessError, match="another access.key_file"):
        unboxed(box, AuditKey(b"q" * 32))
    assert json.dumps([key.of_plate("x"), key.of_certificate(b"x")]).count(key.of_row(b"x")) == 0
