"""What a snapshot says of itself: two lines, its content as JSON and the signature under it (audit key)."""

import hmac
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from central.access.key import AuditKey
from central.db import from_us
from central.errors import BackupError

FORMAT: Final = 1

Digest = Annotated[str, Field(pattern=r"^[0-9]{78}$")]
"""A SHA-256 as a decimal number: hexadecimal digits spell a plate by chance, and an erasure's search would find it."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kept(_Record):
    """A file that was kept.

    Attributes:
        name: of a table; below the archive, or below the folder of pictures.
        size: in bytes.
        rows: of a table of the database, or a data file that a table of the archive names.
        modified_us: when a pack was last written, microseconds since 1970 UTC.
    """

    name: str
    size: int
    digest: Digest
    rows: int | None = None
    modified_us: int | None = None


class Manifest(_Record):
    """A snapshot.

    Attributes:
        taken_us: its moment, microseconds since 1970 UTC.
        software: the version of Atalaya that made it.
        tables_of: version of the database's tables.
        key: fingerprint of the audit key.
        cleared: orders of erasure of whose plates nothing is left in it.
        numbers: the last number that each table has given.
        tables: of the database, as Parquet.
        archive: data files, then logs of the archive's tables.
        pictures: packs.
        missing: packs that were named, and lost already.
    """

    format: int = FORMAT
    taken_us: int
    software: str
    tables_of: str
    key: str
    cleared: tuple[int, ...]
    numbers: dict[str, int]
    tables: tuple[Kept, ...]
    archive: tuple[Kept, ...]
    pictures: tuple[Kept, ...]
    missing: tuple[str, ...] = ()

    def files(self) -> Iterator[Kept]:
        """Every file."""
        yield from self.tables
        yield from self.archive
        yield from self.pictures


def name_of(manifest: Manifest) -> str:
    """The snapshot's name: its moment."""
    return f"{from_us(manifest.taken_us):%Y%m%dT%H%M%S%f}Z"


def signed(manifest: Manifest, key: AuditKey) -> bytes:
    """A manifest as it is written."""
    content = manifest.model_dump_json().encode()
    return b"%s\n%s\n" % (content, key.of_backup(content).encode())


def trusted(name: str, written: bytes, key: AuditKey) -> Manifest:
    """A manifest as it was read.

    Args:
        name: the snapshot's.
        written: all of the file.
        key: of the audit log.

    Raises:
        BackupError: it was altered, or signed with another key, or is of another version or another snapshot's.
    """
    manifest = _parsed(name, written)
    if manifest.key != key.fingerprint:
        raise BackupError(
            f"snapshot {name}: made with another key of the audit log ({manifest.key}, access.key_file is "
            f"{key.fingerprint}): put back the key of its time"
        )
    content, _, rest = written.partition(b"\n")
    if not hmac.compare_digest(key.of_backup(content).encode(), rest.strip()):
        raise BackupError(f"snapshot {name}: its manifest was altered or is damaged")
    if name_of(manifest) != name:
        raise BackupError(f"snapshot {name}: its manifest is that of {name_of(manifest)}")
    return manifest


def _parsed(name: str, written: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(written.partition(b"\n")[0])
    except ValidationError as error:
        raise BackupError(
            f"snapshot {name}: its manifest is damaged, or of a newer version of Atalaya"
        ) from error
    if manifest.format != FORMAT:
        raise BackupError(f"snapshot {name}: of format {manifest.format}, this program knows {FORMAT}")
    return manifest
