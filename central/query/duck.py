"""DuckDB behind one method: SQL with bound parameters over tables and files, with a limit of time and memory.

An answer ends early in three ways: its time is over, somebody cancels it from another thread, or by Ctrl-C.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from threading import Event
from time import monotonic
from typing import Any, Final

import duckdb
import pyarrow as pa

from central.archive.place import Archive, is_away, plainly
from central.errors import CancelledError, QueryError, StoreError, TimedOutError, UnreadableError

_SETTINGS: Final = (
    "enable_progress_bar = false",  # which DuckDB would print where it takes Python for interactive
    "parquet_metadata_cache = true",
    "enable_external_access = false",
    "lock_configuration = true",
)

_AGAIN_S: Final = 0.05
_DOWN: Final = (duckdb.FatalException, duckdb.ConnectionException)
"""It answers nothing any more."""


class Duck:
    """An in-memory DuckDB that can read the archive and nothing else; one thread's, but for `cancel`."""

    def __init__(
        self, archive: Archive, *, timeout_s: float, memory_mb: int, threads: int | None = None
    ) -> None:
        self._timeout_s: Final = timeout_s
        self._until_s = 0.0  # by the monotonic clock
        self._cancelled: Final = Event()
        self._over: Final = Event()  # the answer is there, or nobody waits for it any more
        self._given_up: Final = Event()  # nobody waits for the files that it reads either
        self._archive: Final = archive
        self._memory_mb: Final = memory_mb
        self._threads: Final = threads
        self._duck = self._connected()
        self._worker: Final = ThreadPoolExecutor(1, thread_name_prefix="query")
        # Its thread begins now: Ctrl-C in the midst of that would leave an answer to a thread that nobody knows of.
        self._worker.submit(int).result()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """A new one.

        Raises:
            StoreError: there can be none.
        """
        try:
            return self._connect()
        except duckdb.Error as error:
            raise StoreError(f"{self._archive}: archive cannot be opened: {plainly(error)}") from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        duck = duckdb.connect(
            config={
                "memory_limit": f"{self._memory_mb}MB",
                "temp_directory": "",  # an answer that outgrows its memory is refused, not spilt
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self._archive.lend(duck, given_up=self._given_up)
        if self._threads is not None:  # whatever the archive thinks best
            duck.execute(f"SET threads = {self._threads}")
        duck.execute("SET allowed_directories = $folders", {"folders": [self._archive.path("")]})
        for setting in _SETTINGS:
            duck.execute(f"SET {setting}")
        return duck

    def begin(self) -> None:
        """A new question begins, and with it its time; what was cancelled before was another one."""
        self._cancelled.clear()
        self._until_s = monotonic() + self._timeout_s

    def cancel(self) -> None:
        """Give up the question that was begun; from any thread."""
        self._cancelled.set()
        self._over.set()

    def run(self, sql: str, parameters: Mapping[str, object], tables: Mapping[str, pa.Table]) -> pa.Table:
        """Answer one query of the question that was begun; its result goes through Arrow, which keeps times exact.

        A question may have several; its time is that of all together.

        Raises:
            TimedOutError: the question took too long.
            CancelledError: it was cancelled.
            UnreadableError: a file cannot be read.
            StoreError: the archive cannot be reached.
            QueryError: it needs too much memory, or Arrow cannot take the answer.
        """
        self.go_on()
        self._over.clear()
        self._given_up.clear()
        try:
            return self._answered(sql, parameters, tables)
        except duckdb.InterruptException as error:
            raise self._why() from error
        except duckdb.OutOfMemoryException as error:
            raise QueryError(f"the archive cannot answer: {error}") from error
        except duckdb.Error as error:
            if self._given_up.is_set():
                raise self._why() from error
            if is_away(error):
                raise StoreError(f"the archive cannot be reached: {plainly(error)}") from error
            if isinstance(error, _DOWN):  # a damaged file took it down, for good
                self._duck.close()
                self._duck = self._connected()
            raise UnreadableError(f"the archive cannot answer: {plainly(error)}") from error
        except pa.ArrowException as error:
            raise QueryError(f"the archive cannot answer: {plainly(error)}") from error

    def go_on(self) -> None:
        """Look whether the question may go on.

        Raises:
            TimedOutError, CancelledError: as `run`.
        """
        if self._cancelled.is_set() or monotonic() >= self._until_s:
            raise self._why()

    @contextmanager
    def _named(self, tables: Mapping[str, pa.Table]) -> Iterator[None]:
        """While the tables have their names."""
        try:
            for name, table in tables.items():
                self._duck.register(name, table)
            yield
        finally:
            with suppress(*_DOWN):
                for name in tables:
                    self._duck.unregister(name)

    def _answered(
        self, sql: str, parameters: Mapping[str, object], tables: Mapping[str, pa.Table]
    ) -> pa.Table:
        """The answer, unless its time is over first."""
        answering = self._worker.submit(self._answer, sql, dict(parameters), tables)
        answering.add_done_callback(lambda _: self._over.set())
        try:
            if not self._cancelled.is_set():
                self._over.wait(max(0.0, self._until_s - monotonic()))
        finally:
            self._end(answering)
        return answering.result()

    def _answer(self, sql: str, parameters: dict[str, object], tables: Mapping[str, pa.Table]) -> pa.Table:
        """In a thread of its own: Ctrl-C reaches the one that waits, and DuckDB, which may forget it, knows of none.

        To name a table DuckDB calls Python, and would take Ctrl-C there for a fault of the table.
        """
        with self._named(tables):
            return self._duck.sql(sql, params=parameters).to_arrow_table()

    def _end(self, answering: Future[Any]) -> None:
        """Interrupt again and again: DuckDB forgets an interruption that comes while it still prepares."""
        while not answering.done():
            self._given_up.set()
            with suppress(KeyboardInterrupt):  # one more
                self._duck.interrupt()
                wait([answering], timeout=_AGAIN_S)

    def _why(self) -> QueryError:
        if self._cancelled.is_set():
            return CancelledError("cancelled before there was an answer")
        return TimedOutError(f"no answer within {self._timeout_s:g} s; narrow the question")

    def close(self) -> None:
        """Give everything back; what Ctrl-C left alone in the moment in which it was handed over, too."""
        self._end(self._worker.submit(lambda: None))
        self._worker.shutdown()
        self._duck.close()
