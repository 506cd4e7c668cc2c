"""DuckDB for rewriting files: it sorts more than memory holds and spills beside the archive."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

import duckdb
import pyarrow as pa

from central.archive.place import SPILL, Archive, plainly
from central.archive.schema import ROW_GROUP_ROWS
from central.errors import StoreError

_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class Sorter:
    """Answers with rows in order, piece by piece; one thread's."""

    def __init__(self, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck: Final = duck

    def stream(
        self, sql: str, parameters: Mapping[str, object], tables: Mapping[str, pa.Table] | None = None
    ) -> Iterator[pa.Table]:
        """The rows of a query.

        Raises:
            StoreError: a file cannot be read, or the disk is full.
        """
        with self._answering(tables):
            for batch in self._duck.sql(sql, params=dict(parameters)).to_arrow_reader(ROW_GROUP_ROWS):
                yield pa.Table.from_batches([batch])

    def table(
        self, sql: str, parameters: Mapping[str, object], tables: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """The rows of a query at once, for few.

        Raises:
            StoreError: as `stream`.
        """
        with self._answering(tables):
            return self._duck.sql(sql, params=dict(parameters)).to_arrow_table()

    @contextmanager
    def _answering(self, tables: Mapping[str, pa.Table] | None) -> Iterator[None]:
        """While the tables have their names."""
        registered = dict(tables or {})
        try:
            for name, table in registered.items():
                self._duck.register(name, table)
            yield
        except duckdb.Error as error:
            raise StoreError(f"the archive cannot be rewritten: {plainly(error)}") from error
        finally:
            with suppress(duckdb.ConnectionException):  # a stream that was given up may outlive the sorter
                for name in registered:
                    self._duck.unregister(name)


@contextmanager
def sorter(archive: Archive, *, memory_mb: int) -> Iterator[Sorter]:
    """A sorter whose spilt rows are gone when it ends; what a killed one leaves is swept by the maintenance.

    Args:
        archive: whose files it reads, and beside which it spills.
        memory_mb: what it may use before it spills.

    Raises:
        StoreError: nothing can be written there, or DuckDB cannot be opened.
    """
    try:
        # Of an archive in a bucket it need not be here yet.
        archive.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=archive.scratch, prefix=SPILL, ignore_cleanup_errors=True)
    except OSError as error:
        raise StoreError(f"{archive.scratch}: cannot be written: {error.strerror}") from error
    with folder as spill, closing(_connected(archive, Path(spill), memory_mb=memory_mb)) as duck:
        yield Sorter(duck)


def _connected(archive: Archive, spill: Path, *, memory_mb: int) -> duckdb.DuckDBPyConnection:
    config = _SETTINGS | {"memory_limit": f"{memory_mb}MB", "temp_directory": str(spill.resolve())}
    try:
        duck = duckdb.connect(config=config)
        try:
            archive.lend(duck, given_up=Event())
            duck.execute("SET TimeZone = 'UTC'")
        except BaseException:
            duck.close()
            raise
    except duckdb.Error as error:
        raise StoreError(f"{archive}: archive cannot be rewritten: {plainly(error)}") from error
    return duck
