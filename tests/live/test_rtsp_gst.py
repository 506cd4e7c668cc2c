"""The RTSP source against a server that is not ours: Debian's gst-rtsp-server."""

import itertools
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import clip_file, drawn, number_of

from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.errors import LostError, RefusedError
from edge.settings import CameraSettings

PYTHON = "/usr/bin/python3"
PROBE = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(e) for e in ("filesrc", "qtdemux", "h264parse", "rtph264pay"))
"""
USER, PASSWORD = "ana", "p:w @x/"


def present() -> bool:
    """Whether the system's python3 has gst-rtsp-server."""
    try:
        return (
            subprocess.run([PYTHON, "-c", PROBE], capture_output=True, timeout=60, check=False).returncode
            == 0
        )
    except OSError:
        return False


pytestmark = [
    pytest.mark.gst,
    pytest.mark.skipif(not present(), reason="needs Debian's gst-rtsp-server and python3-gi"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    script = Path(__file__).with_name("gst_rtsp_server.py")
    clip = clip_file(frames=125)
    command = [PYTHON, str(script), str(clip), USER, PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"rtsp://127.0.0.1:{int(process.stdout.readline())}/day"
        process.terminate()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    return path


def source(url: str, secret: Path | None, stats: CaptureStats | None = None, **changes: Any) -> RtspSource:
    fields = {"id": "gst-1", "username": USER if secret else None, "password_file": secret, "timeout_s": 3}
    camera = CameraSettings(url=url, **{**fields, "motion_gate": False, "analyse_fps": 60, **changes})
    return RtspSource(camera, clock=lambda: datetime.now(UTC), stats=stats)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_whole_in_order_and_in_real_time(url: str, secret: Path, transport: str) -> None:
    stats = CaptureStats()
    watched = source(url, secret, stats, transport=transport)
    frames = list(itertools.islice(watched.frames(), 75))
    watched.close()
    numbers = [number_of(frame.bgr) for frame in frames]
    assert numbers[25:] == list(range(numbers[25], numbers[25] + 50))
    for frame in frames[::10]:
        assert np.abs(frame.bgr.astype(int) - drawn(number_of(frame.bgr))).mean() < 6
    steps = [(b.captured_at - a.captured_at).total_seconds() for a, b in itertools.pairwise(frames[25:])]
    assert np.median(steps) == pytest.approx(0.04, abs=1e-3)
    assert stats.snapshot().frames_corrupt == 0


def test_a_wrong_password_is_refused(url: str, secret: Path) -> None:
    secret.write_text("wrong-one")
    with pytest.raises(RefusedError, match="it refused user 'ana'") as refused:
        next(source(url, secret).frames())
    assert "wrong-one" not in str(refused.value)


def test_no_user_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="it refused access without a user"):
        next(source(url, None).frames())


def test_an_unknown_stream_is_lost(url: str, secret: Path) -> None:
    with pytest.raises(LostError, match=r"/night: there is no such stream \(404\)"):
        next(source(url.replace("/day", "/night"), secret).frames())


def test_the_end_of_its_file_is_a_loss(url: str, secret: Path) -> None:
    """The whole file, five seconds, and then the plain word that it is over."""
    stats = CaptureStats()
    frames = source(url, secret, stats).frames()
    seen = []
    with pytest.raises(LostError, match="ended the stream|stalled"):
        seen.extend(number_of(frame.bgr) for frame in frames)
    assert stats.snapshot().frames_received >= 124
