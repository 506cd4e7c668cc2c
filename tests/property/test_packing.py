"""Pictures are written once, whatever fails and however often it is tried."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.archive.packing import PackWriter, Place
from central.archive.pictures import Packs
from central.errors import StoreError

AT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)

batches = st.tuples(
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),  # pictures
    st.lists(st.binary(min_size=1, max_size=40), max_size=3),  # clips
    st.integers(0, 90),  # minutes after the one before
    st.lists(st.one_of(st.sampled_from(["before", "between", "after"]), st.integers(0, 12)), max_size=6),
)
"""What is written, when, and where each of its tries fails: around a write, or in one of the calls of the disk."""


class RefusedError(Exception):
    """A transaction that fails."""


@contextmanager
def failing_call(number: int | None) -> Iterator[None]:
    """The disk fails from this call on: half of what it is given to write is on it."""
    left = -1 if number is None else number
    real_write, real_sync = os.write, os.fsync

    def has_failed() -> bool:
        nonlocal left
        left -= number is not None and left > 0
        return left == 0

    def write(descriptor: int, data: memoryview) -> int:
        if not has_failed():
            return real_write(descriptor, data)
        real_write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    def sync(descriptor: int) -> None:
        if has_failed():
            raise OSError(errno.EIO, "Input/output error")
        real_sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        patch.setattr(os, "fsync", sync)
        yield


class Disk:
    """A folder of packs, and what transactions have named in it."""

    def __init__(self, folder: Path, writer: PackWriter) -> None:
        self.folder, self.writer = folder, writer
        self.named: list[tuple[Place, bytes]] = []

    def attempt(
        self, pictures: list[bytes], clips: list[bytes], at: datetime, fails: str | int | None
    ) -> None:
        """One try of a batch, as the store makes it; where it fails, what it has places for is nobody else's."""
        places: list[Place] = []
        try:
            with failing_call(fails if isinstance(fails, int) else None), self.writer.trying():
                if fails == "before":
                    raise RefusedError
                places += self.writer.write(pictures, at=at)
                if fails == "between":
                    raise RefusedError
                places += self.writer.write(clips, at=at)
                if fails == "after":
                    raise RefusedError
        except (RefusedError, StoreError):
            packs = Packs(self.folder)
            for name in {place.pack for place in places}:
                assert not packs.delete(name)
                assert not packs.blank(name, lambda: pytest.fail("it is about to be named"))
            raise
        self.named += zip(places, [*pictures, *clips], strict=True)

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*.pack"))

    def check(self, batch: int) -> None:
        """All that is named comes back, each from a place of its own, and beside it lies one batch at most."""
        packs = Packs(self.folder)
        assert all(packs.read(place) == picture for place, picture in self.named)
        assert len({(place.pack, place.offset) for place, _ in self.named}) == len(self.named)
        assert self.size <= sum(place.length for place, _ in self.named) + batch


@settings(max_examples=200, deadline=None)
@given(batches=st.lists(batches, max_size=5), limit=st.integers(1, 100))
def test_a_batch_is_written_once_whatever_fails_and_however_often(
    batches: list[tuple[list[bytes], list[bytes], int, list[str | int]]], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, PackWriter(Path(folder), max_bytes=limit) as writer:
        disk, at = Disk(Path(folder), writer), AT
        for pictures, clips, minutes, failures in batches:
            at += timedelta(minutes=minutes)
            for fails in failures:
                before = len(disk.named)
                with suppress(RefusedError, StoreError):
                    disk.attempt(pictures, clips, at, fails)
                disk.check(sum(map(len, (*pictures, *clips))))
                if len(disk.named) > before:  # the call that was to fail never came
                    break
            else:
                disk.attempt(pictures, clips, at, None)
            disk.check(0)
