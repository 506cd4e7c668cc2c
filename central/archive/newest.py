"""The newest update that the archive holds of a read, remembered where older ones may still come.

Edges send updates again and in any order, so an older one may reach the centre long after a newer one was
sealed and its row is gone. An entry is made when a seal is done and before its rows are deleted. It goes once
every update below it has come or is known to be gone, for none can come any more; and after 90 days where one
never does, because an edge lost its spool.
"""

from typing import Any, Final

from sqlalchemy import Connection, Table, delete, exists, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from central.db import received_range, sealed_update
from edge.contract.delivery import Stream

_KEPT_US: Final = 90 * 86_400_000_000
_READ: Final = ("edge_id", "epoch", "seq")


def remember(connection: Connection, source: Table, seal_id: int, *, now_us: int) -> None:
    """Enter the updates that a seal brings into the archive.

    Args:
        connection: in the transaction that says that the seal is done.
        source: `hot_read` or `late_update`, whose rows bear the seal's number still.
        seal_id: the seal.
        now_us: microseconds since 1970.
    """
    values = select(*(source.c[name] for name in (*_READ, "update_seq")), literal(now_us))
    values = values.where(source.c.seal_id == seal_id, source.c.update_seq > 0)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(sealed_update).from_select([*_READ, "update_seq", "sealed_us"], values)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(_READ),
            set_={"update_seq": new.update_seq, "sealed_us": new.sealed_us},
            where=sealed_update.c.update_seq < new.update_seq,
        )
    )


def forget(connection: Connection, *, now_us: int) -> None:
    """Remove the entries that nothing can contradict any more, and the very old ones."""
    entry, held = sealed_update.c, received_range.c
    all_below_came = exists().where(
        held.edge_id == entry.edge_id,
        held.epoch == entry.epoch,
        held.stream == str(Stream.UPDATE),
        held.first_seq == 1,
        held.last_seq >= entry.update_seq - 1,
    )
    connection.execute(delete(sealed_update).where(or_(all_below_came, entry.sealed_us < now_us - _KEPT_US)))


def holds_as_new(connection: Connection, row: dict[str, Any]) -> bool:
    """Whether the archive is known to hold this update of a read, or a later one.

    Args:
        connection: of the transaction that has put the update's row into `late_update`. Asked earlier, a seal
            that ends in between would go unseen.
        row: the update's columns.
    """
    entry = sealed_update.c
    query = select(entry.seq).where(
        *(entry[name] == row[name] for name in _READ), entry.update_seq >= row["update_seq"]
    )
    return connection.execute(query).first() is not None
