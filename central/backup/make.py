"""Making a snapshot: what one moment names, copied; what an earlier snapshot holds already is not copied again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, Table, select

from central.access.key import AuditKey
from central.archive.pictures import open_packs
from central.archive.place import archive_of
from central.backup.manifest import Kept, Manifest, name_of
from central.backup.moment import moment
from central.backup.rows import CLEARED, dump, last_numbers, tables
from central.backup.sources import Source, data_files, logs, packs_named, packs_of
from central.backup.store import Store
from central.db import Clock, erasure, to_us
from central.errors import BackupError, MissingError, StoreError
from central.maintain import OnStep, Step
from central.settings import CentralSettings

_CLOCK_US: Final = 2_000_000
"""The coarsest clock of a file system."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is backed up, or restored into.

    Attributes:
        key: of the audit log.
        clock: now, UTC-aware.
        on_step: is told of each step before it begins.
    """

    engine: Engine
    settings: CentralSettings
    key: AuditKey
    clock: Clock
    on_step: OnStep = lambda _: None


@dataclass(frozen=True, slots=True)
class Made:
    """What a backup did.

    Attributes:
        snapshot: its name.
        files: how many it has.
        size: of all of them, bytes.
        copied: files that no earlier snapshot held.
        removed: snapshots that made way.
        missing: packs of pictures that are named, and were lost before.
    """

    snapshot: str
    files: int
    size: int
    copied: int
    removed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Copier:
    """Keeps files, those that are new to the folder by copying them."""

    store: Store
    known: Mapping[tuple[str, int, int | None], Kept]
    on_step: OnStep
    copied: int = 0

    def keep_all(self, what: str, sources: Sequence[Source]) -> tuple[Kept, ...]:
        found = []
        for number, source in enumerate(sources):
            self.on_step(Step(what, number, len(sources)))
            found.append(self._keep(source))
        return tuple(found)

    def _keep(self, source: Source) -> Kept:
        there = self._there(source)
        if there is not None and self.store.has(there):
            return there
        more = {"rows": source.rows, "modified_us": source.modified_us}
        kept = self.store.take(partial(_write, source.read()), source.name, **more)
        if kept.size != source.size:
            raise BackupError(f"{source.name}: {kept.size} of {source.size} bytes; `verify` says more")
        self.copied += 1
        return kept

    def _there(self, source: Source) -> Kept | None:
        """As an earlier snapshot may hold it: data files are written once, packs tell when they were."""
        if source.digest is not None:
            return Kept(name=source.name, size=source.size, digest=source.digest)
        return self.known.get((source.name, source.size, source.modified_us))


def back_up(place: Place, folder: Path, *, keep: int | None = None) -> Made:
    """Make a snapshot, beside a running centre too.

    Snapshots that may hold a plate which this one has forgotten by order of a court make way for it.

    Args:
        place: what is backed up.
        folder: of the backups.
        keep: so many of the newest snapshots stay; None: all.

    Raises:
        StoreError: something cannot be read, or the folder not be written.
        BackupError: somebody else is at it, or a file went while it was being copied, or the folder is no place for it.
    """
    _check_apart(place.settings, folder)
    store = Store(folder)
    with _told(store), store.alone():
        earlier = {name: store.manifest(name, place.key).cleared for name in store.names()}
        copier = _Copier(store, _known(store, place.key), place.on_step)
        manifest = _copy(place, copier)
        name = name_of(manifest)
        if earlier and name <= max(earlier):
            raise BackupError(f"{max(earlier)} is later than now: set the clock right, or remove that one")
        store.publish(name, manifest, place.key)
        removed = _in_the_way(earlier, manifest, keep)
        for each in removed:
            store.remove(each)
        store.sweep(store.manifest(each, place.key) for each in store.names())
    files = list(manifest.files())
    size = sum(kept.size for kept in files)
    return Made(name, len(files), size, copier.copied, tuple(removed), manifest.missing)


def _check_apart(settings: CentralSettings, folder: Path) -> None:
    """What lies below the archive is the archive's, to be moved, searched and deleted with it."""
    ours = folder.resolve()
    for key, path in (("archive.path", settings.archive.path), ("pictures.path", settings.pictures.path)):
        if ours.is_relative_to(path.resolve()) or path.resolve().is_relative_to(ours):
            raise BackupError(
                f"{folder}: one of it and {key} ({path}) lies in the other: name another folder"
            )


