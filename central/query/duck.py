"""DuckDB behind one method: SQL with bound parameters over tables and files, with a limit of time and memory."""

from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Final

import duckdb
import pyarrow as pa

from central.errors import QueryError, TimedOutError

_SETTINGS: Final = (
    "parquet_metadata_cache = true",
    "enable_external_access = false",
    "lock_configuration = true",
)

_AGAIN_S: Final = 0.05


class Duck:
    """An in-memory DuckDB that can read one folder and nothing else; one thread's."""

    def __init__(self, folder: Path, *, timeout_s: float, memory_mb: int) -> None:
        self._timeout_s: Final = timeout_s
        self._duck: Final = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": "",  # an answer that outgrows its memory is refused, not spilt
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            }
        )
        self._duck.execute("SET allowed_directories = $folders", {"folders": [f"{folder.resolve()}/"]})
        for setting in _SETTINGS:
            self._duck.execute(f"SET {setting}")

    def run(self, sql: str, parameters: Mapping[str, object], tables: Mapping[str, pa.Table]) -> pa.Table:
        """Answer one query; its result goes through Arrow, which keeps times exact.

        Raises:
            TimedOutError: it took too long.
            QueryError: it needs too much memory, or a file cannot be read.
        """
        done = Event()
        watchdog = Thread(target=self._watch, args=(done,), name="query watchdog", daemon=True)
        for name, table in tables.items():
            self._duck.register(name, table)
        watchdog.start()
        try:
            return self._duck.sql(sql, params=dict(parameters)).to_arrow_table()
        except duckdb.InterruptException as error:
            raise TimedOutError(f"no answer within {self._timeout_s:g} s; narrow the question") from error
        except duckdb.Error as error:
            raise QueryError(f"the archive cannot answer: {error}") from error
        finally:
            done.set()
            watchdog.join()
            for name in tables:
                self._duck.unregister(name)

    def _watch(self, done: Event) -> None:
        """Interrupt again and again: DuckDB forgets an interruption that comes while it still prepares."""
        if not done.wait(self._timeout_s):
            self._duck.interrupt()
            while not done.wait(_AGAIN_S):
                self._duck.interrupt()

    def close(self) -> None:
        """Give everything back."""
        self._duck.close()
