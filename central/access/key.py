"""The key of the audit log: who has only the database can neither tell what was looked for nor rewrite the log.

It must lie where who may write to the database cannot read it, and be kept as long as the log: without it
nobody can check the chain, and a new one in its place finds every older row altered.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from central.errors import AccessError
from edge.contract.files import sync
from edge.contract.read import ReadId

_BYTES: Final = 32


class AuditKey:
    """Makes keyed hashes (HMAC-SHA256) of 64 hexadecimal digits; a plate's is never that of a row."""

    def __init__(self, key: bytes) -> None:
        self._key: Final = key

    def of_plate(self, plate: str) -> str:
        """What stands in the log for a plate: the same for the same plate."""
        return self._of(b"plate " + plate.encode())

    def of_row(self, content: bytes) -> str:
        """What chains a row of the log."""
        return self._of(b"row " + content)

    def of_read(self, read: ReadId) -> str:
        """What stands for a read that was erased."""
        return self._of(b"read " + f"{read.edge_id}/{read.epoch}/{read.seq}".encode())

    def of_certificate(self, content: bytes) -> str:
        """What signs a certificate of erasure."""
        return self._of(b"certificate " + content)

    def of_backup(self, content: bytes) -> str:
        """What signs the manifest of a backup."""
        return self._of(b"backup " + content)

    @property
    def fingerprint(self) -> str:
        """By which the key is known again, 16 hexadecimal digits."""
        return self._of(b"fingerprint")[:16]

    def derived(self, purpose: str) -> bytes:
        """A key of its own for a purpose, 32 bytes."""
        return hmac.digest(self._key, b"key for " + purpose.encode(), "sha256")

    def _of(self, content: bytes) -> str:
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()


def open_key(path: Path) -> AuditKey:
    """Read the key, which is made where there is none; only its owner can read it.

    Raises:
        AccessError: the file cannot be read or made, others can read it, or it holds no key.
    """
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise _unusable(path, error) from error
    return read_key(path)


def read_key(path: Path) -> AuditKey:
    """Read the key as it is.

    Raises:
        AccessError: the file is missing or cannot be read, others can read it, or it holds no key.
    """
    try:
        mode = path.stat().st_mode & 0o777
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from error
    if mode & 0o077:
        raise AccessError(f"{path}: key of the audit log can be read by others; chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise AccessError(f"{path}: key of the audit log: expected {2 * _BYTES} hexadecimal digits")
    return AuditKey(key)


def _unusable(path: Path, error: OSError | UnicodeDecodeError) -> AccessError:
    return AccessError(f"{path}: key of the audit log cannot be used: {error}")


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
        sync(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
