"""A place to restore into: empty, with the key of the place that was backed up."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from erasing import LATER, Scene

from central.access.audit import AuditLog
from central.access.key import open_key
from central.backup.make import Place
from central.backup.restore import Restored, Wanted, restore
from central.db import open_database
from central.types import Look

LOOK = Look("ana.rojas", "rehearsal", "2025-118")


@contextmanager
def an_empty_place(url: str, folder: Path) -> Iterator[Scene]:
    """A centre without anything, opened as `restore` opens it, with the key of the one above its folder."""
    folder.mkdir(exist_ok=True)
    open_key(folder.parent / "audit.key")
    shutil.copy(folder.parent / "audit.key", folder)
    engine = open_database(url, half_restored=True)
    yield Scene(engine, folder)
    engine.dispose()


def a_place(scene: Scene, **more: object) -> Place:
    return Place(scene.engine, scene.settings, scene.key, lambda: LATER, **more)


def put_back(place: Place, wanted: Wanted) -> Restored:
    """As the command does it."""
    log = AuditLog(place.engine, place.key, clock=place.clock)
    return restore(
        place,
        wanted,
        log=lambda connection, done: log.note(connection, LOOK, "restore", {"snapshot": done.snapshot}),
    )
