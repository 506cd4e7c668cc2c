"""A device of four lenses, live: four RTSP streams, one worker, vehicles that go from one picture into the next."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clips import FPS, write_clip
from marked_street import EVERY_S, engine, plate, street

from edge.contract.delivery import Stream
from edge.contract.read import PlateRead
from edge.settings import CameraSettings, EdgeSettings, MqttSettings, SpoolSettings
from edge.simulate.clip import load_clip
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread
from edge.spool.queue import Spool
from edge.worker import Worker, _open_camera

ROUND, SLOW, BEHIND, ACROSS, LAST = range(1, 6)
"""Vehicles: all the way round; over two lenses, five seconds apart; shown first by the lens that it reaches last;
before two lenses that stand opposite; one that says that all is over."""
SHOWN: Mapping[str, Mapping[int, int]] = {
    "north": {4: ROUND, 8: BEHIND},
    "east": {5: ROUND, 10: ACROSS},
    "south": {3: SLOW, 6: ROUND},
    "west": {7: BEHIND, 8: SLOW, 10: ACROSS, 16: LAST},
}
"""By lens and second since its stream began. What a lens sends late is to the box what comes late."""
SECONDS = 40


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Programme:
    folder = tmp_path_factory.mktemp("lenses")
    mounts = {}
    for lens, vehicles in SHOWN.items():
        draw = street([vehicles.get(second) for second in range(SECONDS)])
        frames = round(SECONDS * EVERY_S * FPS)
        mounts[lens] = load_clip(write_clip(folder / f"{lens}.mp4", frames=frames, draw=draw))
    return Programme(mounts)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    path = tmp_path / "spool.sqlite"
    with Spool(path, edge_id="edge-1", max_bytes=50_000_000, clock=lambda: datetime.now(UTC)) as spool:
        yield spool


def read_by(spool: Spool) -> Counter[str]:
    """How many reads there are of each plate."""
    waiting = spool.pending(Stream.READ, limit=100)
    return Counter(PlateRead.model_validate_json(message.payload).plate for message in waiting)


def test_a_vehicle_that_two_streams_of_a_device_show_is_one_read(
    programme: Programme, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.worker._DRAIN_S", 0.0)
    with ServerThread(programme) as server:
        settings = EdgeSettings(
            edge_id="edge-1",
            site_id="site-1",
            cameras=tuple(
                CameraSettings(id=lens, url=server.url(lens), device="pole", analyse_fps=12.0)
                for lens in SHOWN
            ),
            mqtt=MqttSettings(port=1),  # nobody listens there
            spool=SpoolSettings(path=tmp_path / "spool.sqlite"),
        )
        worker = Worker(settings, spool=spool, engines=[engine(), engine()], connect=_open_camera)
        worker.start()
        deadline = time.monotonic() + 60
        while plate(LAST) not in read_by(spool):
            assert time.monotonic() < deadline, f"{read_by(spool)} {worker.cameras()}"
            time.sleep(0.1)
        seen = {camera.camera_id: camera.frames_received for camera in worker.cameras()}
        worker.stop()
    assert min(seen.values()) > 10 * FPS, "all four were watched"
    once = {plate(vehicle): 1 for vehicle in (ROUND, SLOW, BEHIND, LAST)}
    assert read_by(spool) == {**once, plate(ACROSS): 2}
