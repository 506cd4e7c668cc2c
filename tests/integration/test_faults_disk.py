"""A disk that is really full (a small file system in memory) or beyond what we may have of it, and free again."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import edge_reads
import pytest
from brokers import Broker
from disks import fill
from edge_centre import Centre, wait_for
from edge_reads import ack, builder
from spools import Opener, spools

from edge.contract.delivery import SeqRange, Stream
from edge.contract.topics import Address
from edge.errors import SpoolError, SpoolFullError
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool
from edge.spool.tally import inspect


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def open_spool(disk: Path) -> Iterator[Opener]:
    with spools(disk / "spool.sqlite", clock=now, max_bytes=60_000_000) as opener:
        yield opener


def put(spool: Spool, *, crop: bool = True) -> bool:
    """As the outbox does: what finds no room is tried again a moment later."""
    for _ in range(3):
        try:
            spool.put_read(builder(crop=crop), crop=os.urandom(6000) if crop else None)
        except SpoolFullError:
            continue
        return True
    return False


def test_where_the_spool_fills_the_disk_old_pictures_go_and_every_read_stays(
    open_spool: Opener,
) -> None:
    """The bound in bytes was set larger than the disk is."""
    spool = open_spool()
    assert all(put(spool) for _ in range(4000)), "24 MiB would take some 2,000 with their pictures"
    reads, crops = (spool.stats().streams[s] for s in (Stream.READ, Stream.CROP))
    assert (reads.spooled, reads.waiting, reads.dropped) == (4000, 4000, 0)
    assert crops.dropped > 1000
    assert crops.waiting + crops.dropped == 4000
    assert {m.seq for m in spool.pending(Stream.CROP, limit=5000)} == set(range(crops.dropped + 1, 4001))
    gone = spool.gone()
    assert [(g.stream, g.dropped.first, g.dropped.last, g.reason) for g in gone] == [
        (Stream.CROP, 1, crops.dropped, "the disk was full")
    ]
    assert spool.acknowledge(ack(spool.epoch, {Stream.READ: [SeqRange(first=1, last=4000)]})) == 4000
    spool.close()
    assert open_spool().stats().streams[Stream.READ].acknowledged == 4000


@pytest.mark.parametrize("is_old", [False, True])
def test_a_box_starts_on_a_full_disk_also_after_an_update(
    disk: Path, open_spool: Opener, is_old: bool
) -> None:
    """To open a spool takes a little room, to bring an older one up some more: the reserve makes way."""
    spool = open_spool()
    assert all(put(spool) for _ in range(50))
    spool.close()
    if is_old:
        as_of_format_2(disk / "spool.sqlite")
    ballast = fill(disk)
    again = open_spool()
    assert again.epoch == spool.epoch
    assert [m.seq for m in again.pending(Stream.READ, limit=99)] == [*range(1, 51)]
    assert put(again, crop=False)
    assert again.acknowledge(ack(again.epoch, {Stream.READ: [SeqRange(first=1, last=51)]})) == 51
    ballast.unlink()
    assert put(again)
    assert (disk / "spool.sqlite.reserve").stat().st_blocks * 512 >= 60_000_000 // 8


def test_a_disk_that_is_full_and_holds_no_reserve_is_said(disk: Path, open_spool: Opener) -> None:
    open_spool().close()
    as_of_format_2(disk / "spool.sqlite")
    (disk / "spool.sqlite.reserve").unlink()
    fill(disk)
    with pytest.raises(SpoolFullError, match="spool cannot be opened: "):
        open_spool()
    (disk / "ballast").unlink()
    assert put(open_spool()), "what was begun is undone, and nobody holds it"


def as_of_format_2(path: Path) -> None:
    """What a version wrote that put each clip at once."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DROP INDEX answered_half")
        db.execute("ALTER TABLE answered DROP COLUMN whole")
        db.execute("DROP INDEX message_first")
        db.execute("ALTER TABLE message DROP COLUMN first")
        db.execute("PRAGMA user_version = 2")
        db.commit()


def test_on_a_disk_that_others_have_filled_reads_go_on_and_what_is_acknowledged_still_leaves(
    disk: Path, open_spool: Opener
) -> None:
    """A deletion takes room first: without a reserve, what is delivered could never go."""
    spool = open_spool()
    assert all(put(spool) for _ in range(600))
    ballast = fill(disk)
    assert all(put(spool, crop=False) for _ in range(400))
    stats = spool.stats().streams
    assert (stats[Stream.READ].waiting, stats[Stream.READ].dropped) == (1000, 0)
    assert stats[Stream.CROP].dropped > 0, "pictures made way"
    half = SeqRange(first=1, last=500)
    assert spool.acknowledge(ack(spool.epoch, {Stream.READ: [half], Stream.CROP: [half]})) >= 500
    ballast.unlink()
    assert put(spool)
    reads = spool.stats().streams[Stream.READ]
    assert (reads.dropped, reads.acknowledged, reads.waiting) == (0, 500, 501)
    spool.close()
    assert open_spool().stats().streams[Stream.READ] == reads


