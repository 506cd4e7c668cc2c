"""The publisher's thread: connects, delivers, connects again."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from edge.contract.health import EdgeHealth
from edge.contract.topics import Address
from edge.errors import ConfigError, EdgeError, LinkLostError, PublishError
from edge.publish.connection import Connection, Will
from edge.publish.delivery import REFUSED_S, Delivery, Standing
from edge.settings import MqttSettings
from edge.spool.queue import Spool
from edge.types import LinkState

_BACKOFF_S: Final = (0.25, 15.0)
"""First and longest wait before the next try; doubled each time, shortened at random by up to half."""

_SETTLED_S: Final = 10.0  # a connection that lasted so long was a good one: begin at the first wait again
_FAREWELL_S: Final = 1.0
_SHORT_S: Final = 5.0
_SHORT_LIVES: Final = 3
"""So many connections in a row that lived no longer than this point to a second box of our name."""

_log = structlog.get_logger(__name__)


class Publisher:
    """Delivers what the spool holds, and the newest health, until it is stopped.

    The broker's PUBACK is not durability: a message leaves the spool only by the centre's acknowledgement,
    and is sent again where that does not come.

    Args:
        spool: what to deliver; the publisher is told of every message put.
        settings: the broker.
        address: this edge's place in the topic tree.
        clock: now, UTC.
        command: takes what the centre says at our topic `cmd`, in the publisher's thread; must not block.
        heard: takes what comes at the topics that `listen` was told of, in the same way.
    """

    def __init__(
        self,
        spool: Spool,
        settings: MqttSettings,
        address: Address,
        *,
        clock: Callable[[], datetime],
        command: Callable[[bytes], None] | None = None,
        heard: Callable[[str, bytes], None] = lambda _topic, _payload: None,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._address = address
        self._clock = clock
        self._command = command
        self._heard = heard
        self._topics: frozenset[str] = frozenset()
        self._standing = Standing()
        self._connected = False
        self._connections = 0
        self._link_fault = ""
        self._short_lives = 0
        self._health: EdgeHealth | None = None
        self._health_new = False
        self._states: dict[str, bytes] = {}
        self._states_due: set[str] = set()
        self._states_lock = threading.Lock()
        self._put = False
        self._stop = threading.Event()
        self._drain_until = float("inf")
        # Written by any thread, read by ours: ends its wait for the broker.
        self._bell, self._wake = socket.socketpair()
        self._bell.setblocking(False)
        self._wake.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        spool.watch(self._told)

    @property
    def state(self) -> LinkState:
        """How the connection fares, from any thread."""
        standing = self._standing
        return LinkState(
            connected=self._connected,
            fault="; ".join(filter(None, (standing.fault, self._link_fault))),
            published=standing.published,
            resent=standing.resent,
            refused=standing.refused,
            unconfirmed=standing.unconfirmed if self._connected else 0,
            reconnects=max(self._connections - 1, 0),
            acks_unreadable=standing.acks_unreadable,
            clock_error_s=standing.clock_error_s,
        )

    def start(self) -> None:
        """Begin, in a thread of its own; an unreachable broker is no error."""
        self._thread.start()

    def announce(self, health: EdgeHealth) -> None:
        """Publish this health, retained: now, and again after every reconnect until a newer one comes."""
        self._health = health
        self._health_new = True
        self._ring()

    def retain(self, topic: str, payload: bytes) -> None:
        """Publish this as a topic's state, retained: now, and after every reconnect until a newer one comes.

        From any thread; of each topic only the newest is kept.
        """
        with self._states_lock:
            self._states[topic] = payload
            self._states_due.add(topic)
        self._ring()

    def listen(self, topics: frozenset[str]) -> None:
        """Hear these topics, and no others, on this connection and on those that follow; from any thread."""
        if topics != self._topics:
            self._topics = topics
            self._ring()

    def stop(self, *, drain_s: float = 5.0) -> bool:
        """Wait for the last acknowledgements, at most `drain_s`, say that this edge goes, and end.

        Returns:
            Whether the spool is empty: nothing is left to be delivered after the next start.
        """
        self._drain_until = time.monotonic() + drain_s
        self._stop.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join()
        self._bell.close()
        self._wake.close()
        return self._spool.is_empty()

    def _told(self) -> None:
        self._put = True
        self._ring()

    def _ring(self) -> None:
        # A full pipe rings anyway; a closed one means that nobody listens any more.
        with contextlib.suppress(OSError):
            self._bell.send(b"\0")

    def _run(self) -> None:
        tries = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except LinkLostError as error:
                tries = 0 if time.monotonic() - began > _SETTLED_S else tries + 1
                wait_s = min(_BACKOFF_S[0] * 2 ** min(tries, 16), _BACKOFF_S[1]) * random.uniform(0.5, 1)  # noqa: S311
                self._down(error, wait_s, hint=self._hint(error, lasted_s=time.monotonic() - began))
            except (PublishError, ConfigError) as error:
                self._standing.refused += 1
                self._down(error, REFUSED_S / 2)
            except EdgeError as error:
                self._down(error, _BACKOFF_S[1])
            except Exception as error:  # noqa: BLE001  # the thread's top: reads must go on being delivered
                _log.exception("publisher failed", edge=self._address.edge_id)
                self._down(error, _BACKOFF_S[1])

    def _hint(self, error: LinkLostError, *, lasted_s: float) -> str:
        """Whether a second box may bear our name: the broker then sends the one away for the other, again and again."""
        told = f"; does another box have the edge_id {self._address.edge_id!r}?"
        self._short_lives = self._short_lives + 1 if self._connected and lasted_s < _SHORT_S else 0
        if "Session taken over" in str(error):
            return told
        if self._short_lives < _SHORT_LIVES or self._standing.fault:  # what it refuses explains it
            return ""
        return told

    def _down(self, error: Exception, wait_s: float, *, hint: str = "") -> None:
        self._connected = False
        fault = f"{error}{hint}"
        if fault != self._link_fault:
            _log.warning("not connected", edge=self._address.edge_id, fault=fault)
        self._link_fault = fault
        self._stop.wait(wait_s)

    def _serve(self) -> None:
        """One connection, from its opening to its loss or to the end."""
        link = Connection(
            self._settings,
            client_id=f"edge-{self._address.edge_id}",
            will=Will(self._address.status, self._gone_health().model_dump_json().encode()),
            wake=self._wake,
        )
        with contextlib.closing(link):
            self._standing.unheard = {}
            delivery = Delivery(
                link,
                self._spool,
                self._settings,
                address=self._address,
                standing=self._standing,
                heard=self._take,
            )
            self._up()
            own = frozenset() if self._command is None else frozenset({self._address.cmd})
            while not self._finished():
                delivery.listen(own | self._topics)
                if self._put:
                    self._put = False
                    delivery.put()
                wait_s = delivery.send(now=time.monotonic())
                if delivery.takes_other(now=time.monotonic()):
                    self._send_other(link)
                try:
                    link.step(wait_s)
                finally:  # what was said before a loss still counts
                    delivery.take(now=time.monotonic(), clock=self._clock)
            self._farewell(link)
        self._connected = False

    def _take(self, topic: str, payload: bytes) -> None:
        """What is no acknowledgement."""
        if topic != self._address.cmd:
            self._heard(topic, payload)
        elif self._command is not None:
            self._command(payload)

    def _up(self) -> None:
        self._connected = True
        self._connections += 1
        self._link_fault = ""
        self._health_new = self._health is not None
        with self._states_lock:
            self._states_due = set(self._states)
        _log.info(
            "connected", edge=self._address.edge_id, broker=f"{self._settings.host}:{self._settings.port}"
        )

    def _finished(self) -> bool:
        return self._stop.is_set() and (time.monotonic() > self._drain_until or self._spool.is_empty())

    def _send_other(self, link: Connection) -> None:
        """Send what is of no stream: the health, or else one state."""
        topic = None
        with self._states_lock:
            is_health = self._health_new and self._health is not None
            if self._states_due and not is_health:
                topic = self._states_due.pop()
                payload = self._states[topic]
            more = bool(self._states_due)
        if is_health and self._health is not None:
            self._health_new = False
            link.publish(self._address.status, self._health.model_dump_json().encode(), retain=True)
        elif topic is not None:
            link.publish(topic, payload, retain=True)
        if more:
            self._ring()

    def _farewell(self, link: Connection) -> None:
        """Say that this edge goes on purpose; not worth more than a moment's patience."""
        last = self._health or self._gone_health()
        health = last.model_copy(update={"online": False, "at": self._clock()})
        link.confirmations.clear()
        mid = link.publish(self._address.status, health.model_dump_json().encode(), retain=True)
        deadline = time.monotonic() + _FAREWELL_S
        while time.monotonic() < deadline and mid not in [c.mid for c in link.confirmations]:
            link.step(0.1)
        link.goodbye()

    def _gone_health(self) -> EdgeHealth:
        return EdgeHealth(edge_id=self._address.edge_id, site_id=self._address.site_id, online=False)
