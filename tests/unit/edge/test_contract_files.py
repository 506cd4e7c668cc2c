"""A file that is written is there whole or not at all, its owner's alone, and on the disk."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from central.ca import file as authority
from edge.contract.files import sync, write_atomic
from edge.enroll import request
from edge.health import memory

OLD = b"old" * 1000
NEW = b"new" * 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "held"
    folder.mkdir()
    return folder / "file.bin"


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


class TestWritten:
    @pytest.mark.parametrize("before", [None, OLD])
    def test_it_is_there_and_nothing_else_is(self, path: Path, before: bytes | None) -> None:
        if before is not None:
            path.write_bytes(before)
        write_atomic(path, NEW)
        assert path.read_bytes() == NEW
        assert names(path) == ["file.bin"]

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
    def test_its_mode_is_what_was_asked_for_whatever_was_there(
        self, path: Path, mode: int, umask: int
    ) -> None:
        path.write_bytes(OLD)
        path.chmod(0o666)
        before = os.umask(umask)
        try:
            write_atomic(path, NEW, mode=mode)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o7777 == mode

    def test_its_owner_s_alone_where_nothing_is_said(self, path: Path) -> None:
        write_atomic(path, NEW)
        assert path.stat().st_mode & 0o7777 == 0o600

    def test_a_link_is_replaced_and_not_followed(self, path: Path) -> None:
        other = path.with_name("other")
        other.write_bytes(OLD)
        path.symlink_to(other)
        write_atomic(path, NEW)
        assert (path.is_symlink(), path.read_bytes(), other.read_bytes()) == (False, NEW, OLD)

    def test_another_name_of_the_old_file_keeps_the_old_content(self, path: Path) -> None:
        path.write_bytes(OLD)
        os.link(path, path.with_name("kept"))
        write_atomic(path, NEW)
        assert path.with_name("kept").read_bytes() == OLD

    def test_first_the_content_is_on_the_disk_then_the_name_then_the_folder(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.write_bytes(OLD)
        steps: list[tuple[int, int, bytes]] = []
        real = os.fsync

        def fsync(descriptor: int) -> None:
            status = os.fstat(descriptor)
            steps.append((status.st_ino, status.st_size, path.read_bytes()))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        write_atomic(path, NEW)
        (file, size, seen_then), (folder, _, seen_last) = steps
        assert (file, size, seen_then) == (path.stat().st_ino, len(NEW), OLD)
        assert (folder, seen_last) == (path.parent.stat().st_ino, NEW)

    def test_of_many_at_once_one_is_there_whole(self, path: Path) -> None:
        contents = [bytes([n]) * (50_000 + n) for n in range(8)]
        path.write_bytes(contents[0])
        over = threading.Event()
        torn: list[int] = []

        def read() -> None:
            while not over.is_set():
                seen = path.read_bytes()
                if seen not in contents:
                    torn.append(len(seen))

        reader = threading.Thread(target=read)
        writers = [
            threading.Thread(target=lambda c=content: [write_atomic(path, c) for _ in range(10)])
            for content in contents
        ]
        for thread in (reader, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        over.set()
        reader.join()
        assert torn == []
        assert path.read_bytes() in contents
        assert names(path) == ["file.bin"]


class TestRefused:
    def test_a_folder_that_is_not_there(self, path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            write_atomic(path.parent / "no-such" / "file.bin", NEW)
        assert names(path) == []

    def test_a_folder_in_the_way_stays_and_no_draft_is_left(self, path: Path) -> None:
        path.mkdir()
        with pytest.raises(IsADirectoryError):
            write_atomic(path, NEW)
        assert names(path) == ["file.bin"]

    @pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
    def test_what_cannot_be_forced_to_the_disk_changes_nothing(
        self, path: Path, fault: BaseException, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.write_bytes(OLD)

        def fsync(_descriptor: int) -> None:
            raise fault

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(type(fault)):
            write_atomic(path, NEW)
        assert path.read_bytes() == OLD
        assert names(path) == ["file.bin"]

    def test_a_disk_that_is_full_changes_nothing(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "atalaya-test", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small file system")
        try:
            path = disk / "file.bin"
            write_atomic(path, OLD)
            with pytest.raises(OSError, match="No space left") as refused:
                write_atomic(path, bytes(100_000))
            assert refused.value.errno == errno.ENOSPC
            assert (path.read_bytes(), names(path)) == (OLD, ["file.bin"])
            write_atomic(path, NEW)  # what was begun takes no room any more
            assert path.read_bytes() == NEW
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from edge.contract.files import write_atomic

step, path = sys.argv[1], Path(sys.argv[2])
real, forced = os.fsync, []

def fsync(descriptor):
    forced.append(descriptor)
    if step == ("content", "folder")[len(forced) - 1]:
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)

os.fsync = fsync
write_atomic(path, b"new" * 2000)
"""


