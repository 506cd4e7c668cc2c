"""A snapshot of a centre on this disk restored into one on S3, and the other way: reads and pictures are the same."""

from pathlib import Path

import pytest
from archived import archived_rows
from central_reads import NOON, a_read, put
from places import settings_on
from restored import LOOK
from sqlalchemy import insert

from central.access.audit import AuditLog
from central.access.key import open_key
from central.archive.packing import PackWriter
from central.archive.pictures import open_packs
from central.archive.place import archive_of
from central.archive.table import open_archive
from central.archive.write import seal
from central.backup.make import Place, back_up
from central.backup.restore import Wanted, restore
from central.backup.store import Store
from central.db import open_database, picture
from central.errors import BackupError
from central.query.pictures import hand_out
from central.sections import PictureSettings
from central.settings import CentralSettings
from edge.contract.read import ReadId

PICTURE = b"a picture" * 100


def a_centre(kind: str, folder: Path, key: Path, request: pytest.FixtureRequest) -> Place:
    settings: CentralSettings = settings_on(kind, folder, request)
    settings = settings.model_copy(update={"pictures": PictureSettings(path=folder / "pictures")})
    engine = open_database(f"sqlite:///{folder}/central.sqlite", half_restored=True)
    return Place(engine, settings, open_key(key), lambda: NOON)


def fill(place: Place) -> None:
    with PackWriter(place.settings.pictures.path) as writer:
        (at,) = writer.write([PICTURE], at=NOON)
    row = {"pack": at.pack, "offset": at.offset, "length": at.length, "sha256": at.sha256}
    row |= {"edge_id": "edge-1", "epoch": 7, "read_seq": 1, "kind": "crop", "seq": 1}
    with place.engine.begin() as connection:
        connection.execute(insert(picture).values(row))
    open_packs(place.settings).move_finished()
    for first in (1, 11, 21):
        put(place.engine, [a_read(seq) for seq in range(first, first + 10)])
        seal(place.engine, archive_of(place.settings), clock=place.clock)


def sealed(place: Place) -> list[int]:
    table = open_archive(archive_of(place.settings))
    assert table is not None
    return sorted(archived_rows(table, ["seq"])["seq"].to_pylist())


@pytest.mark.s3
@pytest.mark.parametrize(("before", "after"), [("local", "s3"), ("s3", "local")])
def test_from_one_kind_of_place_to_the_other(
    before: str, after: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    key, folder = tmp_path / "audit.key", tmp_path / "backups"
    here = a_centre(before, tmp_path / "here", key, request)
    there = a_centre(after, tmp_path / "there", key, request)
    log = AuditLog(there.engine, there.key, clock=there.clock)
    fill(here)
    back_up(here, folder)

    def put_back() -> None:
        restore(there, Wanted(Store(folder)), log=lambda c, done: log.note(c, LOOK, "restore", {}))

    put_back()
    assert sealed(there) == sealed(here) == list(range(1, 31))
    ((_, found),) = hand_out(there.engine, open_packs(there.settings), ReadId("edge-1", 7, 1))
    assert found == PICTURE
    put(there.engine, [a_read(31)])
    seal(there.engine, archive_of(there.settings), clock=there.clock)
    assert sealed(there) == list(range(1, 32))
    with pytest.raises(BackupError, match="not empty: database.*archive.*pictures"):
        put_back()
    for each in (here, there):
        each.engine.dispose()


@pytest.mark.parametrize("kind", ["local", pytest.param("s3", marks=pytest.mark.s3)])
def test_what_was_set_aside_is_something_too(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    key, folder = tmp_path / "audit.key", tmp_path / "backups"
    here = a_centre("local", tmp_path / "here", key, request)
    there = a_centre(kind, tmp_path / "there", key, request)
    back_up(here, folder)
    with archive_of(there.settings).create("set-aside/a.parquet") as file:
        file.write(b"reads")
    with pytest.raises(BackupError, match="not empty: archive"):
        restore(there, Wanted(Store(folder)), log=lambda _connection, _done: None)
    for each in (here, there):
        each.engine.dispose()
