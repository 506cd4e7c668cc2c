"""Files of the authority: whole or not at all, secrets for their owner alone, one writer at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from central.errors import AuthorityError
from edge.contract.files import write_atomic


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file, or put it in another's place, making its folder.

    Raises:
        AuthorityError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, content, mode=mode, alone=True)
    except OSError as error:
        raise AuthorityError(f"{path}: cannot be written: {error.strerror}") from error


def read(path: Path, what: str) -> bytes:
    """A file's content.

    Raises:
        AuthorityError: it cannot be read; says what it should have been.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityError(f"{path}: {what} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Work in an authority's folder while nobody else does: two at once would give the register twice.

    Raises:
        AuthorityError: there is no such folder, or somebody else works there.
    """
    try:
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise AuthorityError(f"{folder}: {error.strerror}; `ca init` makes an authority") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AuthorityError(f"{folder}: another process uses this authority") from error
        yield
    finally:
        os.close(lock)
