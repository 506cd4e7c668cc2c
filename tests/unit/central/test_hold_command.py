"""`central hold`: who, why and for which case are compulsory; plates stand in the audit log as keyed hashes."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_reads import NOON, a_read, put
from sqlalchemy import Engine, select

from central.access.audit import verify
from central.access.key import read_key
from central.db import audit

BASIS = ["--basis", "juzgado 3, oficio 88"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_in(tmp_path, pictures={"keep_days": 1}, archive={"keep_days": 1})


@pytest.fixture
def run(config: Path) -> Run:
    return runner(config)


@pytest.fixture
def engine(config: Path) -> Engine:
    return database_of(config)


def test_a_held_plate_outlives_its_time_and_goes_once_the_hold_is_lifted(
    run: Run, engine: Engine, config: Path
) -> None:
    reads = [
        a_read(seq, plate=plate, captured_at=NOON + timedelta(seconds=seq))
        for seq, plate in enumerate(("ABC123", "XYZ789", "ABC123"))
        if seq
    ]
    put(engine, reads)
    assert run("seal").exit_code == 0
    history = ("history", "ABC123", "--csv", *LOOK)
    assert run(*history).stdout.count("ABC123") == 0, "over, and not removed yet"
    added = run("hold", "add", "abc-123", "--from", "2025-03-01", *BASIS, *LOOK)
    assert (added.exit_code, added.stdout) == (0, "hold #1 stands\n")
    assert run(*history).stdout.count("ABC123") == 1, "it is back"
    assert run("maintain").stdout.startswith("removed  1 rows of 1 days, 1 held\n")
    assert run(*history).stdout.count("ABC123") == 1
    listed = run("hold", "list", *LOOK).stdout
    assert "ABC123" in listed
    assert "juzgado 3, oficio 88" in listed
    assert run("hold", "lift", "1", "--why", "case closed", *LOOK).stdout == "hold #1 is lifted\n"
    assert "ABC123" not in run("hold", "list", *LOOK).stdout
    assert "ana.rojas: case closed" in " ".join(run("hold", "list", "--all", *LOOK).stdout.split())
    assert run(*history).stdout.count("ABC123") == 0
    assert run("maintain").stdout.startswith("removed  1 rows of 1 days, 0 held\n")
    with engine.begin() as connection:
        acts = connection.execute(select(audit.c.action, audit.c.detail).order_by(audit.c.id)).all()
    changes = {action: json.loads(detail) for action, detail in acts if action.startswith("hold.")}
    assert changes.keys() == {"hold.add", "hold.lift", "hold.list", "hold.list.shown"}
    assert changes["hold.add"].keys() == {"hold", "plate", "since"}
    assert not [detail for _, detail in acts if "ABC123" in detail]
    assert [action for action, _ in acts].count("retention") == 2
    assert verify(engine, read_key(config.parent / "state" / "audit.key")).fault == ""


@pytest.mark.parametrize("words", [["add", "ABC123", *BASIS], ["list"], ["lift", "1", "--why", "over"]])
def test_nobody_holds_looks_or_lifts_without_who_why_and_case(run: Run, words: list[str]) -> None:
    result = run("hold", *words, "--as", "ana.rojas")
    assert result.exit_code == 2
    assert "the purpose (--purpose) and the case number (--case)" in result.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name one thing to hold"),
        (["ABC123", "--camera", "cam-1"], "name one thing to hold"),
        (["--camera", "cam-1"], "give --from and --to"),
        (["--read", "edge-1/7"], "not a read"),
        (["A!"], "not a plate"),
        (["ABC123", "--from", "yesterday"], "not a time"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: list[str], why: str) -> None:
    result = run("hold", "add", *words, *BASIS, *LOOK)
    assert result.exit_code == 2
    assert why in result.stderr
