"""`central api key`: a key is written into a file once, stands in the database as a hash, and every act is logged."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_messages import rows
from sqlalchemy import Engine

from central.access import keys
from central.db import api_key, audit
from central.options import now

MAKE = ("api", "key", "make", "sijin", "--right", "lists.import", "--list", "stolen")
SOON = ("--until", f"{now() + timedelta(days=30):%Y-%m-%d}")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_in(tmp_path)


@pytest.fixture
def run(config: Path) -> Run:
    return runner(config)


@pytest.fixture
def engine(config: Path) -> Engine:
    return database_of(config)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "sijin.key"


def test_a_key_is_made_for_its_file_alone(run: Run, engine: Engine, out: Path) -> None:
    made = run(*MAKE, *SOON, "--out", str(out), *LOOK)
    assert (made.exit_code, made.stderr, made.stdout) == (0, "", f"key sijin is in {out}\n")
    text = out.read_text().strip()
    assert out.stat().st_mode & 0o777 == 0o600
    (row,) = rows(engine, api_key)
    assert text.removeprefix("atalaya_1_") not in json.dumps(row)
    found = keys.known(engine, text, at=now())
    assert found is not None
    assert (found.name, found.rights, found.lists) == ("sijin", {"lists.import"}, {"stolen"})
    (act,) = rows(engine, audit)
    assert (act["actor"], act["action"], act["case_number"]) == ("ana.rojas", "key.make", "2026-117")
    assert text[-43:] not in str(act["detail"])


def test_they_are_listed_and_revoked(run: Run, engine: Engine, out: Path) -> None:
    run(*MAKE, *SOON, "--out", str(out), *LOOK)
    (listed,) = json.loads(run("api", "key", "list", "--json").stdout)["keys"]
    assert (listed["name"], listed["lists"], listed["revoked_at"]) == ("sijin", ["stolen"], None)
    assert "lists.import" in run("api", "key", "list").stdout
    assert "permisos" in run("api", "key", "list", language="es").stdout
    assert run("api", "key", "revoke", "sijin", *LOOK).stdout == "key sijin is revoked\n"
    assert keys.known(engine, out.read_text().strip(), at=now()) is None
    assert json.loads(run("api", "key", "list", "--json").stdout)["keys"][0]["revoked_at"] is not None
    assert [row["action"] for row in rows(engine, audit)] == ["key.make", "key.revoke"]
    again = run("api", "key", "revoke", "sijin", *LOOK)
    assert again.exit_code == 2
    assert "was revoked" in again.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--until", "2020-01-01"), "past or too far away"),
        (("--until", f"{now().year + 3}-01-01"), "400 days"),
        ((*SOON, "--list", "No Such Name"), "expected lower case"),
    ],
)
def test_what_cannot_be_a_key_leaves_no_file(
    run: Run, engine: Engine, out: Path, words: tuple[str, ...], why: str
) -> None:
    found = run(*MAKE, *words, "--out", str(out), *LOOK)
    assert found.exit_code == 2
    assert why in found.stderr
    assert not out.exists()
    assert rows(engine, api_key) == rows(engine, audit) == []


def test_a_name_that_was_used_is_not_used_again(run: Run, engine: Engine, out: Path, tmp_path: Path) -> None:
    """What stands under it in the log would be of two."""
    run(*MAKE, *SOON, "--out", str(out), *LOOK)
    run("api", "key", "revoke", "sijin", *LOOK)
    again = run(*MAKE, *SOON, "--out", str(tmp_path / "other.key"), *LOOK)
    assert again.exit_code == 2
    assert "name another" in again.stderr
    assert not (tmp_path / "other.key").exists()
    assert len(rows(engine, api_key)) == 1


def test_no_file_is_written_over(run: Run, engine: Engine, out: Path) -> None:
    out.write_text("mine")
    found = run(*MAKE, *SOON, "--out", str(out), *LOOK)
    assert found.exit_code == 2
    assert out.read_text() == "mine"
    assert rows(engine, api_key) == []


@pytest.mark.parametrize("missing", ["--as", "--purpose", "--case"])
def test_nobody_makes_one_without_saying_why(run: Run, engine: Engine, out: Path, missing: str) -> None:
    at = LOOK.index(missing)
    found = run(*MAKE, *SOON, "--out", str(out), *LOOK[:at], *LOOK[at + 2 :])
    assert found.exit_code == 2
    assert missing in found.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "atalaya",
        "atalaya_0_" + "A" * 43,
        "atalaya_1_" + "A" * 42,
        "atalaya_99999999999_" + "A" * 43,
        "é" * 50,
    ],
)
def test_what_has_not_the_form_of_a_key_is_none(engine: Engine, text: str) -> None:
    assert keys.known(engine, text, at=now()) is None
