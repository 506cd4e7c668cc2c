"""A whole centre, and a disk of it that is full, or turns read-only: what is acknowledged is kept, and all goes on."""

import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from brokers import Broker
from central_commands import LOOK
from central_messages import address_of, picture_message, read_message
from central_reads import a_read
from centres import Centre, Edge
from databases import postgres_on
from disks import FailingDisk, fill, mounted

from edge.contract.read import PlateRead

pytestmark = pytest.mark.mosquitto

NOW = datetime.now(UTC).replace(microsecond=0)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + bytes(20_000) + b"\xff\xd9"


def the_read(seq: int) -> PlateRead:
    """Of some days: maintenance has something to do of each."""
    return a_read(seq, captured_at=NOW - timedelta(days=seq % 4, seconds=seq))


@contextmanager
def sending(centre: Centre, broker: Broker) -> Iterator[Edge]:
    edge = Edge(broker, address_of(the_read(1)), centre.database_url, again_s=1.0)
    centre.start()
    try:
        centre.wait_for(" subscribed ")
        edge.start()
        yield edge
    finally:
        edge._stop.set()
        centre.close()


def hand_over(edge: Edge, seqs: range) -> None:
    edge.hand_over(*(read_message(the_read(seq)) for seq in seqs))


def wait_until(is_so: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def check_exactly_once(centre: Centre, edge: Edge, *, total: int) -> None:
    edge.stop()
    assert edge.broken_promises == []
    assert centre.stop() == 0, centre.log()
    assert "Traceback" not in centre.log()
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, total + 1)})


def check_archive_is_missed(centre: Centre, edge: Edge, *, last: int, fault: str) -> None:
    """Without its archive it takes reads up to this one, shows all, and says what is wrong and where."""
    hand_over(edge, range(101, last + 1))
    edge.wait_until_through()
    centre.wait_for("sealing failed, the reads stay in the database")
    shown = centre.run("history", "ABC123", "--limit", "1000", "--csv", *LOOK)
    assert (shown.returncode, len(shown.stdout.splitlines())) == (0, last + 1), shown.stderr
    maintained = centre.run("maintain")
    assert maintained.returncode == 2
    assert re.search(rf"error: {centre.archive}.*{fault}", maintained.stderr)
    assert "Traceback" not in maintained.stderr


def check_archive_is_caught_up(centre: Centre, edge: Edge, *, total: int) -> None:
    sealed = centre.log().count(" sealed ")
    centre.wait_for(" sealed ", times=sealed + 1)
    check_exactly_once(centre, edge, total=total)


def test_a_full_disk_under_the_archive_keeps_nobody_from_sending_and_asking(
    tmp_path: Path, mosquitto: Broker, disk: Path
) -> None:
    archive = {"path": str(disk / "archive"), "seal_s": 1, "maintain_s": 60, "close_after_s": 0}
    centre = Centre(tmp_path / "centre", mosquitto, archive=archive)
    with sending(centre, mosquitto) as edge:
        hand_over(edge, range(1, 101))
        edge.wait_until_through()
        centre.wait_for(" sealed ")
        ballast = fill(disk)
        check_archive_is_missed(centre, edge, last=300, fault="No space left on device")
        ballast.unlink()
        check_archive_is_caught_up(centre, edge, total=300)
    assert re.search(rf"sealing failed.*{disk}/archive: .*No space left on device", centre.log())


def test_a_full_disk_under_the_database_is_waited_for_and_costs_no_read(
    tmp_path: Path, mosquitto: Broker, disk: Path
) -> None:
    url = f"sqlite:///{disk}/central.sqlite"
    centre = Centre(tmp_path / "centre", mosquitto, database_url=url, archive={"seal_s": 1})
    with sending(centre, mosquitto) as edge:
        hand_over(edge, range(1, 101))
        edge.wait_until_through()
        ballast = fill(disk)
        hand_over(edge, range(101, 2101))
        centre.wait_for("batch not committed, trying again")
        pid = centre._process.pid
        time.sleep(3)
        used_s = processor_s(pid)
        time.sleep(2)
        assert edge.waiting
        assert centre.log().count("batch not committed") <= 4, "once a minute, and for each reason"
        assert processor_s(pid) - used_s < 1.0, "it spins"
        ballast.unlink()
        edge.wait_until_through(within_s=120)
        assert centre._process.pid == pid
        check_exactly_once(centre, edge, total=2100)
    assert "database or disk is full" in centre.log()
    assert "it goes on" in centre.log()


