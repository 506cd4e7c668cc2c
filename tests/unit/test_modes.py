"""What a command of either side writes, reads and plates among it, is its user's alone, whatever the umask was."""

import subprocess
import sys
from pathlib import Path

from central_reads import NOON, a_read, put

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import open_database

LOOK = ["--as", "ana", "--purpose", "test", "--case", "1"]


def run(*words: object, cwd: Path) -> None:
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120, umask=0o022
    )
    assert done.returncode == 0, done.stderr


def open_to_others(*folders: Path) -> dict[str, str]:
    """Files and folders that others may enter, read or write, with their modes."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    assert len(found) > len(folders)
    return {str(path): oct(path.stat().st_mode) for path in found if path.stat().st_mode & 0o077}


def test_what_the_centre_writes(tmp_path: Path) -> None:
    (tmp_path / "central.yaml").write_text(
        "database_url: sqlite:///state/deep/central.sqlite\narchive: {path: archive/deep}\n", encoding="utf-8"
    )
    run("central", "health", cwd=tmp_path)
    engine = open_database(f"sqlite:///{tmp_path}/state/deep/central.sqlite")
    put(engine, [a_read(1), a_read(2)])
    engine.dispose()
    run("central", "seal", cwd=tmp_path)
    run("central", "alerts", "list", *LOOK, "--pictures", "out", cwd=tmp_path)
    assert (tmp_path / "state" / "audit.key").exists()
    assert list((tmp_path / "archive" / "deep").glob("reads/captured_date=*/*.parquet"))
    assert open_to_others(*(tmp_path / name for name in ("state", "archive", "out"))) == {}


def test_what_the_edge_writes(tmp_path: Path) -> None:
    run("edge", "schema", "--out", "out/deep", cwd=tmp_path)
    assert open_to_others(tmp_path / "out") == {}


def test_the_folder_of_the_archive_without_a_command_line(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    put(engine, [a_read(1)])
    seal(engine, LocalArchive(tmp_path / "archive"), clock=lambda: NOON)
    engine.dispose()
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700
