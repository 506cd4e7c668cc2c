"""The centre as a process: it starts without a broker, stops cleanly, and says why where it cannot."""

import json
import signal
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from brokers import free_port
from central_commands import LOOK
from central_messages import list_plates, rows
from central_reads import a_read, put
from centres import Centre
from hunting import listed

from central.db import hot_read, hunt_trace
from central.service import StopSignal, _dead_threads, _signals


class NoBroker:
    """A port where nobody listens."""

    def settings(self, user: str, *, protocol: str = "5", **more: object) -> dict[str, object]:
        return {"host": "127.0.0.1", "port": free_port(), "protocol": protocol, "password_file": None, **more}


def test_without_a_broker_it_waits_for_one_and_still_seals_on_time_and_when_stopped(tmp_path: Path):
    centre = Centre(tmp_path / "centre", NoBroker(), archive={"seal_s": 1})
    engine = centre.database()
    put(engine, [a_read(seq) for seq in range(1, 6)])
    centre.start()
    try:
        centre.wait_for("broker cannot be reached, trying again")
        centre.wait_for("sealed")
        assert "reads=5" in centre.log()
        put(engine, [a_read(6)])
        assert centre.stop(number=signal.SIGINT) == 0
    finally:
        centre.close()
    assert "stopped" in centre.log()
    assert centre.identities() == Counter({("edge-1", 7, seq): 1 for seq in range(1, 7)})
    assert rows(engine, hot_read) == []
    engine.dispose()


def test_a_seal_that_fails_at_the_end_is_told_and_keeps_the_reads(tmp_path: Path):
    centre = Centre(tmp_path / "centre", NoBroker(), archive={"path": str(tmp_path / "archive"), "seal_s": 1})
    centre.start()
    try:
        centre.wait_for(" serving ")
        (tmp_path / "archive").write_text("a file where the folder should be")
        engine = centre.database()
        put(engine, [a_read(1)])
        engine.dispose()
        centre.wait_for("sealing failed, the reads stay in the database")
        assert centre.stop() == 1
        assert "sealing at the end failed, the reads stay in the database" in centre.log()
        assert centre.identities() == Counter({("edge-1", 7, 1): 1})
    finally:
        centre.close()


def test_a_file_where_the_archive_should_be_is_told_at_once(tmp_path: Path):
    (tmp_path / "archive").write_text("a file where the folder should be")
    centre = Centre(tmp_path / "centre", NoBroker(), archive={"path": str(tmp_path / "archive")})
    centre.start()
    assert centre.end() == 2
    assert centre.log() == f"error: {tmp_path}/archive: cannot be written: Not a directory\n"


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path):
    (tmp_path / "centre").mkdir()
    (tmp_path / "centre" / "central.sqlite").write_bytes(b"no database" * 100)
    centre = Centre(tmp_path / "centre", NoBroker())
    centre.start()
    assert centre.end() == 2
    assert "central.sqlite: file is not a database" in centre.log()
    assert "Traceback" not in centre.log()


def test_a_missing_password_file_is_told(tmp_path: Path):
    mqtt = {"username": "centre", "password_file": str(tmp_path / "nowhere")}
    centre = Centre(tmp_path / "centre", NoBroker(), mqtt=mqtt)
    centre.start()
    assert centre.end() == 2
    assert "nowhere: secret cannot be read" in centre.log()


def test_a_second_centre_of_one_database_is_refused_until_the_first_has_ended(tmp_path: Path):
    first, second = (Centre(tmp_path / "centre", NoBroker()) for _ in range(2))
    first.start()
    try:
        first.wait_for("serving")
        second.start()
        assert second.end() == 2
        assert f"another one is serving already (process {first._process.pid})" in first.log()
        first.kill9()
        second.start()
        second.wait_for("listed_plates", times=2)
        assert second.stop() == 0
    finally:
        first.close()
        second.close()
    assert "Traceback" not in first.log()


def test_who_is_listed_is_hunted_at_once_and_after_a_kill_whoever_is_left(tmp_path: Path):
    centre = Centre(tmp_path / "centre", NoBroker(), access={"key_file": "audit.key"})
    engine, now = centre.database(), datetime.now(UTC)
    reads = [a_read(seq, plate=f"AAA{seq:03d}", captured_at=now - timedelta(days=seq)) for seq in (1, 2)]
    put(engine, reads)
    list_plates(engine, tmp_path, listed("AAA001"), at=now)
    try:
        centre.start()
        centre.wait_for("entries hunted")
        list_plates(engine, tmp_path, listed("AAA002"), listed("AAA003"), at=now)
        centre.kill9()
        centre.start()
        until_s = time.monotonic() + 60
        while len(rows(engine, hunt_trace)) < 3:
            assert centre.is_running(), centre.log()
            assert time.monotonic() < until_s, centre.log()
            time.sleep(0.05)
        assert centre.stop() == 0
    finally:
        centre.close()
    told = json.loads(centre.run("hotlist", "seen", "--json", *LOOK).stdout)
    assert {row["plate"]: (row["reads"], row["last_camera"]) for row in told["traces"]} == {
        "AAA001": (1, "cam-1"),
        "AAA002": (1, "cam-1"),
    }
    assert (told["entries"], told["hunted"], told["found"]) == (3, 3, 2)
    assert not [plate for plate in ("AAA001", "AAA002") if plate in centre.log()], "no plate in a log"
    engine.dispose()


# Its parts


def test_the_first_fault_is_the_one_that_is_told():
    stopping = StopSignal()
    assert not stopping.is_over()
    stopping.fail("the first")
    stopping.fail("its consequence")
    assert stopping.wait(0)
    assert stopping.fault == "the first"


def test_a_thread_that_dies_is_a_fault_with_its_name():
    def die() -> None:
        raise RuntimeError("a mistake of ours")

    stopping = StopSignal()
    before = threading.excepthook
    with _dead_threads(stopping):
        thread = threading.Thread(target=die, name="writer")
        thread.start()
        thread.join()
    assert stopping.is_over()
    assert stopping.fault == "thread 'writer' died: RuntimeError: a mistake of ours"
    assert threading.excepthook is before


def test_a_signal_is_a_clean_stop():
    stopping = StopSignal()
    before = signal.getsignal(signal.SIGTERM)
    with _signals(stopping):
        signal.raise_signal(signal.SIGTERM)
    assert stopping.is_over()
    assert stopping.fault == ""
    assert signal.getsignal(signal.SIGTERM) is before