def processor_s(pid: int) -> float:
    """The time that a process has had of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.postgres
@pytest.mark.proof
def test_a_full_disk_under_postgresql_is_waited_for_too(tmp_path: Path, mosquitto: Broker) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    for place in mounted(folder, mib=96):
        with postgres_on(place) as url:
            centre = Centre(tmp_path / "centre", mosquitto, database_url=url, archive={"seal_s": 1})
            with sending(centre, mosquitto) as edge:
                hand_over(edge, range(1, 101))
                edge.wait_until_through()
                ballast = fill(place)
                hand_over(edge, range(101, 2101))
                centre.wait_for("batch not committed, trying again")
                time.sleep(2)
                assert edge.waiting
                ballast.unlink()
                edge.wait_until_through(within_s=120)
                check_exactly_once(centre, edge, total=2100)
            assert "No space left on device" in centre.log()


@pytest.mark.proof
def test_a_disk_under_the_archive_that_turns_read_only_answers_and_is_caught_up_with(
    tmp_path: Path, mosquitto: Broker, failing_disk: FailingDisk
) -> None:
    archive = {"path": str(failing_disk.path / "archive"), "seal_s": 1, "maintain_s": 60, "close_after_s": 0}
    centre = Centre(tmp_path / "centre", mosquitto, archive=archive)
    with sending(centre, mosquitto) as edge:
        hand_over(edge, range(1, 101))
        edge.wait_until_through()
        centre.wait_for(" sealed ")
        failing_disk.fail()
        check_archive_is_missed(centre, edge, last=200, fault="Read-only file system")
        failing_disk.repair()
        check_archive_is_caught_up(centre, edge, total=200)


def test_disks_under_database_and_pictures_that_turn_read_only_cost_nothing_that_was_acknowledged(
    tmp_path: Path, mosquitto: Broker, failing_disk: FailingDisk
) -> None:
    """Whoever has a file of such a disk open must be started again once it is repaired."""
    url = f"sqlite:///{failing_disk.path}/central.sqlite"
    pictures = {"path": str(failing_disk.path / "pictures")}
    centre = Centre(tmp_path / "centre", mosquitto, database_url=url, pictures=pictures)
    with sending(centre, mosquitto) as edge:
        hand_over(edge, range(1, 101))
        edge.hand_over(*(picture_message(the_read(seq), seq, jpeg=JPEG) for seq in range(1, 11)))
        edge.wait_until_through()
        failing_disk.fail()
        hand_over(edge, range(101, 301))
        edge.hand_over(*(picture_message(the_read(seq), seq, jpeg=JPEG) for seq in range(11, 21)))
        centre.wait_for("batch not committed, trying again")
        time.sleep(2)
        assert edge.waiting
        refused = centre.run("history", "ABC123", *LOOK)
        assert refused.returncode == 2, "no look without its line in the log"
        assert re.fullmatch(rf"error: database .*{failing_disk.path}/central\.sqlite: .*\n", refused.stderr)
        edge._engine.dispose()
        assert centre.stop() == 1
        again = centre.run("serve")
        assert again.returncode == 2
        assert str(failing_disk.path) in again.stderr
        assert "Traceback" not in again.stderr
        failing_disk.repair()
        centre.start()
        edge.wait_until_through(within_s=120)
        edge.stop()
        assert edge.broken_promises == []
        assert centre.stop() == 0
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 301)})


@pytest.mark.parametrize("what", ["archive", "pictures"])
def test_it_does_not_start_where_it_could_never_write(
    tmp_path: Path, mosquitto: Broker, disk: Path, what: str
) -> None:
    place = disk / what
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    centre = Centre(tmp_path / "centre", mosquitto, **{what: {"path": str(place)}})
    centre.start()
    assert centre.end() == 2
    assert centre.log() == f"error: {place}: cannot be written: Read-only file system\n"
