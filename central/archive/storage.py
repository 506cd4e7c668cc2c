"""Where finished files lie: in a folder of this machine, or in a bucket of S3.

    <root>/<folder>/<file>      names are `folder/file`, such as 2026-03-01/14-5f0c.pack

What was put is there whole or not at all, and outlives a power cut; nothing is put under a name again with other
bytes, but for a pack of which a court has had pictures blanked. That is little enough for S3, which cannot append to a
file and cannot rename one.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from pyarrow import fs

from central.errors import MissingError, StoreError
from central.sections import StorageSettings, read_secret
from edge.contract.files import sync, write_atomic


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as a listing tells it."""

    name: str
    length: int
    modified_at: datetime


class Storage(Protocol):
    """A place for finished files; any thread may use it. Every method raises StoreError where it is away."""

    def put(self, name: str, content: bytes) -> None:
        """Store a file; when this returns it is durable. Again with the same bytes is harmless."""
        ...

    def read(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file, to its end where no length is given; fewer where it is shorter.

        Raises:
            MissingError: there is no such file.
        """
        ...

    def folders(self) -> list[str]:
        """The folders that hold files, sorted; one that held some may still be among them."""
        ...

    def files(self, folder: str) -> list[Stored]:
        """The files of a folder, sorted by name; none where there is no such folder."""
        ...

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there passes."""
        ...


class LocalStorage:
    """A folder of this machine. A put that was killed leaves a draft, `.<file>.<letters>.part`, which is listed too."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    def put(self, name: str, content: bytes) -> None:
        """As `Storage` says."""
        path = self.root / name
        with _told(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(path, content)
            sync(self.root)  # the folder's own name

    def read(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """As `Storage` says."""
        path = self.root / name
        with _told(path), path.open("rb") as file:
            file.seek(offset)
            return file.read(-1 if length is None else length)

    def folders(self) -> list[str]:
        """As `Storage` says."""
        with _told(self.root):
            if not self.root.exists():
                return []
            return sorted(path.name for path in self.root.iterdir() if path.is_dir())

    def files(self, folder: str) -> list[Stored]:
        """As `Storage` says."""
        found = []
        with _told(self.root / folder):
            for path in sorted((self.root / folder).glob("*")):
                try:
                    status = path.stat()
                except FileNotFoundError:  # deleted since
                    continue
                modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                found.append(Stored(f"{folder}/{path.name}", status.st_size, modified_at))
        return found

    def delete(self, name: str) -> None:
        """As `Storage` says."""
        with _told(self.root / name):
            (self.root / name).unlink(missing_ok=True)


class S3Storage:
    """Keys below `root` of a bucket; `root` is `bucket/prefix/...`."""

    def __init__(self, filesystem: fs.FileSystem, root: str) -> None:
        self._filesystem: Final = filesystem
        self._root: Final = root

    def put(self, name: str, content: bytes) -> None:
        """As `Storage` says."""
        path = self._path(name)
        with _told(path):
            # One write of all of it: a stream that is closed half written would leave half a file.
            with self._filesystem.open_output_stream(path) as stream:
                stream.write(content)
            stored = self._filesystem.get_file_info(path).size
        if stored != len(content):
            raise StoreError(f"{path}: {len(content)} bytes were put there, {stored} lie there")

    def read(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """As `Storage` says."""
        path = self._path(name)
        with _told(path), self._filesystem.open_input_file(path) as file:
            size = file.size()
            if offset >= size:  # pyarrow takes that for a fault
                return b""
            return bytes(file.read_at(size - offset if length is None else length, offset))

    def folders(self) -> list[str]:
        """As `Storage` says."""
        found = self._list(self._root)
        return sorted(info.base_name for info in found if info.type is fs.FileType.Directory)

    def files(self, folder: str) -> list[Stored]:
        """As `Storage` says."""
        found = (info for info in self._list(self._path(folder)) if info.type is fs.FileType.File)
        stored = (Stored(f"{folder}/{info.base_name}", info.size, info.mtime) for info in found)
        return sorted(stored, key=lambda file: file.name)

    def delete(self, name: str) -> None:
        """As `Storage` says."""
        path = self._path(name)
        try:
            with _told(path):
                self._filesystem.delete_file(path)
        except MissingError:
            pass

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _list(self, path: str) -> list[Any]:
        with _told(path):
            found: list[Any] = self._filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
            return found


def open_s3(settings: StorageSettings, folder: str) -> S3Storage:
    """A `folder` below the settings' prefix; nothing is asked of the server yet.

    Raises:
        ConfigError: a key's file cannot be read.
    """
    root = "/".join(part for part in (settings.bucket, settings.prefix, folder) if part)
    return S3Storage(s3_filesystem(settings), root)


def s3_filesystem(settings: StorageSettings, *, wait_s: int = 30) -> fs.S3FileSystem:
    """S3 as pyarrow speaks to it.

    Args:
        settings: where, and with which keys.
        wait_s: for an answer, each of the three times that it is asked.

    Raises:
        ConfigError: a key's file cannot be read.
    """
    keys = {}
    if settings.access_key_file is not None and settings.secret_key_file is not None:
        keys = {
            "access_key": read_secret(settings.access_key_file),
            "secret_key": read_secret(settings.secret_key_file),
        }
    scheme, _, host = (settings.endpoint or "https://").partition("://")
    return fs.S3FileSystem(
        **keys,
        region=settings.region,
        scheme=scheme,
        endpoint_override=host.rstrip("/") or None,
        tls_ca_file_path=None if settings.ca_file is None else str(settings.ca_file),
        connect_timeout=5,
        request_timeout=wait_s,
        allow_delayed_open=True,  # a small file is one request
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
    )


def check_writable(folder: Path) -> None:
    """Look whether we may write there, or make it; a disk that is full passes, for room may come.

    Raises:
        StoreError: we may not, or the file system is read-only.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        tempfile.TemporaryFile(dir=there).close()  # without a name, where the file system can
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error


@contextmanager
def _told(place: Path | str) -> Iterator[None]:
    """A fault of the disk or the network as one of ours.

    Raises:
        MissingError: there is no such file.
        StoreError: anything else.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"{place}: cannot be read: No such file or directory") from error
    except OSError as error:
        raise StoreError(f"{place}: storage fails: {error.strerror or error}") from error