class TestKilled:
    @pytest.mark.parametrize(("step", "found"), [("content", OLD), ("folder", NEW)])
    def test_the_file_is_whole_and_the_next_writer_is_not_disturbed(
        self, path: Path, step: str, found: bytes
    ) -> None:
        path.write_bytes(OLD)
        done = subprocess.run([sys.executable, "-c", KILLED, step, str(path)], check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL
        assert path.read_bytes() == found
        drafts = [path.with_name(name) for name in names(path) if name != "file.bin"]
        assert len(drafts) == (1 if step == "content" else 0)
        for draft in drafts:
            assert (draft.name.startswith(".file.bin."), draft.suffix) == (True, ".part")
            assert draft.stat().st_mode & 0o777 == 0o600
        write_atomic(path, b"next")
        assert path.read_bytes() == b"next"
        assert names(path) == sorted(["file.bin", *(draft.name for draft in drafts)])

    def test_the_only_writer_of_a_file_sweeps_what_killed_ones_left_of_it(self, path: Path) -> None:
        """The draft of a key holds the key."""
        path.write_bytes(OLD)
        for _ in range(3):
            subprocess.run([sys.executable, "-c", KILLED, "content", str(path)], check=False, timeout=60)
        assert len(names(path)) == 4
        others = [
            ".file.bin.part",
            ".file.bin.2.abcdefgh.part",
            ".file.bin.abcdefgh.party",
            ".other.abcdefgh.part",
        ]
        for name in others:
            path.with_name(name).write_bytes(OLD)
        folder = path.with_name(".file.bin.ijklmnop.part")
        folder.mkdir()
        write_atomic(path, NEW, alone=True)
        assert path.read_bytes() == NEW
        assert names(path) == sorted(["file.bin", folder.name, *others])

    def test_a_name_that_looks_like_a_pattern_sweeps_its_own_drafts_alone(self, path: Path) -> None:
        other, path = path.with_name("key1"), path.with_name("key[1]")
        for each in (other, path):
            subprocess.run([sys.executable, "-c", KILLED, "content", str(each)], check=False, timeout=60)
        (draft,) = (name for name in names(path) if name.startswith(".key1."))
        write_atomic(path, NEW, alone=True)
        assert names(path) == sorted(["key[1]", draft])

    @pytest.mark.parametrize(
        "write",
        [
            lambda path: request.write(path, NEW, mode=0o600),
            lambda path: authority.write(path, NEW),
            lambda path: memory.save(path, memory.Past()),
        ],
        ids=["the box's key", "the authority's files", "a camera's past"],
    )
    def test_those_that_have_one_writer_leave_no_draft_of_a_killed_one(
        self, path: Path, write: Callable[[Path], None]
    ) -> None:
        subprocess.run([sys.executable, "-c", KILLED, "content", str(path)], check=False, timeout=60)
        assert len(names(path)) == 1
        write(path)
        assert names(path) == ["file.bin"]


class TestSync:
    def test_a_folder_that_cannot_be_forced_passes_and_a_file_does_not(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.write_bytes(OLD)
        code = errno.EINVAL

        def fsync(_descriptor: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fsync)
        sync(path.parent)
        with pytest.raises(OSError, match="Invalid argument"):
            sync(path)
        code = errno.EIO
        with pytest.raises(OSError, match="Input/output error"):
            sync(path.parent)

    def test_what_is_not_there_is_named(self, path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            sync(path)
