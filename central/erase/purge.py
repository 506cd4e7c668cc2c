"""The database without what was deleted: its free pages, and its log of writing ahead, keep old bytes for long."""

import sqlite3
from contextlib import closing
from typing import Final

from sqlalchemy import Engine, Table

from central.db import (
    alert,
    alert_event,
    alert_trail,
    api_answer,
    clip,
    clip_part,
    dead_letter,
    delivery,
    described,
    erased_read,
    erasure,
    held_read,
    hot_read,
    hotlist_copy,
    hotlist_entry,
    hunt_trace,
    late_update,
    legal_hold,
    picture,
    sealed_update,
    suppressed_read,
    suppression,
    taken_file,
)
from central.errors import ErasureError, StoreError

TOUCHED: Final[tuple[Table, ...]] = (
    hot_read,
    late_update,
    sealed_update,
    dead_letter,
    picture,
    clip,
    clip_part,
    hotlist_entry,
    hotlist_copy,
    hunt_trace,
    suppression,
    suppressed_read,
    taken_file,
    api_answer,
    alert,
    alert_event,
    alert_trail,
    delivery,
    legal_hold,
    held_read,
    erased_read,
    erasure,
)


def purge(engine: Engine) -> None:
    """Write the database anew. Who writes meanwhile waits; on SQLite for the whole of it, so not for long questions.

    Raises:
        ErasureError: somebody reads old rows still; the next call tries again.
        StoreError: it cannot be written: it takes as much room again as the database has.
    """
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in TOUCHED:
                connection.exec_driver_sql(f"VACUUM FULL {table.name}")
        return
    with closing(engine.raw_connection()) as driver, closing(driver.cursor()) as cursor:
        try:
            cursor.execute("PRAGMA secure_delete = ON")
            cursor.execute("VACUUM")
            # Into the file, and the log cut to nothing: it held the old pages.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = bool((cursor.fetchone() or (1,))[0])
        except sqlite3.Error as error:
            raise StoreError(f"database {described(engine.url)}: cannot be written anew: {error}") from error
    if busy:
        raise ErasureError("the database is being read from before the deletion: run `erase run` again")