def test_with_no_room_at_all_nothing_changes_until_there_is_some(disk: Path, open_spool: Opener) -> None:
    """Somebody has deleted the reserve as well."""
    spool = open_spool()
    assert all(put(spool) for _ in range(100))
    (disk / "spool.sqlite.reserve").unlink()
    ballast = fill(disk)
    tries = [put(spool) for _ in range(300)]
    assert not tries[-1]
    before = spool.stats()
    for _ in range(5):
        with pytest.raises(SpoolFullError, match="spool cannot be written: database or disk is full"):
            spool.put_read(builder(crop=True), crop=os.urandom(50_000))
    assert spool.stats() == before, "and pictures are not thrown away in vain"
    assert before.dropped == 0
    ballast.unlink()
    assert put(spool)
    everything = SeqRange(first=1, last=before.streams[Stream.READ].spooled)
    spool.acknowledge(ack(spool.epoch, {Stream.READ: [everything]}))
    assert spool.stats().streams[Stream.READ].waiting == 1


def test_a_box_that_began_on_a_full_disk_has_a_reserve_once_there_is_room(
    disk: Path, open_spool: Opener
) -> None:
    """Else it stands for ever at the next full disk: what the centre acknowledges cannot leave."""
    open_spool().close()
    reserve = disk / "spool.sqlite.reserve"
    reserve.unlink()
    ballast = fill(disk, leave=400_000)
    spool = open_spool()
    ballast.unlink()
    assert all(put(spool) for _ in range(100))
    assert reserve.stat().st_blocks * 512 >= 7_000_000
    fill(disk)
    everything = SeqRange(first=1, last=100)
    assert spool.acknowledge(ack(spool.epoch, {Stream.READ: [everything]})) == 100


def test_a_reserve_that_somebody_deleted_is_laid_down_again_once_there_is_room(
    disk: Path, open_spool: Opener
) -> None:
    spool = open_spool()
    assert all(put(spool) for _ in range(100))
    reserve = disk / "spool.sqlite.reserve"
    reserve.unlink()
    ballast = fill(disk)
    assert not [put(spool) for _ in range(300)][-1]
    ballast.unlink()
    assert put(spool)
    assert reserve.stat().st_blocks * 512 >= 7_000_000
    ballast = fill(disk)
    everything = SeqRange(first=1, last=spool.stats().streams[Stream.READ].spooled)
    assert spool.acknowledge(ack(spool.epoch, {Stream.READ: [everything]})) > 0


@pytest.mark.parametrize("broker", ["wheel_broker"], indirect=True)
def test_a_full_disk_keeps_no_read_from_being_delivered(
    disk: Path, open_spool: Opener, broker: Broker
) -> None:
    spool = open_spool()
    assert all(put(spool) for _ in range(300))
    fill(disk)
    assert all(put(spool, crop=False) for _ in range(300))
    centre = Centre(broker)
    settings = MqttSettings(resend_s=1.0, **broker.settings("edge-1"))
    publisher = Publisher(spool, settings, Address("site-1", "edge-1"), clock=now)
    publisher.start()
    try:
        wait_for(spool.is_empty, 60, what=spool.stats)
        assert put(spool)
        wait_for(spool.is_empty, what=spool.stats)
        assert publisher.state.reconnects == 0
        assert centre.numbers(Stream.READ) == set(range(1, 602))
        dropped = spool.stats().streams[Stream.CROP].dropped
        assert len(centre.numbers(Stream.CROP)) == 301 - dropped
        assert sum(g.dropped.last - g.dropped.first + 1 for g in set(centre.gone)) >= dropped
    finally:
        publisher.stop(drain_s=0)
        centre.close()


CHILD = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from edge_reads import builder
from edge.errors import SpoolFullError
from edge.spool.queue import Spool
with Spool(Path(sys.argv[1]), edge_id="edge-1", max_bytes=50_000_000, clock=lambda: datetime.now(UTC)) as spool:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
    stored, failed = 0, 0
    while failed < 5:
        try:
            spool.put_read(builder(crop=True), crop=b"x" * 6000)
            stored += 1
        except SpoolFullError:
            failed += 1
    print(stored, spool.stats().streams["read"].waiting)
"""


def test_a_quota_is_a_full_disk_and_loses_no_read(tmp_path: Path) -> None:
    """By the kernel's own limit on a file, in a process of its own."""
    path = tmp_path / "spool.sqlite"
    environment = {**os.environ, "PYTHONPATH": str(Path(edge_reads.__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    stored, waiting = map(int, done.stdout.split()[-2:])
    assert stored == waiting > 50
    assert inspect(path).streams[Stream.READ].waiting == stored
    with Spool(path, edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
        assert put(spool)


def test_other_faults_of_the_disk_are_not_taken_for_a_full_one(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
        spool.put_read(builder())
        spool._db.execute("PRAGMA query_only = 1")
        with pytest.raises(SpoolError, match="readonly") as error:
            spool.put_read(builder())
        assert not isinstance(error.value, SpoolFullError)
