"""Files of a replay: one process at a time at its state, and recordings that are known again by their content."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

from edge.errors import ConfigError

_SAMPLE: Final = 1 << 20


def identity(path: Path) -> str:
    """What tells a recording from another: its size, and a hash of its first and last megabyte.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.sha256(file.read(_SAMPLE))
            file.seek(max(size - _SAMPLE, 0))
            digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return f"{size}-{digest.hexdigest()[:32]}"


def claim(path: Path) -> int:
    """The right of one process to write this file, which is made where it is missing; ends with the descriptor.

    Raises:
        ConfigError: another process has it, or the file cannot be opened.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # plates: its owner's alone
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: state of the replay cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ConfigError(f"{path}: another replay is at it") from error
    return descriptor
