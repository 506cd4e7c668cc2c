"""A whole camera that turns: RTSP stream, ONVIF device, tour, pipeline, spool. Only the nets are fakes."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from brokers import CENTRE, Broker
from clips import clip_file
from fakes import FakeEngine, reading
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.capture.ptz.aim import Aim, Reading, Stand
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.contract.health import CameraState
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.topics import Address
from edge.publish.publisher import Publisher
from edge.settings import (
    CameraSettings,
    EdgeSettings,
    MqttSettings,
    PresetSettings,
    PtzSettings,
    SpoolSettings,
)
from edge.simulate.clip import load_clip
from edge.simulate.onvif.device import Device, Preset
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread
from edge.spool.queue import Spool
from edge.types import Frame, Position
from edge.worker import Worker, _open_camera

GATE, ROAD = Position(-0.5, 0.1, 0.2), Position(0.5, 0.0, 0.4)


def now() -> datetime:
    return datetime.now(UTC)


def until(condition: Callable[[], object], *, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def retained(broker: Broker, topic: str) -> bytes:
    """What a newcomer hears of a topic."""
    heard = queue.Queue[bytes]()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(CENTRE, broker.password(CENTRE))
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_message = lambda _client, _data, message: heard.put(bytes(message.payload))
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        return heard.get(timeout=30)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def stream() -> Iterator[ServerThread]:
    with ServerThread(Programme({"shape": load_clip(clip_file())})) as server:
        yield server


@pytest.fixture
def dome() -> Iterator[OnvifServer]:
    presets = {"1": Preset("gate", GATE), "2": Preset("road", ROAD)}
    with OnvifServer(Device(Head(travel_s=0.2), presets)) as server:
        yield server


def test_the_source_marks_what_may_be_read_and_counts_the_rest(stream: ServerThread) -> None:
    camera = CameraSettings(id="cam", url=stream.url("shape"), motion_gate=True, analyse_fps=25)
    aim, stats, frames = Aim(), CaptureStats(), list[Frame]()
    aim.stands(Stand(now(), Reading.NO))
    source = RtspSource(camera, clock=now, stats=stats, aim=aim)

    def take() -> None:
        frames.extend(source.frames())

    thread = threading.Thread(target=take)
    thread.start()
    try:
        until(lambda: stats.snapshot().frames_moving >= 5)
        assert frames == []
        aim.stands(Stand(now(), Reading.YES, "gate", GATE))
        until(lambda: len(frames) >= 5)
        turned_at = now()
        aim.stands(Stand(turned_at, Reading.NO))
        moving = stats.snapshot().frames_moving
        until(lambda: stats.snapshot().frames_moving >= moving + 5)
        aim.stands(Stand(now(), Reading.YES, "road", ROAD))
        seen = len(frames)
        until(lambda: len(frames) >= seen + 5)
    finally:
        source.close()
        thread.join(10)
    first, second = [f for f in frames if f.preset == "gate"], [f for f in frames if f.preset == "road"]
    assert len(first) + len(second) == len(frames)
    assert {(f.position, f.stay) for f in first} == {(GATE, 1)}
    assert {(f.position, f.stay) for f in second} == {(ROAD, 2)}
    assert all(f.captured_at < turned_at for f in first)
    assert stats.snapshot().state is CameraState.LIVE


def test_a_worker_turns_its_camera_and_publishes_where_it_stands(
    tmp_path: Path, stream: ServerThread, dome: OnvifServer, wheel_broker: Broker
) -> None:
    broker = wheel_broker
    ptz = PtzSettings(
        port=dome.port,
        presets=(PresetSettings(name="gate", dwell_s=1.5), PresetSettings(name="road", dwell_s=1.5)),
        settle_s=0.2,
        travel_s=5.0,
    )
    settings = EdgeSettings(
        edge_id="edge-1",
        site_id="site-1",
        cameras=(CameraSettings(id="cam", url=stream.url("shape"), ptz=ptz),),
        mqtt=MqttSettings(**broker.settings("edge-1")),
        spool=SpoolSettings(path=tmp_path / "spool.sqlite"),
    )
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
        engine = FakeEngine.that_says({1: reading("KAB123")})
        worker = Worker(settings, spool=spool, engines=[engine], connect=_open_camera)
        worker.start()
        try:
            states = set[CameraState]()

            def looked() -> bool:
                health = worker.cameras()[0]
                states.add(health.state)
                return health.frames_analysed > 10 and health.frames_moving > 5

            until(looked)
            until(lambda: len(set(dome.device.counts.orders)) == 2)
            assert CameraState.MOVING in states
            state = PtzState.model_validate_json(
                retained(broker, Address("site-1", "edge-1").ptz_state("cam"))
            )
            assert (state.edge_id, state.camera_id) == ("edge-1", "cam")
            assert state.preset in {"gate", "road"}
        finally:
            worker.stop()
        orders = len(dome.device.counts.orders)
        time.sleep(0.3)
        assert len(dome.device.counts.orders) == orders, "a box that has stopped turns nothing"


def test_a_state_is_retained_and_said_again_after_a_reconnect(tmp_path: Path, broker: Broker) -> None:
    address = Address("site-1", "edge-1")
    topic = address.ptz_state("cam")
    state = PtzState(edge_id="edge-1", camera_id="cam", at=now(), phase=PtzPhase.WATCH, preset="gate")
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=now) as spool:
        publisher = Publisher(spool, MqttSettings(**broker.settings("edge-1")), address, clock=now)
        publisher.start()
        try:
            publisher.retain(topic, b"older")
            publisher.retain(address.ptz_state("other"), b"another camera's")
            publisher.retain(topic, state.model_dump_json().encode())
            until(lambda: publisher.state.connected)
            time.sleep(0.2)
            assert PtzState.model_validate_json(retained(broker, topic)) == state
            broker.restart()
            assert PtzState.model_validate_json(retained(broker, topic)) == state
        finally:
            publisher.stop(drain_s=0.0)
