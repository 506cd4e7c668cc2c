"""The archive's tables in a bucket of S3.

deltalake commits there by a put that succeeds only where nobody was first, so commits conflict as on a disk. An
acknowledged put is durable, so nothing is to be forced. A data file is written on this machine first and put whole:
what is killed half way shows nothing.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final

import duckdb
import pyarrow as pa
from pyarrow import fs

from central.archive.lent import LentFiles
from central.archive.place import ELSEWHERE, LOG, SPILL, noted
from central.archive.schema import READS
from central.archive.storage import s3_filesystem
from central.errors import StoreError
from central.sections import StorageSettings, read_secret
from central.settings import CentralSettings
from edge.contract.files import write_atomic

_WAIT_S: Final = 10
"""For an answer of the server, which a question waits for; several times over where it is asked again."""

_THREADS: Final = 8
"""Of DuckDB: they wait for the server more than they work."""


class S3Archive:
    """Keys below `root` of a bucket; `root` is `bucket/prefix/archive`."""

    def __init__(
        self, filesystem: fs.FileSystem, root: str, *, options: Mapping[str, str], scratch: Path
    ) -> None:
        self.options: Final = options
        self.scratch: Final = scratch
        self._filesystem: Final = filesystem
        self._root: Final = root

    def __str__(self) -> str:
        """Its address."""
        return f"s3://{self._root}"

    def uri(self, table: str) -> str:
        """As `Archive` says."""
        return f"{self}/{table}"

    def path(self, name: str) -> str:
        """As `Archive` says."""
        return f"{LentFiles.protocol}://{name}"

    def lend(self, duck: duckdb.DuckDBPyConnection, *, given_up: Event) -> None:
        """As `Archive` says."""
        duck.register_filesystem(LentFiles(self._filesystem, self._root, given_up))
        duck.execute(f"SET threads = {_THREADS}")

    def check(self) -> None:
        """As `Archive` says: an empty archive beside a full one would hide five years."""
        local = any((folder / LOG).exists() for folder in (self.scratch, self.scratch / READS.folder))
        there = str(self.scratch) if local else noted(self.scratch)
        if there not in ("", str(self)) and not self.files(f"{READS.folder}/{LOG}"):
            raise StoreError(
                f"{self}: nothing is archived here yet, but the archive is in {there}: stop the centre and copy that "
                "here first (docs/storage.md), or name another archive.path to begin anew"
            )

    def prepare(self) -> None:
        """As `Archive` says; the local folder remembers where the tables are."""
        self.check()
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        if noted(self.scratch) != str(self):
            write_atomic(self.scratch / ELSEWHERE, f"{self}\n".encode())

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """As `Archive` says."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=self.scratch, prefix=SPILL, ignore_cleanup_errors=True
        ) as folder:
            draft = Path(folder) / "draft"
            with draft.open("wb") as file:
                yield file
            path, size = f"{self._root}/{name}", draft.stat().st_size
            fs.copy_files(str(draft), path, fs.LocalFileSystem(), self._filesystem)
            if (stored := self.size(name)) != size:
                raise OSError(f"{path}: {size} bytes were put there, {stored} lie there")

    def read(self, name: str) -> bytes:
        """As `Archive` says."""
        with self._filesystem.open_input_file(f"{self._root}/{name}") as file:
            return bytes(file.read())

    def open(self, name: str) -> pa.NativeFile:
        """As `Archive` says."""
        return self._filesystem.open_input_file(f"{self._root}/{name}")

    def size(self, name: str) -> int:
        """As `Archive` says."""
        found = self._filesystem.get_file_info(f"{self._root}/{name}")
        if found.type is not fs.FileType.File:
            raise FileNotFoundError(f"{self}/{name}: no such file")
        return int(found.size)

    def files(self, folder: str) -> list[str]:
        """As `Archive` says."""
        selector = fs.FileSelector(f"{self._root}/{folder}", allow_not_found=True)
        found = self._filesystem.get_file_info(selector)
        return [f"{folder}/{file.base_name}" for file in found if file.type is fs.FileType.File]

    def delete(self, name: str) -> None:
        """As `Archive` says."""
        with suppress(FileNotFoundError):
            self._filesystem.delete_file(f"{self._root}/{name}")

    def force(self, names: Iterable[str]) -> None:
        """As `Archive` says: what lies in a bucket is durable."""


def open_s3_archive(settings: CentralSettings) -> S3Archive:
    """The archive in the bucket; nothing is asked of the server yet.

    Raises:
        ConfigError: a key's file cannot be read.
    """
    storage = settings.storage
    root = "/".join(part for part in (storage.bucket, storage.prefix, "archive") if part)
    if storage.ca_file is not None:  # deltalake takes an authority from nowhere else
        os.environ["SSL_CERT_FILE"] = str(storage.ca_file)
    filesystem = s3_filesystem(storage, wait_s=_WAIT_S)
    return S3Archive(filesystem, root, options=_options(storage), scratch=settings.archive.path)


def _options(storage: StorageSettings) -> dict[str, str]:
    """The same as `s3_filesystem`, as deltalake has it."""
    options = {
        "aws_region": storage.region,
        "connect_timeout": "5s",
        "timeout": f"{2 * _WAIT_S}s",  # of a whole answer
        "max_retries": "2",
        "retry_timeout": f"{2 * _WAIT_S}s",
    }
    if storage.endpoint is not None:
        options["aws_endpoint_url"] = storage.endpoint.rstrip("/")
        options["aws_allow_http"] = str(storage.endpoint.startswith("http:")).lower()
    if storage.access_key_file is not None and storage.secret_key_file is not None:
        options["aws_access_key_id"] = read_secret(storage.access_key_file)
        options["aws_secret_access_key"] = read_secret(storage.secret_key_file)
    return options
