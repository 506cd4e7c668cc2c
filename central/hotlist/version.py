"""How a running centre notices that the hotlists have changed."""

from sqlalchemy import Connection, update

from central.db import hotlist_entry, table_version


def raise_version(connection: Connection) -> None:
    """Tell a running centre; first in a transaction, so that a second one waits for this one."""
    connection.execute(
        update(table_version)
        .where(table_version.c.name == hotlist_entry.name)
        .values(version=table_version.c.version + 1)
    )
