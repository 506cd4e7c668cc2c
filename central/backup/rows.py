"""The database in a form that is neither SQLite's nor PostgreSQL's: a Parquet file a table, and the last numbers given.

Read in one transaction and written in one, so that it goes from either kind of database into either.
"""

from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    Table,
    case,
    func,
    insert,
    null,
    select,
    text,
)

from central.db import erasure, metadata, restoring

ROWS: Final = 5_000
"""Held in memory at a time."""

CLEARED: Final = ("cleared", "signed", "done", "restored")
"""The states of an order (`central.erase.run`) from which on neither tables nor packs hold the plate."""

_TYPES: Final = (
    (LargeBinary, pa.binary()),
    (Boolean, pa.bool_()),
    (Integer, pa.int64()),
    (Float, pa.float64()),
)


def tables() -> list[Table]:
    """What is backed up."""
    return [table for name, table in sorted(metadata.tables.items()) if table is not restoring]


def dump(connection: Connection, table: Table, path: Path) -> int:
    """Write all rows of a table, in the order of its key; how many.

    Encrypted plates of orders of which nothing else is left are not among it.

    Args:
        connection: in the transaction that reads everything.
        table: ours.
        path: a file, which is replaced.
    """
    schema = _schema(table)
    query = select(*map(_written, table.columns)).order_by(*table.primary_key.columns)
    count = 0
    # Statistics in the footer would be plates in clear beside the compressed pages.
    with pq.ParquetWriter(path, schema, compression="zstd", write_statistics=False) as writer:
        result = connection.execute(query, execution_options={"yield_per": ROWS})
        for part in result.mappings().partitions():
            rows = pa.Table.from_pylist([dict(row) for row in part], schema=schema)
            writer.write_table(rows)
            count += rows.num_rows
    return count


def load(connection: Connection, table: Table, file: IO[bytes]) -> int:
    """Put the rows of a file into a table, which is empty; how many.

    Args:
        connection: in the transaction that writes everything.
        table: ours, of the version that the file was written from.
        file: as `dump` wrote it.
    """
    count = 0
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(ROWS):
            rows: list[dict[str, Any]] = batch.to_pylist()
            connection.execute(insert(table), rows)
            count += len(rows)
    return count


def last_numbers(connection: Connection) -> dict[str, int]:
    """The last number that each table has given to a row, one that was deleted since included."""
    found = {}
    for table in tables():
        if (column := _numbered(table)) is not None:
            given = _given(connection, table, column)
            found[table.name] = max(given, connection.scalar(select(func.max(column))) or 0)
    return found


def go_on_after(connection: Connection, numbers: dict[str, int]) -> None:
    """Let the tables give no number again."""
    for table in tables():
        column, last = _numbered(table), numbers.get(table.name, 0)
        if column is None or not last:
            continue
        values = {"table": table.name, "column": column.name, "last": last}
        for statement in _go_on(connection, table):
            connection.execute(text(statement), values)


def _written(column: Column[Any]) -> ColumnElement[Any]:
    if column is not erasure.c.plate_box:
        return column
    return case((erasure.c.state.in_(CLEARED), null()), else_=column).label(column.name)


def _schema(table: Table) -> pa.Schema:
    return pa.schema([pa.field(column.name, _type(column.type)) for column in table.columns])


def _type(kind: object) -> pa.DataType:
    return next((there for ours, there in _TYPES if isinstance(kind, ours)), pa.string())


def _counts_in_sqlite(table: Table) -> bool:
    return bool(table.dialect_options["sqlite"]["autoincrement"])


def _numbered(table: Table) -> Column[Any] | None:
    """The column whose values the database gives."""
    return next((column for column in table.primary_key.columns if column.autoincrement is True), None)


def _given(connection: Connection, table: Table, column: Column[Any]) -> int:
    if connection.dialect.name == "sqlite":
        query = "SELECT max(seq) FROM sqlite_sequence WHERE name = :table"
        return connection.scalar(text(query), {"table": table.name}) or 0
    query = (
        "SELECT max(last_value) FROM pg_sequences WHERE "
        "format('%I.%I', schemaname, sequencename)::regclass = pg_get_serial_sequence(:table, :column)::regclass"
    )
    return connection.scalar(text(query), {"table": table.name, "column": column.name}) or 0


def _go_on(connection: Connection, table: Table) -> tuple[str, ...]:
    if connection.dialect.name != "sqlite":
        return ("SELECT setval(pg_get_serial_sequence(:table, :column), :last)",)
    if not _counts_in_sqlite(table):
        return ()
    return (
        "DELETE FROM sqlite_sequence WHERE name = :table",
        "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)",
    )
