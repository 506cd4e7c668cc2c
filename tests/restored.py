"""A centre that is backed up, an empty place to restore into with its key, and faults at any step of either."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import rows
from erasing import LATER, PLATE, Scene
from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.access.key import open_key
from central.backup.make import Made, Place, back_up
from central.backup.restore import Restored, Wanted, restore
from central.backup.rows import tables
from central.db import open_database
from central.maintain import Step
from central.types import Look

LOOK = Look("ana.rojas", "rehearsal", "2025-118")


@pytest.fixture
def scene(database: Engine, tmp_path: Path) -> Scene:
    """With some reads in the archive, some hot, and pictures."""
    there = Scene(database, tmp_path)
    there.take(there.messages(1, PLATE, "XYZ789"))
    there.seal()
    there.take(there.messages(3, PLATE))
    return there


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Scene]:
    with an_empty_place(f"sqlite:///{tmp_path}/other/central.sqlite", tmp_path / "other") as place:
        yield place


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Of either kind, whatever the other's."""
    folder = tmp_path / "other"
    postgres = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{folder}/central.sqlite"
    with an_empty_place(url, folder) as place:
        yield place


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


def backups(scene: Scene) -> Path:
    """The folder of a centre's backups."""
    return scene.folder / "backups"


def snapshot(scene: Scene, *, after: timedelta = timedelta(0), **more: object) -> Made:
    """Made so long after LATER."""
    place = a_place(scene)
    later = LATER + after
    moved = type(place)(place.engine, place.settings, place.key, lambda: later)
    return back_up(moved, backups(scene), **more)


def content(scene: Scene) -> dict[str, list[dict[str, object]]]:
    """Every row but those of the log that restoring writes."""
    found = {table.name: rows(scene.engine, table) for table in tables()}
    found["audit"] = [row for row in found["audit"] if row["action"] != "restore"]
    return {name: sorted(each, key=repr) for name, each in found.items()}


class CutOffError(Exception):
    """A step at which it ends."""


def cut_off_at(step: int) -> Callable[[Step], None]:
    """End at the step of this number."""
    left = step

    def tell(_step: Step) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CutOffError

    return tell


def once(what: str, act: Callable[[], object]) -> Callable[[Step], None]:
    """Do something at a step that begins so."""
    left = [act]

    def tell(step: Step) -> None:
        if left and step.what.startswith(what):
            left.pop()()

    return tell
