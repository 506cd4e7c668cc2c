"""Restoring a snapshot into an empty place: files first, then all rows in one transaction, which makes it whole.

A row of `restoring` stands from the beginning to that transaction, and nothing else opens the database meanwhile. Cut
off anywhere, the same restore goes on: what lies there whole stays.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, delete, insert, select, text

from central.archive.pictures import Packs, open_packs
from central.archive.place import ELSEWHERE, LOG, SPILL, Archive, archive_of
from central.archive.schema import DERIVED, READS
from central.archive.set_aside import FOLDER
from central.archive.table import live_files, open_archive, speaking_of
from central.backup.make import Place
from central.backup.manifest import Kept, Manifest
from central.backup.rows import go_on_after, load, tables
from central.backup.store import Store, as_digits, pieces
from central.db import described, restoring, table_version, to_us
from central.errors import BackupError, MissingError
from central.lock import exclusive
from central.maintain import Step

_NOTHING: Final = (ELSEWHERE, "lost+found")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        files: of archive and pictures that are there now.
        rows: of the database.
        lost: files that were damaged, and are not there.
    """

    snapshot: str
    files: int
    rows: int
    lost: tuple[Kept, ...]


Log = Callable[[Connection, Restored], object]
"""Writes a row of the audit log in the transaction that makes the place whole."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be restored.

    Attributes:
        name: of the snapshot; empty: the newest.
        without_damaged: damaged files of archive and pictures are left out.
    """

    store: Store
    name: str = ""
    without_damaged: bool = False


def restore(place: Place, wanted: Wanted, *, log: Log) -> Restored:
    """Restore, or go on with it.

    Args:
        place: into which; opened with `half_restored`.
        wanted: what.
        log: see there.

    Raises:
        BackupError: the place is not empty, or the snapshot is damaged, of another key or another version.
        StoreError: the place cannot be written, or somebody else is restoring.
    """
    store = wanted.store
    with store.kept(), _alone(place.engine) as engine:
        names = store.names()
        if not names:
            raise BackupError(f"{store.root}: no snapshot")
        name = wanted.name or names[-1]
        manifest = store.manifest(name, place.key)
        _begin(place, engine, name, manifest)
        lost = _damaged(place, wanted, manifest)
        archive, packs = archive_of(place.settings), open_packs(place.settings)
        with speaking_of("restore"):
            files = _put_archive(place, store, archive, [k for k in manifest.archive if k not in lost])
            files += _put_packs(place, store, packs, [k for k in manifest.pictures if k not in lost])
            _check_tables(archive, manifest)
            done = Restored(name, files, 0, lost)
            return _finish(place, engine, store, done, manifest=manifest, log=log)


@contextmanager
def _alone(engine: Engine) -> Iterator[Engine]:
    """Whoever serves, seals or maintains there waits, or is refused; on PostgreSQL who only serves is not."""
    with ExitStack() as stack:
        for name in ("serving", "maintaining", "sealing"):
            engine = stack.enter_context(exclusive(engine, name, wait=False))
        yield engine


def _begin(place: Place, engine: Engine, name: str, manifest: Manifest) -> None:
    """Mark the place as half restored, which must be empty or marked so already."""
    with engine.begin() as connection:
        ours = MigrationContext.configure(connection).get_current_revision()
        if ours != manifest.tables_of:
            raise BackupError(
                f"snapshot {name}: its tables are of version {manifest.tables_of}, this program's of {ours}: restore "
                f"it with Atalaya {manifest.software}, and let this one open the place then"
            )
        under_way = connection.scalar(select(restoring.c.snapshot))
        if under_way is None:
            _check_empty(place, connection)
            row = {"snapshot": name, "began_us": to_us(place.clock())}
            connection.execute(insert(restoring).values(row))
        elif under_way != name:
            raise BackupError(
                f"the restore of snapshot {under_way} was cut off here: go on with it (--snapshot {under_way}), "
                "or empty the place"
            )


def _check_empty(place: Place, connection: Connection) -> None:
    full = _full(connection)
    where = described(place.settings.database_url)
    found = [f"database {where} ({', '.join(full)})"] if full else []
    archive, packs = archive_of(place.settings), open_packs(place.settings)
    with speaking_of("restore"):
        if _holds_anything(archive):
            found.append(f"archive {archive}")
        if any(packs.of_day(day) for day in packs.days()):
            found.append(f"pictures {place.settings.pictures.path}")
    if found:
        raise BackupError(f"not empty: {'; '.join(found)}. A restore is made into an empty place")


def _full(connection: Connection) -> list[str]:
    """The tables that have rows, but for what a new database has."""
    ours = [table for table in tables() if table is not table_version]
    return [f"table {table.name}" for table in ours if connection.execute(select(table).limit(1)).first()]


