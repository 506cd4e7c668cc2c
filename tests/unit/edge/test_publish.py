"""Delivery over a stand-in for the connection; the real connection against a socket that answers badly."""

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import free_port
from city import City
from edge_clips import clip_parts, clip_request
from edge_reads import NOON, Clock, ack, builder

from edge.contract.clip import PART_BYTES
from edge.contract.delivery import Ack, Gone, Stream
from edge.contract.health import EdgeHealth
from edge.contract.topics import Address, Kind, Numbered, hotlist_part, parse
from edge.errors import LinkLostError, PublishError
from edge.publish.connection import Confirmation, Connection, Incoming, Will
from edge.publish.delivery import REFUSED_S, Delivery, Standing
from edge.publish.publisher import Publisher
from edge.settings import MqttSettings
from edge.spool.queue import Spool

ADDRESS = Address("site-1", "edge-1")
RESEND_S = 20.0


class FakeLink:
    """A connection that notes what it is handed; the broker confirms when the test says so."""

    def __init__(self, *, receive_maximum: int = 65_535, maximum_packet: int = 1_000_000) -> None:
        self.receive_maximum = receive_maximum
        self.maximum_packet = maximum_packet
        self.confirmations: deque[Confirmation] = deque()
        self.incoming: deque[Incoming] = deque()
        self.subscribed: list[str] = []
        self.unsubscribed: list[str] = []
        self.denied: dict[str, str] = {}
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        self.sent.append((topic, payload))
        return len(self.sent)

    def subscribe(self, topic: str, *, optional: bool = False) -> None:
        self.subscribed.append(topic)

    def unsubscribe(self, topic: str) -> None:
        self.unsubscribed.append(topic)

    def confirm(self, refusal: str = "") -> None:
        """All that was handed over so far."""
        self.confirmations.extend(Confirmation(mid, refusal) for mid in range(1, len(self.sent) + 1))

    def say(self, message: Ack | bytes, *, retained: bool = False) -> None:
        payload = message if isinstance(message, bytes) else message.model_dump_json().encode()
        self.incoming.append(Incoming(ADDRESS.ack, payload, retained))

    def numbers(self) -> list[tuple[Kind, int]]:
        """Kind and number of every message, in the order of sending."""
        topics = [parse(topic) for topic, _ in self.sent]
        return [(t.kind, t.seq) for t in topics if isinstance(t, Numbered)]


class Scene:
    """A spool, a link and a delivery between them."""

    def __init__(
        self, spool: Spool, *, in_flight: int = 100, standing: Standing | None = None, **link: int
    ) -> None:
        self.spool = spool
        self.link = FakeLink(**link)
        self.standing = standing or Standing()
        self.clock = Clock()
        settings = MqttSettings(in_flight=in_flight, resend_s=RESEND_S)
        self.delivery = Delivery(
            self.link,  # type: ignore[arg-type]
            spool,
            settings,
            address=ADDRESS,
            standing=self.standing,
        )

    def put(self, count: int = 1, *, crop: int = 0) -> None:
        for _ in range(count):
            self.spool.put_read(builder(crop=bool(crop)), crop=b"c" * crop or None)
        self.delivery.put()

    def send(self, now: float = 0.0) -> float:
        """As the publisher does: send until there is nothing more to send."""
        for _ in range(1000):
            wait_s = self.delivery.send(now=now)
            if wait_s > 0:
                return wait_s
        raise AssertionError("never satisfied")

    def take(self, now: float = 0.0) -> None:
        self.delivery.take(now=now, clock=self.clock)

    def acknowledge(self, *seqs: int, stream: Stream = Stream.READ) -> None:
        self.link.say(ack(self.spool.epoch, {stream: seqs}))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=Clock()) as spool:
        yield spool


@pytest.fixture
def scene(spool: Spool) -> Scene:
    return Scene(spool)


