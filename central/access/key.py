"""The key under which searched plates are hashed: who has only the log cannot tell what was looked for."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from central.errors import AccessError

_BYTES: Final = 32


class PlateHasher:
    """Turns plates into keyed hashes (HMAC-SHA256): the same plate gives the same hash, under one key."""

    def __init__(self, key: bytes) -> None:
        self._key: Final = key

    def __call__(self, plate: str) -> str:
        """64 hexadecimal digits."""
        return hmac.new(self._key, b"plate " + plate.encode(), hashlib.sha256).hexdigest()


def open_key(path: Path) -> PlateHasher:
    """Read the key, which is made where there is none; only its owner can read it.

    Raises:
        AccessError: the file cannot be read or made, others can read it, or it holds no key.
    """
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode & 0o777
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(f"{path}: key of the audit log cannot be used: {error}") from error
    if mode & 0o077:
        raise AccessError(f"{path}: key of the audit log can be read by others; chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise AccessError(f"{path}: key of the audit log: expected {2 * _BYTES} hexadecimal digits")
    return PlateHasher(key)


def _make(path: Path) -> None:
    """Complete or not at all: the file gets its name when it has its content; the first of two wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
