"""How far a witness is heeded: one that tells all, one that keeps silent, one that cries wolf, one that is away."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.stats import CaptureStats
from edge.capture.triggers import substream
from edge.capture.triggers.events import EventWatch
from edge.capture.triggers.pullpoint import Said
from edge.capture.triggers.trigger import Trigger
from edge.capture.triggers.witness import Witness
from edge.contract.health import TriggerHealth, TriggerState
from edge.settings import CameraSettings, MotionEventSettings

START_S = 1_800_000_000.0


class Rig:
    """A witness and its trigger in virtual time."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.witness = Witness("events", clock=lambda: datetime.fromtimestamp(self.now_s, UTC))
        self.stats = CaptureStats()
        self.trigger = Trigger(self.witness, stats=self.stats)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.trigger.judge(now_s=self.now_s)

    def passage(self, *, told: bool, late_s: float = 0.5) -> None:
        """Something moves for two seconds, and is seen to."""
        self.trigger.saw_motion(self.now_s)
        self.wait(late_s)
        if told:
            self.witness.says(moves=True)
        self.wait(2.0)
        if told:
            self.witness.says(moves=False)
        self.wait(30.0)

    def cry(self, *, right: bool) -> bool:
        """It cries; whether it is heeded, and then, whether something moved."""
        self.witness.says(moves=True)
        heeded = self.trigger.cries()
        self.witness.says(moves=False)
        if heeded:
            self.trigger.woke()
            self.trigger.was_right(right)
        self.wait(30.0)
        return heeded

    @property
    def told(self) -> TriggerHealth:
        (health,) = self.stats.snapshot().triggers
        return health


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.witness.says(moves=False)
    return rig


def test_nothing_depends_on_one_that_has_told_little(rig: Rig) -> None:
    for _ in range(5):
        rig.passage(told=True)
        assert not rig.trigger.vouches
    assert rig.told.state is TriggerState.LEARNING
    rig.passage(told=True)
    assert rig.trigger.vouches
    assert rig.told.state is TriggerState.TRUSTED


def test_it_vouches_for_nothing_while_something_moves(rig: Rig) -> None:
    for _ in range(6):
        rig.passage(told=True)
    rig.witness.says(moves=True)
    assert not rig.trigger.vouches
    rig.witness.says(moves=False)
    assert rig.trigger.vouches


def test_one_that_keeps_silent_is_found_out_after_two_motions_and_believed_again_when_it_is_mended(
    rig: Rig,
) -> None:
    for _ in range(12):
        rig.passage(told=True)
    rig.passage(told=False)
    assert rig.trigger.vouches, "once may happen"
    rig.passage(told=False)
    assert not rig.trigger.vouches
    assert (rig.told.state, rig.told.missed) == (TriggerState.DISTRUSTED, 2)
    assert rig.told.detail == "it kept silent where something moved"
    for _ in range(12):
        rig.passage(told=True)
    assert rig.trigger.vouches
    assert rig.told.state is TriggerState.TRUSTED
    assert rig.told.detail == ""


def test_one_that_always_keeps_silent_is_never_trusted(rig: Rig) -> None:
    for _ in range(20):
        rig.passage(told=False)
        assert not rig.trigger.vouches
    assert rig.told.missed == 20


def test_it_may_tell_some_seconds_before_or_after(rig: Rig) -> None:
    for late_s in (0.0, 1.0, 3.9):
        rig.passage(told=True, late_s=late_s)
    rig.witness.says(moves=True)
    rig.now_s += 0.5
    rig.witness.says(moves=False)
    rig.now_s += 2.0
    rig.trigger.saw_motion(rig.now_s)
    rig.wait(30)
    assert rig.told.missed == 0
    rig.passage(told=True, late_s=4.5)
    assert rig.told.missed == 1


def test_what_moves_while_it_is_away_is_not_held_against_it_nor_does_it_vouch(rig: Rig) -> None:
    for _ in range(6):
        rig.passage(told=True)
    rig.witness.is_silent("camera cam, events at dome:80: the connection broke")
    assert not rig.trigger.vouches
    for _ in range(3):
        rig.passage(told=False)
    assert rig.told.missed == 0
    assert rig.told.state is TriggerState.SILENT
    assert "broke" in rig.told.detail
    rig.witness.says(moves=False)
    rig.wait(0.1)
    assert (rig.told.state, rig.told.detail) == (TriggerState.TRUSTED, "")
    assert rig.trigger.vouches


def test_a_silence_is_told_plainly() -> None:
    rig = Rig()
    assert (rig.told.state, rig.told.detail) == (TriggerState.SILENT, "not connected yet")