def _holds_anything(archive: Archive) -> bool:
    scratch = archive.scratch
    here = list(scratch.iterdir()) if scratch.exists() else []
    if any(path.name not in _NOTHING and not path.name.startswith(SPILL) for path in here):
        return True
    folders = (*(f"{layout.folder}/{LOG}" for layout in (READS, *DERIVED)), FOLDER)
    return any(_listed(archive, folder) for folder in folders)


def _listed(archive: Archive, folder: str) -> list[str]:
    try:
        return archive.files(folder)
    except FileNotFoundError:
        return []


def _damaged(place: Place, wanted: Wanted, manifest: Manifest) -> tuple[Kept, ...]:
    """The files that cannot be restored; what nothing works without must not be among them."""
    needed = {*manifest.tables, *(kept for kept in manifest.archive if f"/{LOG}/" in kept.name)}
    files, found = list(manifest.files()), []
    for number, kept in enumerate(files):
        place.on_step(Step("checking", number, len(files)))
        if (fault := wanted.store.fault(kept)) is None:
            continue
        if kept in needed or not wanted.without_damaged:
            more = "" if kept in needed else "; --without-damaged restores the rest"
            raise BackupError(f"{kept.name}: {wanted.store.path(kept)}: {fault}{more}")
        found.append(kept)
    return tuple(found)


def _put_archive(place: Place, store: Store, archive: Archive, files: list[Kept]) -> int:
    archive.prepare()
    for number, kept in enumerate(files):
        place.on_step(Step("files of the archive", number, len(files)))
        if _digest_in(archive, kept.name) == kept.digest:
            continue
        archive.delete(kept.name)  # half of it, of one that was killed
        with archive.create(kept.name) as file:
            for piece in _checked(store, kept):
                file.write(piece)
    archive.force(())
    return len(files)


def _put_packs(place: Place, store: Store, packs: Packs, files: list[Kept]) -> int:
    for number, kept in enumerate(files):
        place.on_step(Step("pictures", number, len(files)))
        try:
            there = as_digits(hashlib.sha256(packs.whole(kept.name)).digest())
        except MissingError:
            there = ""
        if there != kept.digest:
            packs.put(kept.name, b"".join(_checked(store, kept)))
    return len(files)


def _digest_in(archive: Archive, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as file:
            for piece in pieces(file):
                digest.update(piece)
    except FileNotFoundError:
        return ""
    return as_digits(digest.digest())


def _checked(store: Store, kept: Kept) -> Iterator[bytes]:
    """A file's bytes, which end with an error where they are not what was kept: the disk may lie only now."""
    digest = hashlib.sha256()
    with store.path(kept).open("rb") as file:
        for piece in pieces(file):
            digest.update(piece)
            yield piece
    if as_digits(digest.digest()) != kept.digest:
        raise BackupError(f"{kept.name}: {store.path(kept)}: not what was written")


def _check_tables(archive: Archive, manifest: Manifest) -> None:
    """Look whether the logs that were restored name the snapshot's files."""
    files = {kept.name for kept in manifest.archive}
    for layout in (READS, *DERIVED):
        begins = f"{layout.folder}/"
        ours = {name for name in files if name.startswith(begins) and f"/{LOG}/" not in name}
        table = open_archive(archive, layout)
        named = set() if table is None else {f"{begins}{file.name}" for file in live_files(table)}
        if odd := ours ^ named:
            raise BackupError(f"{layout.folder}: {min(odd)}: its log is not that of the snapshot's files")


def _finish(
    place: Place, engine: Engine, store: Store, done: Restored, *, manifest: Manifest, log: Log
) -> Restored:
    """All rows and the end of the restore, or nothing."""
    kept = {file.name: file for file in manifest.tables}
    with engine.begin() as connection:
        _check_still_empty(connection)
        connection.execute(delete(table_version))
        rows = 0
        for number, table in enumerate(tables()):
            place.on_step(Step(f"rows of {table.name}", number, len(kept)))
            file = kept[f"{table.name}.parquet"]
            with _copy_of(store, file, folder=archive_of(place.settings).scratch) as copy:
                loaded = load(connection, table, copy)
            if loaded != file.rows:
                raise BackupError(f"{file.name}: {loaded} of {file.rows} rows")
            rows += loaded
        go_on_after(connection, manifest.numbers)
        done = Restored(done.snapshot, done.files, rows, done.lost)
        log(connection, done)
        connection.execute(delete(restoring))
    return done


def _check_still_empty(connection: Connection) -> None:
    """Look once more: who had the database open before may have written it since; from here on he waits."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in tables())
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    if full := _full(connection):
        raise BackupError(
            f"somebody has written the database meanwhile ({', '.join(full)}): stop the centre, and empty the place"
        )


@contextmanager
def _copy_of(store: Store, kept: Kept, *, folder: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, checked and in nobody else's hands: a file that has no name, and goes with its process."""
    with tempfile.TemporaryFile(dir=folder) as copy:
        for piece in _checked(store, kept):
            copy.write(piece)
        copy.seek(0)
        yield copy
