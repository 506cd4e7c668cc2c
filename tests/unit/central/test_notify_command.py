"""`central notify`: what waits and what was given up is seen without a plate, and tried anew by a named person."""

import json
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import rows
from sqlalchemy import Engine, update
from told_alerts import AT, Interested, deliveries, happens, raised

from central.access.key import AuditKey
from central.cli import cli
from central.db import audit, delivery, reading, subscriber, to_us
from central.outbox import store
from central.outbox.follow import happenings
from central.outbox.rules import State
from central.outbox.schema import documents
from central.types import EventKind

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = config_in(tmp_path)
    watch = {"kind": "webhook", "name": "watch", "url": "https://watch.example/x", "secret_file": "secret"}
    path.write_text(path.read_text(encoding="utf-8") + f"notify: [{json.dumps(watch)}]\n", encoding="utf-8")
    return path


@pytest.fixture
def engine(config: Path) -> Engine:
    return database_of(config)


@pytest.fixture
def run(config: Path) -> Run:
    return runner(config)


def plan(engine: Engine) -> None:
    """Two alerts: of the first one event was sent and one given up; the second one's waits."""
    with engine.begin() as connection:
        store.enrol(connection, "watch", newest=0, now_us=to_us(AT))
    first, _ = raised(engine, 2)
    with engine.begin() as connection:
        happens(connection, first, EventKind.CONFIRMED)
    with reading(engine) as connection:
        events = happenings(connection, after=0, until=9)
    with engine.begin() as connection:
        store.plan(connection, Interested(), events, key=AuditKey(b"k" * 32), now_us=to_us(AT))
        for number, state in ((1, State.SENT), (2, State.GIVEN_UP)):
            mine = (delivery.c.alert_id == first, delivery.c.number == number)
            over = {"state": state, "done_us": to_us(AT), "tries": 10, "said": "500"}
            connection.execute(update(delivery).where(*mine).values(over))


def test_what_waits_and_what_was_given_up_is_listed_without_a_plate(engine: Engine, run: Run) -> None:
    plan(engine)
    shown = run("notify", "list")
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert ["watch", "1", *lines[1][2:4], "1"] == lines[1], "one waits since then, one was given up"
    assert [line[1:4] for line in lines if line and line[1:2] in (["#1"], ["#2"])] == [
        ["#1", "2", "confirmed"],
        ["#2", "1", "raised"],
    ]
    assert "ABC123" not in shown.output
    everything = json.loads(run("notify", "list", "--all", "--json").output)["deliveries"]
    assert sorted(one["state"] for one in everything) == ["given-up", "sent", "waiting"]
    assert {one["event"] for one in everything} == {"raised", "confirmed"}
    assert "abandonado" in run("notify", "list", language="es").output


def test_one_subscriber_can_be_asked_for(engine: Engine, run: Run) -> None:
    plan(engine)
    assert "#1" in run("notify", "list", "--to", "watch").output
    assert "#1" not in run("notify", "list", "--to", "other").output


def test_what_was_given_up_is_tried_anew_by_a_named_person(engine: Engine, run: Run) -> None:
    plan(engine)
    assert "error: " in run("notify", "again", "watch").output, "who, why, which case?"
    assert run("notify", "again", "watch", "--alert", "2", *LOOK).output == "0 wait again for watch\n"
    assert run("notify", "again", "watch", *LOOK).output == "1 wait again for watch\n"
    found = {(row["alert_id"], row["number"]): row for row in deliveries(engine)}
    assert (found[1, 2]["state"], found[1, 2]["tries"], found[1, 2]["done_us"]) == ("waiting", 0, None)
    assert found[1, 1]["state"] == "sent"
    *_, last = rows(engine, audit)
    assert (last["actor"], last["action"]) == ("ana.rojas", "notify.again")
    assert json.loads(str(last["detail"])) == {"subscriber": "watch", "alert": None, "deliveries": 1}


def test_health_shows_every_subscriber_of_the_settings(engine: Engine, run: Run) -> None:
    assert run("health").output.splitlines()[-1].split() == ["watch", "0", "0"]
    plan(engine)
    line = run("health").output.splitlines()[-1].split()
    assert (line[0], line[1], line[-1]) == ("watch", "1", "1")
    assert [row["name"] for row in rows(engine, subscriber)] == ["watch"]


def test_the_schemas_are_those_of_the_folder(tmp_path: Path) -> None:
    from click.testing import CliRunner

    ours = documents()
    kept = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "configs/schema").glob("*.json")}
    assert {name: kept.get(name) for name in ours} == ours, "run `make schema`"
    assert CliRunner().invoke(cli, ["notify", "schema", "--out", str(tmp_path / "s")]).exit_code == 0
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "s").iterdir()} == ours
