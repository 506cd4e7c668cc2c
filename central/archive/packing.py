"""Writing pictures: each costs an append to a pack, which `central.archive.pictures` describes."""

import fcntl
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    """Appends pictures to packs; one thread's.

    What no transaction has named yet keeps its place, and the lock of its pack, until one ends well: however often a
    batch is tried, it is written once, and nobody deletes, blanks or moves what the next try may name.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_PACK_BYTES) -> None:
        self._folder: Final = folder
        self._max_bytes: Final = max_bytes
        self._open: Final[dict[str, int]] = {}  # descriptors of packs, by name; each has its lock
        self._name = ""  # of the pack that is appended to; empty: the next picture begins one
        self._offset = 0
        self._unnamed: Final[dict[str, list[Place]]] = {}  # by hash
        self._used: Final[Counter[str]] = Counter()  # of these, by the try that is under way
        self._is_trying = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @contextmanager
    def trying(self) -> Iterator[None]:
        """While a transaction names what is written: where it fails, the next one gets the same places for it.

        Else a database that is full or away for hours would have every try written once more.
        """
        self._used.clear()
        self._is_trying = True
        try:
            yield
        finally:
            self._is_trying = False
        self._unnamed.clear()
        self._close(self._open.keys() - {self._name})

    def write(self, pictures: Sequence[bytes], *, at: datetime) -> list[Place]:
        """Append pictures and return once they are on the disk; outside of `trying` they are taken to be named.

        Args:
            pictures: the bytes of each.
            at: now, UTC-aware; chooses the pack.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        if not pictures:
            return []
        if not self._is_trying:
            with self.trying():
                return self.write(pictures, at=at)
        held, name, offset = set(self._open), self._name, self._offset
        try:
            places = [self._place(picture, at) for picture in pictures]
            if self._name:
                os.fsync(self._open[self._name])
        except OSError as error:
            self._leave(self._open.keys() - held, name, offset)
            raise StoreError(f"{self._folder}: a picture cannot be written: {error.strerror}") from error
        for place in places:
            known = self._unnamed.setdefault(place.sha256, [])
            if place not in known:
                known.append(place)
        return places

    def close(self) -> None:
        """Close every pack; the next write begins a new one."""
        self._close(set(self._open))
        self._unnamed.clear()
        self._name = ""

    def _close(self, names: Iterable[str]) -> None:
        for name in names:
            os.close(self._open.pop(name))

    def _leave(self, begun: Collection[str], name: str, offset: int) -> None:
        """Undo a write that failed: the packs that it began are deleted, the one before them ends where it ended.

        Else each try would take more of a full disk. The next one begins a pack: nobody knows how this one lies there.
        """
        for each in begun:
            with suppress(OSError):
                (self._folder / each).unlink()
        self._close(begun)
        if name:
            with suppress(OSError):
                os.ftruncate(self._open[name], offset)
        self._name = ""

    def _place(self, picture: bytes, at: datetime) -> Place:
        """Where a try before this one wrote it; else it is written now."""
        sha256 = hashlib.sha256(picture).hexdigest()
        known, used = self._unnamed.get(sha256, ()), self._used[sha256]
        self._used[sha256] += 1
        return known[used] if used < len(known) else self._append(picture, sha256, at)

    def _append(self, picture: bytes, sha256: str, at: datetime) -> Place:
        hour = f"{at:%Y-%m-%d/%H}-"
        full = self._offset > 0 and self._offset + len(picture) > self._max_bytes
        if not self._name.startswith(hour) or full:
            self._begin(hour)
        place = Place(self._name, self._offset, len(picture), sha256)
        view = memoryview(picture)
        while view:
            view = view[os.write(self._open[self._name], view) :]
        self._offset += len(picture)
        return place

    def _begin(self, hour: str) -> None:
        if self._name:
            os.fsync(self._open[self._name])
        day = (self._folder / hour).parent
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = -1
        while descriptor < 0:
            name = f"{hour}{secrets.token_hex(8)}.pack"
            descriptor = _begin_file(self._folder / name)
        self._open[name] = descriptor
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