def _known(store: Store, key: AuditKey) -> dict[tuple[str, int, int | None], Kept]:
    """What the newest snapshot holds; earlier ones hold little else that is still there."""
    names = store.names()
    if not names:
        return {}
    manifest = store.manifest(names[-1], key)
    files = (*manifest.archive, *manifest.pictures)
    # A clock may give two changes of a pack the same time; of two that lie so far apart, none does.
    sure_us = manifest.taken_us - _CLOCK_US
    return {(k.name, k.size, k.modified_us): k for k in files if (k.modified_us or 0) < sure_us}


def _copy(place: Place, copier: _Copier) -> Manifest:
    archive, packs = archive_of(place.settings), open_packs(place.settings)
    with moment(place.engine, archive, clock=place.clock) as there:
        connection = there.connection
        entries, files = logs(archive, there), data_files(archive, there)
        rows = _rows(copier, connection)
        named, numbers, cleared = packs_named(connection), last_numbers(connection), _cleared(connection)
        tables_of = MigrationContext.configure(connection).get_current_revision()
    in_archive = copier.keep_all("files of the archive", files)
    in_logs = copier.keep_all("logs of the archive", entries)
    pictures, missing = packs_of(place.engine, packs, named)
    return Manifest(
        taken_us=to_us(there.at),
        software=version("atalaya"),
        tables_of=str(tables_of),
        key=place.key.fingerprint,
        cleared=cleared,
        numbers=numbers,
        tables=rows,
        archive=(*in_archive, *in_logs),
        pictures=copier.keep_all("pictures", pictures),
        missing=missing,
    )


def _cleared(connection: Connection) -> tuple[int, ...]:
    query = select(erasure.c.erasure_id).where(erasure.c.state.in_(CLEARED))
    return tuple(connection.scalars(query.order_by(erasure.c.erasure_id)))


def _rows(copier: _Copier, connection: Connection) -> tuple[Kept, ...]:
    found = []
    for number, table in enumerate(tables()):
        copier.on_step(Step(f"rows of {table.name}", number, len(tables())))
        found.append(_dumped(copier.store, connection, table))
    return tuple(found)


def _dumped(store: Store, connection: Connection, table: Table) -> Kept:
    rows = 0

    def write(path: Path) -> None:
        nonlocal rows
        rows = dump(connection, table, path)

    return store.take(write, f"{table.name}.parquet").model_copy(update={"rows": rows})


def _in_the_way(earlier: Mapping[str, tuple[int, ...]], made: Manifest, keep: int | None) -> list[str]:
    """Snapshots that are to be removed: those that may hold an erased plate, and those that are too many."""
    cleared = set(made.cleared)
    clean = [name for name, each in earlier.items() if cleared <= set(each)]
    stay = clean if keep is None else clean[max(0, len(clean) - keep + 1) :]
    return [name for name in earlier if name not in stay]


def _write(parts: Iterable[bytes], path: Path) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def _told(store: Store) -> Iterator[None]:
    """What the disks say, as ours."""
    try:
        yield
    except (FileNotFoundError, MissingError) as error:
        with suppress(OSError):
            if store.is_there():
                raise BackupError(
                    f"a file went away while it was being copied; run it again: {error}"
                ) from error
        raise StoreError(f"backup into {store.root}: it is not there any more") from error
    except OSError as error:
        raise StoreError(f"backup into {store.root}: {error.strerror or error}") from error
