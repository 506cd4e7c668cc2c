"""The camera's own motion events over real HTTP, and a small second stream over real RTSP, as witnesses."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clips import clip_file

from edge.capture.backoff import Backoff
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.capture.triggers import pullpoint
from edge.capture.triggers.events import EventWatch
from edge.capture.triggers.substream import SubstreamWatch
from edge.capture.triggers.watches import Watches
from edge.capture.triggers.witness import Witness
from edge.errors import LostError, RefusedError
from edge.settings import CameraSettings, MotionEventSettings
from edge.simulate.clip import load_clip
from edge.simulate.onvif.device import Device, Oddities
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.programme import Programme
from edge.simulate.rtsp_server import ServerThread

USER = ("operator", "geheim")
QUICK = Backoff(first_s=0.1, longest_s=0.2, refused_s=0.2)


def now() -> datetime:
    return datetime.now(UTC)


def until(condition: Callable[[], object], *, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def device() -> Device:
    return Device(Head(), {}, user=USER)


@pytest.fixture
def served(device: Device) -> Iterator[OnvifServer]:
    with OnvifServer(device) as server:
        yield server


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(USER[1])
    path.chmod(0o600)
    return path


def settings(server: OnvifServer, password: Path | None, **more: Any) -> CameraSettings:
    login = {} if password is None else {"username": USER[0], "password_file": password}
    events = MotionEventSettings(port=server.port, **{"timeout_s": 1.0, **login, **more})
    return CameraSettings(id="cam", url="rtsp://127.0.0.1:1/none", motion_events=events)


@pytest.fixture
def hears(served: OnvifServer, password: Path) -> Iterator[Callable[..., Witness]]:
    """Starts a watch; its witness."""
    with ExitStack() as stack:

        def start(**more: Any) -> Witness:
            camera = settings(served, more.pop("password", password), **more)
            watches = Watches(camera, clock=now, backoff=QUICK)
            stack.callback(watches.stop)
            (witness,) = watches.start()
            return witness

        yield start


def test_it_says_what_the_device_says(hears: Callable[..., Witness], device: Device) -> None:
    witness = hears()
    until(lambda: witness.speaks)
    assert (witness.moves, witness.alarms) == (False, 0)
    for count in (1, 2):
        device.motion.says(moves=True)
        until(lambda: witness.moves, within_s=1.0)
        assert witness.alarms == count
        device.motion.says(moves=False)
        until(lambda: not witness.moves, within_s=1.0)
    assert device.counts.refused == 0
    assert device.motion.subscribed == 1


def test_a_newcomer_is_told_what_moves_already(hears: Callable[..., Witness], device: Device) -> None:
    device.motion.says(moves=True)
    witness = hears()
    until(lambda: witness.moves)


@pytest.mark.parametrize("topics", [("cell",), ("alarm",), ("cell", "alarm")])
def test_either_topic_will_do(hears: Callable[..., Witness], device: Device, topics: tuple[str, ...]) -> None:
    device.oddities = Oddities(motion_topics=topics)
    witness = hears()
    until(lambda: witness.speaks)
    device.motion.says(moves=True)
    until(lambda: witness.moves)
    device.motion.says(moves=False)
    until(lambda: not witness.moves)


def test_the_events_of_another_lens_do_not_count(hears: Callable[..., Witness], device: Device) -> None:
    mine, other = hears(source="lens"), hears(source="another lens")
    until(lambda: mine.speaks and other.speaks)
    device.motion.says(moves=True)
    until(lambda: mine.moves)
    time.sleep(0.2)
    assert not other.moves


def test_a_subscription_is_renewed_before_it_ends(hears: Callable[..., Witness], device: Device) -> None:
    device.oddities = Oddities(events_last_s=3.0)
    witness = hears()
    until(lambda: witness.speaks)
    time.sleep(4.5)
    device.motion.says(moves=True)
    until(lambda: witness.moves)
    assert device.motion.subscribed == 1, "renewed, and not made anew"


def test_a_subscription_that_the_device_forgot_is_made_anew(
    hears: Callable[..., Witness], device: Device
) -> None:
    witness = hears()
    until(lambda: witness.speaks)
    device.motion.forget_all()
    until(lambda: device.motion.subscribed == 2)
    device.motion.says(moves=True)
    until(lambda: witness.moves)


def test_a_device_that_dies_is_silent_and_is_heard_again(
    hears: Callable[..., Witness], device: Device, served: OnvifServer
) -> None:
    witness = hears()
    until(lambda: witness.speaks)
    served.close()
    until(lambda: not witness.speaks)
    until(lambda: "nothing listens there" in witness.fault)
    assert f"camera cam, events at 127.0.0.1:{served.port}" in witness.fault
    served.open()
    until(lambda: witness.speaks)
    device.motion.says(moves=True)
    until(lambda: witness.moves)


def test_a_device_whose_clock_is_wrong_is_spoken_to_in_its_own_time(
    hears: Callable[..., Witness], device: Device
) -> None:
    device.oddities = Oddities(clock_offset=timedelta(hours=-5))
    witness = hears()
    until(lambda: witness.speaks)
    assert device.counts.refused == 0


def test_a_device_without_users_needs_none() -> None:
    with OnvifServer(Device(Head(), {})) as server:
        watches = Watches(settings(server, None), clock=now, backoff=QUICK)
        (witness,) = watches.start()
        until(lambda: witness.speaks)
        watches.stop()


@pytest.mark.parametrize(
    "oddities",
    [Oddities(), Oddities(refusal_status=401), Oddities(refusal_status=401, refusal_is_html=True)],
    ids=["SOAP fault and 400", "SOAP fault and 401", "a page and 401"],
)
def test_a_wrong_password_is_told_plainly(
    served: OnvifServer, device: Device, tmp_path: Path, oddities: Oddities
) -> None:
    device.oddities = oddities
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2")
    wrong.chmod(0o600)
    camera = settings(served, wrong)
    assert camera.motion_events is not None
    watch = EventWatch(camera, camera.motion_events, clock=now)
    with pytest.raises(RefusedError, match="it refused user 'operator' or the password") as caught:
        watch.run()
    assert "hunter2" not in f"{caught.value!r}"


def test_a_device_without_events_says_so(served: OnvifServer, device: Device, password: Path) -> None:
    device.oddities = Oddities(has_events=False)
    camera = settings(served, password)
    assert camera.motion_events is not None
    with pytest.raises(LostError, match="it has no events"):
        EventWatch(camera, camera.motion_events, clock=now).run()


def test_a_device_that_hangs_is_given_up(served: OnvifServer, password: Path) -> None:
    camera = settings(served, password, timeout_s=0.5)
    assert camera.motion_events is not None
    with served.device.motion._changed, pytest.raises(LostError, match=r"no answer within 2.5 s"):
        EventWatch(camera, camera.motion_events, clock=now).run()


def test_stopping_ends_the_subscription(served: OnvifServer, device: Device, password: Path) -> None:
    watches = Watches(settings(served, password), clock=now, backoff=QUICK)
    (witness,) = watches.start()
    until(lambda: witness.speaks)
    watches.stop()
    until(lambda: device.motion.subscriptions == 0, within_s=pullpoint.PULL_S + 2)


def test_a_fault_of_ours_ends_nothing(
    served: OnvifServer, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_answer: object) -> datetime:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr(pullpoint, "device_time", broken)
    watches = Watches(settings(served, password), clock=now, backoff=QUICK)
    (witness,) = watches.start()
    until(lambda: witness.fault == "events: fault of ours: ZeroDivisionError")
    monkeypatch.undo()
    until(lambda: witness.speaks)
    watches.stop()


def test_the_simulator_serves_another_client(served: OnvifServer, device: Device) -> None:
    """The library that drives heads has a PullPoint client of its own."""

    async def act() -> list[str]:
        import onvif

        camera = onvif.ONVIFCamera(served.host, served.port, *USER, no_cache=True, adjust_time=True)
        try:
            await camera.update_xaddrs()
            manager = await camera.create_pullpoint_manager(timedelta(seconds=60), lambda: None)
            service = manager.get_service()
            device.motion.says(moves=True)
            said = []
            for _ in range(2):
                answer = await service.PullMessages({"Timeout": timedelta(seconds=1), "MessageLimit": 1})
                for notice in answer.NotificationMessage:
                    item = notice.Message._value_1.Data.SimpleItem[0]
                    said.append(f"{notice.Topic._value_1} {item.Name}={item.Value}")
            await manager.shutdown()
            return said
        finally:
            await camera.close()

    said = asyncio.run(act())
    assert "tns1:RuleEngine/CellMotionDetector/Motion IsMotion=false" in said
    assert "tns1:VideoSource/MotionAlarm State=true" in said


class TestSubstream:
    @pytest.fixture
    def streams(self) -> Iterator[ServerThread]:
        small = load_clip(clip_file(gop=25))
        with ServerThread(
            Programme({"main": load_clip(clip_file(frames=300, gop=300)), "small": small})
        ) as server:
            yield server

    def test_it_says_what_it_shows_and_rests_where_nobody_asks(self, streams: ServerThread) -> None:
        camera = CameraSettings(id="cam", url=streams.url("main"))
        watch = SubstreamWatch(camera, streams.url("small"), clock=now)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            until(lambda: watch.witness.moves)
            watch.witness.wanted.clear()
            until(lambda: not watch.witness.speaks)
            assert watch.witness.fault == "", "it rests"
            time.sleep(0.3)
            assert not watch.witness.speaks
            watch.witness.wanted.set()
            until(lambda: watch.witness.moves)
            assert watch.witness.alarms >= 2
        finally:
            watch.close()
            thread.join(10)
        assert not thread.is_alive()

    def test_one_that_is_not_there_is_told_and_the_camera_is_read_all_the_same(
        self, streams: ServerThread
    ) -> None:
        camera = CameraSettings(
            id="cam", url=streams.url("main"), substream=streams.url("nothing"), analyse_fps=25
        )
        stats = CaptureStats()
        source = RtspSource(camera, clock=now, stats=stats)
        for number, _ in enumerate(source.frames()):
            if number >= 30 and any("404" in t.detail for t in stats.snapshot().triggers):
                break
        source.close()
        (told,) = stats.snapshot().triggers
        assert (told.name, told.state) == ("substream", "silent")
