"""The analysing thread."""

import threading

import pytest
from fakes import FakeEngine, at, picture, reading
from structlog.testing import capture_logs

from edge.analyser import Analyser
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
