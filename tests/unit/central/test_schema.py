"""What stands in the files: types, encodings, compression, and no plate outside the data files."""

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from central_reads import NOON, a_read, put
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from central.archive.place import LocalArchive
from central.archive.schema import (
    PARTITION,
    SCHEMA,
    pack_box,
    pack_characters,
    pack_ptz,
    unpack_box,
    unpack_characters,
    unpack_ptz,
)
from central.archive.write import seal
from central.db import open_database
from edge.contract.read import FARTHEST, Box, Character, CharacterAlternative, PtzPosition


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of 30 seals, so that its log has been checkpointed and holds every kind of entry."""
    folder = tmp_path_factory.mktemp("archive")
    engine = open_database(f"sqlite:///{folder}/central.sqlite")
    for number in range(30):
        put(engine, [a_read(number * 40 + i, plate=f"QXZ{i % 30:03d}") for i in range(1, 41)])
        seal(engine, LocalArchive(folder / "archive"), clock=lambda: NOON)
    engine.dispose()
    return folder / "archive"


def data_files(archive: Path) -> list[Path]:
    return sorted(archive.glob(f"reads/{PARTITION}=*/*.parquet"))


def test_every_time_is_in_microseconds_utc() -> None:
    times = [field for field in SCHEMA if pa.types.is_timestamp(field.type)]
    assert times
    assert all(field.type == pa.timestamp("us", "UTC") for field in times)


def test_every_file_has_the_one_schema_without_its_partition(archive: Path) -> None:
    expected = pa.schema([field for field in SCHEMA if field.name != PARTITION])
    for file in data_files(archive):
        assert pq.read_schema(file).equals(expected), file


def test_columns_are_packed_as_the_design_says(archive: Path) -> None:
    for file in data_files(archive):
        group = pq.ParquetFile(file).metadata.row_group(0)
        columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
        assert {c.compression for c in columns.values()} == {"ZSTD"}
        for name in ("seq", "captured_at", "update_seq", "clock_error_us", "likelihood_e4"):
            assert "DELTA_BINARY_PACKED" in columns[name].encodings, name
            assert not columns[name].has_dictionary_page, name
        for name in ("plate", "camera_id", "epoch", "vehicle_type", "first_offset_us", "received_offset_us"):
            assert columns[name].has_dictionary_page, name
        for name in ("characters", "box", "plate_raw"):
            assert not columns[name].has_dictionary_page, name
        assert not any("BYTE_STREAM_SPLIT" in c.encodings for c in columns.values())
        assert columns["captured_at"].has_column_index


def test_the_delta_log_holds_no_plate(archive: Path) -> None:
    log = archive / "reads" / "_delta_log"
    entries = sorted(log.glob("*.json"))
    checkpoints = sorted(log.glob("*.checkpoint.parquet"))
    assert entries
    assert checkpoints
    text = "".join(entry.read_text(encoding="utf-8") for entry in entries)
    text += json.dumps([pq.read_table(c).to_pylist() for c in checkpoints], default=str)
    assert re.search(r"QXZ\d{3}", text) is None
    statistics = [json.loads(s) for s in re.findall(r'"stats": ?"(\{.*?\})"[,}]', text.replace('\\"', '"'))]
    assert statistics
    for each in statistics:
        assert set(each["minValues"]) == set(each["maxValues"]) == {"captured_at", "seq"}
    assert any(b"QXZ" in file.read_bytes() for file in data_files(archive)), "the test must be able to fail"


def test_the_log_is_checkpointed_and_cleaned(archive: Path) -> None:
    settings = DeltaTable(archive / "reads").metadata().configuration
    assert settings["delta.checkpointInterval"] == "20"
    assert settings["delta.logRetentionDuration"] == "interval 7 days"
    assert (archive / "reads" / "_delta_log" / "_last_checkpoint").exists()


def test_pyarrow_and_duckdb_read_the_same_rows(archive: Path) -> None:
    files = data_files(archive)
    arrow = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    duck = duckdb.sql("SELECT * FROM read_parquet($files)", params={"files": [str(f) for f in files]})
    assert arrow.num_rows == 30 * 40
    kept = ["edge_id", "epoch", "seq", "plate", "likelihood_e4", "first_offset_us", "votes", "late", "box"]
    key = lambda row: row["seq"]  # noqa: E731
    assert sorted(duck.to_arrow_table().select(kept).to_pylist(), key=key) == sorted(
        arrow.select(kept).to_pylist(), key=key
    )
    first = min(arrow["captured_at"].to_pylist())
    assert first == a_read(1).best_at
    assert first.astimezone(UTC) == datetime(2025, 3, 4, 12, 0, 1, tzinfo=UTC)


likelihoods = st.floats(min_value=0.0, max_value=1.0)
letters = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
alternatives = st.builds(CharacterAlternative, char=letters, likelihood=likelihoods)
characters = st.lists(
    st.builds(
        Character,
        char=letters,
        likelihood=likelihoods,
        alternatives=st.lists(alternatives, max_size=2).map(tuple),
    ),
    max_size=12,
)


@given(characters)
def test_characters_come_back_within_their_precision(given_characters: list[Character]) -> None:
    found = unpack_characters(pack_characters(given_characters))
    for position, character in enumerate(given_characters):
        likely = [a for a in character.alternatives if a.likelihood >= 1 / 256]
        if position not in found:
            assert not likely
            assert character.likelihood > 0.989
            continue
        assert [a.char for a in found[position].alternatives] == [a.char for a in likely]
        pairs = [
            (a.likelihood, b.likelihood) for a, b in zip(found[position].alternatives, likely, strict=True)
        ]
        for kept, was in [*pairs, (found[position].likelihood, character.likelihood)]:
            assert math.isclose(kept, max(was, 2 ** (-255 / 32)), rel_tol=0.011)


def test_a_sure_plate_costs_no_byte() -> None:
    assert pack_characters([Character(char=c, likelihood=0.999) for c in "ABC123"]) == b""


def test_cut_characters_are_refused() -> None:
    packed = pack_characters(a_read(1).characters)
    with pytest.raises(ValueError, match="position 1 needs"):
        unpack_characters(packed[:-1])


@given(st.builds(Box, x=likelihoods, y=likelihoods, width=st.just(1.0), height=st.floats(0.001, 1.0)))
def test_a_box_comes_back_within_its_precision(box: Box) -> None:
    packed = pack_box(box)
    assert len(packed) == 6
    for kept, was in zip(unpack_box(packed), (box.x, box.y, box.width, box.height), strict=True):
        assert abs(kept - was) <= 1 / 8_190 + 1e-12


def a_number(most: float) -> st.SearchStrategy[float]:
    return st.floats(min_value=-most, max_value=most)


@given(a_number(1.0), a_number(1.0), st.none() | a_number(1.0))
def test_where_a_camera_looked_comes_back_within_its_precision(
    pan: float, tilt: float, zoom: float | None
) -> None:
    packed = pack_ptz(PtzPosition(pan=pan, tilt=tilt, zoom=zoom))
    assert len(packed) == (8 if zoom is None else 12)
    found = unpack_ptz(packed)
    assert (found[2] is None) is (zoom is None)
    pairs = zip(found, (pan, tilt, zoom), strict=True)
    assert all(abs(kept - was) <= 0.5001e-4 for kept, was in pairs if kept is not None and was is not None)


@given(a_number(FARTHEST))
def test_a_head_that_counts_in_steps_keeps_seven_digits(steps: float) -> None:
    pan, _, _ = unpack_ptz(pack_ptz(PtzPosition(pan=steps, tilt=0.0)))
    assert math.isclose(pan, steps, rel_tol=1e-7, abs_tol=1e-4)


def test_trembling_at_a_preset_is_one_word() -> None:
    assert len({pack_ptz(PtzPosition(pan=0.5 + n * 1e-6, tilt=-n * 1e-6)) for n in range(9)}) == 1
