"""The ring behind a real RTSP stream: its times are those of the frames, and it is filled whatever is decoded."""

import io
import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from clips import clip_file, drawn, number_of, write_clip

from edge.capture.ring import PacketRing
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.clips.mp4 import remux
from edge.errors import LostError
from edge.settings import CameraSettings
from edge.simulate.clip import load_clip
from edge.simulate.player import Faults
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread
from edge.types import Frame

Serve = Callable[..., ServerThread]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ServerThread] = []

    def start(path: Path, **faults: float) -> ServerThread:
        server = ServerThread(Programme({"day": load_clip(path)}, faults=Faults(**faults)))
        server.__enter__()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def a_source(
    server: ServerThread, ring: PacketRing, *, stats: CaptureStats | None = None, **more: object
) -> RtspSource:
    fields = {"id": "gate-1", "motion_gate": False, "analyse_fps": 60.0, "timeout_s": 2.0, **more}
    settings = CameraSettings(url=server.url("day"), **fields)
    return RtspSource(settings, clock=now, stats=stats, ring=ring)


def shown(data: bytes) -> list[int]:
    with av.open(io.BytesIO(data)) as container:
        return [number_of(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_clip_around_a_frame_shows_that_frame_at_its_time(serve: Serve, transport: str) -> None:
    ring = PacketRing(seconds=4, max_bytes=5_000_000)
    source = a_source(serve(clip_file()), ring, transport=transport)
    frames = list(itertools.islice(source.frames(), 100))
    source.close()
    for frame in frames[60:90:10]:
        half = timedelta(seconds=0.5)
        cut = ring.cut(frame.captured_at, begin=frame.captured_at - half, end=frame.captured_at + half)
        assert cut is not None
        numbers = shown(remux(cut))
        assert numbers[0] in {0, 25}, "the key frame before"
        assert {(b - a) % 50 for a, b in itertools.pairwise(numbers)} == {1}, "none is missing"
        index = round((frame.captured_at - cut.began_at).total_seconds() * 25)
        assert (numbers[index] - number_of(frame.bgr) + 1) % 50 in {0, 1, 2}
    assert ring.dropped == 0


def test_a_camera_that_dozes_fills_it_all_the_same(serve: Serve, tmp_path: Path) -> None:
    """A still street: next to nothing is decoded, and a clip of any second of it can be had."""
    still = write_clip(tmp_path / "still.mp4", draw=lambda _: drawn(0))
    ring, stats = PacketRing(seconds=3, max_bytes=5_000_000), CaptureStats()
    source = a_source(serve(still), ring, stats=stats, motion_gate=True)
    closing = threading.Timer(8, source.close)
    closing.start()
    frames = list(source.frames())
    closing.join()
    assert len(frames) < 60, "what does not move is not looked at"
    seen = stats.snapshot()
    assert seen.frames_still > 60, seen
    last = seen.last_frame_at
    assert last is not None
    cut = ring.cut(
        last - timedelta(seconds=1), begin=last - timedelta(seconds=2), end=last - timedelta(seconds=0.5)
    )
    assert cut is not None
    assert len(cut.packets) >= 35
    with av.open(io.BytesIO(remux(cut))) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(pictures) == len(cut.packets)
    assert all(np.abs(p.astype(int) - drawn(0)).mean() < 5 for p in pictures)


def test_what_came_before_a_camera_was_lost_is_still_there_and_no_clip_spans_the_loss(serve: Serve) -> None:
    ring = PacketRing(seconds=20, max_bytes=5_000_000)
    server = serve(clip_file(), abort_after_s=3.0)
    before: list[Frame] = []
    with pytest.raises(LostError):
        before.extend(a_source(server, ring).frames())
    again = a_source(server, ring)
    after = list(itertools.islice(again.frames(), 40))
    again.close()
    early, late = before[len(before) // 2].captured_at, after[-5].captured_at
    lost_at, back_at = before[-1].captured_at, after[0].captured_at
    wide = timedelta(seconds=15)
    first = ring.cut(early, begin=early - wide, end=early + wide)
    second = ring.cut(late, begin=late - wide, end=late + wide)
    assert first is not None
    assert second is not None
    near = timedelta(seconds=0.3)
    assert first.ended_at < lost_at + near
    assert second.began_at > back_at - near
    assert len(shown(remux(first))) == len(first.packets)
    assert len(shown(remux(second))) == len(second.packets)
