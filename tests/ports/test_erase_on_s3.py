"""A plate is erased from tables and pictures in a bucket too."""

from datetime import timedelta
from pathlib import Path

import pytest
from central_reads import a_read, put
from erasing import LATER, PLATE, TODAY, Scene
from s3_servers import S3Server
from sqlalchemy import Engine

from central.archive.pictures import open_packs
from central.archive.place import archive_of
from central.archive.write import seal
from central.db import open_database
from central.erase.plate import Needle
from central.erase.roots import search_all
from central.erase.run import DONE, Result
from central.erase.search import Aim, Searched
from central.maintain import maintain

pytestmark = pytest.mark.s3


@pytest.fixture
def scene(tmp_path: Path, sqlite_template: Path, s3_server: S3Server) -> Scene:
    (tmp_path / "central.sqlite").write_bytes(sqlite_template.read_bytes())
    scene = Scene(open_database(f"sqlite:///{tmp_path}/central.sqlite"), tmp_path)
    scene.settings = scene.settings.model_copy(update={"storage": s3_server.settings()})
    return scene


def search(engine: Engine, scene: Scene) -> Searched:
    archive, packs = archive_of(scene.settings), open_packs(scene.settings)
    return search_all(engine, scene.settings, archive, packs, Aim(Needle(PLATE)))


def test_tables_and_pictures_in_a_bucket(scene: Scene) -> None:
    engine, archive, packs = scene.engine, archive_of(scene.settings), open_packs(scene.settings)
    yesterday = TODAY - timedelta(days=1)
    plates = [PLATE, "XYZ789", PLATE, "XYZ790"]
    put(engine, [a_read(n, plate=p, captured_at=yesterday) for n, p in enumerate(plates, start=1)])
    seal(engine, archive, clock=lambda: TODAY)
    maintain(engine, archive, scene.settings.archive, clock=lambda: TODAY)
    scene.take(scene.messages(1, PLATE, "XYZ789"))
    assert packs.move_finished() == 1
    before = scene.shown()
    assert {found.where.split("/")[0] for found in search(engine, scene).found} >= {
        "reads",
        "plates",
        "dictionary",
        "endings",
    }
    scene.order()
    left = [row for row in before if row[2] != PLATE]
    assert scene.shown() == left
    assert scene.run(now=LATER) == [Result(1, DONE)]
    searched = search(engine, scene)
    assert searched.found == []
    assert "versions" in {told.why for told in searched.unsearched}
    assert scene.shown() == left
    (pack,) = [file.name for day in packs.days() for file in packs.of_day(day)]
    assert b"000001" not in packs.whole(pack)
    assert b"000002" in packs.whole(pack)
    engine.dispose()
