"""Which boxes hold what is in force, by both databases and as the commands tell it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import list_plates
from sqlalchemy import Engine, insert

from central.db import edge_health, reading, to_us
from central.hotlist.copies import NOTHING, Copy, keep
from central.hotlist.version import raise_version, version_of
from central.query.carried import Carried, Holds, away, carried, settled
from edge.contract.health import EdgeHealth, HotlistHealth

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,2026-01-01,2036-12-31"


def now() -> datetime:
    return datetime.now(UTC)


def issue(engine: Engine, number: int, *, changed: int | None = None) -> None:
    """As the centre keeps a copy that it gives."""
    with engine.begin() as connection:
        keep(connection, Copy(number, version_of(connection), changed or number, now(), 2, NOTHING))


def say(engine: Engine, edge_id: str, number: int | None, *, online: bool = True, ago_s: float = 0) -> None:
    """A box's health, which came so long ago."""
    at = now() - timedelta(seconds=ago_s)
    told = HotlistHealth(number=number, issued_at=None if number is None else at, entries=2 if number else 0)
    health = EdgeHealth(edge_id=edge_id, site_id="s1", online=online, at=at, hotlist=told)
    row = {
        "edge_id": edge_id,
        "received_us": to_us(at),
        "message": health.model_dump_json(),
        "online": online,
    }
    with engine.begin() as connection:
        connection.execute(edge_health.delete().where(edge_health.c.edge_id == edge_id))
        connection.execute(insert(edge_health), row)


def holds(found: Carried) -> dict[str, Holds]:
    return {box.edge_id: box.holds for box in found.boxes}


def test_a_box_holds_what_is_in_force_from_the_head_on_with_which_it_changed(database: Engine) -> None:
    issue(database, 20, changed=15)
    for edge_id, number in (("a", 14), ("b", 15), ("c", 20), ("d", None)):
        say(database, edge_id, number)
    found = carried(database, at=now())
    assert holds(found) == {"a": Holds.OLDER, "b": Holds.NEWEST, "c": Holds.NEWEST, "d": Holds.NONE}
    assert (found.is_issued, found.is_settled) == (True, False)
    assert [box.edge_id for box in found.older] == ["a"]
    say(database, "a", 16)
    assert carried(database, at=now()).is_settled


def test_a_box_that_tells_more_than_was_given_holds_what_a_restored_database_does_not_know(
    database: Engine,
) -> None:
    issue(database, 20, changed=15)
    say(database, "a", 21)
    found = carried(database, at=now())
    assert (holds(found), found.is_settled) == ({"a": Holds.OLDER}, False)


def test_a_change_that_no_head_names_yet_is_held_by_none(database: Engine) -> None:
    say(database, "a", 15)
    assert holds(carried(database, at=now())) == {"a": Holds.OLDER}, "of a centre that never gave one"
    issue(database, 15)
    assert holds(carried(database, at=now())) == {"a": Holds.NEWEST}
    with database.begin() as connection:
        raise_version(connection)
    found = carried(database, at=now())
    assert holds(found) == {"a": Holds.OLDER}
    assert (found.is_issued, found.is_settled) == (False, False)


def test_who_does_not_hear_us_is_named_and_not_waited_for(database: Engine) -> None:
    issue(database, 20)
    say(database, "here", 20)
    say(database, "gone", 7, online=False)
    say(database, "silent", 7, ago_s=3600)
    found = settled(database, within_s=60, clock=now)
    assert found.is_settled
    assert away(found.older) == ["gone", "silent"]


def test_it_is_waited_until_all_that_hear_us_have_acknowledged(database: Engine) -> None:
    issue(database, 20)
    say(database, "a", 7)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            say(database, "a", 20)

    assert settled(database, within_s=60, clock=now, sleep=sleep).is_settled
    assert len(slept) == 3
    say(database, "a", 7)
    assert not settled(database, within_s=0, clock=now, sleep=sleep).is_settled


