"""A camera's faults, the whole way: our faulty camera, the real worker, a real broker, a centre that counts.

What was shown before a fault and after it is read once each and arrives once each, and the health that arrives says
what the fault was. The nets are stand-ins that read coloured blocks, so that it is known of every vehicle when it was
to be seen.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from brokers import Broker
from clips import FPS, write_clip
from edge_centre import Centre
from marked_street import EVERY_S, engine, plate, span_s, street

from edge.capture.backoff import Backoff
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.contract.delivery import Stream
from edge.contract.health import CameraHealth, CameraState, EdgeHealth
from edge.contract.read import PlateRead
from edge.settings import CameraSettings, EdgeSettings, HealthSettings, MqttSettings, SpoolSettings
from edge.simulate.clip import Clip, load_clip
from edge.simulate.digest import DigestGuard
from edge.simulate.player import End, Faults, Pass
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread
from edge.spool.queue import Spool
from edge.types import Bgr
from edge.worker import Worker

FIRST, SECOND = range(25), range(32, 46)
"""Vehicles of the clip before a fault, and of the one that a new connection is shown: none comes twice."""
WARM_S = 1.2
"""A camera that has just begun to send may need so long until it is read."""
DUE_S = 0.5
"""After a vehicle has left it is read within this."""


def wall() -> datetime:
    return datetime.now(UTC)


class SetClock:
    """The box's clock, which somebody sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return wall() + self.ahead


@dataclass(frozen=True, slots=True)
class Clips:
    """What the camera can play; all but the first show the second lot of vehicles."""

    first: Clip
    second: Clip
    second_265: Clip
    large: Clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    folder = tmp_path_factory.mktemp("streets")

    second = street(SECOND)

    def larger(index: int) -> Bgr:
        return np.asarray(cv2.resize(second(index), (640, 360), interpolation=cv2.INTER_NEAREST))

    def make(name: str, draw: Callable[[int], Bgr], codec: str = "libx264") -> Clip:
        frames = round(len(FIRST if name == "first" else SECOND) * EVERY_S * FPS)
        return load_clip(write_clip(folder / f"{name}.mp4", frames=frames, draw=draw, codec=codec))

    return Clips(
        make("first", street(FIRST)),
        make("second", second),
        make("second-265", second, "libx265"),
        make("large", larger),
    )


@dataclass
class Diary:
    """Which vehicles the camera has shown to the box, by its own journal."""

    events: list[Pass | End] = field(default_factory=list)

    def __call__(self, event: Pass | End) -> None:
        self.events.append(event)

    def wholly(self, since: datetime, until: datetime) -> set[str]:
        """The plates of all that came and left in this time."""
        found = set()
        for number, begun in enumerate(self.events):
            if isinstance(begun, End):
                continue
            after = (e for e in self.events[number + 1 :] if e.session == begun.session)
            ends = next((e.ended_at if isinstance(e, End) else e.started_at for e in after), until)
            for place, vehicle in enumerate(FIRST if begun.clip == "first" else SECOND):
                comes, leaves = (begun.started_at + timedelta(seconds=s) for s in span_s(place))
                if since <= comes and leaves <= min(until, ends):
                    found.add(plate(vehicle))
        return found


