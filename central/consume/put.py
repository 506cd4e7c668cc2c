"""Insert, or replace, alike on SQLite and on PostgreSQL."""

from collections.abc import Collection, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, each with every column of its table.

    In the driver's own words: what SQLAlchemy does for each of many rows costs as much as the database itself,
    and names of columns, looked up for each of them, a third of that.
    """
    if rows:
        values = itemgetter(*table.c.keys())
        connection.exec_driver_sql(_insert(table, connection.dialect.name), [values(row) for row in rows])


def put(
    connection: Connection,
    table: Table,
    row: dict[str, Any],
    *,
    newer: str | None = None,
    kept: Collection[str] = (),
) -> bool:
    """Insert a row, or replace the one of its key; whether the table now holds the row.

    Args:
        connection: in a transaction.
        table: where.
        row: its columns.
        newer: replaced only where this column is higher than what is there.
        kept: columns that a replaced row keeps.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(row)
    keys = list(table.primary_key)
    names = row.keys() - {column.name for column in keys} - set(kept)
    # RETURNING, because the number of rows is not known of an INSERT under psycopg.
    returned = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in sorted(names)},
        where=None if newer is None else table.c[newer] < statement.excluded[newer],
    ).returning(keys[0])
    return connection.execute(returned).first() is not None


@cache
def _insert(table: Table, dialect: str) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    names = table.c.keys()
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"  # noqa: S608  # our own names
