"""Writing pictures: each costs an append to a pack, which `central.archive.pictures` describes."""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from central.errors import StoreError
from edge.contract.files import sync

MAX_PACK_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture lies.

    Attributes:
        pack: the file, below the folder of pictures.
        offset: of its first byte.
        length: in bytes.
        sha256: of its bytes, 64 hexadecimal digits.
    """

    pack: str
    offset: int
    length: int
    sha256: str


class PackWriter:
    """Appends pictures to packs; one thread's."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_PACK_BYTES) -> None:
        self._folder: Final = folder
        self._max_bytes: Final = max_bytes
        self._name = ""
        self._begun: Final[list[str]] = []  # packs, by the write that is under way
        self._tried: Final[dict[str, Place]] = {}  # by hash: written, and not known to be named
        self._again: dict[str, Place] = {}
        self._descriptor = -1
        self._offset = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @contextmanager
    def trying(self) -> Iterator[None]:
        """While a transaction names what is written: where it fails, the next one gets the same places for it.

        Else a database that is full or away for hours would have every try written once more.
        """
        self._tried.clear()
        try:
            yield
        except BaseException:
            self._again = dict(self._tried)
            raise
        self._again.clear()

    def write(self, pictures: Sequence[bytes], *, at: datetime) -> list[Place]:
        """Append pictures and return once they are on the disk.

        Args:
            pictures: the bytes of each.
            at: now, UTC-aware; chooses the pack.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        if not pictures:
            return []
        self._begun.clear()
        try:
            places = [self._append(picture, at) for picture in pictures]
            os.fsync(self._descriptor)
        except OSError as error:
            # How much of it was written is unknown: leave this pack and begin another.
            self._delete_begun()
            self.close()
            raise StoreError(f"{self._folder}: a picture cannot be written: {error.strerror}") from error
        return places

    def close(self) -> None:
        """Close the pack; the next write begins a new one."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._name = -1, ""

    def _delete_begun(self) -> None:
        """Delete what this write began, which nothing names: each new try would take more of a full disk."""
        for name in self._begun:
            with suppress(OSError):
                (self._folder / name).unlink()

    def _append(self, picture: bytes, at: datetime) -> Place:
        hour = f"{at:%Y-%m-%d/%H}-"
        full = self._offset > 0 and self._offset + len(picture) > self._max_bytes
        if not self._name.startswith(hour) or full:
            self._begin(hour)
        sha256 = hashlib.sha256(picture).hexdigest()
        place = self._again.pop(sha256, None)
        if place is None or place.pack != self._name:
            place = Place(self._name, self._offset, len(picture), sha256)
            view = memoryview(picture)
            while view:
                view = view[os.write(self._descriptor, view) :]
            self._offset += len(picture)
        self._tried[sha256] = place
        return place

    def _begin(self, hour: str) -> None:
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
        self.close()
        day = (self._folder / hour).parent
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        while self._descriptor < 0:
            name = f"{hour}{secrets.token_hex(8)}.pack"
            self._descriptor = _begin_file(self._folder / name)
            if self._descriptor >= 0:
                self._begun.append(name)
        self._name, self._offset = name, 0
        for folder in (day, self._folder):
            sync(folder)


def _begin_file(path: Path) -> int:
    """A new pack's descriptor with its lock, or -1: it was moved before it was ours, or the name is taken."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return -1
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # the kernel's: it ends with this process, however that ends
    if os.fstat(descriptor).st_nlink == 0:
        os.close(descriptor)
        return -1
    return descriptor
