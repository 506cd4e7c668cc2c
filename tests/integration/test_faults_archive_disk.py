"""The archive's disk is full, and then there is room again: nothing is lost and nothing twice, and all goes on."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from central_city import FIRST, City
from central_reads import LASTING, NOON, a_read, put
from disks import fill
from erasing import AT_ONCE, LATER, PLATE, Scene
from sqlalchemy import Engine

from central.access.key import open_key
from central.archive.place import LocalArchive
from central.archive.schema import READS
from central.archive.write import seal
from central.erase.run import DONE
from central.errors import StoreError
from central.maintain import Step
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings

ROOMS = [0, pytest.param(24_000, marks=pytest.mark.proof)]
"""Bytes that are left: for nothing, for some of the files and the logs."""


def seqs(engine: Engine, archive: LocalArchive) -> list[int]:
    with Reads(engine, archive, QuerySettings(), rules=LASTING) as reads:
        found = reads.find(Question(plate="ABC123", limit=10_000))
    assert not found.missing
    return sorted(read.seq for read in found.reads)


@pytest.mark.parametrize("leave", [0, 4096, 16384, 32768, 65536])
def test_a_seal_that_finds_no_room_leaves_the_reads_where_they_are_and_is_done_when_there_is_room(
    database: Engine, disk: Path, leave: int
) -> None:
    """However far it came: no file, a part of one, all of it and no log."""
    archive = LocalArchive(disk / "archive")
    put(database, [a_read(seq) for seq in range(1, 301)])
    seal(database, archive, clock=lambda: NOON)
    put(database, [a_read(seq, captured_at=NOON + timedelta(days=seq % 3)) for seq in range(301, 601)])
    ballast = fill(disk, leave=leave)
    with suppress(StoreError) if leave else pytest.raises(StoreError, match="No space left on device"):
        seal(database, archive, clock=lambda: NOON)
    assert seqs(database, archive) == list(range(1, 601))
    ballast.unlink()
    seal(database, archive, clock=lambda: NOON)
    assert seqs(database, archive) == list(range(1, 601))


class Full:
    """Fills a disk when a step begins, once."""

    def __init__(self, disk: Path, what: str, *, leave: int) -> None:
        self._disk, self._what, self._leave = disk, what, leave
        self.ballast: Path | None = None

    def __call__(self, step: Step) -> None:
        if self.ballast is None and self._what in step.what:
            self.ballast = fill(self._disk, leave=self._leave)

    def refuses(self, do: Callable[[], object]) -> None:
        """Do what finds no room; it says where and why, or found enough in what was left."""
        said = f"{self._disk}.*No space left on device"
        with suppress(StoreError) if self._leave else pytest.raises(StoreError, match=said):
            do()

    def free(self) -> None:
        assert self.ballast is not None, "the step never came"
        self.ballast.unlink()


@pytest.mark.parametrize("leave", ROOMS)
@pytest.mark.parametrize("what", ["closing", "deriving", "merging"])
def test_what_maintenance_cannot_write_waits_for_room(
    database: Engine, disk: Path, what: str, leave: int
) -> None:
    city = City(database, disk / "archive")
    for day in (0, 1, 5):
        city.read(FIRST + timedelta(days=day), 200)
    before, now = city.identities(), FIRST + timedelta(days=9)
    full = Full(disk, what, leave=leave)
    full.refuses(lambda: city.maintain(now, full))
    assert city.identities() == before
    assert found(city) == sorted(before)
    full.free()
    city.maintain(now)
    city.check_held()
    city.check()
    assert city.identities() == before
    assert found(city) == sorted(before)


def test_where_a_day_finds_no_room_to_be_closed_what_was_replaced_before_is_deleted_all_the_same(
    database: Engine, disk: Path
) -> None:
    city = City(database, disk / "archive")
    for hour in (0, 3):
        city.read(FIRST + timedelta(hours=hour), 200)
    replaced = city.files(READS)
    city.maintain(FIRST + timedelta(days=2))
    city.read(FIRST + timedelta(days=2), 200)
    before, live = city.identities(), city.files(READS)
    city.settings = city.settings.model_copy(update={"grace_h": 0})
    full = Full(disk, "closing", leave=0)
    full.refuses(lambda: city.maintain(FIRST + timedelta(days=4), full))
    reads = city.settings.path / "reads"
    assert sorted(str(file.relative_to(reads)) for file in reads.rglob("*.parquet")) == live
    assert not set(replaced) & set(live)
    full.free()
    city.maintain(FIRST + timedelta(days=4))
    city.check()
    assert city.identities() == before


def found(city: City) -> list[tuple[object, ...]]:
    with Reads(city.engine, city.archive, QuerySettings(), rules=LASTING) as reads:
        answer = reads.find(Question(since=FIRST - timedelta(days=1), limit=10_000))
    assert not answer.missing
    return sorted((read.seq, read.plate, read.captured_at, read.camera_id) for read in answer.reads)


@pytest.mark.parametrize("leave", ROOMS)
def test_retention_that_finds_no_room_is_done_when_there_is_room(
    database: Engine, disk: Path, leave: int
) -> None:
    city = City(database, disk / "archive")
    for day in range(4):
        city.read(FIRST + timedelta(days=day), 200)
    city.maintain(FIRST + timedelta(days=5))
    before, now = city.identities(), FIRST + timedelta(days=32)
    open_key(disk / "audit.key")
    full = Full(disk, "removing reads", leave=leave)
    full.refuses(lambda: city.retain(now, keep_days=30, on_step=full))
    assert city.identities() <= before
    full.free()
    city.retain(now, keep_days=30)
    stay = {row: 1 for row in before if row[2].date() >= FIRST.date() + timedelta(days=2)}
    assert city.identities() == stay


@pytest.mark.parametrize("leave", ROOMS)
def test_an_erasure_that_finds_no_room_is_hidden_all_the_same_and_done_when_there_is_room(
    database: Engine, disk: Path, tmp_path: Path, leave: int
) -> None:
    folder = disk / "centre"
    folder.mkdir()
    scene = Scene(database, folder)
    scene.fill()
    others = [row for row in scene.shown() if row[2] != PLATE]
    scene.order()
    full = Full(disk, "rewriting files", leave=leave)
    full.refuses(lambda: scene.run(AT_ONCE, now=LATER, on_step=full))
    assert scene.shown(PLATE) == []
    assert scene.shown() == others
    full.free()
    (result,) = scene.run(AT_ONCE, now=LATER)
    assert (result.state, result.found) == (DONE, ())
    assert scene.shown() == others
