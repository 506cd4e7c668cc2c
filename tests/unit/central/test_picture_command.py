"""`python -m central picture`: a read's pictures by its name, each look in the log."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, runner
from central_messages import JPEG, a_store, ingest, picture_message, read_message
from central_reads import a_read
from click.testing import CliRunner
from s3_servers import S3Server
from sqlalchemy import Engine, select

from central.archive.pictures import open_packs
from central.cli import cli
from central.db import audit, open_database, reading
from central.maintain import maintain_pictures
from central.settings import load
from edge.contract.topics import Kind

OVERVIEW = JPEG[:2] + b"\xff\x01" + JPEG[2:]


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    sections: dict[str, dict[str, object]] = {"pictures": {"keep_days": 7}}
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        sections["storage"] = server.section()
    return config_in(tmp_path, **sections)


@pytest.fixture
def engine(config: Path) -> Engine:
    """The database of a centre that has taken two pictures of read 5, none of read 6, and moved its packs."""
    settings = load(config)
    engine = open_database(settings.database_url)
    store = a_store(engine, settings.pictures.path)
    five = a_read(5)
    ingest(store, [read_message(five), read_message(a_read(6))])
    ingest(store, [picture_message(five, 1), picture_message(five, 2, kind=Kind.OVERVIEW, jpeg=OVERVIEW)])
    store._pictures.close()
    open_packs(settings).move_finished()
    return engine


@pytest.fixture
def run(config: Path, engine: Engine) -> Run:
    return partial(runner(config), "picture")


def acts(engine: Engine) -> list[tuple[str, int | None, dict[str, object]]]:
    with reading(engine) as connection:
        found = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.rows, json.loads(row.detail)) for row in found]


def test_every_picture_of_a_read_is_written_and_the_log_tells_it(
    run: Run, engine: Engine, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("edge-1/7/5", "--out", str(out), *LOOK)
    assert result.exit_code == 0, result.output
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "edge-1-7-5-crop.jpg": JPEG,
        "edge-1-7-5-overview.jpg": OVERVIEW,
    }
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}
    begun, ended = acts(engine)
    assert begun == ("picture", None, {"read": "edge-1/7/5"})
    assert (ended[0], ended[1], ended[2]["pictures"]) == ("picture.shown", 1, 2)


@pytest.mark.parametrize(
    ("read", "complaint"),
    [
        ("edge-1/7/6", "error: no picture of read edge-1/7/6 is kept: "),
        ("edge-1/7/99", "error: no read edge-1/7/99 ever came, and no picture of it"),
        ("edge-1/7", "error: not a read: 'edge-1/7'; expected EDGE/EPOCH/SEQ"),
    ],
)
def test_where_there_is_none_it_is_said_why(run: Run, tmp_path: Path, read: str, complaint: str) -> None:
    result = run(read, "--out", str(tmp_path / "out"), *LOOK)
    assert result.exit_code == 2
    assert result.stderr.startswith(complaint)
    assert not (tmp_path / "out").exists()


def test_what_retention_has_removed_is_said_to_be(
    run: Run, engine: Engine, config: Path, tmp_path: Path
) -> None:
    settings = load(config)
    # What a test writes is too young to be deleted; its rows are of 2025.
    maintained = CliRunner().invoke(cli, ["maintain", "--config", str(config)], catch_exceptions=False)
    assert maintained.exit_code == 0, maintained.output
    assert "pictures 2 removed, 0 kept, 0 damaged" in maintained.output
    later = datetime.now(UTC) + timedelta(hours=2)
    assert maintain_pictures(engine, settings, clock=lambda: later).packs == 1
    result = run("edge-1/7/5", "--out", str(tmp_path / "out"), *LOOK)
    assert result.exit_code == 2
    assert "it was removed when its time was over (pictures.keep_days" in result.stderr
    assert [act[0] for act in acts(engine)] == ["picture", "picture.failed"]


def test_nothing_goes_without_who_why_and_for_which_case(run: Run, engine: Engine, tmp_path: Path) -> None:
    result = run("edge-1/7/5", "--out", str(tmp_path / "out"), *LOOK[2:])
    assert result.exit_code == 2
    assert "who asks (--as)" in result.output
    assert not (tmp_path / "out").exists()
    assert acts(engine) == []


def test_a_damaged_pack_is_named_and_nothing_is_written(
    run: Run, engine: Engine, config: Path, tmp_path: Path
) -> None:
    for pack in load(config).pictures.path.rglob("*.pack"):
        pack.write_bytes(bytes(pack.stat().st_size))
        result = run("edge-1/7/5", "--out", str(tmp_path / "out"), *LOOK)
        assert result.exit_code == 2
        assert "is damaged" in result.stderr
        assert acts(engine)[-1][0] == "picture.failed"
    assert not (tmp_path / "out").exists()
