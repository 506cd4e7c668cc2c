"""What is to be copied at a moment: data files and logs of the archive, packs of pictures."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine, select

from central.archive.pictures import Packs
from central.archive.place import LOG, Archive
from central.archive.set_aside import FOLDER, WORD
from central.archive.storage import Stored
from central.archive.table import live_files
from central.backup.moment import Moment
from central.backup.store import as_digits, pieces
from central.db import clip_part, picture, reading, to_us
from central.errors import BackupError

_ENTRY: Final = re.compile(r"([0-9]{20})\.(json|checkpoint(\.[0-9]+\.([0-9]+))?\.parquet)")


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the centre.

    Attributes:
        name: below the archive, or below the folder of pictures.
        size: in bytes; what comes after these is not asked for.
        read: its bytes; raises FileNotFoundError or MissingError where it went since.
        rows: of a data file that a table names.
        modified_us: when a pack was last written.
        digest: of a file of which another may have the name and the length: an archive that was restored, or begun
            anew, numbers its log again.
    """

    name: str
    size: int
    read: Callable[[], Iterator[bytes]]
    rows: int | None = None
    modified_us: int | None = None
    digest: str | None = None


def logs(archive: Archive, there: Moment) -> list[Source]:
    """The log of each table up to its version, held in memory: it goes on, and is shortened.

    `_last_checkpoint` is a hint that may be of a later version; who finds none lists the log.

    Raises:
        OSError: it cannot be read.
        BackupError: it was shortened meanwhile.
    """
    found = []
    for folder, table in there.tables.items():
        names = sorted(archive.files(f"{folder}/{LOG}"))
        entries = {name: entry for name in names if (entry := _ENTRY.fullmatch(name.rpartition("/")[2]))}
        of_then = {name: entry for name, entry in entries.items() if int(entry[1]) <= table.version()}
        if not _leads_to(table.version(), of_then.values()):
            raise BackupError(f"{folder}: its log was shortened meanwhile; run it again")
        found += [_held(archive, name) for name in of_then]
    return found


def _leads_to(version: int, entries: Iterable[re.Match[str]]) -> bool:
    """Whether from a checkpoint, or from nothing, every version up to this is there."""
    versions, parts = set(), Counter[int]()
    begins = [-1]
    for entry in entries:
        at = int(entry[1])
        if entry[2] == "json":
            versions.add(at)
            continue
        parts[at] += 1
        if entry[3] is None or parts[at] == int(entry[4]):
            begins.append(at)
    return versions >= set(range(max(begins) + 1, version + 1))


def data_files(archive: Archive, there: Moment) -> list[Source]:
    """What the tables name, and what was set aside.

    Raises:
        OSError: they cannot be listed.
    """
    found = [
        Source(name, file.size, partial(_of_archive, archive, name), rows=file.rows)
        for folder, table in there.tables.items()
        for file in live_files(table)
        for name in [f"{folder}/{file.name}"]
    ]
    try:
        aside = sorted(archive.files(FOLDER))
    except FileNotFoundError:
        aside = []
    return found + [_aside(archive, name) for name in aside]


def packs_named(connection: Connection) -> set[str]:
    """The packs in which pictures and clips lie; of any other nobody knows what it holds."""
    columns = (picture.c.pack, clip_part.c.pack)
    return {pack for column in columns for pack in connection.scalars(select(column).distinct())}


def packs_of(engine: Engine, packs: Packs, named: set[str]) -> tuple[list[Source], tuple[str, ...]]:
    """The packs as long as they are now, and the names of those that are lost.

    Args:
        engine: tells whether one that is not there is named still.
        packs: where they lie.
        named: at the snapshot's moment, when all that is named in them was written.

    Raises:
        BackupError: the time of one was over meanwhile.
        StoreError: they cannot be listed.
    """
    listed: dict[str, Stored] = {}
    for file in (file for day in packs.days() for file in packs.of_day(day)):
        if file.name in named:
            listed.setdefault(file.name, file)
    lost = named - listed.keys()
    if lost:
        with reading(engine) as connection:
            if went := lost - packs_named(connection):
                raise BackupError(f"{min(went)}: its time was over meanwhile; run it again")
    found = [
        Source(name, file.length, partial(_of_pack, packs, file), modified_us=to_us(file.modified_at))
        for name, file in sorted(listed.items())
    ]
    return found, tuple(sorted(lost))


def _aside(archive: Archive, name: str) -> Source:
    if name.endswith(WORD):
        return _held(archive, name)
    return Source(name, archive.size(name), partial(_of_archive, archive, name))


def _held(archive: Archive, name: str) -> Source:
    """A file in memory."""
    content = archive.read(name)
    digest = as_digits(hashlib.sha256(content).digest())
    return Source(name, len(content), partial(iter, [content]), digest=digest)


def _of_archive(archive: Archive, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        yield from pieces(file)


def _of_pack(packs: Packs, file: Stored) -> Iterator[bytes]:
    yield packs.whole(file.name)[: file.length]
