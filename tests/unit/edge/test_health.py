"""Health: everything that the box knows of itself, in time and without being asked."""

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from edge_reads import NOON, Clock, ack, builder

from edge.contract.delivery import Stream
from edge.contract.health import CameraHealth, CameraState, EdgeHealth, HotlistHealth
from edge.contract.topics import Address
from edge.errors import SpoolError
from edge.health.reporter import HealthReporter, Sources
from edge.spool.queue import Spool
from edge.types import LinkState


class Box:
    """A box whose parts say what the test wants; collects what is sent."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.clock = Clock()
        self.cameras = [CameraHealth(camera_id="cam-1", state=CameraState.LIVE, frames_received=10)]
        self.link = LinkState(connected=True, clock_error_s=0.25)
        self.pipeline_ms: float | None = None
        self.outbox = ""
        self.certificate_days: float | None = None
        self.hotlist = HotlistHealth()
        self.sent: list[EdgeHealth] = []
        self.fails_with: Exception | None = None

    def reporter(self, *, interval_s: float = 3600.0) -> HealthReporter:
        sources = Sources(
            cameras=self._cameras,
            pipeline_ms=lambda: self.pipeline_ms,
            link=lambda: self.link,
            outbox=lambda: self.outbox,
            certificate_days=lambda: self.certificate_days,
            hotlist=lambda: self.hotlist,
        )
        return HealthReporter(
            Address("site-1", "edge-1"),
            self.spool,
            sources,
            send=self.sent.append,
            interval_s=interval_s,
            clock=self.clock,
        )

    def _cameras(self) -> list[CameraHealth]:
        if self.fails_with is not None:
            raise self.fails_with
        return self.cameras


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=1_000_000, clock=Clock()) as spool:
        yield Box(spool)


@pytest.fixture
def running(box: Box) -> Iterator[Callable[..., None]]:
    """Starts a reporter that is stopped in the end."""
    started: list[HealthReporter] = []

    def start(*, interval_s: float) -> None:
        started.append(box.reporter(interval_s=interval_s))
        started[-1].start()

    yield start
    for reporter in started:
        reporter.stop()


def wait_for(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


class TestCollecting:
    def test_it_puts_together_what_the_parts_say(self, box: Box) -> None:
        reporter = box.reporter()
        box.spool.put_read(builder(crop=True), crop=b"crop")
        box.spool.put_read(builder())
        box.spool.drop(Stream.READ, 2, reason="test")
        box.pipeline_ms = 12.5
        box.clock.advance(60)
        stats = box.spool.stats()
        assert reporter.collect() == EdgeHealth(
            edge_id="edge-1",
            site_id="site-1",
            online=True,
            at=box.clock.now,
            started_at=NOON,
            version=version("atalaya"),
            epoch=box.spool.epoch,
            clock_error_s=0.25,
            spool_messages=2,
            spool_bytes=stats.bytes,
            spool_dropped=1,
            spool_oldest_at=NOON,
            pipeline_ms=12.5,
            interval_s=3600.0,
            cameras=tuple(box.cameras),
        )

    def test_the_links_fault_is_the_boxs(self, box: Box) -> None:
        box.link = LinkState(fault="broker 127.0.0.1:1883: Connection refused")
        assert box.reporter().collect().fault == "broker 127.0.0.1:1883: Connection refused"

    def test_reads_that_wait_in_memory_are_said_first(self, box: Box) -> None:
        box.link, box.outbox = LinkState(fault="no broker"), "3 reads wait"
        assert box.reporter().collect().fault == "3 reads wait; no broker"

    def test_a_certificate_that_soon_expires_is_said(self, box: Box) -> None:
        box.certificate_days = 12.3
        health = box.reporter().collect()
        assert health.certificate_days_left == 12.3
        assert health.fault == "certificate expires in 12 day(s): renew it (edge enroll request)"
        box.certificate_days = 200.0
        assert box.reporter().collect().fault == ""

    def test_what_is_wrong_with_the_hotlists_is_the_boxs(self, box: Box) -> None:
        box.link = LinkState(fault="no broker")
        box.hotlist = HotlistHealth(number=7, fault="hotlists are those of 2026-03-01 12:00 UTC")
        health = box.reporter().collect()
        assert health.hotlist == box.hotlist
        assert health.fault == "no broker; hotlists are those of 2026-03-01 12:00 UTC"

    def test_the_age_of_what_waits_is_that_of_its_oldest_read(self, box: Box) -> None:
        assert box.reporter().collect().spool_oldest_at is None
        box.spool.put_read(builder())
        assert box.reporter().collect().spool_oldest_at == NOON
        box.spool.acknowledge(ack(box.spool.epoch, {Stream.READ: [1]}))
        assert box.reporter().collect().spool_oldest_at is None

    def test_a_spool_that_was_set_aside_is_said(self, box: Box, tmp_path: Path) -> None:
        (tmp_path / "spool.sqlite.damaged-123").touch()
        box.link = LinkState(fault="no broker")
        assert box.reporter().collect().fault == (
            "no broker; 1 damaged spool file(s) set aside beside the spool"
        )

    def test_a_spool_that_was_an_old_copy_is_said(self, box: Box) -> None:
        box.spool.acknowledge(ack(box.spool.epoch, {Stream.READ: [1, 2]}))
        assert box.reporter().collect().fault == (
            "spool was an old copy: what waited got new numbers, and some reads may come twice"
        )

    def test_a_spool_that_cannot_be_read_is_a_fault_and_no_silence(self, box: Box) -> None:
        box.spool.put_read(builder())
        box.spool.close()
        with pytest.raises(SpoolError):
            box.spool.stats()
        health = box.reporter().collect()
        assert "spool cannot be read" in health.fault
        assert health.cameras == tuple(box.cameras)

    @pytest.mark.parametrize(
        ("error_s", "words"),
        [
            (4.9, ""),
            (-61.3, "the clock is 61 s behind the centre's: set it (timedatectl)"),
            (3612.0, "the clock is 3600 s ahead of the centre's: set it (timedatectl)"),
        ],
    )
    def test_a_clock_that_is_wrong_is_said(self, box: Box, error_s: float, words: str) -> None:
        box.link = LinkState(connected=True, clock_error_s=error_s)
        assert box.reporter().collect().fault == words

    def test_reads_that_have_waited_for_long_are_said_by_the_moment(self, box: Box) -> None:
        reporter = box.reporter()
        box.spool.put_read(builder())
        box.clock.advance(899)
        assert reporter.collect().fault == ""
        box.clock.advance(1)
        assert reporter.collect().fault == "reads wait since 2026-03-01 12:00 UTC"

    def test_drops_are_said_in_steps_and_only_those_of_this_life(self, box: Box) -> None:
        for _ in range(12):
            box.spool.put_read(builder())
        box.spool.drop(Stream.READ, 1, reason="an earlier life")
        reporter = box.reporter()
        assert reporter.collect().fault == ""
        said = []
        for seq in range(2, 12):
            box.spool.drop(Stream.READ, seq, reason="test")
            said.append(reporter.collect().fault)
        assert said[0] == "the spool is full: 1 message(s) or more given up in the last hour"
        assert len(dict.fromkeys(said)) == 4, "of 1, 2, 4 and 8"

    def test_a_long_fault_is_cut_to_what_the_message_takes(self, box: Box) -> None:
        box.link = LinkState(fault="x" * 1000)
        assert box.reporter().collect().fault == "x" * 300


class TestSending:
    def test_at_once_and_then_at_the_interval(self, box: Box, running: Callable[..., None]) -> None:
        running(interval_s=0.2)
        time.sleep(1.1)
        assert 3 <= len(box.sent) <= 6

    def test_within_the_interval_only_on_a_change(self, box: Box, running: Callable[..., None]) -> None:
        running(interval_s=3600)
        wait_for(lambda: len(box.sent) == 1)
        box.cameras = [CameraHealth(camera_id="cam-1", state=CameraState.LIVE, frames_received=99)]
        time.sleep(1.2)
        assert len(box.sent) == 1, "a count is no news"
        box.cameras = [
            CameraHealth(camera_id="cam-1", state=CameraState.UNREACHABLE, detail="no route to host")
        ]
        wait_for(lambda: len(box.sent) == 2)
        assert box.sent[-1].cameras[0].detail == "no route to host"

    def test_a_fault_and_a_given_up_message_are_news(self, box: Box, running: Callable[..., None]) -> None:
        running(interval_s=3600)
        wait_for(lambda: len(box.sent) == 1)
        box.link = LinkState(fault="broker refuses messages of stream read: Not authorized")
        wait_for(lambda: len(box.sent) == 2)
        box.spool.put_read(builder())
        box.spool.drop(Stream.READ, 1, reason="test")
        wait_for(lambda: len(box.sent) == 3)
        assert box.sent[-1].spool_dropped == 1

    def test_another_copy_of_the_hotlists_is_news(self, box: Box, running: Callable[..., None]) -> None:
        running(interval_s=3600.0)
        wait_for(lambda: len(box.sent) == 1)
        box.hotlist = HotlistHealth(number=8)
        wait_for(lambda: len(box.sent) == 2)
        box.hotlist = HotlistHealth(number=8, hits=3)
        time.sleep(0.7)
        assert [health.hotlist.number for health in box.sent] == [None, 8]

    def test_a_part_that_fails_does_not_end_it(self, box: Box, running: Callable[..., None]) -> None:
        box.fails_with = RuntimeError("camera list is broken")
        running(interval_s=0.1)
        time.sleep(0.3)
        assert box.sent == []
        box.fails_with = None
        wait_for(lambda: box.sent)

    def test_once_stopped_nothing_is_sent(self, box: Box) -> None:
        reporter = box.reporter(interval_s=0.05)
        reporter.start()
        wait_for(lambda: len(box.sent) >= 2)
        reporter.stop()
        count = len(box.sent)
        time.sleep(0.3)
        assert len(box.sent) == count

    def test_it_may_be_stopped_before_it_was_started(self, box: Box) -> None:
        box.reporter().stop()
        assert box.sent == []
