"""What the broker retains for all edges: told one after another, asked for beside the stream of messages."""

import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from structlog.testing import capture_logs

from central.consume import board as module
from central.consume.board import Board
from central.errors import RefusedError
from edge.contract.topics import HOTLIST_HEAD

GRANTED = ReasonCode(PacketTypes.SUBACK, "Granted QoS 0")
REFUSED = ReasonCode(PacketTypes.SUBACK, "Not authorized")


class FakeClient:
    """Stands where paho's client does; confirms when told to, and raises as paho does when asked in vain."""

    def __init__(self) -> None:
        self.rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        self.confirmed = threading.Event()
        self.log: list[tuple[object, ...]] = []

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> SimpleNamespace:
        self.log.append(("publish", topic, payload, qos, retain))
        return SimpleNamespace(rc=self.rc, mid=17, is_published=self.is_published)

    def is_published(self) -> bool:
        if self.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            raise ValueError("Message is not queued due to ERR_QUEUE_SIZE")
        if self.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise RuntimeError("Message publish failed: The client is not currently connected.")
        return self.confirmed.is_set()

    def subscribe(self, topic: str, *, qos: int) -> tuple[MQTTErrorCode, int]:
        self.log.append(("subscribe", topic, qos))
        return self.rc, 18

    def unsubscribe(self, topic: str) -> None:
        self.log.append(("unsubscribe", topic))


class Scene:
    """A board, and what happens while it waits: one step a sleep."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.connection = 1
        self.board = Board(self.client, connection=lambda: self.connection)  # type: ignore[arg-type]

    def wait(self, *steps: Callable[[], object]) -> Callable[[float], bool]:
        left = list(steps)

        def sleep(_seconds: float) -> bool:
            if not left:
                return True  # time to stop
            left.pop(0)()
            return False

        return sleep

    def lose(self) -> None:
        self.connection = 0

    def answer(self, *reasons: ReasonCode, mid: int = 18) -> bool:
        return self.board.is_answer(mid, reasons)

    def hand_out(self, payload: bytes) -> None:
        self.board.take(payload)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def nothing() -> None:
    pass


def test_it_is_told_once_the_broker_has_confirmed_it(scene: Scene) -> None:
    assert scene.board.tell("a/b", b"x", wait=scene.wait(nothing, nothing, scene.client.confirmed.set))
    assert scene.client.log == [("publish", "a/b", b"x", 1, True)]
    assert scene.board.told == 1


def test_what_is_not_confirmed_is_not_told(scene: Scene) -> None:
    assert not scene.board.tell("a/b", b"x", wait=scene.wait(nothing, scene.lose, nothing))
    assert not scene.board.tell("a/b", b"x", wait=scene.wait()), "without a connection"
    scene.connection = 2
    assert not scene.board.tell("a/b", b"x", wait=scene.wait(nothing)), "it is time to stop"
    assert len(scene.client.log) == 2


def test_what_the_broker_throws_away_is_not_told(scene: Scene) -> None:
    def refuse() -> None:
        scene.board.refuse(17)
        scene.client.confirmed.set()

    with pytest.raises(RefusedError, match=r"a/b; may we write lpr/v1/hotlist/# by its access list\?"):
        scene.board.tell("a/b", b"x", wait=scene.wait(refuse))


def test_what_was_thrown_away_of_others_before_is_not_ours(scene: Scene) -> None:
    scene.board.refuse(17)
    scene.client.confirmed.set()
    assert scene.board.tell("a/b", b"x", wait=scene.wait())


def test_what_finds_no_connection_any_more_is_sent_with_the_next_one_and_not_told(scene: Scene) -> None:
    scene.client.rc = MQTTErrorCode.MQTT_ERR_NO_CONN
    assert not scene.board.tell("a/b", b"x", wait=scene.wait(nothing))
    assert scene.board.told == 1, "paho keeps it, and its confirmation comes"


def test_what_finds_no_room_is_not_told(scene: Scene) -> None:
    scene.client.rc = MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
    assert not scene.board.tell("a/b", b"x", wait=scene.wait())
    assert scene.board.told == 0


def test_what_is_retained_is_heard_once_and_no_further(scene: Scene) -> None:
    wait = scene.wait(lambda: scene.answer(GRANTED), lambda: scene.hand_out(b"head"))
    assert scene.board.ask(HOTLIST_HEAD, wait=wait) == b"head"
    assert scene.client.log == [("subscribe", HOTLIST_HEAD, 0), ("unsubscribe", HOTLIST_HEAD)]
    assert not scene.answer(GRANTED), "the answer has come"
    assert scene.board.ask(HOTLIST_HEAD, wait=scene.wait(nothing)) is None, "not what came before"


def test_who_retains_nothing_is_waited_for_a_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    steps = (nothing, lambda: scene.answer(GRANTED, mid=3), lambda: scene.answer(GRANTED), nothing)
    slept: list[float] = []
    sleep = scene.wait(*steps)

    def wait(seconds: float) -> bool:
        slept.append(seconds)
        return sleep(seconds)

    assert scene.board.ask(HOTLIST_HEAD, wait=wait) is None
    assert len(slept) == 3, "until its answer, and not that of another subscription"


def test_who_refuses_is_told_of_and_not_waited_for(scene: Scene) -> None:
    with capture_logs() as logs:
        found = scene.board.ask(HOTLIST_HEAD, wait=scene.wait(lambda: scene.answer(REFUSED)))
    assert found is None
    assert [log["event"] for log in logs] == ["broker refuses to tell what it retains"]


def test_a_lost_connection_answers_nothing(scene: Scene) -> None:
    assert scene.board.ask(HOTLIST_HEAD, wait=scene.wait(nothing, scene.lose, nothing)) is None