def test_one_that_cries_wolf_is_no_longer_heeded_but_now_and_then(rig: Rig) -> None:
    heeded = [rig.cry(right=False) for _ in range(40)]
    assert all(heeded[:4])
    assert 0 < sum(heeded[10:]) <= 5
    assert rig.told.state is TriggerState.DISTRUSTED
    assert "where nothing does" in rig.told.detail
    assert rig.told.wakes == sum(heeded)
    assert rig.told.false_alarms == sum(heeded)
    assert not rig.trigger.vouches
    while not rig.cry(right=True) or not rig.trigger._is_heeded:
        assert rig.now_s < START_S + 50_000, "it never redeemed itself"
    assert all(rig.cry(right=True) for _ in range(5))


def test_a_few_false_alarms_among_many_are_borne(rig: Rig) -> None:
    assert all(rig.cry(right=number % 3 > 0) for number in range(60))


def test_a_cry_is_heard_once(rig: Rig) -> None:
    rig.witness.says(moves=True)
    assert rig.trigger.cries()
    assert not rig.trigger.cries()
    rig.witness.says(moves=True)
    assert not rig.trigger.cries(), "it goes on moving"
    rig.witness.says(moves=False)
    rig.witness.says(moves=True)
    rig.trigger.forget_cries()
    assert not rig.trigger.cries()


def test_a_silence_ends_what_moved(rig: Rig) -> None:
    rig.witness.says(moves=True)
    rig.now_s += 1
    rig.witness.is_silent("gone")
    assert not rig.witness.moves
    assert rig.witness.moved(since_s=START_S, until_s=START_S + 0.5)
    assert not rig.witness.moved(since_s=START_S + 1.1, until_s=START_S + 5)


@given(st.lists(st.sampled_from(["moves", "still", "silent"]), max_size=60), st.floats(0.1, 5.0))
def test_whatever_it_says_what_it_said_is_remembered(words: list[str], every_s: float) -> None:
    rig = Rig()
    moving_at: list[float] = []
    act: dict[str, Callable[[], None]] = {
        "moves": lambda: rig.witness.says(moves=True),
        "still": lambda: rig.witness.says(moves=False),
        "silent": lambda: rig.witness.is_silent("x"),
    }
    for word in words:
        act[word]()
        if rig.witness.moves:
            moving_at.append(rig.now_s)
        assert rig.witness.speaks is (word != "silent")
        rig.now_s += every_s
    for at_s in moving_at:
        assert rig.witness.moved(since_s=at_s - 1e-3, until_s=at_s + 1e-3)


def test_counts_go_on_over_connections() -> None:
    stats = CaptureStats()
    for _ in range(2):
        witness = Witness("events", clock=lambda: datetime.fromtimestamp(START_S, UTC))
        Trigger(witness, stats=stats).woke()
    (health,) = stats.snapshot().triggers
    assert health.wakes == 2


def test_a_word_holds_for_so_long_and_what_moved_ends_with_it() -> None:
    seconds = [1000.0]
    witness = Witness("events", clock=lambda: datetime.fromtimestamp(seconds[0], UTC), lasts_s=3.0)
    witness.says(moves=True)
    seconds[0] += 2.9
    assert (witness.speaks, witness.moves, witness.fault) == (True, True, "")
    seconds[0] += 0.2
    assert (witness.speaks, witness.moves, witness.fault) == (False, False, "it has said nothing for 3 s")
    assert witness.moved(since_s=1002.0, until_s=1010.0)
    assert not witness.moved(since_s=1003.1, until_s=1010.0)
    witness.says(moves=False)
    assert (witness.speaks, witness.fault, witness.alarms) == (True, "", 1)


def test_sources_that_a_camera_invents_are_remembered_no_further_than_so_many() -> None:
    camera = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", motion_events=MotionEventSettings())
    assert camera.motion_events is not None
    watch = EventWatch(camera, camera.motion_events, clock=lambda: datetime.now(UTC))
    for number in range(1000):
        watch._take([Said(f"Motion Source={number}", number % 2 == 0, frozenset())])
    assert len(watch._moving) <= 64
    assert watch.witness.moves
    for number in range(1000):
        watch._take([Said(f"Motion Source={number}", False, frozenset())])
    assert not watch.witness.moves


def test_a_second_stream_that_stalls_is_silent_before_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stalled:
        """A connection over which nothing comes."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def open(self) -> object:
            return SimpleNamespace(codec_context=SimpleNamespace(thread_count=0))

        def packets(self) -> Iterator[None]:
            watch.witness.says(moves=False)
            yield None
            spoke.append(watch.witness.speaks)

        def close(self) -> None:
            pass

    spoke: list[bool] = []
    monkeypatch.setattr(substream, "Connection", Stalled)
    camera = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", substream="rtsp://127.0.0.1/sub")
    watch = substream.SubstreamWatch(camera, "rtsp://127.0.0.1/sub", clock=lambda: datetime.now(UTC))
    watch.run()
    assert spoke == [False]
    assert watch.witness.fault == "nothing comes"