class TestDelivery:
    def test_it_listens_to_its_own_acknowledgements(self, scene: Scene) -> None:
        assert scene.link.subscribed == [ADDRESS.ack]

    def test_all_that_waits_is_sent_once_reads_first(self, scene: Scene) -> None:
        scene.put(2, crop=50)
        scene.spool.put_update(scene.spool.put_read(builder()))
        scene.delivery.put()
        scene.send()
        scene.send()
        assert scene.link.numbers() == [
            *((Kind.READ, n) for n in (1, 2, 3)),
            (Kind.UPDATE, 1),
            *((Kind.CROP, n) for n in (1, 2)),
        ]
        assert scene.standing.published == 6

    def test_a_read_put_behind_pictures_overtakes_them(self, spool: Spool) -> None:
        scene = Scene(spool, in_flight=100)
        scene.put(5, crop=100_000)
        scene.send()
        assert scene.link.numbers()[5:] == [(Kind.CROP, 1), (Kind.CROP, 2)], "two fill the wire"
        scene.put()
        scene.send()
        assert scene.link.numbers()[7:] == [(Kind.READ, 6)]
        scene.link.confirm()
        scene.take()
        scene.send()
        assert scene.link.numbers()[8:] == [(Kind.CROP, 3), (Kind.CROP, 4)]

    def test_a_confirmation_deletes_nothing(self, scene: Scene) -> None:
        scene.put(3)
        scene.send()
        scene.link.confirm()
        scene.take()
        assert scene.spool.stats().messages == 3

    def test_the_centres_acknowledgement_does(self, scene: Scene) -> None:
        scene.put(3)
        scene.send()
        scene.link.confirm()
        scene.acknowledge(1, 3)
        scene.take(now=1.0)
        assert [m.seq for m in scene.spool.pending(Stream.READ, limit=9)] == [2]

    def test_what_it_leaves_out_is_sent_again_and_counted(self, scene: Scene) -> None:
        scene.put(3)
        scene.send()
        scene.link.confirm()
        scene.acknowledge(1, 3)
        scene.take(now=1.0)
        scene.send(now=RESEND_S - 1)
        assert len(scene.link.sent) == 3
        scene.send(now=RESEND_S)
        assert scene.link.numbers()[3:] == [(Kind.READ, 2)]
        assert (scene.standing.published, scene.standing.resent) == (4, 1)

    def test_what_has_left_the_spool_meanwhile_is_not_sent_again(self, scene: Scene) -> None:
        scene.put(1)
        scene.send()
        scene.link.confirm()
        scene.take()
        scene.spool.drop(Stream.READ, 1, reason="test")
        scene.send(now=RESEND_S)
        assert scene.link.numbers() == [(Kind.READ, 1)]
        assert scene.standing.resent == 0

    def test_no_more_is_handed_over_than_the_window(self, spool: Spool) -> None:
        scene = Scene(spool, in_flight=10)
        scene.put(25)
        scene.send()
        assert len(scene.link.sent) == 10
        scene.link.confirm()
        scene.take()
        scene.send()
        assert scene.link.numbers() == [(Kind.READ, n) for n in range(1, 21)]

    def test_the_backlog_leaves_room_for_what_is_live(self, tmp_path: Path) -> None:
        """Two windows of the backlog are under way and no more, and yet what is read now goes out at once."""
        clock = Clock()
        with Spool(tmp_path / "old.sqlite", edge_id="edge-1", max_bytes=50_000_000, clock=clock) as spool:
            scene = Scene(spool, in_flight=4)
            scene.put(30)
            clock.advance(60)
            for _ in range(10):
                scene.send()
                scene.link.confirm()
                scene.take()
            assert scene.link.numbers() == [(Kind.READ, n) for n in range(1, 9)]
            scene.put(1)
            scene.send()
            assert scene.link.numbers()[8:] == [(Kind.READ, 31)]
            scene.acknowledge(*range(1, 9))
            scene.take()
            scene.send()
            assert scene.link.numbers()[9:] == [(Kind.READ, n) for n in (9, 10, 11)]

    def test_nor_than_the_broker_allows(self, spool: Spool) -> None:
        scene = Scene(spool, in_flight=100, receive_maximum=5)
        scene.put(9)
        spool.drop(Stream.READ, 9, reason="test")
        scene.send()
        assert len(scene.link.sent) == 4, "one is kept for health"

    def test_a_new_epoch_ends_the_connection_and_goes_out_on_the_next(self, scene: Scene) -> None:
        scene.put(2)
        scene.send()
        scene.acknowledge(1, 2, 3)
        with pytest.raises(LinkLostError, match="new epoch"):
            scene.take()
        again = Scene(scene.spool)
        again.send()
        assert again.link.numbers() == [(Kind.READ, 1), (Kind.READ, 2)]
        topic = parse(again.link.sent[0][0])
        assert isinstance(topic, Numbered)
        assert topic.epoch == scene.spool.epoch

    def test_a_message_larger_than_the_broker_takes_is_given_up_and_announced(self, spool: Spool) -> None:
        scene = Scene(spool, maximum_packet=5_000)
        scene.put(crop=6_000)
        scene.put(crop=100)
        scene.send()
        assert scene.link.numbers() == [(Kind.READ, 1), (Kind.READ, 2), (Kind.CROP, 2)]
        scene.send(now=5.0)
        topic, payload = scene.link.sent[-1]
        gone = Gone.model_validate_json(payload)
        assert topic == ADDRESS.gone
        assert (gone.stream, gone.dropped.first, gone.dropped.last) == (Stream.CROP, 1, 1)
        assert "5000 bytes" in gone.reason

    def test_dropped_ranges_are_announced_until_acknowledged(self, scene: Scene) -> None:
        scene.put(5)
        for seq in (2, 3):
            scene.spool.drop(Stream.READ, seq, reason="test")
        for now in (0.0, 5.0, RESEND_S + 1, RESEND_S + 5):
            scene.send(now=now)
            scene.link.confirm()
            scene.take(now=now)
        assert [topic for topic, _ in scene.link.sent].count(ADDRESS.gone) == 2
        scene.acknowledge(1, 2, 3, 4, 5)
        scene.take(now=30.0)
        scene.send(now=100.0)
        assert [topic for topic, _ in scene.link.sent].count(ADDRESS.gone) == 2
        assert scene.spool.is_empty()

    def test_a_refusal_is_said_counted_and_tried_again_slowly(self, scene: Scene) -> None:
        scene.put(2)
        scene.send()
        scene.link.confirm(refusal="Not authorized")
        scene.take()
        assert scene.standing.refused == 2
        assert scene.standing.fault == "broker refuses stream read: Not authorized"
        scene.send(now=REFUSED_S - 1)
        assert len(scene.link.sent) == 2
        scene.send(now=REFUSED_S)
        assert scene.link.numbers()[2:] == [(Kind.READ, 1), (Kind.READ, 2)]
        scene.link.confirm()
        scene.take(now=REFUSED_S)
        assert scene.standing.fault == ""

    def test_a_refused_stream_does_not_hold_up_the_others_nor_forget_over_a_reconnect(
        self, spool: Spool
    ) -> None:
        scene = Scene(spool)
        scene.put(1, crop=100)
        scene.send()
        scene.link.confirmations.append(Confirmation(1, ""))
        scene.link.confirmations.append(Confirmation(2, "Not authorized"))
        scene.take()
        assert scene.standing.fault == "broker refuses stream crop: Not authorized"
        again = Scene(spool, standing=scene.standing)
        again.send(now=5.0)
        again.put()
        again.send(now=5.0)
        assert again.link.numbers() == [(Kind.READ, 1), (Kind.READ, 2)]
        again.send(now=REFUSED_S)
        assert again.link.numbers()[2:] == [(Kind.CROP, 1)]

    def test_after_a_connection_that_answered_nothing_one_is_sent_at_a_time(self, spool: Spool) -> None:
        """A broker that closes on a refusal, with more under way, may not be heard to say so."""
        lost = Scene(spool)
        lost.put(5, crop=10)
        lost.send()
        assert len(lost.link.numbers()) == 10
        assert lost.standing.unanswered

        wary = Scene(spool, standing=lost.standing)
        assert wary.delivery.takes_other(now=0.0), "nothing is under way"
        wary.send()
        assert wary.link.numbers() == [(Kind.READ, 1)]
        assert not wary.delivery.takes_other(now=0.0)
        wary.link.confirm("Not authorized")
        wary.take()
        assert wary.standing.fault == "broker refuses stream read: Not authorized"
        assert wary.standing.unanswered, "a refusal is no proof that the rest is taken"

        wary = Scene(spool, standing=lost.standing)
        wary.send(now=1.0)
        assert wary.link.numbers() == [(Kind.CROP, 1)], "the next stream, alone as well"

    def test_once_the_broker_takes_something_all_is_sent(self, spool: Spool) -> None:
        wary = Scene(spool, standing=Standing(unanswered=True))
        wary.put(5)
        wary.send()
        assert wary.link.numbers() == [(Kind.READ, 1)]
        wary.link.confirm()
        wary.take()
        wary.send()
        assert wary.link.numbers() == [(Kind.READ, n) for n in range(1, 6)]
        assert not wary.standing.unanswered
        assert wary.delivery.takes_other(now=0.0), "beside the window"

    def test_refused_health_is_tried_again_slowly_and_takes_no_stream_along(self, scene: Scene) -> None:
        scene.link.confirmations.append(Confirmation(99, "Not authorized"))
        scene.take(now=0.0)
        assert not scene.delivery.takes_other(now=1.0)
        assert scene.delivery.takes_other(now=REFUSED_S)
        scene.put()
        scene.send(now=1.0)
        assert scene.link.numbers() == [(Kind.READ, 1)]

    def test_refused_announcements_are_said_too(self, scene: Scene) -> None:
        scene.put(1)
        scene.spool.drop(Stream.READ, 1, reason="test")
        scene.send()
        scene.link.confirm(refusal="Not authorized")
        scene.take()
        assert scene.standing.fault == "broker refuses health or announcements: Not authorized"

    def test_an_unreadable_acknowledgement_is_counted_and_changes_nothing(self, scene: Scene) -> None:
        scene.put(1)
        scene.send()
        for junk in (b"", b"\xff\xfe", b'{"edge_id":"edge-1"}'):
            scene.link.say(junk)
        scene.take()
        assert scene.standing.acks_unreadable == 3
        assert scene.spool.stats().messages == 1

    def test_that_of_another_epoch_does_not_make_the_centre_heard(self, scene: Scene) -> None:
        scene.put(2)
        scene.send()
        scene.link.confirm()
        scene.link.say(ack(scene.spool.epoch - 1, {Stream.READ: [1, 2]}), retained=True)
        scene.take(now=1.0)
        assert scene.spool.stats().messages == 2
        scene.send(now=RESEND_S)
        assert len(scene.link.sent) == 3, "one probe"

    def test_of_several_acknowledgements_the_newest_counts(self, scene: Scene) -> None:
        scene.put(3)
        scene.send()
        scene.acknowledge(1)
        scene.acknowledge(1, 2, 3)
        scene.take()
        assert scene.spool.is_empty()

    def test_the_clock_error_is_the_least_that_live_acknowledgements_show(self, scene: Scene) -> None:
        assert scene.standing.clock_error_s is None
        for age_s, retained in ((90.0, True), (2.5, False), (2.1, False), (2.7, False)):
            scene.clock.now = NOON
            scene.clock.advance(age_s)
            scene.link.say(ack(scene.spool.epoch, {}, at=NOON), retained=retained)
            scene.take()
        assert scene.standing.clock_error_s == pytest.approx(2.1)

    @pytest.mark.parametrize("error_s", [3600.0, -3600.0])
    def test_a_clock_that_was_set_is_measured_anew_at_once(self, scene: Scene, error_s: float) -> None:
        """Not after as many acknowledgements as are remembered: reads would bear the error meanwhile."""
        for error in (error_s, error_s, 0.25):
            scene.clock.now = NOON
            scene.clock.advance(error)
            scene.link.say(ack(scene.spool.epoch, {}, at=NOON), retained=False)
            scene.take()
        assert scene.standing.clock_error_s == pytest.approx(0.25)

    def test_a_broker_that_confirms_nothing_is_left(self, scene: Scene) -> None:
        scene.put(1)
        scene.send()
        scene.take(now=2 * RESEND_S)
        with pytest.raises(LinkLostError, match="confirms nothing for 40 s"):
            scene.take(now=2 * RESEND_S + 1)

    def test_with_nothing_to_do_it_sleeps_and_with_more_to_send_it_does_not(self, spool: Spool) -> None:
        scene = Scene(spool)
        assert scene.delivery.send(now=0.0) == 1.0
        scene.put(60)
        assert scene.delivery.send(now=0.0) == 0.0
        assert scene.delivery.send(now=0.0) == 1.0


