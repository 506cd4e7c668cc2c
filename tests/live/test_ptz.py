"""Guard tours over real HTTP: the ONVIF library against the simulated device."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.capture.backoff import Backoff
from edge.capture.ptz.device import NoPresetError
from edge.capture.ptz.guard import Clocks, PtzGuard
from edge.capture.ptz.onvif import Endpoint, OnvifDevice
from edge.capture.ptz.tour import Report
from edge.contract.ptz import PtzPhase, PtzState
from edge.errors import LostError, RefusedError
from edge.settings import PresetSettings, PtzSettings
from edge.simulate.onvif.device import Device, Oddities, Preset
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.types import Position

USER = ("operator", "geheim")
GATE, ROAD, BRIDGE = Position(-0.5, 0.1, 0.2), Position(0.5, 0.0, 0.4), Position(0.0, -0.3, 0.9)
PRESETS = {"1": Preset("gate", GATE), "2": Preset("Main Road", ROAD), "7": Preset("bridge", BRIDGE)}
STATIONS = (
    PresetSettings(name="gate", dwell_s=0.2),
    PresetSettings(name="road", named="Main Road", dwell_s=0.2),
    PresetSettings(name="bridge", token="7", dwell_s=0.2),
)
TOUR = PtzSettings(presets=STATIONS, settle_s=0.1, travel_s=1.0, resume_after_s=0.6)
QUICK = Backoff(first_s=0.1, longest_s=0.2, refused_s=0.2, stable_s=5.0)


def device(*, oddities: Oddities | None = None, travel_s: float = 0.2) -> Device:
    return Device(Head(travel_s=travel_s), PRESETS, user=USER, oddities=oddities)


def endpoint(server: OnvifServer, **other: Any) -> Endpoint:
    about = {"username": USER[0], "password": USER[1], "timeout_s": 5.0, **other}
    return Endpoint("cam", server.host, server.port, **about)


class Watched:
    """A guard on duty, and what it said."""

    def __init__(self, server: OnvifServer, settings: PtzSettings, **login: Any) -> None:
        self.server, self.states = server, list[PtzState]()
        self._changed = threading.Condition()
        self.guard = PtzGuard(
            ("edge-1", "cam"),
            settings,
            connect=lambda: OnvifDevice(endpoint(server, **login)),
            say=self._hear,
            clocks=Clocks(lambda: datetime.now(UTC), poll_s=0.03),
            backoff=QUICK,
        )
        self.guard.start()

    def _hear(self, state: PtzState) -> None:
        # Said to the frames before it is said to anybody else.
        with self._changed:
            self.states.append(state)
            self._changed.notify_all()

    def until(self, what: Callable[[PtzState], bool], *, after: int = 0, within_s: float = 20.0) -> PtzState:
        """The first such state since so many."""

        def found() -> PtzState | None:
            return next((state for state in self.states[after:] if what(state)), None)

        with self._changed:
            assert self._changed.wait_for(found, within_s), [
                (s.phase, s.preset, s.detail) for s in self.states[-9:]
            ]
            state = found()
        assert state is not None
        return state

    def frame(self) -> tuple[str | None, int] | None:
        """What a frame of now would show: preset and stay; None: it may not be read."""
        view = self.guard.aim.look(np.zeros((90, 160), np.uint8), at=datetime.now(UTC))
        return None if view is None else (view.preset, view.stay)


@pytest.fixture
def on_duty() -> Iterator[Callable[..., Watched]]:
    with ExitStack() as stack:

        def start(simulated: Device, settings: PtzSettings = TOUR, **login: Any) -> Watched:
            server = stack.enter_context(OnvifServer(simulated))
            watched = Watched(server, settings, **login)
            stack.callback(watched.guard.stop)
            return watched

        yield start


def watches(name: str) -> Callable[[PtzState], bool]:
    return lambda state: state.phase is PtzPhase.WATCH and state.preset == name


def in_phase(phase: PtzPhase) -> Callable[[PtzState], bool]:
    return lambda state: state.phase is phase


KINDS = [
    Oddities(),
    Oddities(move_status=False),
    Oddities(says_position=False, preset_positions=False),
    Oddities(preset_positions=False),
]
IDS = ["tells all", "no MoveStatus", "no position", "no positions of presets"]


@pytest.mark.parametrize("oddities", KINDS, ids=IDS)
def test_a_tour_of_three_presets(on_duty: Callable[..., Watched], oddities: Oddities) -> None:
    simulated = device(oddities=oddities)
    watched = on_duty(simulated)
    for name in ("gate", "road", "bridge", "gate"):
        watched.until(watches(name), after=len(watched.states) - 1)
    assert simulated.counts.orders[:4] == ["1", "2", "7", "1"]
    assert simulated.counts.refused == 0


def test_nothing_is_read_on_the_way_and_every_read_names_its_preset(on_duty: Callable[..., Watched]) -> None:
    simulated = device()
    watched = on_duty(simulated)
    watched.until(watches("gate"))
    places = {"gate": GATE, "road": ROAD, "bridge": BRIDGE}
    seen, stays, until_s = set(), [], time.monotonic() + 40
    while time.monotonic() < until_s and len(seen) < 3:
        before = simulated.head.position
        frame = watched.frame()
        after = simulated.head.position
        if frame is not None and before == after:
            assert frame[0] is not None
            assert before == places[frame[0]]
            seen.add(frame[0])
            stays.append(frame[1])
        time.sleep(0.005)
    assert seen == {"gate", "road", "bridge"}
    assert stays == sorted(stays)


def test_the_state_says_where_it_stands(on_duty: Callable[..., Watched]) -> None:
    state = on_duty(device()).until(watches("road"))
    assert state.position is not None
    assert (state.position.pan, state.position.tilt, state.position.zoom) == pytest.approx((0.5, 0.0, 0.4))
    assert (state.edge_id, state.camera_id, state.detail, state.resumes_at) == ("edge-1", "cam", "", None)


def test_a_device_that_tells_nothing_is_given_the_longest_journey(on_duty: Callable[..., Watched]) -> None:
    dumb = Oddities(move_status=False, says_position=False, preset_positions=False)
    simulated = device(oddities=dumb)
    watched = on_duty(simulated, TOUR.model_copy(update={"travel_s": 0.4}))
    state = watched.until(watches("road"))
    assert state.position is None
    assert simulated.head.position == ROAD


def test_an_operator_takes_over_and_the_tour_resumes(on_duty: Callable[..., Watched]) -> None:
    simulated = device()
    watched = on_duty(simulated, TOUR.model_copy(update={"presets": STATIONS[:1]}))
    watched.until(watches("gate"))
    heard = len(watched.states)
    simulated.head.drift(0.5, 0.0, 0.0, for_s=0.2)
    paused = watched.until(in_phase(PtzPhase.PAUSED), after=heard)
    assert paused.detail == "an operator has taken over"
    assert paused.preset is None
    assert paused.resumes_at is not None
    assert timedelta(seconds=0.4) < paused.resumes_at - paused.at <= timedelta(seconds=0.6)
    assert watched.frame() is None
    back = watched.until(watches("gate"), after=heard)
    assert back.at - paused.at >= timedelta(seconds=0.6)
    assert simulated.counts.orders == ["1", "1"]


def test_where_the_device_tells_nothing_the_picture_alone_gives_an_operator_away(
    on_duty: Callable[..., Watched],
) -> None:
    dumb = Oddities(move_status=False, says_position=False, preset_positions=False)
    long = PresetSettings(name="gate", dwell_s=60)
    watched = on_duty(device(oddities=dumb), TOUR.model_copy(update={"presets": (long,), "travel_s": 0.3}))
    watched.until(watches("gate"))
    heard, rng = len(watched.states), np.random.default_rng(1)
    world = np.repeat(np.repeat(rng.integers(0, 255, (30, 2000), dtype=np.uint8), 6, 0), 6, 1)
    let_through: list[bool] = []
    began = time.monotonic()
    while not any(state.phase is PtzPhase.PAUSED for state in watched.states[heard:]):
        elapsed_s = time.monotonic() - began
        assert elapsed_s < 20
        left = min(int(400 * elapsed_s), 11_000)
        view = watched.guard.aim.look(world[:, left : left + 320], at=datetime.now(UTC))
        let_through.append(view is not None)
        time.sleep(0.02)
    assert not any(let_through[len(let_through) // 2 :]), (
        "held back, though the device says nothing against it"
    )


@pytest.mark.parametrize(
    "oddities",
    [Oddities(), Oddities(refusal_status=401), Oddities(refusal_status=401, refusal_is_html=True)],
    ids=["SOAP fault and 400", "SOAP fault and 401", "a page and 401"],
)
def test_a_wrong_password_is_told_plainly_and_nothing_claims_a_preset(
    on_duty: Callable[..., Watched], oddities: Oddities
) -> None:
    watched = on_duty(device(oddities=oddities), password="falsch")
    lost = watched.until(lambda state: "refused" in state.detail)
    where = f"127.0.0.1:{watched.server.port}"
    assert lost.detail == f"camera cam, PTZ at {where}: it refused user 'operator' or the password"
    assert (lost.phase, lost.preset) == (PtzPhase.LOST, None)
    frame = watched.frame()
    assert frame is not None, "it is read as a fixed camera is"
    assert frame[0] is None


def test_a_device_whose_clock_is_wrong_is_spoken_to_in_its_own_time(on_duty: Callable[..., Watched]) -> None:
    simulated = device(oddities=Oddities(clock_offset=timedelta(hours=-5, minutes=3)))
    on_duty(simulated).until(watches("gate"))
    assert simulated.counts.refused == 0


def test_a_clock_that_is_set_meanwhile_costs_a_connection_only(on_duty: Callable[..., Watched]) -> None:
    simulated = device()
    watched = on_duty(simulated)
    watched.until(watches("gate"))
    heard = len(watched.states)
    simulated.oddities = Oddities(clock_offset=timedelta(hours=2))
    lost = watched.until(in_phase(PtzPhase.LOST), after=heard)
    assert "it accepts us no longer" in lost.detail
    watched.until(in_phase(PtzPhase.WATCH), after=heard + 1)


def test_a_device_that_dies_and_comes_back(on_duty: Callable[..., Watched]) -> None:
    watched = on_duty(device(), TOUR.model_copy(update={"presets": STATIONS[:2]}))
    watched.guard._tour._terms = replace(watched.guard._terms, stale_s=0.3)
    watched.until(watches("gate"))
    heard = len(watched.states)
    watched.server.close()
    lost = watched.until(in_phase(PtzPhase.LOST), after=heard)
    assert "broke" in lost.detail or "cannot be reached" in lost.detail
    assert lost.preset is None
    frame = watched.frame()
    assert frame is None or frame[0] is None
    watched.until(lambda state: "cannot be reached" in state.detail, after=heard)
    heard = len(watched.states)
    watched.server.open()
    watched.until(in_phase(PtzPhase.WATCH), after=heard)


def test_presets_that_the_device_does_not_have_are_named(on_duty: Callable[..., Watched]) -> None:
    with capture_logs() as logs:
        watched = on_duty(
            device(), TOUR.model_copy(update={"presets": (*STATIONS[:1], PresetSettings(name="yard"))})
        )
        assert watched.until(watches("gate")).detail == "the device has no preset yard"
    (warned,) = [line for line in logs if line["event"] == "ptz preset missing"]
    assert (warned["log_level"], warned["preset"]) == ("warning", "yard")
    assert warned["known"] == "gate, Main Road, bridge"
    nothing = on_duty(device(), TOUR.model_copy(update={"presets": (PresetSettings(name="yard"),)}))
    lost = nothing.until(lambda state: "no preset yard" in state.detail)
    assert "it has 1 (gate), 2 (Main Road), 7 (bridge)" in lost.detail


def test_stopping_is_quick_and_leaves_the_camera_where_it_is(on_duty: Callable[..., Watched]) -> None:
    watched = on_duty(device())
    watched.until(watches("gate"))
    began = time.monotonic()
    assert watched.guard.stop()
    assert time.monotonic() - began < 2


@pytest.fixture
def served() -> Iterator[OnvifServer]:
    with OnvifServer(device()) as server:
        yield server


def test_what_a_device_tells(served: OnvifServer) -> None:
    link = OnvifDevice(endpoint(served))
    try:
        assert [(p.token, p.name, p.position) for p in link.presets()] == [
            ("1", "gate", GATE), ("2", "Main Road", ROAD), ("7", "bridge", BRIDGE),
        ]  # fmt: skip
        assert link.report() == Report(False, Position(0.0, 0.0, 0.0))
        link.go("1")
        assert link.report().moving is True
        time.sleep(0.25)
        assert link.report() == Report(False, GATE)
        with pytest.raises(NoPresetError, match="no preset '9'"):
            link.go("9")
        assert link.report().moving is False, "a refused order breaks nothing"
    finally:
        link.close()


@pytest.mark.parametrize(
    ("oddities", "login", "words"),
    [
        (Oddities(has_ptz=False), {}, "it does not turn: it has no PTZ service"),
        (Oddities(), {"profile": "sub"}, r"no profile 'sub' that turns; those that do: main \(main stream\)"),
    ],
)
def test_what_cannot_be_turned_says_why(oddities: Oddities, login: dict[str, str], words: str) -> None:
    with OnvifServer(device(oddities=oddities)) as server, pytest.raises(LostError, match=words):
        OnvifDevice(endpoint(server, **login))


def test_a_device_without_users_is_asked_without_one() -> None:
    with OnvifServer(Device(Head(), PRESETS)) as server:
        link = OnvifDevice(endpoint(server, username=None, password=""))
        try:
            assert len(link.presets()) == 3
        finally:
            link.close()


def test_a_device_with_users_refuses_whoever_has_none(served: OnvifServer) -> None:
    with pytest.raises(RefusedError, match="it refused access without a user"):
        OnvifDevice(endpoint(served, username=None, password=""))


def test_no_message_holds_the_password(served: OnvifServer) -> None:
    with pytest.raises(RefusedError) as caught:
        OnvifDevice(endpoint(served, password="hunter2"))
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in f"{error!r}"
        error = error.__cause__ or error.__context__


def test_a_silent_device_is_given_up(served: OnvifServer) -> None:
    link = OnvifDevice(endpoint(served, timeout_s=0.3))
    try:
        served.device.lock.acquire()  # GetPresets waits for it
        with pytest.raises(LostError, match=r"no answer within 0.3 s"):
            link.presets()
    finally:
        served.device.lock.release()
        link.close()


def test_the_library_leaves_the_log_as_it_was() -> None:
    """In a process of its own: here pytest has handlers already, so the library would add none."""
    code = "import logging, edge.capture.ptz.onvif; print(logging.getLogger().handlers)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_simulator_serves_another_client(served: OnvifServer) -> None:
    """The library's own services, beyond what a tour asks for."""

    async def act() -> dict[str, Any]:
        import onvif

        camera = onvif.ONVIFCamera(served.host, served.port, *USER, no_cache=True, adjust_time=True)
        try:
            await camera.update_xaddrs()
            about = await (await camera.create_devicemgmt_service()).GetDeviceInformation()
            media = await camera.create_media_service()
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
            uri = await media.GetStreamUri({"ProfileToken": "main", "StreamSetup": setup})
            ptz, profile = await camera.create_ptz_service(), {"ProfileToken": "main"}
            await ptz.AbsoluteMove(
                {**profile, "Position": {"PanTilt": {"x": 0.3, "y": -0.2}, "Zoom": {"x": 0.5}}}
            )
            await asyncio.sleep(0.25)
            made = await ptz.SetPreset({**profile, "PresetName": "made"})
            names = [p.Name for p in await ptz.GetPresets(profile)]
            await ptz.RemovePreset({**profile, "PresetToken": made})
            left = [p.Name for p in await ptz.GetPresets(profile)]
            await ptz.ContinuousMove({**profile, "Velocity": {"PanTilt": {"x": 0.5, "y": 0.0}}})
            moving = (await ptz.GetStatus(profile)).MoveStatus.PanTilt
            await ptz.Stop(profile)
            stopped = (await ptz.GetStatus(profile)).MoveStatus.PanTilt
            await ptz.GotoHomePosition(profile)
            await asyncio.sleep(0.25)
            capabilities = await camera.get_capabilities()
            return {
                "model": about.Model, "uri": uri.Uri, "made": names, "left": left, "moving": moving,
                "stopped": stopped, "ptz": capabilities["PTZ"]["XAddr"],
            }  # fmt: skip
        finally:
            await camera.close()

    found = asyncio.run(act())
    assert found["model"] == "Watchtower PTZ"
    assert found["uri"] == "rtsp://127.0.0.1:8554/ptz"
    assert (found["made"], found["left"]) == (
        ["gate", "Main Road", "bridge", "made"],
        ["gate", "Main Road", "bridge"],
    )
    assert (found["moving"], found["stopped"]) == ("MOVING", "IDLE")
    assert found["ptz"] == f"{served.address}/onvif/ptz_service"
    assert served.device.head.position == Position(0.0, 0.0, 0.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2e6])
def test_a_place_that_no_head_can_mean_is_not_told(value: float) -> None:
    """The contract would refuse it, and with it every word of the tour."""
    from edge.capture.ptz.onvif import _position

    pan, zoom = SimpleNamespace(x=value, y=0.0), SimpleNamespace(x=0.0)
    assert _position(SimpleNamespace(PanTilt=pan, Zoom=zoom)) is None
    assert _position(SimpleNamespace(PanTilt=SimpleNamespace(x=0.5, y=0.1), Zoom=zoom)) == Position(
        0.5, 0.1, 0.0
    )
