"""The watcher of a folder, killed with -9 at any moment while files come: each file is imported once, and put away."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from central_messages import HEADER, rows

from central.db import audit, hotlist_entry, open_database, taken_file

WATCHER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from central.db import open_database
from central.settings import load
from central.watched import watch

settings = load(Path(sys.argv[1]))
engine = open_database(settings.database_url)
print("watching", flush=True)
watch(settings, engine, lambda s: time.sleep(s) or False, lambda: datetime.now(UTC))
"""
SETTINGS = """
access: {key_file: audit.key}
hotlist: {watch: {folder: in, lists: {stolen: whole}, every_s: 0.1, quiet_s: 0.1}}
"""


class Centre:
    """A watcher in a process of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.config = folder / "central.yaml"
        self.config.write_text(f"database_url: {url}\n{SETTINGS}")
        (folder / "in").mkdir()

    @contextmanager
    def watching(self) -> Iterator[subprocess.Popen[str]]:
        """Until it is killed at the end."""
        words = [sys.executable, "-c", WATCHER, str(self.config)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "watching\n"
            try:
                yield process
            finally:
                process.kill()

    def put(self, number: int) -> None:
        """A list of two hundred, every one of which another file names."""
        lines = [f"AAA{n:03d},CO,,stolen,1,SIJIN,C-{number},,2199-12-31" for n in range(200)]
        draft = self.folder / "in" / "stolen.part"
        draft.write_text("\n".join([HEADER, *lines]) + "\n")
        draft.replace(draft.with_suffix(".csv"))

    def waiting(self) -> list[Path]:
        """Files that were not put away."""
        return [path for path in (self.folder / "in").rglob("*.csv") if path.parent.name in ("in", "taking")]

    def done(self, ending: str) -> int:
        return len(list((self.folder / "in" / "done").glob(f"*{ending}")))


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.proof)])
def test_each_file_is_imported_once(tmp_path: Path, database_url: str, rounds: int) -> None:
    centre, chance = Centre(tmp_path, database_url), random.Random(rounds)
    engine = open_database(database_url)
    for number in range(rounds):
        with centre.watching():
            centre.put(number)
            time.sleep(chance.uniform(0.1, 0.8))
        with centre.watching() as process:
            while centre.waiting() or rows(engine, taken_file):
                time.sleep(0.05)
                assert process.poll() is None
        assert [row["action"] for row in rows(engine, audit)] == ["hotlist.import"] * (number + 1)
        assert {row["case_number"] for row in rows(engine, hotlist_entry)} == {f"C-{number}"}
    assert [centre.done(ending) for ending in (".csv", ".json", ".txt")] == [rounds] * 3
    assert len(rows(engine, hotlist_entry)) == 200
    engine.dispose()
