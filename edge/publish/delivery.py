"""Delivery over one open connection: what is sent next, and what answers mean for the spool."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from pydantic import ValidationError

from edge.contract.delivery import Ack, Gone, Stream
from edge.contract.topics import HOTLIST, Address
from edge.errors import LinkLostError
from edge.publish.connection import Connection, Incoming
from edge.publish.window import Key, Window
from edge.settings import MqttSettings
from edge.spool.queue import Outgoing, Spool

REFUSED_S: Final = 60.0
"""A stream that the broker refuses is tried again after this time: only a change over there can help."""

_SET_S: Final = 1.0  # by which our clock leaps when it is set
_BATCH: Final = 50  # messages between two looks at what the broker says
_LOOK_S: Final = 1.0  # between two looks at the dropped ranges; also the longest sleep
_PACKET_OVERHEAD: Final = 32  # bytes of an MQTT PUBLISH beside topic and payload, at most

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Standing:
    """How this edge has fared with the broker and the centre since its start, over all connections.

    Attributes:
        published, resent, refused, unconfirmed, acks_unreadable: as in `LinkState`.
        refusals: why the broker refuses a stream, or what is of no stream, until it takes it again.
        held_until: until when a refused stream, or what is of no stream, is not tried, so that it does not take
            the others along: mosquitto 2.0.11 closes the connection after each refusal.
        unanswered: whether the last connection broke off before the broker took anything of what it was sent.
            Where more than one message was under way, that may hide a refusal: closing a connection with
            messages unread throws away what was said last. The next connection sends one at a time.
        unheard: of topics that the broker keeps from us, why.
        clock_error_s: this box's clock minus the centre's: the least of what the last acknowledgements
            showed, because transit only ever adds to it. None before the first.
    """

    published: int = 0
    resent: int = 0
    refused: int = 0
    unconfirmed: int = 0
    acks_unreadable: int = 0
    refusals: dict[Stream | None, str] = field(default_factory=dict)
    held_until: dict[Stream | None, float] = field(default_factory=dict)
    unanswered: bool = False
    unheard: dict[str, str] = field(default_factory=dict)
    clock_error_s: float | None = None
    _clock_errors_s: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    _began_s: float | None = None

    @property
    def fault(self) -> str:
        """What the broker refuses and why; empty where it takes everything."""
        refused = [
            f"broker refuses {'health or announcements' if stream is None else f'stream {stream}'}: {reason}"
            for stream, reason in list(self.refusals.items())
        ]
        # The parts of the hotlists are many: one sentence for all of them leaves room for what else ails the box.
        unheard = {HOTLIST if t.startswith(HOTLIST) else t: why for t, why in self.unheard.items()}
        refused += [
            f"broker refuses us {'topics below' if topic == HOTLIST else 'the topic'} {topic}: {why}"
            for topic, why in unheard.items()
        ]
        return "; ".join(refused)

    def compare_clocks(self, *, ours: datetime, centres: datetime, now: float) -> None:
        """An acknowledgement that left the centre at its `centres` has arrived at our `ours`.

        `now`, of a clock that nobody sets, tells when ours was set: what was measured before is not true any more.
        """
        began_s = ours.timestamp() - now
        if self._began_s is not None and abs(began_s - self._began_s) > _SET_S:
            self._clock_errors_s.clear()
        self._began_s = began_s
        self._clock_errors_s.append((ours - centres).total_seconds())
        self.clock_error_s = min(self._clock_errors_s)


class Delivery:
    """Hands the spool to one connection; used by one thread, and for this connection only."""

    def __init__(
        self,
        link: Connection,
        spool: Spool,
        settings: MqttSettings,
        *,
        address: Address,
        standing: Standing,
        heard: Callable[[str, bytes], None] = lambda _topic, _payload: None,
    ) -> None:
        """Begin on an open connection; `heard` takes what comes at the topics of `listen`, and must not block."""
        self._link = link
        self._spool = spool
        self._address = address
        self._standing = standing
        # One less than the broker allows: health is sent beside the window.
        self._in_flight = max(min(settings.in_flight, link.receive_maximum - 1), 1)
        self._is_answered = False
        self._is_cautious = standing.unanswered
        self._window = Window(
            in_flight=1 if self._is_cautious else self._in_flight, resend_s=settings.resend_s
        )
        self._resend_s = settings.resend_s
        self._unread = set(Stream)  # streams that may hold something that is not under way
        self._gone_sent: dict[Gone, float] = {}
        self._gone_look_at = float("-inf")
        self._heard = heard
        self._topics: frozenset[str] = frozenset()
        link.subscribe(address.ack)

    def listen(self, topics: frozenset[str]) -> None:
        """Hear these topics from now on, beside the acknowledgements, and no others.

        Where the broker refuses one, reads are sent all the same.

        Raises:
            LinkLostError: the connection is gone.
        """
        if topics == self._topics:
            return
        for topic in sorted(self._topics - topics):
            self._link.unsubscribe(topic)
        for topic in sorted(topics - self._topics):
            self._link.subscribe(topic, optional=True)
        self._topics = topics

    def takes_other(self, *, now: float) -> bool:
        """Whether what is of no stream, health and states, may be sent beside the window now."""
        is_free = not self._is_cautious or self._window.unconfirmed == 0
        return is_free and now >= self._standing.held_until.get(None, now)

    def put(self) -> None:
        """Something was put into the spool."""
        self._unread = set(Stream)

    def take(self, *, now: float, clock: Callable[[], datetime]) -> None:
        """Act on what the broker and the centre have said.

        Raises:
            LinkLostError: the broker has stopped confirming, or what is under way bears numbers of an epoch
                that has ended.
            SpoolError: the spool cannot be written.
        """
        while self._link.confirmations:
            confirmation = self._link.confirmations.popleft()
            if confirmation.refusal:
                self._refused(self._window.refused(confirmation.mid), confirmation.refusal, now)
            else:
                self._answered()
                key = self._window.confirmed(confirmation.mid)
                self._standing.refusals.pop(None if key is None else key[0], None)
        self._standing.unheard = dict(self._link.denied)
        acks = [ack for ack in map(self._read_ack, self._take_incoming()) if ack is not None]
        for ack, retained in acks:
            if ack.at is not None and not retained:
                self._standing.compare_clocks(ours=clock(), centres=ack.at, now=now)
        # Each acknowledgement replaces the one before: the newest says all.
        for ack, _ in acks[-1:]:
            self._acknowledge(ack, now)
        if self._window.stalled(now=now):
            raise LinkLostError(f"broker confirms nothing for {2 * self._resend_s:.0f} s")

    def send(self, *, now: float) -> float:
        """Hand over what is due, most urgent first; how long nothing more will be, seconds.

        Raises:
            LinkLostError: the connection is gone.
            SpoolError: the spool cannot be read.
        """
        for key in self._window.due(now=now, limit=_BATCH):
            self._standing.resent += self._publish(self._spool.get(*key), key, now)
        more = self._fill(Stream.READ, now) | self._fill(Stream.UPDATE, now)
        self._announce_gone(now)
        more |= self._fill(Stream.CROP, now) | self._fill(Stream.OVERVIEW, now)
        if not more:  # a clip has many parts: not one of them goes before a picture that may go
            more = self._fill(Stream.CLIP, now)
        self._standing.unconfirmed = self._window.unconfirmed
        if more:
            return 0.0
        return min(max(self._window.next_due() - now, 0.0), _LOOK_S)

    def _answered(self) -> None:
        """The broker takes what we send."""
        if not self._is_answered:
            self._is_answered, self._is_cautious, self._standing.unanswered = True, False, False
            self._window.widen(self._in_flight)

    def _fill(self, stream: Stream, now: float) -> bool:
        """Hand over a batch of what is not under way yet; whether another may follow at once."""
        room = min(self._window.room(stream), _BATCH)
        if stream not in self._unread or room == 0 or now < self._standing.held_until.get(stream, now):
            return False
        backlog = self._window.backlog_room(stream)
        under_way = self._window.numbers(stream)
        messages = self._spool.pending(stream, limit=room, skip=under_way, backlog=backlog)
        for message in messages:
            self._publish(message, (stream, message.seq), now)
        if len(messages) < room:
            if backlog >= room:  # else the centre's next acknowledgement makes room for more
                self._unread.discard(stream)
            return False
        return self._window.room(stream) > 0

    def _publish(self, message: Outgoing | None, key: Key, now: float) -> bool:
        """Hand over one message; False where it has left the spool, or must."""
        if message is None:
            self._window.forget(key)
            return False
        size = len(message.topic) + len(message.payload)
        if size + _PACKET_OVERHEAD > self._link.maximum_packet:
            self._spool.drop(*key, reason=f"larger than the broker takes ({self._link.maximum_packet} bytes)")
            self._window.forget(key)
            return False
        mid = self._link.publish(message.topic, message.payload)
        self._standing.unanswered |= not self._is_answered
        self._window.add(key, mid=mid, size=size, now=now)
        self._standing.published += 1
        return True

    def _announce_gone(self, now: float) -> None:
        """Hand over announcements of dropped numbers that are new or due again."""
        if now < self._gone_look_at or self._window.space() == 0:
            return
        announced = {gone: self._gone_sent.get(gone, float("-inf")) for gone in self._spool.gone()}
        due = [gone for gone, sent_at in announced.items() if now - sent_at >= self._resend_s]
        # What finds no space follows with the next confirmation.
        self._gone_look_at = now if len(due) > self._window.space() else now + _LOOK_S
        for gone in due[: self._window.space()]:
            mid = self._link.publish(self._address.gone, gone.model_dump_json().encode())
            self._window.add_other(mid, now=now)
            self._standing.published += 1
            self._standing.resent += gone in self._gone_sent
            announced[gone] = now
        self._gone_sent = {gone: sent_at for gone, sent_at in announced.items() if sent_at > float("-inf")}

    def _take_incoming(self) -> list[Incoming]:
        """Acknowledgements; what is none goes where it belongs."""
        taken = list(self._link.incoming)
        self._link.incoming.clear()
        for incoming in taken:
            if incoming.topic != self._address.ack:
                self._heard(incoming.topic, incoming.payload)
        return [incoming for incoming in taken if incoming.topic == self._address.ack]

    def _read_ack(self, incoming: Incoming) -> tuple[Ack, bool] | None:
        try:
            return Ack.model_validate_json(incoming.payload), incoming.retained
        except ValidationError as error:
            self._standing.acks_unreadable += 1
            _log.warning("unreadable acknowledgement", fault=str(error.errors(include_input=False)[:1]))
            return None

    def _acknowledge(self, ack: Ack, now: float) -> None:
        epoch = self._spool.epoch
        self._spool.acknowledge(ack)
        if self._spool.epoch != epoch:
            raise LinkLostError(
                "the spool has begun a new epoch: connecting again to send all under new numbers"
            )
        if (ack.edge_id, ack.epoch) == (self._address.edge_id, self._spool.epoch):
            self._window.acknowledged(ack.streams, now=now)

    def _refused(self, key: Key | None, reason: str, now: float) -> None:
        self._standing.refused += 1
        stream = None if key is None else key[0]
        self._standing.held_until[stream] = now + REFUSED_S
        if stream is not None:
            self._unread.add(stream)
        if self._standing.refusals.get(stream) != reason:
            _log.error("broker refuses", edge=self._address.edge_id, stream=stream, reason=reason)
        self._standing.refusals[stream] = reason
