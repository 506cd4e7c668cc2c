"""The archive's disk is full, and then there is room again: nothing is lost and nothing twice."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from central_reads import LASTING, NOON, a_read, put
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.errors import StoreError
from central.query.plan import Question
from central.query.reads import Reads
from central.settings import QuerySettings


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """4 MiB of a file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "atalaya-test", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def seqs(engine: Engine, archive: LocalArchive) -> list[int]:
    with Reads(engine, archive, QuerySettings(), rules=LASTING) as reads:
        found = reads.find(Question(plate="ABC123", limit=10_000))
    assert not found.missing
    return sorted(read.seq for read in found.reads)


@pytest.mark.parametrize("leave", [0, 4096, 16384, 32768, 65536])
def test_a_seal_that_finds_no_room_leaves_the_reads_where_they_are_and_is_done_when_there_is_room(
    database: Engine, disk: Path, leave: int
) -> None:
    """However far it came: no file, a part of one, all of it and no log."""
    archive = LocalArchive(disk / "archive")
    put(database, [a_read(seq) for seq in range(1, 301)])
    seal(database, archive, clock=lambda: NOON)
    put(database, [a_read(seq, captured_at=NOON + timedelta(days=seq % 3)) for seq in range(301, 601)])
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        state = os.fstatvfs(file.fileno())
        os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - leave)
    with suppress(StoreError) if leave else pytest.raises(StoreError, match="No space left on device"):
        seal(database, archive, clock=lambda: NOON)
    assert seqs(database, archive) == list(range(1, 601))
    ballast.unlink()
    seal(database, archive, clock=lambda: NOON)
    assert seqs(database, archive) == list(range(1, 601))
