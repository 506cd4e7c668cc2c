"""Where the archive's tables lie: one folder of each table, with its data files and its log.

    <archive>/reads/captured_date=2026-03-04/seal-000000000123-<digits>.parquet
    <archive>/reads/_delta_log/00000000000000000000.json

A data file is written once, whole, and never changed; what says that it counts is the log, which deltalake writes.
Names here are those below the archive: `reads/captured_date=2026-03-04/...`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final, Protocol

import duckdb
import pyarrow as pa

from central.archive.schema import PARTITION, READS
from central.errors import StoreError
from central.settings import CentralSettings
from edge.contract.files import sync

LOG: Final = "_delta_log"
"""Folder of a table's log."""

SPILL: Final = "_spill-"
"""How the folders begin that hold drafts and spilt rows."""

ELSEWHERE: Final = "tables-are-in"
"""The file in an archive's folder that names the bucket where the tables are."""

_CALLED: Final = "Traceback "  # so a fault begins of what DuckDB called
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_ANSWER: Final = re.compile(r"<\?xml.*?<Code>(\w+)</Code>.*</Error>", re.DOTALL)


class Archive(Protocol):
    """A place for tables; any thread may use it. `str` of it is its name for people.

    Every method raises OSError, beside what it says, where the place cannot be reached.
    """

    @property
    def scratch(self) -> Path:
        """A folder of this machine for drafts, and for what is spilt while files are written again."""
        ...

    @property
    def options(self) -> Mapping[str, str] | None:
        """What deltalake needs to reach the tables."""
        ...

    def uri(self, table: str) -> str:
        """A table for deltalake."""
        ...

    def path(self, name: str) -> str:
        """A data file for DuckDB."""
        ...

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: Event) -> None:
        """Let a DuckDB read `path`s. Where it would wait for a server, `given_up` ends that with an error."""
        ...

    def check(self) -> None:
        """Look for what must not lie here, or elsewhere.

        Raises:
            StoreError: says what to do.
        """
        ...

    def prepare(self) -> None:
        """Make it ready for tables, and bring up to date what an earlier version left.

        Raises:
            StoreError: it cannot be written.
        """
        ...

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file; whole and durable once the block is left, and not there where it raises."""
        ...

    def read(self, name: str) -> bytes:
        """All of a file; FileNotFoundError where there is none."""
        ...

    def open(self, name: str) -> pa.NativeFile:
        """A file, to read parts of; FileNotFoundError where there is none."""
        ...

    def size(self, name: str) -> int:
        """Of a file, in bytes; FileNotFoundError where there is none."""
        ...

    def files(self, folder: str) -> list[str]:
        """The names of the files in a folder."""
        ...

    def delete(self, name: str) -> None:
        """Delete a file that no log names; one that is not there passes."""
        ...

    def force(self, names: Iterable[str]) -> None:
        """Make files durable that others wrote here, with the names of their folders."""
        ...


class LocalArchive:
    """A folder of this machine."""

    options: Final = None

    def __init__(self, root: Path) -> None:
        self.scratch: Final = root
        self._root: Final = root.resolve()

    def __str__(self) -> str:
        """The folder as it was given."""
        return str(self.scratch)

    def uri(self, table: str) -> str:
        """As `Archive` says."""
        return str(self._root / table)

    def path(self, name: str) -> str:
        """As `Archive` says."""
        return f"{self._root}/{name}"

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: Event) -> None:
        """As `Archive` says: it reads the disk by itself."""

    def check(self) -> None:
        """As `Archive` says."""
        if (there := noted(self._root)) and not (self._root / READS.folder / LOG).exists():
            raise StoreError(
                f"{self}: the archive is in {there}: stop the centre and copy that here first (docs/storage.md), "
                f"or delete {self._root / ELSEWHERE} to begin anew"
            )
        if (self._root / LOG).exists():
            raise StoreError(
                f"{self}: an archive of an earlier version; `python -m central seal` brings it up to date"
            )

    def prepare(self) -> None:
        """As `Archive` says: its owner's alone, whatever the umask."""
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self}: archive cannot be written: {error.strerror}") from error
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        """Move what earlier versions kept in the archive's own folder into that of the reads; the log last."""
        log = self._root / LOG
        if not log.exists():
            return
        reads = self._root / READS.folder
        try:
            reads.mkdir(mode=0o700, exist_ok=True)
            for entry in (*self._root.glob(f"{PARTITION}=*"), log):
                entry.rename(reads / entry.name)
            for folder in (reads, self._root):
                sync(folder)
        except OSError as error:
            raise StoreError(f"{self}: archive cannot be brought up to date: {error.strerror}") from error

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """As `Archive` says; a writer that is killed leaves a part of it, which no log names."""
        path = self._root / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise
        for folder in self._folders(name):
            sync(folder)

    def read(self, name: str) -> bytes:
        """As `Archive` says."""
        return (self._root / name).read_bytes()

    def open(self, name: str) -> pa.NativeFile:
        """As `Archive` says."""
        return pa.OSFile(str(self._root / name))

    def size(self, name: str) -> int:
        """As `Archive` says."""
        return (self._root / name).stat().st_size

    def files(self, folder: str) -> list[str]:
        """As `Archive` says."""
        return [f"{folder}/{file.name}" for file in (self._root / folder).iterdir() if file.is_file()]

    def delete(self, name: str) -> None:
        """As `Archive` says."""
        (self._root / name).unlink(missing_ok=True)

    def force(self, names: Iterable[str]) -> None:
        """As `Archive` says: deltalake, for one, forces nothing to the disk."""
        files = [self._root / name for name in names]
        folders = {folder for name in names for folder in self._folders(name)}
        deepest_first = sorted(folders, key=lambda folder: len(folder.parts), reverse=True)
        for place in (*files, *deepest_first, self._root, self._root.parent):
            sync(place)

    def _folders(self, name: str) -> list[Path]:
        """The folders of a file's name, the innermost first; below the archive."""
        path = self._root / name
        return list(path.parents[: name.count("/")])


def noted(folder: Path) -> str:
    """In which bucket the tables of an archive's folder are; empty where they never were in one."""
    try:
        return (folder / ELSEWHERE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def archive_of(settings: CentralSettings) -> Archive:
    """The archive as configured.

    Raises:
        ConfigError: a key of S3 cannot be read.
    """
    if settings.storage.kind == "s3":
        from central.archive.s3 import open_s3_archive

        return open_s3_archive(settings)
    return LocalArchive(settings.archive.path)


def is_away(error: duckdb.Error) -> bool:
    """Whether DuckDB failed because a server does not answer, which is no file's fault."""
    return str(error).startswith(_CALLED) and not plainly(error).startswith("FileNotFoundError")


def plainly(error: Exception) -> str:
    """A fault of deltalake or DuckDB in one line: no colours, no traceback, no server's answer with a key in it."""
    text = _ANSWER.sub(r"\1", _COLOUR.sub("", str(error)))
    if text.startswith(_CALLED):
        text = text.rstrip().rpartition("\n")[2]
    return " ".join(text.replace("\u21b3", " ").split())
