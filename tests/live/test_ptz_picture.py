"""A whole box before a camera whose picture really turns: real nets, real RTSP, real ONVIF, a real broker.

The camera shows a day clip at one preset and a night clip at the other, a sliding street on the way, and a still one
where an operator leaves it.
"""

import csv
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
from brokers import Broker
from edge_centre import Centre

from edge.contract.delivery import Stream
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.read import PlateRead
from edge.engine import build
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
from edge.simulate.onvif.head import Head, Journey
from edge.simulate.onvif.outlook import Outlook
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread
from edge.spool.queue import Spool
from edge.types import Position
from edge.worker import Worker, _open_camera

VIDEOS = Path(__file__).resolve().parents[2] / "sample_videos"
PLACES = {"gate": Position(-0.5, 0.1, 0.2), "road": Position(0.5, 0.0, 0.4)}
SHOWN = {"gate": "day", "road": "night"}
TURN_S = 1.0
TURN = Journey.between(PLACES["gate"], Position(PLACES["gate"].pan + 0.4, 0.1, 0.2), takes_s=TURN_S)
"""How an operator turns it away from the gate."""
NOTICED_S = 0.5
"""By then the picture has shown that it turns, and the device has been asked."""
DWELL_S = 5.0
RESUME_S = 3.0


def now() -> datetime:
    return datetime.now(UTC)


def plates(preset: str | None) -> set[str]:
    """What can be seen there."""
    if preset is None:
        return set()
    with (VIDEOS / "truth" / f"{SHOWN[preset]}.csv").open() as file:
        return {row["plate"] for row in csv.DictReader(file)}


@dataclass
class Street:
    """The box, its camera and its centre."""

    head: Head
    device: Device
    centre: Centre
    worker: Worker

    @property
    def reads(self) -> list[PlateRead]:
        return [
            PlateRead.model_validate_json(payload)
            for (_, stream, _), payload in list(self.centre.committed.items())
            if stream is Stream.READ
        ]

    @property
    def states(self) -> list[PtzState]:
        return list(self.centre.ptz)

    def until(self, condition: Callable[[], object], what: str, *, within_s: float = 90.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            told = [(s.phase, s.preset, s.detail) for s in self.states[-6:]]
            reads = [(r.plate, r.preset) for r in self.reads]
            assert time.monotonic() < deadline, f"no {what}: {told} {reads} {self.worker.cameras()}"
            time.sleep(0.05)

    def watched(self) -> list[tuple[str, datetime, datetime]]:
        """Preset, from when, until when."""
        spans = []
        for state, after in zip(self.states, [*self.states[1:], None], strict=True):
            if state.phase is PtzPhase.WATCH and state.preset is not None:
                spans.append((state.preset, state.at, now() if after is None else after.at))
        return spans


@pytest.fixture
def street(tmp_path: Path, wheel_broker: Broker) -> Iterator[Street]:
    cv2.setNumThreads(1)
    head = Head(travel_s=1.5)
    clips = {PLACES[name]: load_clip(VIDEOS / f"{clip}.mp4") for name, clip in SHOWN.items()}
    presets = {str(n): Preset(name, place) for n, (name, place) in enumerate(PLACES.items(), start=1)}
    device = Device(head, presets)
    with ExitStack() as stack:
        outlook = stack.enter_context(Outlook(head, clips))
        # Drawn only when it is wanted, the gate's cars would go on passing while the head is on its way.
        outlook.draw(TURN)
        stream = stack.enter_context(ServerThread(Programme({}, views={"ptz": outlook})))
        dome = stack.enter_context(OnvifServer(device))
        centre = Centre(wheel_broker)
        stack.callback(centre.close)
        ptz = PtzSettings(
            port=dome.port,
            presets=tuple(PresetSettings(name=name, dwell_s=DWELL_S) for name in PLACES),
            settle_s=0.5,
            travel_s=10.0,
            resume_after_s=RESUME_S,
        )
        settings = EdgeSettings(
            edge_id="edge-1",
            site_id="site-1",
            cameras=(
                CameraSettings(
                    id="cam", url=stream.url("ptz"), ptz=ptz, min_plate_px=56, countries={"CO": 1.0}
                ),
            ),
            mqtt=MqttSettings(**wheel_broker.settings("edge-1")),
            spool=SpoolSettings(path=tmp_path / "spool.sqlite"),
        )
        spool = stack.enter_context(
            Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=now)
        )
        engine = build(settings.engine, threads=1, detector_score=None)
        worker = Worker(settings, spool=spool, engines=[engine], connect=_open_camera)
        worker.start()
        stack.callback(worker.stop)
        yield Street(head, device, centre, worker)


def within(read: PlateRead, spans: list[tuple[str, datetime, datetime]]) -> bool:
    return any(name == read.preset and since <= read.best_at <= until for name, since, until in spans)


def test_a_tour_reads_each_preset_as_itself_and_nothing_on_the_way_or_while_an_operator_has_it(
    street: Street,
) -> None:
    # Each preset is read as itself, while it is watched and at no other time.
    street.until(
        lambda: {"gate", "road"} <= {r.preset for r in street.reads if r.plate in plates(r.preset)},
        "read at each preset",
    )
    street.until(lambda: street.device.counts.orders[2:3] == ["1"], "second round")
    street.until(lambda: len([s for s in street.watched() if s[0] == "gate"]) >= 2, "second watch")
    # An operator turns it away, to where there is a street, too.
    street.head.drift(0.4, 0.0, 0.0, for_s=TURN_S)
    taken_at = now()
    assert street.head.journey[0] == TURN, "not the one that was drawn beforehand"
    street.until(lambda: street.states[-1].phase is PtzPhase.PAUSED, "pause")
    paused = street.states[-1]
    assert paused.detail == "an operator has taken over"
    assert (paused.at - taken_at).total_seconds() < 3
    orders = len(street.device.counts.orders)
    street.head.drift(0.2, 0.0, 0.0, for_s=1.0)
    moved_at = time.monotonic()
    street.until(lambda: len(street.device.counts.orders) > orders, "tour that goes on", within_s=30)
    assert time.monotonic() - moved_at >= RESUME_S, "it is left to him until he has left it"
    back = len(street.states)
    street.until(
        lambda: any(s.phase is PtzPhase.WATCH for s in street.states[back:]), "watch after the operator"
    )
    resumed_at = next(s.at for s in street.states[back:] if s.phase is PtzPhase.WATCH)
    street.until(lambda: any(r.best_at > resumed_at for r in street.reads), "read after the operator")
    time.sleep(1.0)
    spans, reads = street.watched(), street.reads
    astray = [json.loads(r.model_dump_json()) for r in reads if not within(r, spans)]
    assert astray == [], "read where nothing may be read"
    noticed_at = taken_at + timedelta(seconds=NOTICED_S)
    assert not [r.best_at - taken_at for r in reads if noticed_at < r.best_at < resumed_at]
    elsewhere = {"gate": plates("road") - plates("gate"), "road": plates("gate") - plates("road")}
    assert not [(r.plate, r.preset) for r in reads if r.plate in elsewhere[str(r.preset)]]
    for read in reads:
        assert read.ptz is not None
        place = PLACES[str(read.preset)]
        assert (read.ptz.pan, read.ptz.tilt) == pytest.approx((place.pan, place.tilt), abs=0.01)
    right = [r for r in reads if r.plate in plates(r.preset)]
    assert len(right) >= 0.8 * len(reads)
    assert street.worker.cameras()[0].frames_moving > 0
    assert street.device.counts.refused == 0
