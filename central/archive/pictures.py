"""Pictures in packs: append-only files, so that a picture costs a write and not a file.

    <folder>/2026-03-01/14-0.pack       hour of arrival (UTC), then a number; 16 MB at most

A pack is written by one process only: each process begins new ones. The bytes are on the disk before the
database names them; what a cut-off transaction leaves behind in a pack is named by nothing and harmless.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import structlog

from central.errors import StoreError
from edge.contract.files import sync

MAX_PACK_BYTES: Final = 16 * 1024 * 1024
_PACK: Final = re.compile(r"\d{4}-\d\d-\d\d/\d\d-\d+\.pack")

_log = structlog.get_logger(__name__)


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
        self._descriptor = -1
        self._offset = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

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
        try:
            places = [self._append(picture, at) for picture in pictures]
            os.fsync(self._descriptor)
        except OSError as error:
            # How much of it was written is unknown: leave this pack and begin another.
            self.close()
            raise StoreError(f"{self._folder}: a picture cannot be written: {error.strerror}") from error
        return places

    def close(self) -> None:
        """Close the pack; the next write begins a new one."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._name = -1, ""

    def _append(self, picture: bytes, at: datetime) -> Place:
        hour = f"{at:%Y-%m-%d/%H}-"
        full = self._offset > 0 and self._offset + len(picture) > self._max_bytes
        if not self._name.startswith(hour) or full:
            self._begin(hour)
        view = memoryview(picture)
        while view:
            view = view[os.write(self._descriptor, view) :]
        place = Place(self._name, self._offset, len(picture), hashlib.sha256(picture).hexdigest())
        self._offset += len(picture)
        return place

    def _begin(self, hour: str) -> None:
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
        self.close()
        day = (self._folder / hour).parent
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = sum(1 for _ in day.glob(f"{hour.rpartition('/')[2]}*.pack"))
        while self._descriptor < 0:
            name = f"{hour}{number}.pack"
            try:
                self._descriptor = os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                number += 1
        self._name, self._offset = name, 0
        for folder in (day, self._folder):
            sync(folder)


def read_picture(folder: Path, place: Place) -> bytes:
    """The bytes of a picture, checked against their hash.

    Raises:
        StoreError: the pack is missing, short or damaged.
    """
    if _PACK.fullmatch(place.pack) is None:
        raise StoreError(f"not the name of a pack: {place.pack!r}")
    path = folder / place.pack
    try:
        with path.open("rb") as pack:
            pack.seek(place.offset)
            picture = pack.read(place.length)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    if len(picture) != place.length or hashlib.sha256(picture).hexdigest() != place.sha256:
        _log.error("picture damaged", pack=str(path), offset=place.offset, length=place.length)
        raise StoreError(f"{path}: the picture at {place.offset} ({place.length} bytes) is damaged")
    return picture
