"""The folder of backups: files by their digest, each once however many snapshots name it, and the manifests."""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from central.access.key import AuditKey
from central.backup.manifest import Kept, Manifest, signed, trusted
from central.errors import BackupError
from edge.contract.files import sync, write_atomic

_PIECE: Final = 1 << 20
_DIGITS: Final = 78
_SNAPSHOTS: Final = "snapshots"
_FILES: Final = "files"
_DRAFTS: Final = "drafts"
_LOCK: Final = "lock"
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{12}Z")


class Store:
    """A folder of backups; whoever writes it has its lock."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who makes or removes snapshots here; the folder is made where there is none.

        Raises:
            BackupError: somebody else is at it.
            OSError: the folder cannot be written.
        """
        is_new = not self.root.exists()
        for folder in (self.root, *(self.root / name for name in (_SNAPSHOTS, _FILES, _DRAFTS))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync(self.root)
        if is_new:
            sync(self.root.parent)
        descriptor = os.open(self.root / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupError(
                    f"{self.root}: somebody else makes a backup there, or restores from it"
                ) from error
            # Of one that was killed.
            for draft in (*(self.root / _DRAFTS).iterdir(), *(self.root / _SNAPSHOTS).glob(".*.part")):
                draft.unlink()
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nobody removes anything meanwhile; a folder that cannot be written is as good.

        Raises:
            BackupError: somebody makes a backup.
        """
        try:
            with self._told():
                descriptor = os.open(self.root / _LOCK, os.O_RDONLY)
        except FileNotFoundError as error:
            raise BackupError(f"{self.root}: no folder of backups") from error
        try:
            try:
                with self._told():
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupError(f"{self.root}: somebody makes a backup there now") from error
            yield
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The snapshots, oldest first; what is called otherwise is none.

        Raises:
            BackupError: they cannot be listed.
        """
        try:
            with self._told():
                found = [path.name for path in (self.root / _SNAPSHOTS).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in found if _NAME.fullmatch(name))

    def manifest(self, name: str, key: AuditKey) -> Manifest:
        """A snapshot's.

        Raises:
            BackupError: there is none, or it cannot be read, or is not to be trusted.
        """
        path = self.root / _SNAPSHOTS / name
        if name not in self.names():
            raise BackupError(f"{self.root}: no snapshot {name!r}; `backup --list` shows them")
        with self._told():
            written = path.read_bytes()
        try:
            return trusted(name, written, key)
        except BackupError as error:
            raise BackupError(
                f"{error} ({path}: where it is of no use any more, delete that file)"
            ) from error

    def take(self, write: Callable[[Path], object], name: str, **more: int | None) -> Kept:
        """Keep a file.

        Args:
            write: writes it, as a draft.
            name: as the manifest has it.
            **more: what else the manifest says.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        draft = self.root / _DRAFTS / secrets.token_hex(8)
        try:
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            write(draft)
            digest, size = digest_of(draft)
            kept = Kept(name=name, size=size, digest=digest, **more)
            # Also over one of the same name, which a disk may have damaged since.
            self._adopt(draft, self.path(kept))
        finally:
            draft.unlink(missing_ok=True)
        return kept

    def has(self, kept: Kept) -> bool:
        """Whether a file is there, by its length."""
        try:
            return self.path(kept).stat().st_size == kept.size
        except FileNotFoundError:
            return False

    def path(self, kept: Kept) -> Path:
        """Where a file lies; by its ending one knows pictures, whose bytes spell things by chance."""
        return self.root / _FILES / kept.digest[:2] / f"{kept.digest}{Path(kept.name).suffix}"

    def is_there(self) -> bool:
        """Whether this is a folder of backups now; a disk may go.

        Raises:
            OSError: nobody can tell.
        """
        return (self.root / _LOCK).exists()

    def place(self, kept: Kept) -> str:
        """Where a file lies, below the folder."""
        return str(self.path(kept).relative_to(self.root))

    def put_aside(self, places: Iterable[str]) -> int:
        """Take damaged files out of use, and the next backup copies them again; how many. It sweeps these, too.

        Args:
            places: below the folder, which is ours `alone`; files that are whole stay.

        Raises:
            OSError: the folder cannot be written.
        """
        damaged = [path for path in (self.root / place for place in places) if _is_damaged(path)]
        for path in damaged:
            path.replace(path.with_suffix(f".damaged{path.suffix}"))
        for folder in {path.parent for path in damaged}:
            sync(folder)
        return len(damaged)

    def fault(self, kept: Kept) -> str | None:
        """What is wrong with a file; every byte is read."""
        try:
            digest, size = digest_of(self.path(kept))
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if size != kept.size:
            return f"{size} of {kept.size} bytes"
        return None if digest == kept.digest else "not what was written"

    def publish(self, name: str, manifest: Manifest, key: AuditKey) -> None:
        """Make a snapshot whole: its files are forced to the disk, then it gets its name.

        Raises:
            OSError: it cannot be written.
        """
        # Of files, too, that one put there who was killed before.
        folders = {self.path(kept).parent for kept in manifest.files()}
        for folder in (*folders, self.root / _FILES):
            sync(folder)
        write_atomic(self.root / _SNAPSHOTS / name, signed(manifest, key), alone=True)

    def remove(self, name: str) -> None:
        """Remove a snapshot; `sweep` deletes what nothing names then."""
        (self.root / _SNAPSHOTS / name).unlink(missing_ok=True)
        sync(self.root / _SNAPSHOTS)

    def sweep(self, manifests: Iterable[Manifest]) -> int:
        """Delete the files that none of these names, which are all; how many."""
        named = {self.path(kept).name for manifest in manifests for kept in manifest.files()}
        left = [path for path in (self.root / _FILES).glob("*/*") if path.name not in named]
        for path in left:
            path.unlink()
        for folder in {path.parent for path in left}:
            sync(folder)
        return len(left)

    def _adopt(self, draft: Path, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync(draft)
        draft.replace(path)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the disk says, as ours, but for what means something: that a file is not there, that a lock is taken."""
        try:
            yield
        except (FileNotFoundError, BlockingIOError):
            raise
        except OSError as error:
            raise BackupError(
                f"{error.filename or self.root}: cannot be read: {error.strerror or error}"
            ) from error


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file's bytes, a piece at a time."""
    while piece := file.read(_PIECE):
        yield piece


def _is_damaged(path: Path) -> bool:
    try:
        return digest_of(path)[0] != path.name[:_DIGITS]
    except FileNotFoundError:
        return False
    except OSError:  # a disk that cannot read it
        return True


def digest_of(path: Path) -> tuple[str, int]:
    """The digest of a file and its length.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return as_digits(digest), file.tell()


def as_digits(digest: bytes) -> str:
    """A SHA-256 as manifests have it."""
    return f"{int.from_bytes(digest):0{_DIGITS}}"
