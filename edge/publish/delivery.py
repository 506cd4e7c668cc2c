"""Delivery over one open connection: what is sent next, and what answers mean for the spool."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from pydantic import ValidationError

from edge.contract.delivery import Ack, Gone, Stream
from edge.contract.topics import Address
from edge.errors import LinkLostError
from edge.publish.connection import Connection, Incoming
from edge.publish.window import Key, Window
from edge.settings import MqttSettings
from edge.spool.queue import Outgoing, Spool

REFUSED_S: Final = 60.0
"""What the broker refused is tried again after this time: only a change over there can help."""

_BATCH: Final = 50  # messages between two looks at what the broker says
_LOOK_S: Final = 1.0  # between two looks at the dropped ranges; also the longest sleep
_PACKET_OVERHEAD: Final = 32  # bytes of an MQTT PUBLISH beside topic and payload, at most

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What deliveries have counted since the start, over all connections; see `LinkState`."""

    published: int = 0
    resent: int = 0
    refused: int = 0
    acks_unreadable: int = 0
    fault: str = ""
    # This box's clock minus the centre's as each of the last acknowledgements showed it, seconds.
    clock_errors_s: deque[float] = field(default_factory=lambda: deque(maxlen=32))

    @property
    def clock_error_s(self) -> float | None:
        """The least that was seen: transit only ever adds to it."""
        return min(self.clock_errors_s, default=None)


class Delivery:
    """Hands the spool to one connection; used by one thread, and for this connection only."""

    def __init__(
        self,
        link: Connection,
        spool: Spool,
        settings: MqttSettings,
        *,
        address: Address,
        counts: Counts,
    ) -> None:
        self._link = link
        self._spool = spool
        self._address = address
        self._counts = counts
        self._window = Window(
            # One less than the broker allows: health is sent beside the window.
            in_flight=max(min(settings.in_flight, link.receive_maximum - 1), 1),
            resend_s=settings.resend_s,
            refused_s=max(REFUSED_S, settings.resend_s),
        )
        self._resend_s = settings.resend_s
        self._unread = set(Stream)  # streams that may hold something that is not under way
        self._gone_sent: dict[Gone, float] = {}
        self._gone_look_at = float("-inf")
        link.subscribe(address.ack)

    def put(self) -> None:
        """Something was put into the spool."""
        self._unread = set(Stream)

    def take(self, *, now: float, clock: Callable[[], datetime]) -> None:
        """Act on what the broker and the centre have said.

        Raises:
            LinkLostError: the broker has stopped confirming.
            SpoolError: the spool cannot be written.
        """
        while self._link.confirmations:
            confirmation = self._link.confirmations.popleft()
            if not confirmation.refusal:
                self._window.confirmed(confirmation.mid)
                continue
            key = self._window.refused(confirmation.mid, now=now)
            self._counts.refused += 1
            what = "a message" if key is None else f"messages of stream {key[0]}"
            self._say(f"broker refuses {what}: {confirmation.refusal}")
        acks = [ack for ack in map(self._read_ack, self._take_incoming()) if ack is not None]
        for ack, retained in acks:
            if ack.at is not None and not retained:
                self._counts.clock_errors_s.append((clock() - ack.at).total_seconds())
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
        self._announce_gone(now)
        for key in self._window.due(now=now, limit=_BATCH):
            self._counts.resent += self._publish(self._spool.get(*key), key, now)
        for stream in Stream:
            self._fill(stream, now)
        if any(self._window.room(stream) for stream in self._unread):
            return 0.0
        return min(max(self._window.next_due() - now, 0.0), _LOOK_S)

    def _fill(self, stream: Stream, now: float) -> None:
        room = min(self._window.room(stream), _BATCH)
        if stream not in self._unread or room == 0:
            return
        messages = self._spool.pending(stream, limit=room, skip=self._window.numbers(stream))
        for message in messages:
            self._publish(message, (stream, message.seq), now)
        if len(messages) < room:
            self._unread.discard(stream)

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
        self._window.add(key, mid=mid, size=size, now=now)
        self._counts.published += 1
        return True

    def _announce_gone(self, now: float) -> None:
        if now < self._gone_look_at:
            return
        self._gone_look_at = now + _LOOK_S
        before, self._gone_sent = self._gone_sent, {}
        for gone in self._spool.gone():
            sent_at = before.get(gone)
            if (sent_at is None or now - sent_at >= self._resend_s) and self._window.space():
                mid = self._link.publish(self._address.gone, gone.model_dump_json().encode())
                self._window.add_other(mid, now=now)
                self._counts.published += 1
                self._counts.resent += sent_at is not None
                sent_at = now
            if sent_at is not None:
                self._gone_sent[gone] = sent_at

    def _take_incoming(self) -> list[Incoming]:
        taken = list(self._link.incoming)
        self._link.incoming.clear()
        return taken

    def _read_ack(self, incoming: Incoming) -> tuple[Ack, bool] | None:
        try:
            return Ack.model_validate_json(incoming.payload), incoming.retained
        except ValidationError as error:
            self._counts.acks_unreadable += 1
            _log.warning("unreadable acknowledgement", fault=str(error.errors(include_input=False)[:1]))
            return None

    def _acknowledge(self, ack: Ack, now: float) -> None:
        self._spool.acknowledge(ack)
        if (ack.edge_id, ack.epoch) == (self._address.edge_id, self._spool.epoch):
            self._window.acknowledged(ack.streams, now=now)
            self._counts.fault = ""

    def _say(self, fault: str) -> None:
        if fault != self._counts.fault:
            _log.error(fault, edge=self._address.edge_id)
        self._counts.fault = fault
