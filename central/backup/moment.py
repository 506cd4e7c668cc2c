"""One moment of database and archive, without a lock: nobody waits for a backup.

The tables of the archive are opened, then a transaction begins that reads the database as it is now, then the tables
are opened again. Where none has another version, the versions were those of the transaction's moment; else it is tried
again. So a snapshot is what a power cut at that moment would have left, and the centre comes back from it as from one:
a seal that was under way is finished by the next.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from deltalake import DeltaTable
from sqlalchemy import Connection, Engine, func, select

from central.archive.place import Archive
from central.archive.schema import DERIVED, READS
from central.archive.table import open_archive
from central.db import Clock, reading, restoring
from central.errors import BackupError

_TRIES: Final = 50


@dataclass(frozen=True, slots=True)
class Moment:
    """What there was.

    Attributes:
        at: when, UTC.
        connection: to the database as it was then.
        tables: of the archive, by folder; those that there were.
    """

    at: datetime
    connection: Connection
    tables: Mapping[str, DeltaTable]


@contextmanager
def moment(engine: Engine, archive: Archive, *, clock: Clock) -> Iterator[Moment]:
    """Take one; the transaction ends with the block.

    Raises:
        StoreError: the archive cannot be opened.
        BackupError: it changed each time.
    """
    for _ in range(_TRIES):
        tables = _open(archive)
        with reading(engine) as connection:
            connection.scalar(select(func.count()).select_from(restoring))  # the transaction's moment
            at = clock()
            if _versions(_open(archive)) == _versions(tables):
                yield Moment(at, connection, tables)
                return
    raise BackupError(f"{archive}: changes too often to be backed up; run it again")


def _open(archive: Archive) -> dict[str, DeltaTable]:
    opened = ((layout.folder, open_archive(archive, layout)) for layout in (READS, *DERIVED))
    return {folder: table for folder, table in opened if table is not None}


def _versions(tables: Mapping[str, DeltaTable]) -> dict[str, int]:
    return {folder: table.version() for folder, table in tables.items()}