class AnsweringSocket:
    """Accepts connections and answers each CONNECT with fixed bytes; none: it hangs up.

    With a `goodbye` it says that too, a moment later, and hangs up.
    """

    def __init__(self, answer: bytes | None, *, goodbye: bytes | None) -> None:
        self.connections = 0
        self._answer = answer
        self._goodbye = goodbye
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        held = []
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                peer.recv(4096)
                if self._answer is None:
                    peer.close()
                else:
                    peer.sendall(self._answer)
                    held.append(peer)
                if self._goodbye is not None:
                    time.sleep(0.1)
                    peer.sendall(self._goodbye)
                    peer.close()
        for peer in held:
            peer.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@contextlib.contextmanager
def answering(answer: bytes | None, *, goodbye: bytes | None = None) -> Iterator[AnsweringSocket]:
    server = AnsweringSocket(answer, goodbye=goodbye)
    try:
        yield server
    finally:
        server.close()


def connect(settings: MqttSettings) -> None:
    bell, wake = socket.socketpair()
    with (
        bell,
        wake,
        contextlib.closing(Connection(settings, client_id="edge-1", will=Will("t", b""), wake=wake)),
    ):
        raise AssertionError("connected to what is no broker")


class TestRefusal:
    @pytest.mark.parametrize(
        ("protocol", "answer", "words"),
        [
            ("5", b"\x20\x03\x00\x86\x00", "connection of user 'edge-1' refused: Bad user name or password"),
            ("5", b"\x20\x03\x00\x87\x00", "connection of user 'edge-1' refused: Not authorized"),
            ("5", b"\x20\x03\x00\x8a\x00", "connection of user 'edge-1' refused: Banned"),
            ("3.1.1", b"\x20\x02\x00\x04", "connection of user 'edge-1' refused: Bad user name or password"),
            ("3.1.1", b"\x20\x02\x00\x05", "connection of user 'edge-1' refused: Not authorized"),
        ],
    )
    def test_the_broker_and_the_reason_are_named(
        self, tmp_path: Path, protocol: str, answer: bytes, words: str
    ) -> None:
        (tmp_path / "password").write_text("wrong\n")
        with answering(answer) as server:
            settings = MqttSettings(
                port=server.port, protocol=protocol, username="edge-1", password_file=tmp_path / "password"
            )
            with pytest.raises(PublishError) as caught:
                connect(settings)
        assert str(caught.value) == f"broker 127.0.0.1:{server.port}: {words}"
        assert not isinstance(caught.value, LinkLostError)

    @pytest.mark.parametrize(("code", "words"), [(0x88, "Server unavailable"), (0x89, "Server busy")])
    def test_a_busy_broker_is_tried_again_soon(self, code: int, words: str) -> None:
        with (
            answering(bytes([0x20, 3, 0, code, 0])) as server,
            pytest.raises(LinkLostError, match=words),
        ):
            connect(MqttSettings(port=server.port))

    def test_a_broker_that_hangs_up_on_a_user_may_not_know_him(self, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("wrong\n")
        with answering(None) as server:
            settings = MqttSettings(port=server.port, username="edge-1", password_file=tmp_path / "password")
            with pytest.raises(LinkLostError, match="are user and password right"):
                connect(settings)

    @pytest.mark.parametrize(("protocol", "other"), [("5", "3.1.1"), ("3.1.1", "5")])
    def test_a_broker_that_hangs_up_may_speak_another_version(self, protocol: str, other: str) -> None:
        with answering(None) as server, pytest.raises(LinkLostError) as caught:
            connect(MqttSettings(port=server.port, protocol=protocol))
        assert str(caught.value).endswith(
            "The connection was lost before it accepted us; does it ask for a user and password? "
            f'Does it speak MQTT {protocol}? If not, set protocol: "{other}"'
        )

    def test_a_broker_that_says_so_is_believed(self) -> None:
        with answering(b"\x20\x02\x00\x01") as server, pytest.raises(PublishError) as caught:
            connect(MqttSettings(port=server.port))
        assert str(caught.value).endswith('refused: Unsupported protocol version; set protocol: "3.1.1"')

    def test_nobody_there(self, tmp_path: Path) -> None:
        port = free_port()
        (tmp_path / "password").write_text("right\n")
        settings = MqttSettings(port=port, username="edge-1", password_file=tmp_path / "password")
        with pytest.raises(LinkLostError) as caught:
            connect(settings)
        assert str(caught.value) == f"broker 127.0.0.1:{port}: Connection refused"

    def test_tls_files_that_cannot_be_used_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        settings = MqttSettings(tls={"ca_file": tmp_path / "ca.pem"})
        with pytest.raises(PublishError, match=r"TLS files cannot be used \(.*ca\.pem\)"):
            connect(settings)

    # paho leaves the socket of a failed handshake to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_broker_that_hangs_up_in_the_handshake_of_tls_is_tried_again_soon(self, tmp_path: Path) -> None:
        ca = City(tmp_path / "city").ca / "ca.pem"
        with (
            answering(None) as server,
            pytest.raises(LinkLostError, match="closed during the handshake of TLS"),
        ):
            connect(MqttSettings(port=server.port, tls={"ca_file": ca}))

    # paho leaves the socket of a failed handshake to the garbage collector.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_broker_without_tls_is_refused_by_us(self) -> None:
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        if not certificates.exists():
            pytest.skip("no certificates of the system to verify with")
        with answering(b"\x20\x03\x00\x00\x00") as server, pytest.raises(PublishError, match="TLS"):
            connect(MqttSettings(port=server.port, tls={"ca_file": certificates}))


class TestPublisher:
    def publisher(self, spool: Spool, settings: MqttSettings) -> Publisher:
        return Publisher(spool, settings, ADDRESS, clock=Clock())

    def test_without_a_broker_it_says_so_and_reads_wait(self, spool: Spool) -> None:
        port = free_port()
        publisher = self.publisher(spool, MqttSettings(port=port))
        publisher.start()
        spool.put_read(builder())
        wait_for(lambda: publisher.state.fault)
        assert publisher.state.fault == f"broker 127.0.0.1:{port}: Connection refused"
        assert not publisher.state.connected
        began = time.monotonic()
        assert publisher.stop(drain_s=30) is False
        assert time.monotonic() - began < 2, "there is nothing to wait for"
        assert spool.stats().messages == 1

    def test_a_refusal_is_counted_and_not_tried_again_at_once(self, spool: Spool) -> None:
        with answering(b"\x20\x03\x00\x87\x00") as server:
            publisher = self.publisher(spool, MqttSettings(port=server.port))
            publisher.start()
            wait_for(lambda: publisher.state.refused)
            time.sleep(1.0)
            assert server.connections == 1
            assert "a client without a user refused: Not authorized" in publisher.state.fault
            publisher.stop()

    def test_an_unreachable_broker_is_tried_again_ever_more_slowly(self, spool: Spool) -> None:
        with answering(None) as server:
            publisher = self.publisher(spool, MqttSettings(port=server.port))
            publisher.start()
            time.sleep(2.0)
            publisher.stop()
            assert 2 <= server.connections <= 5

    @pytest.mark.parametrize(
        "goodbye", [b"", b"\xe0\x02\x8e\x00"], ids=["without a word", "session taken over"]
    )
    def test_two_boxes_of_one_name_are_hinted_at(self, spool: Spool, goodbye: bytes) -> None:
        with answering(b"\x20\x03\x00\x00\x00", goodbye=goodbye) as server:
            publisher = self.publisher(spool, MqttSettings(port=server.port))
            publisher.start()
            wait_for(lambda: "does another box have the edge_id 'edge-1'?" in publisher.state.fault)
            publisher.stop(drain_s=0)
        assert server.connections >= (1 if goodbye else 3)

    def test_a_missing_password_file_is_a_plain_fault(self, spool: Spool, tmp_path: Path) -> None:
        settings = MqttSettings(username="edge-1", password_file=tmp_path / "none")
        publisher = self.publisher(spool, settings)
        publisher.start()
        wait_for(lambda: publisher.state.fault)
        assert "none: secret cannot be read" in publisher.state.fault
        publisher.stop()

    def test_never_started_it_may_be_stopped_and_told(self, spool: Spool) -> None:
        publisher = self.publisher(spool, MqttSettings())
        publisher.announce(EdgeHealth(edge_id="edge-1", site_id="site-1", online=True))
        assert publisher.stop() is True
        spool.put_read(builder())
        assert publisher.stop() is False


def wait_for(condition: object, timeout_s: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


class TestCommands:
    def scene(self, spool: Spool, heard: list[tuple[str, bytes]]) -> tuple[FakeLink, Delivery]:
        link = FakeLink()
        delivery = Delivery(
            link,  # type: ignore[arg-type]
            spool,
            MqttSettings(resend_s=RESEND_S),
            address=ADDRESS,
            standing=Standing(),
            heard=lambda topic, payload: heard.append((topic, payload)),
        )
        return link, delivery

    def test_what_the_centre_asks_goes_to_who_meets_it_and_is_no_acknowledgement(self, spool: Spool) -> None:
        heard: list[tuple[str, bytes]] = []
        link, delivery = self.scene(spool, heard)
        delivery.listen(frozenset({ADDRESS.cmd}))
        assert link.subscribed == [ADDRESS.ack, ADDRESS.cmd]
        spool.put_read(builder())
        link.incoming.append(Incoming(ADDRESS.cmd, b"one", True))
        link.say(ack(spool.epoch, {Stream.READ: [1]}))
        link.incoming.append(Incoming(ADDRESS.cmd, b"two", False))
        delivery.take(now=0.0, clock=Clock())
        assert heard == [(ADDRESS.cmd, b"one"), (ADDRESS.cmd, b"two")]
        assert spool.is_empty()
        assert not link.incoming

    def test_it_listens_to_what_it_was_told_last_and_to_nothing_twice(self, spool: Spool) -> None:
        link, delivery = self.scene(spool, [])
        assert link.subscribed == [ADDRESS.ack]
        for topics in ({"b", "a"}, {"b", "a"}, {"b", "c"}, {"b", "c", "a"}):
            delivery.listen(frozenset(topics))
        assert link.subscribed == [ADDRESS.ack, "a", "b", "c", "a"]
        assert link.unsubscribed == ["a"]

    def test_what_still_comes_after_it_was_told_otherwise_is_no_acknowledgement(self, spool: Spool) -> None:
        heard: list[tuple[str, bytes]] = []
        link, delivery = self.scene(spool, heard)
        link.incoming.append(Incoming("a", ack(spool.epoch, {}).model_dump_json().encode(), True))
        delivery.take(now=0.0, clock=Clock())
        assert [topic for topic, _ in heard] == ["a"]
        assert delivery._standing.clock_error_s is None

    def test_a_broker_that_keeps_commands_from_us_is_told_of_and_reads_go_on(self, spool: Spool) -> None:
        link, standing = FakeLink(), Standing()
        delivery = Delivery(
            link,  # type: ignore[arg-type]
            spool,
            MqttSettings(resend_s=RESEND_S),
            address=ADDRESS,
            standing=standing,
        )
        delivery.listen(frozenset({ADDRESS.cmd}))
        link.denied[ADDRESS.cmd] = "Not authorized"
        spool.put_read(builder())
        delivery.put()
        delivery.send(now=0.0)
        delivery.take(now=0.0, clock=Clock())
        assert standing.fault == f"broker refuses us the topic {ADDRESS.cmd}: Not authorized"
        assert link.numbers() == [(Kind.READ, 1)]

    def test_a_broker_that_keeps_the_parts_of_the_hotlists_from_us_is_told_of_once(self) -> None:
        parts = dict.fromkeys(map(hotlist_part, range(256)), "Not authorized")
        standing = Standing(unheard={ADDRESS.cmd: "Not authorized", **parts})
        assert standing.fault == (
            f"broker refuses us the topic {ADDRESS.cmd}: Not authorized; "
            "broker refuses us topics below lpr/v1/hotlist/: Not authorized"
        )

    def test_a_topic_that_the_broker_gives_later_is_denied_no_more(self) -> None:
        bell, wake = socket.socketpair()
        subacks = b"\x90\x04\x00\x01\x00\x87" + b"\x90\x04\x00\x02\x00\x87" + b"\x90\x04\x00\x03\x00\x01"
        with bell, wake, answering(b"\x20\x03\x00\x00\x00", goodbye=subacks) as server:
            settings = MqttSettings(port=server.port)
            link = Connection(settings, client_id="edge-1", will=Will("t", b""), wake=wake)
            for topic in ("a", "b", "a"):
                link.subscribe(topic, optional=True)
            with contextlib.closing(link), pytest.raises(LinkLostError):
                self.run_on(link)
        assert link.denied == {"b": "Not authorized"}

    def run_on(self, link: Connection) -> None:
        for _ in range(50):
            link.step(0.1)

    @pytest.mark.parametrize("optional", [True, False])
    def test_a_refused_subscription_ends_the_link_unless_we_can_do_without(self, optional: bool) -> None:
        bell, wake = socket.socketpair()
        suback = b"\x90\x04\x00\x01\x00\x87"  # to the first subscription: not authorized
        with bell, wake, answering(b"\x20\x03\x00\x00\x00", goodbye=suback) as server:
            settings = MqttSettings(port=server.port)
            link = Connection(settings, client_id="edge-1", will=Will("t", b""), wake=wake)
            link.subscribe(ADDRESS.cmd, optional=optional)
            with contextlib.closing(link), pytest.raises(PublishError) as caught:
                self.run_on(link)
        assert link.denied == ({ADDRESS.cmd: "Not authorized"} if optional else {})
        assert isinstance(caught.value, LinkLostError) is optional, (
            "with the first it went on until it was closed"
        )

    def test_parts_of_a_clip_go_one_at_a_time_and_behind_everything_else(self, spool: Spool) -> None:
        link, delivery = self.scene(spool, [])
        request = clip_request()
        spool.put_clip(ADDRESS, request, lambda: clip_parts(request, b"x" * (3 * PART_BYTES)))
        spool.put_read(builder(crop=True, overview=True), crop=b"c" * 3_000, overview=b"o" * 90_000)
        delivery.put()
        for _ in range(20):
            if delivery.send(now=0.0) > 0:
                break
        kinds = [kind for kind, _ in link.numbers()]
        assert kinds == [Kind.READ, Kind.CROP, Kind.OVERVIEW, Kind.CLIP]
        link.confirm()
        delivery.take(now=0.0, clock=Clock())
        spool.put_read(builder(crop=True), crop=b"c" * 3_000)
        delivery.put()
        for _ in range(20):
            if delivery.send(now=0.0) > 0:
                break
        assert [kind for kind, _ in link.numbers()][4:] == [Kind.READ, Kind.CROP, Kind.CLIP]
