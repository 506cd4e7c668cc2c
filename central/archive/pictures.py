"""Pictures in packs: append-only files, so that a picture costs a write and not a file.

    <folder>/2026-03-01/14-5f0c….pack      hour of arrival (UTC), then letters that never come again; 16 MB at most
    <folder>/2026-03-01/kept-77ab….pack    what is left of that day's packs when their time is over

A pack is written by one process only, which holds its lock until the database names what is in it: each process begins
new ones. The bytes are on the disk before the database names them; what a cut-off transaction leaves behind in a pack
is named by nothing and harmless. Where storage is S3 a pack moves there once it is finished; till then it is here.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from central.archive.packing import Place
from central.archive.storage import LocalStorage, Storage, Stored, open_s3
from central.errors import DamagedError, MissingError, StoreError
from central.settings import CentralSettings

_PACK: Final = re.compile(r"\d{4}-\d\d-\d\d/(\d\d|kept)-[0-9a-f]+\.pack")
_DRAFT: Final = re.compile(r"\d{4}-\d\d-\d\d/\.kept-[0-9a-f]+\.pack\..+\.part")

_log = structlog.get_logger(__name__)


class Packs:
    """The packs on this machine and, where storage is S3, those that have moved there; any thread's."""

    def __init__(self, folder: Path, remote: Storage | None = None) -> None:
        self._local: Final = LocalStorage(folder)
        self._remote: Final = remote
        # A pack that moves is there before it is gone here: who looks here first misses none.
        self._storages: Final[tuple[Storage, ...]] = (self._local, *([remote] if remote else []))

    def read(self, place: Place) -> bytes:
        """The bytes of a picture, checked against their hash.

        Raises:
            MissingError: the pack is not there.
            DamagedError: it is not what was written.
            StoreError: it cannot be read now.
        """
        if _PACK.fullmatch(place.pack) is None:
            raise DamagedError(f"not the name of a pack: {place.pack!r}")
        picture = self._read(place)
        if len(picture) != place.length or hashlib.sha256(picture).hexdigest() != place.sha256:
            _log.error("picture damaged", pack=place.pack, offset=place.offset, length=place.length)
            raise DamagedError(
                f"{place.pack}: the picture at {place.offset} ({place.length} bytes) is damaged"
            )
        return picture

    def put(self, name: str, content: bytes) -> None:
        """Store a finished pack.

        Raises:
            StoreError: it cannot be written.
        """
        self._storages[-1].put(name, content)

    def days(self) -> list[str]:
        """The days of arrival that have packs, as their names begin."""
        return sorted({folder for storage in self._storages for folder in storage.folders()})

    def of_day(self, day: str) -> list[Stored]:
        """The packs of a day, one that moves twice, and drafts of kept ones that a killed process left."""
        found = (file for storage in self._storages for file in storage.files(day))
        return [file for file in found if _PACK.fullmatch(file.name) or _DRAFT.fullmatch(file.name)]

    def delete(self, name: str) -> bool:
        """Delete a pack wherever it lies; False where somebody here still writes it. One that is nowhere passes."""
        path = self._local.root / name
        with _finished(path) as pack:
            if pack is None and path.exists():
                return False
            for storage in self._storages:
                storage.delete(name)
        return True

    def blank(self, name: str, named: Callable[[], Sequence[tuple[int, int]]]) -> bool:
        """Put zeros wherever no picture lies; False where somebody here still writes the pack, or moves it.

        Args:
            name: of the pack; one that is nowhere passes.
            named: looks up first byte and length of each picture in it, once nobody can name another.

        Raises:
            StoreError: it cannot be written.
        """
        path = self._local.root / name
        with _finished(path) as pack:
            if pack is None and path.exists():
                return False
            pictures = named()
            if pack is not None:
                _blank_file(pack, _gaps(pictures, size=path.stat().st_size))
        if self._remote is not None:
            self._blank_remote(name, pictures)
        return True

    def _blank_remote(self, name: str, named: Sequence[tuple[int, int]]) -> None:
        if self._remote is None:
            return
        with suppress(MissingError):
            old = self._remote.read(name)
            new = bytearray(old)
            for first, length in _gaps(named, size=len(old)):
                new[first : first + length] = bytes(length)
            if new != old:
                self._remote.put(name, bytes(new))

    def whole(self, name: str) -> bytes:
        """A pack, wherever it lies.

        Raises:
            MissingError: it is nowhere.
            StoreError: it cannot be read now.
        """
        with suppress(MissingError):
            return self._local.read(name)
        return self._storages[-1].read(name)

    def move_finished(self) -> int:
        """Move to S3 what nobody here writes any more; how many packs. Killed at any point, the next call goes on.

        Raises:
            StoreError: S3 is away, or this disk fails; what has not moved is where it was.
        """
        if self._remote is None:
            return 0
        folders = self._local.folders()
        return sum(self._move(file.name) for day in folders for file in self._local.files(day))

    def _move(self, name: str) -> bool:
        if self._remote is None or _PACK.fullmatch(name) is None:
            return False
        with _finished(self._local.root / name) as pack:
            if pack is None:
                return False
            self._remote.put(name, pack.read())
            self._local.delete(name)
        return True

    def _read(self, place: Place) -> bytes:
        for storage in self._storages[:-1]:
            try:
                return storage.read(place.pack, offset=place.offset, length=place.length)
            except MissingError:
                continue
        return self._storages[-1].read(place.pack, offset=place.offset, length=place.length)


def open_packs(settings: CentralSettings) -> Packs:
    """The packs as configured.

    Raises:
        ConfigError: a key of S3 cannot be read.
    """
    remote = open_s3(settings.storage, "pictures") if settings.storage.kind == "s3" else None
    return Packs(settings.pictures.path, remote)


def _gaps(named: Sequence[tuple[int, int]], *, size: int) -> Iterator[tuple[int, int]]:
    """First byte and length of what lies between pictures."""
    at = 0
    for first, length in sorted(named):
        if first > at:
            yield at, min(first, size) - at
        at = max(at, first + length)
    if size > at:
        yield at, size - at


def _blank_file(pack: BinaryIO, gaps: Iterable[tuple[int, int]]) -> None:
    try:
        for first, length in gaps:
            pack.seek(first)
            pack.write(bytes(length))
        pack.flush()
        os.fsync(pack.fileno())
    except OSError as error:
        raise StoreError(f"{pack.name}: cannot be blanked: {error.strerror}") from error


@contextmanager
def _finished(path: Path) -> Iterator[BinaryIO | None]:
    """A file that nobody writes or moves, kept so; None where somebody does, or it is not here.

    Raises:
        StoreError: it cannot be written.
    """
    with ExitStack() as stack:
        try:
            pack = stack.enter_context(path.open("r+b"))  # NFS locks only what may be written
            fcntl.flock(pack, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            found = None
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
        else:
            found = pack
        yield found
