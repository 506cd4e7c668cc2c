"""Where data lies, and so is searched: the database, the archive, the pictures, and what the settings name beside."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from central.archive.pictures import Packs
from central.archive.place import LOG, Archive
from central.archive.schema import DERIVED, READS, Layout
from central.archive.set_aside import FOLDER
from central.archive.table import live_files, open_archive
from central.db import described
from central.erase.search import Aim, Searched, Unsearched, search_database, search_file, search_folder
from central.errors import MissingError, StoreError
from central.settings import CentralSettings

_BESIDE: Final = ("", "-wal", "-shm", "-journal")


def search_all(
    engine: Engine, settings: CentralSettings, archive: Archive, packs: Packs, aim: Aim
) -> Searched:
    """Search everything that can be reached from here.

    Raises:
        StoreError: the archive or the packs cannot be read at all.
    """
    into = Searched()
    aim = Aim(search_database(engine, aim, into), aim.since, aim.until)
    where = described(engine.url)
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        for each in (file.with_name(file.name + ending) for ending in _BESIDE):
            if each.exists():
                search_folder(each, aim, into)
    else:
        into.roots.append(where)
        into.unsearched.append(Unsearched("server", where))
    beside = [path for path in (settings.backup.path, settings.hotlist.watch.folder) if path is not None]
    for root in _outermost((archive.scratch, settings.pictures.path, *beside, *settings.erase.search)):
        search_folder(root, aim, into)
    if archive.options is not None:
        _search_elsewhere(f"{archive}", _archived(archive), aim, into)
    if settings.storage.kind == "s3":
        _search_elsewhere("pictures in the bucket", _packed(packs), aim, into)
        into.unsearched.append(Unsearched("versions"))
    into.unsearched.append(Unsearched("elsewhere"))
    return into


def _outermost(roots: Iterable[Path]) -> list[Path]:
    """Each folder once, and none that lies in another."""
    found: list[Path] = []
    for root in sorted({root.resolve() for root in roots}):
        if not any(root.is_relative_to(other) for other in found):
            found.append(root)
    return found


def _search_elsewhere(root: str, files: Iterator[tuple[str, bytes]], aim: Aim, into: Searched) -> None:
    into.roots.append(root)
    for name, content in files:
        search_file(name, io.BytesIO(content), aim, into)


def _archived(archive: Archive) -> Iterator[tuple[str, bytes]]:
    """What the tables name, their logs, and damaged files kept; what no table names was deleted before."""
    try:
        for layout in (READS, *DERIVED):
            for name in _of_table(archive, layout):
                yield name, archive.read(name)
        for name in archive.files(FOLDER):
            yield name, archive.read(name)
    except OSError as error:
        raise StoreError(f"{archive}: cannot be searched: {error}") from error


def _of_table(archive: Archive, layout: Layout) -> list[str]:
    table = open_archive(archive, layout)
    if table is None:
        return []
    names = [f"{layout.folder}/{file.name}" for file in live_files(table)]
    return [*names, *archive.files(f"{layout.folder}/{LOG}")]


def _packed(packs: Packs) -> Iterator[tuple[str, bytes]]:
    for day in packs.days():
        for file in packs.of_day(day):
            try:
                yield file.name, packs.whole(file.name)
            except MissingError:  # its time was over meanwhile
                continue
