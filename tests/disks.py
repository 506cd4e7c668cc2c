"""Small file systems for tests: `disk` can be filled, `failing_disk` turns read-only under whoever writes it."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MIB = 1024 * 1024
_SKIP = "needs the right to mount a small file system"


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Something else takes the rest of a disk, but for so many bytes; the file to delete for room again."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        state = os.fstatvfs(file.fileno())
        os.posix_fallocate(file.fileno(), 0, max(1, state.f_bavail * state.f_frsize - leave))
    return ballast


class FailingDisk:
    """A file system of ext4 in a file, which the kernel can be told to give up.

    Attributes:
        path: where it is mounted.
    """

    def __init__(self, folder: Path, *, mib: int) -> None:
        self.path = folder / "disk"
        self._image = folder / "disk.img"
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(mib * MIB)

    def mount(self) -> bool:
        """Put it in its place; whether we may."""
        return _run("mkfs.ext4", "-q", self._image) and _run("mount", "-o", "loop", self._image, self.path)

    def fail(self) -> None:
        """Read-only from now on, as the kernel does after a fault: open files too."""
        assert _run("mount", "-o", "remount,abort", self.path)

    def repair(self) -> None:
        """Writable again; nobody has a file of it open."""
        deadline = time.monotonic() + 20
        while not _run("umount", self.path):
            assert time.monotonic() < deadline, "somebody has a file of it open"
            time.sleep(0.05)
        _run("fsck.ext4", "-p", self._image)  # its exit code is 1 where it has mended something
        assert _run("mount", "-o", "loop", self._image, self.path)


def mounted(folder: Path, *, mib: int) -> Iterator[Path]:
    """A file system in memory of that size, for a fixture."""
    place = folder / "disk"
    place.mkdir()
    if not _run("mount", "-t", "tmpfs", "-o", f"size={mib}m", "atalaya-test", place):
        pytest.skip(_SKIP)
    try:
        yield place
    finally:
        assert _run("umount", "-l", place)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """24 MiB of a file system of its own, in memory."""
    yield from mounted(tmp_path, mib=24)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[FailingDisk]:
    """24 MiB of a file system of its own, in a file."""
    disk = FailingDisk(tmp_path, mib=24)
    if not disk.mount():
        pytest.skip(f"{_SKIP} from a file")
    try:
        yield disk
    finally:
        assert _run("umount", "-l", disk.path)


def _run(*words: object) -> bool:
    """Whether a program is there and does it."""
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