@dataclass
class Street:
    """A box before its camera, and its centre."""

    clips: Clips
    programme: Programme
    diary: Diary
    clock: SetClock
    secret: Path
    spool: Spool
    worker: Worker
    centre: Centre

    @property
    def reads(self) -> list[PlateRead]:
        """What the centre has."""
        return [
            PlateRead.model_validate_json(payload)
            for (_, stream, _), payload in list(self.centre.committed.items())
            if stream is Stream.READ
        ]

    @property
    def told(self) -> list[tuple[EdgeHealth, CameraHealth]]:
        """Every health message that has arrived, and what it says of the camera."""
        return [(health, health.cameras[0]) for health in list(self.centre.health) if health.cameras]

    def until(self, condition: Callable[[], object], what: str, *, within_s: float = 30.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"no {what}: {self.told[-1:]} {[r.plate for r in self.reads]}"
            time.sleep(0.02)

    def reads_on(self, since: datetime) -> None:
        """Until a vehicle that came after this has left, and its read has arrived."""
        due = timedelta(seconds=DUE_S)
        self.until(
            lambda: {r.plate for r in self.reads} & self.diary.wholly(since, wall() - due),
            f"read of what came after {since}",
        )

    def shows(self, clip: Clip, faults: Faults) -> None:
        """From now on: to whoever connects this clip, and to everybody these faults."""
        self.programme.mounts = {"cam": clip}
        self.programme.faults = faults


@pytest.fixture
def box(broker: Broker, tmp_path: Path, clips: Clips, monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    cv2.setNumThreads(1)
    monkeypatch.setattr("edge.capture.camera.Backoff", partial(Backoff, first_s=0.3, refused_s=1.0))
    monkeypatch.setattr("edge.capture.rtsp._BARREN_S", 2.0)
    clock, diary = SetClock(), Diary()
    secret = tmp_path / "camera-password"
    secret.write_text("old")
    programme = Programme({"cam": clips.first}, Terms(guard=DigestGuard("ana", "old")), journal=diary)
    with ExitStack() as stack:
        server = stack.enter_context(ServerThread(programme))
        centre = Centre(broker)
        stack.callback(centre.close)
        camera = CameraSettings(
            id="cam",
            url=server.url("cam"),
            username="ana",
            password_file=secret,
            timeout_s=2.0,
            analyse_fps=12.0,
        )
        settings = EdgeSettings(
            edge_id="edge-1",
            site_id="site-1",
            cameras=(camera,),
            mqtt=MqttSettings(**broker.settings("edge-1")),
            spool=SpoolSettings(path=tmp_path / "spool.sqlite"),
            health=HealthSettings(interval_s=0.5),
        )
        spool = stack.enter_context(
            Spool(settings.spool.path, edge_id="edge-1", max_bytes=50_000_000, clock=clock)
        )

        def connect(camera: CameraSettings, stats: CaptureStats, /, *, aim: None = None) -> RtspSource:
            return RtspSource(camera, clock=clock, stats=stats)

        worker = Worker(settings, spool=spool, engines=[engine()], connect=connect, clock=clock)
        worker.start()
        stack.callback(worker.stop)
        yield Street(clips, programme, diary, clock, secret, spool, worker, centre)


@dataclass(frozen=True)
class Fault:
    """What goes wrong, how it is seen in the health that arrives, and what ends it.

    Attributes:
        begins: makes it go wrong.
        is_told: whether this message says so.
        ends: makes it well again, unless the box has to live with it.
        reconnects: whether it costs the connection.
    """

    begins: Callable[[Street], None]
    is_told: Callable[[EdgeHealth, CameraHealth], bool]
    ends: Callable[[Street], None] = lambda _: None
    reconnects: bool = True


def unreachable(words: str) -> Callable[[EdgeHealth, CameraHealth], bool]:
    return lambda _, camera: camera.state is CameraState.UNREACHABLE and words in camera.detail


def remark(words: str) -> Callable[[EdgeHealth, CameraHealth], bool]:
    return lambda _, camera: camera.state is CameraState.LIVE and words in camera.detail


def well(street: Street) -> None:
    street.programme.faults = Faults()


def new_password(street: Street) -> None:
    street.programme.terms = replace(street.programme.terms, guard=DigestGuard("ana", "new"))
    street.shows(street.clips.second, Faults(abort_after_s=0.0))


def told_the_password(street: Street) -> None:
    street.secret.write_text("new")
    well(street)


def set_the_clock(street: Street, by_s: float) -> None:
    street.programme.mounts = {"cam": street.clips.second}
    street.clock.ahead += timedelta(seconds=by_s)


FAULTS = {
    "stall": Fault(
        lambda s: s.shows(s.clips.second, Faults(stall_after_s=0.0)),
        unreachable("it stalled: nothing came for 2 s"),
        well,
    ),
    "end": Fault(
        lambda s: s.shows(s.clips.second, Faults(abort_after_s=0.0)),
        unreachable("it ended the stream or the connection broke"),
        well,
    ),
    "loss": Fault(
        lambda s: s.shows(s.clips.second, Faults(drop_share=0.1)),
        lambda _, camera: camera.frames_corrupt >= 5,
        well,
        reconnects=False,
    ),
    "401": Fault(
        new_password,
        lambda _, camera: camera.state is CameraState.REFUSED and "it refused user 'ana'" in camera.detail,
        told_the_password,
    ),
    "codec": Fault(
        lambda s: s.shows(s.clips.second_265, Faults(becomes=s.clips.second_265)),
        unreachable("what it sends can no longer be decoded"),
    ),
    "resolution": Fault(
        lambda s: s.shows(s.clips.large, Faults(becomes=s.clips.large)),
        lambda _, camera: camera.state is CameraState.LIVE,  # no fault: nothing else is said
        reconnects=False,
    ),
    "no-time": Fault(
        lambda s: s.shows(s.clips.second, Faults(time_scale=0.0)),
        remark("run at 0 of true time"),
        reconnects=False,
    ),
    "told-25-gives-12.5": Fault(
        lambda s: s.shows(s.clips.second, Faults(time_scale=0.5, told_fps=25.0)),
        remark("run at 0.5 of true time"),
        reconnects=False,
    ),
    "clock-back": Fault(
        partial(set_the_clock, by_s=-60.0),
        lambda health, _: "s behind the centre's" in health.fault,
    ),
    "clock-forward": Fault(
        partial(set_the_clock, by_s=3600.0),
        lambda health, _: "s ahead of the centre's" in health.fault,
        reconnects=False,
    ),
}


@pytest.mark.parametrize(
    "broker",
    [
        pytest.param("wheel_broker", id="wheel"),
        pytest.param("mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.proof], id="mosquitto"),
    ],
    indirect=True,
)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.proof] if n == "told-25-gives-12.5" else []) for n in FAULTS]
)
def test_what_a_camera_shows_before_a_fault_and_after_it_arrives_once_each(box: Street, name: str) -> None:
    fault = FAULTS[name]
    began_at = wall()
    box.reads_on(began_at + timedelta(seconds=WARM_S))
    failed_at, told = wall(), len(box.told)
    fault.begins(box)
    box.until(lambda: any(fault.is_told(*each) for each in box.told[told:]), f"word of {name}")
    fault.ends(box)
    box.until(lambda: box.told[-1][1].state is CameraState.LIVE, "camera that is live again")
    again_at = wall() + timedelta(seconds=WARM_S)
    box.reads_on(again_at)
    stopped_at = wall()
    (camera,) = box.worker.cameras()
    assert box.worker.stop(), "the centre has acknowledged everything"

    plates = Counter(read.plate for read in box.reads)
    assert set(plates) <= {plate(n) for n in (*FIRST, *SECOND)}, "nothing but what was shown"
    assert max(plates.values()) == 1, "each passage once"
    due = timedelta(seconds=DUE_S)
    before = box.diary.wholly(began_at + timedelta(seconds=WARM_S), failed_at - due)
    after = box.diary.wholly(again_at, stopped_at - due)
    assert len(before) >= 1
    assert len(after) >= 1
    assert before | after <= set(plates), "none is missed"
    spooled = box.spool.stats().streams[Stream.READ]
    assert (spooled.waiting, spooled.dropped) == (0, 0)
    assert box.centre.numbers(Stream.READ, box.spool.epoch) == set(range(1, spooled.spooled + 1))
    assert set(box.centre.arrived.values()) == {1}
    assert box.centre.gone == []
    assert (camera.reconnects > 0) is fault.reconnects
