"""`backup` and `restore` from the command line."""

import json
import shutil
from pathlib import Path

import pytest
from central_messages import rows
from central_reads import NOON, a_read, put
from click.testing import CliRunner, Result

from central.cli import cli
from central.db import audit, hot_read, open_database

WHO = ["--as", "ana", "--purpose", "nightly", "--case", "none"]
SETTINGS = """
backup: {path: ../backups}
archive: {path: archive, keep_days: 3660}
database_url: sqlite:///central.sqlite
pictures: {path: pictures}
access: {key_file: ../audit.key}
"""


@pytest.fixture
def home(tmp_path: Path, sqlite_template: Path) -> Path:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "central.yaml").write_text(SETTINGS)
    (tmp_path / "here" / "central.sqlite").write_bytes(sqlite_template.read_bytes())
    engine = open_database(f"sqlite:///{tmp_path}/here/central.sqlite")
    put(engine, [a_read(1, captured_at=NOON), a_read(2, captured_at=NOON)])
    engine.dispose()
    return tmp_path


def call(home: Path, *words: str, place: str = "here") -> Result:
    config = ["--config", str(home / place / "central.yaml")]
    return CliRunner().invoke(cli, [*words, *config])


def actions(home: Path, place: str = "here") -> list[object]:
    engine = open_database(f"sqlite:///{home}/{place}/central.sqlite")
    found = [row["action"] for row in rows(engine, audit)]
    engine.dispose()
    return found


def test_there_and_back(home: Path) -> None:
    made = call(home, "backup", *WHO)
    assert made.exit_code == 0, made.output
    snapshot = made.stdout.split()[0]
    listed = call(home, "backup", "--list")
    assert listed.stdout.startswith(f"{snapshot}  ")
    verified = call(home, "backup", "--verify")
    assert (verified.exit_code, verified.stdout) == (0, "1 snapshots read, 0 files damaged\n")
    restored = call(home, "restore", *WHO, place="there")
    assert restored.exit_code == 0, restored.output
    assert restored.stdout.startswith(f"{snapshot} restored: ")
    engine = open_database(f"sqlite:///{home}/there/central.sqlite")
    assert len(rows(engine, hot_read)) == 2
    engine.dispose()
    assert actions(home) == ["backup", "backup.shown"]
    assert actions(home, "there") == ["backup", "restore"]


def test_as_a_document(home: Path) -> None:
    made = json.loads(call(home, "backup", *WHO, "--json").stdout)
    assert made["backup"][0]["removed"] == []
    (listed,) = json.loads(call(home, "backup", "--list", "--json").stdout)["snapshots"]
    assert listed["snapshot"] == made["backup"][0]["snapshot"]
    assert listed["fault"] == ""
    verified = json.loads(call(home, "backup", "--verify", "--json").stdout)
    assert (verified["damaged"], verified["snapshots"]) == ([], [listed["snapshot"]])


def test_a_damaged_file_is_named_and_the_exit_code_says_so(home: Path) -> None:
    call(home, "backup", *WHO)
    victim = next(path for path in (home / "backups" / "files").glob("*/*.parquet") if path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1])
    found = call(home, "backup", "--verify")
    assert found.exit_code == 1
    assert "DAMAGED" in found.stdout
    assert str(victim.relative_to(home / "backups")) in found.stdout
    assert found.stderr.endswith("1 put aside: the next backup copies again what the centre still has\n")
    restored = call(home, "restore", *WHO, place="there")
    assert restored.exit_code == 2
    assert "cannot be read: No such file" in restored.stderr


def test_who_and_why_are_compulsory(home: Path) -> None:
    for command in ("backup", "restore"):
        refused = call(home, command)
        assert refused.exit_code == 2
        assert "no read is shown without" in refused.stderr
    assert not (home / "backups").exists()
    assert actions(home) == []


def test_a_restore_without_its_key_is_refused_and_makes_none(home: Path) -> None:
    call(home, "backup", *WHO)
    (home / "audit.key").rename(home / "elsewhere.key")
    refused = call(home, "restore", *WHO, place="there")
    assert refused.exit_code == 2
    assert "key of the audit log cannot be used" in refused.stderr
    assert not (home / "audit.key").exists()


def test_a_failed_backup_stands_in_the_audit_log(home: Path) -> None:
    (home / "backups").write_text("a file")
    failed = call(home, "backup", *WHO)
    assert failed.exit_code == 2
    assert "backups" in failed.stderr
    assert actions(home) == ["backup", "backup.failed"]


@pytest.mark.parametrize("words", [("backup", *WHO), ("restore", *WHO), ("backup", "--list")])
def test_no_folder_is_said(home: Path, words: tuple[str, ...]) -> None:
    config = home / "here" / "central.yaml"
    config.write_text(config.read_text().replace("../backups", "null"))
    refused = call(home, *words)
    assert refused.exit_code == 2
    assert "set backup.path" in refused.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("backup", "--list"), "snapshots"),
        (("backup", "--verify"), "snapshots"),
        (("restore", *WHO), "snapshots"),
        (("backup", "--list"), "snapshots/20260301T120000000000Z"),
        (("restore", "--snapshot", "20260301T120000000000Z", *WHO), "snapshots/20260301T120000000000Z"),
        (("backup", "--verify"), "lock"),
        (("restore", *WHO), "lock"),
    ],
)
def test_a_disk_that_cannot_be_read_is_told_plainly(home: Path, words: tuple[str, ...], what: str) -> None:
    """As of files that are folders, the reverse, and links to themselves: the test may run as root."""
    call(home, "backup", *WHO)
    path = home / "backups" / what
    if what == "snapshots":
        shutil.rmtree(path)
        path.touch()
    elif what == "lock":
        path.unlink()
        path.symlink_to("lock")
    else:
        path.mkdir()
    told = call(home, *words, place="there")
    assert f"backups/{what}: cannot be read: " in told.output
    assert told.exception is None or isinstance(told.exception, SystemExit)


def test_a_folder_without_snapshots_is_said(home: Path) -> None:
    call(home, "backup", *WHO)
    for path in (home / "backups" / "snapshots").iterdir():
        path.unlink()
    assert "no snapshot" in call(home, "restore", *WHO, place="there").stderr
    verified = call(home, "backup", "--verify")
    assert (verified.exit_code, "no snapshot" in verified.stderr) == (2, True)
    assert "no folder of backups" in call(home, "restore", str(home / "no"), *WHO, place="there").stderr
