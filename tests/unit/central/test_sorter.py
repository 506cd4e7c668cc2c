"""DuckDB for rewriting files: whatever it says no to is said as a fault of the archive, in one line."""

from pathlib import Path
from threading import Event

import duckdb
import pyarrow as pa
import pytest

from central.archive.place import LocalArchive
from central.archive.sorter import sorter
from central.errors import StoreError


class Unlent(LocalArchive):
    """An archive that DuckDB cannot be let into."""

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: Event) -> None:  # as the archive's
        self.lent = duck
        raise duckdb.IOException("no door\nhere")


def test_rows_come_in_order_and_nothing_is_left_beside_the_archive(tmp_path: Path) -> None:
    archive = LocalArchive(tmp_path)
    with sorter(archive, memory_mb=64) as sorted_by:
        (rows,) = sorted_by.stream(
            "SELECT * FROM given ORDER BY n", {}, {"given": pa.table({"n": [3, 1, 2]})}
        )
    assert rows.column("n").to_pylist() == [1, 2, 3]
    assert list(archive.scratch.iterdir()) == []


def test_an_archive_that_cannot_be_opened_is_said_and_nothing_stays_open(tmp_path: Path) -> None:
    archive = Unlent(tmp_path)
    with (
        pytest.raises(StoreError, match=r"^[^\n]*archive cannot be rewritten: .*no door here$"),
        sorter(archive, memory_mb=64),
    ):
        raise AssertionError("never begun")
    with pytest.raises(duckdb.ConnectionException):
        archive.lent.execute("SELECT 1")
    assert list(archive.scratch.iterdir()) == []


def test_a_table_that_is_none_is_said(tmp_path: Path) -> None:
    none: pa.Table = object()
    with (
        sorter(LocalArchive(tmp_path), memory_mb=64) as sorted_by,
        pytest.raises(StoreError, match="cannot be rewritten"),
    ):
        sorted_by.table("SELECT * FROM given", {}, {"given": none})