def test_the_last_copy_alone_is_kept(database: Engine) -> None:
    from central.hotlist.copies import last

    with reading(database) as connection:
        assert last(connection) is None
    issue(database, 20)
    issue(database, 21)
    with reading(database) as connection:
        kept = last(connection)
    assert kept is not None
    assert (kept.number, kept.entries, kept.sums) == (21, 2, NOTHING)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(config_in(tmp_path))


@pytest.fixture
def engine(run: Run, tmp_path: Path) -> Engine:
    return database_of(tmp_path / "central.yaml")


def test_the_boxes_are_shown_with_what_they_hold(run: Run, engine: Engine) -> None:
    issue(engine, 20)
    say(engine, "box-1", 20)
    say(engine, "box-2", 7, online=False)
    say(engine, "box-3", None)
    shown = run("hotlist", "boxes")
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines()}
    assert rows["box-1"][1:5] == ["s1", "online", "in", "force"]
    assert rows["box-2"][1:4] == ["s1", "offline", "older"]
    assert rows["box-3"][1:4] == ["s1", "online", "none"]
    assert shown.stderr == "1 of 2 boxes hold an older copy of the lists still; away: box-2\n"
    spanish = run("hotlist", "boxes", language="es")
    assert "vigente" in spanish.stdout
    assert spanish.stderr.startswith("1 de 2 equipos tienen todavía una copia anterior")


def test_the_boxes_for_programs(run: Run, engine: Engine) -> None:
    issue(engine, 20, changed=18)
    say(engine, "box-1", 19)
    told = json.loads(run("hotlist", "boxes", "--json").stdout)
    assert (told["number"], told["is_issued"], told["is_settled"]) == (20, True, True)
    (box,) = told["boxes"]
    assert (box["edge_id"], box["holds"], box["number"], box["entries"]) == ("box-1", "newest", 19, 2)


def test_waiting_in_vain_is_told_by_the_exit_code(run: Run, engine: Engine) -> None:
    issue(engine, 20)
    say(engine, "box-1", 7)
    assert run("hotlist", "boxes").exit_code == 0
    assert run("hotlist", "boxes", "--wait", "0.3").exit_code == 1
    say(engine, "box-1", 20)
    done = run("hotlist", "boxes", "--wait", "30")
    assert (done.exit_code, done.stderr) == (
        0,
        "all boxes that hold a copy of the lists (1) hold the one in force\n",
    )


def test_a_removal_says_who_holds_the_entry_still(run: Run, engine: Engine, tmp_path: Path) -> None:
    list_plates(engine, tmp_path, LISTED, LISTED.replace("ABC123", "XYZ789"))
    removed = run("hotlist", "remove", "ABC123", "--country", "CO", *LOOK)
    assert (removed.exit_code, removed.stderr) == (0, ""), "no copies are given"
    issue(engine, 20)
    say(engine, "box-1", 20)
    removed = run("hotlist", "remove", "XYZ789", "--country", "CO", "--wait", "0", *LOOK)
    assert removed.exit_code == 1
    assert "XYZ789 (CO) is looked for no longer" in removed.stdout
    assert removed.stderr.splitlines() == [
        "the centre has issued no copy with the last change yet: is `serve` running?",
        "1 of 1 boxes hold an older copy of the lists still; away: -",
    ]


def test_a_whole_list_that_ends_entries_says_it_too(run: Run, engine: Engine, tmp_path: Path) -> None:
    list_plates(engine, tmp_path, LISTED, LISTED.replace("ABC123", "XYZ789"))
    issue(engine, 20)
    say(engine, "box-1", 20)
    words = ("--list", "medellin", "--as", "ana", str(tmp_path / "hotlist.csv"))
    assert run("hotlist", "import", *words, "--whole").stderr == "", "nothing ends"
    (tmp_path / "hotlist.csv").write_text(
        "\n".join((tmp_path / "hotlist.csv").read_text().splitlines()[:2]) + "\n"
    )
    assert "1 of 1 boxes hold an older copy" in run("hotlist", "import", *words, "--whole").stderr


def test_where_no_copy_was_ever_given_it_is_said(run: Run, engine: Engine) -> None:
    shown = run("hotlist", "boxes")
    assert shown.exit_code == 0
    assert "no box was ever given a copy" in shown.stderr
