"""The analysing thread."""

import threading

import pytest
from fakes import FakeEngine, at, picture, reading
from structlog.testing import capture_logs

from edge.analyser import Analyser, how_many
from edge.contract.read import ModelVersions
from edge.emission import Emission
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box, Frame


class Said:
    """Notes that something was said."""

    def __init__(self) -> None:
        self.some = threading.Event()

    def put(self, emission: Emission, *, models: ModelVersions) -> None:
        self.some.set()

    def retry(self) -> None:
        """Nothing failed."""


def test_the_time_to_the_spool_counts_from_when_the_frame_came() -> None:
    said = Said()
    analyser = Analyser(
        "analyser-0",
        cameras=[CameraSettings(id="cam", url="rtsp://127.0.0.1/cam")],
        vote=VoteSettings(),
        engine=FakeEngine.that_says({7: reading("KAB123")}),
        sink=said,
        clock=lambda: at(2),  # all the time that it works
    )
    for k in range(2):
        shown = picture({7: Box(200, 120, 120, 60)})
        analyser.hub.put(Frame("cam", at(k / 8), shown, came_at=at(1.5 + k / 8)))
    with capture_logs() as logs:
        analyser.start()
        assert said.some.wait(30)
        analyser.stop()
    assert [line["spooled_ms"] for line in logs if line["event"] == "read"] == [pytest.approx(375)]


@pytest.mark.parametrize(
    ("devices", "threads", "cores", "expected"),
    [
        pytest.param(1, 1, 4, 1, id="one camera"),
        pytest.param(2, 1, 4, 1, id="two cameras keep one set of nets a sixth of the time busy"),
        pytest.param(3, 1, 4, 2, id="a third one takes a second set"),
        pytest.param(8, 1, 2, 2, id="no more than cores"),
        pytest.param(8, 2, 4, 2, id="nor than cores have threads"),
        pytest.param(8, 8, 4, 1, id="but one"),
        pytest.param(64, 1, 32, 8, id="nor than memory allows"),
    ],
)
def test_there_is_an_analyser_for_two_devices(devices: int, threads: int, cores: int, expected: int) -> None:
    cameras = [CameraSettings(id=f"cam-{n}", url="rtsp://127.0.0.1/cam") for n in range(devices)]
    assert how_many(cameras, threads=threads, cores=cores) == expected


def test_the_lenses_of_a_device_are_one_camera_to_the_nets() -> None:
    lenses = [
        CameraSettings(id=f"lens-{n}", url="rtsp://127.0.0.1/lens", device=f"pole-{n // 4}") for n in range(8)
    ]
    assert how_many(lenses, threads=1, cores=16) == 1
