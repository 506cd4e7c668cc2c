"""A whole camera that dozes on a trigger's word: real RTSP, real ONVIF events or a real second stream. A long proof."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from clips import FPS, write_clip

from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.contract.health import TriggerState
from edge.settings import CameraSettings, MotionEventSettings
from edge.simulate.clip import load_clip
from edge.simulate.onvif.device import Device
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.player import PassLog
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread

pytestmark = [pytest.mark.proof, pytest.mark.timeout(400)]

EVERY_S = 10  # a passage
STAYS_S = 2
BEGINS_S = 4
LASTS_S = 2 * EVERY_S
PASSAGES = 12


def now() -> datetime:
    return datetime.now(UTC)


def draw(size: tuple[int, int]) -> Callable[[int], np.ndarray]:
    """A still road, crossed by a box for two seconds in every ten."""
    width, height = size
    small = np.random.default_rng(7).integers(60, 120, (18, 32, 1), dtype=np.uint8)
    road = small.repeat(height // 18, 0).repeat(width // 32, 1).repeat(3, 2)

    def picture(number: int) -> np.ndarray:
        shown = road.copy()
        since = number % (EVERY_S * FPS) - BEGINS_S * FPS
        if 0 <= since < STAYS_S * FPS:
            left = round(0.05 * width + since / (STAYS_S * FPS) * 0.75 * width)
            shown[height // 3 : height * 3 // 5, left : left + width // 6] = 235
        return shown

    return picture


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A large one whose key frames are five seconds apart, and a small one of the same."""
    folder = tmp_path_factory.mktemp("films")
    count = LASTS_S * FPS
    return {
        "main": write_clip(folder / "main.mp4", frames=count, gop=5 * FPS, draw=draw((640, 360))),
        "small": write_clip(folder / "small.mp4", frames=count, gop=FPS, draw=draw((320, 180))),
    }


class Street:
    """The films over RTSP, and when the large one's passages are, to the device's motion detector."""

    def __init__(self, films: dict[str, Path], folder: Path) -> None:
        self.device = Device(Head(), {})
        self.began_at: datetime | None = None
        self._log = folder / "passes.jsonl"
        self._stack = ExitStack()
        log = self._stack.enter_context(closing(PassLog(self._log)))
        mounts = {name: load_clip(path) for name, path in films.items()}
        self.stream = self._stack.enter_context(ServerThread(Programme(mounts, journal=log)))
        self.onvif = self._stack.enter_context(OnvifServer(self.device))
        self._over = threading.Event()
        self._detector = threading.Thread(target=self._detect)
        self._detector.start()

    def close(self) -> None:
        self._over.set()
        self._detector.join()
        self._stack.close()

    def since_begin_s(self) -> float | None:
        if self.began_at is None:
            lines = [json.loads(line) for line in self._log.read_text().splitlines()]
            starts = [line["started_at"] for line in lines if line["mount"] == "main"]
            self.began_at = datetime.fromisoformat(starts[0]) if starts else None
        return None if self.began_at is None else (now() - self.began_at).total_seconds()

    def _detect(self) -> None:
        while not self._over.wait(0.05):
            since_s = self.since_begin_s()
            if since_s is not None:
                within_s = since_s % EVERY_S - BEGINS_S
                self.device.motion.says(moves=0.4 <= within_s < STAYS_S + 0.8)


@pytest.fixture
def street(films: dict[str, Path], tmp_path: Path) -> Iterator[Street]:
    with closing(Street(films, tmp_path)) as street:
        yield street


@pytest.mark.parametrize("kind", ["events", "substream"])
def test_rare_key_frames_no_longer_mean_that_all_is_decoded_and_no_passage_is_missed(
    street: Street, kind: str
) -> None:
    beside = {
        "events": {"motion_events": MotionEventSettings(port=street.onvif.port)},
        "substream": {"substream": street.stream.url("small")},
    }[kind]
    camera = CameraSettings.model_validate({"id": "cam", "url": street.stream.url("main"), **beside})
    stats, frames = CaptureStats(), list[datetime]()
    source = RtspSource(camera, clock=now, stats=stats)

    def take() -> None:
        frames.extend(frame.captured_at for frame in source.frames())

    thread = threading.Thread(target=take)
    thread.start()
    try:
        while (street.since_begin_s() or 0.0) < PASSAGES * EVERY_S:
            time.sleep(0.5)
    finally:
        source.close()
        thread.join(10)
    assert street.began_at is not None
    seen = {int((at - street.began_at).total_seconds() - BEGINS_S) // EVERY_S for at in frames}
    assert seen >= set(range(PASSAGES))
    told = {trigger.name: trigger for trigger in stats.snapshot().triggers}
    assert told[kind].state is TriggerState.TRUSTED, told
    assert told[kind].missed <= 1
    assert sum(trigger.wakes for trigger in told.values()) >= PASSAGES - 8, "it dozed between the last ones"
    assert stats.snapshot().frames_dropped == 0
