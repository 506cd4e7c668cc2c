"""How a running centre notices that the hotlists have changed."""

from sqlalchemy import Connection, select, update

from central.db import hotlist_entry, table_version

_MINE = table_version.c.name == hotlist_entry.name


def raise_version(connection: Connection) -> int:
    """Tell a running centre; first in a transaction, so that a second one waits for this one.

    Returns:
        the version from now on.
    """
    raised = update(table_version).where(_MINE).values(version=table_version.c.version + 1)
    return int(connection.execute(raised.returning(table_version.c.version)).scalar_one())


def hold_version(connection: Connection) -> None:
    """Let whoever changes the lists wait until this transaction ends, after waiting for who has begun to."""
    connection.execute(select(table_version.c.version).where(_MINE).with_for_update(read=True)).all()


def version_of(connection: Connection) -> int:
    """The version of the lists as a transaction sees them."""
    return int(connection.execute(select(table_version.c.version).where(_MINE)).scalar_one())
