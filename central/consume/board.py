"""What the broker retains for all edges: put there one after another, and asked for, on the consumer's connection.

A connection of its own cannot be had: the broker that we ship takes the certificate's name for the client's, and a
second client of a name ends the first.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from central.errors import RefusedError
from central.types import Wait

_LOOK_S: Final = 0.005
_PATIENCE_S: Final = 2.0
"""After a subscription is confirmed: a broker hands out at once what it retains."""
_REFUSED_MAX: Final = 1_000

_log = structlog.get_logger(__name__)


class Board:
    """One thread's; the broker's answers come on paho's.

    Attributes:
        told: messages given to paho.
    """

    def __init__(self, client: Client, *, connection: Callable[[], int]) -> None:
        """Prepare.

        Args:
            client: whose connection it is.
            connection: which one it is, from 1; 0 while there is none.
        """
        self.told = 0
        self._client: Final = client
        self._connection: Final = connection
        self._refused: Final[deque[int]] = deque(maxlen=_REFUSED_MAX)
        self._lock: Final = threading.Lock()
        self._mid: int | None = None
        self._answered_s: float | None = None
        self._is_refused = False
        self._payload: bytes | None = None

    @property
    def connection(self) -> int:
        """Which connection it is, from 1; 0 while there is none."""
        return self._connection()

    def tell(self, topic: str, payload: bytes, *, wait: Wait) -> bool:
        """Publish, retained, and wait until the broker has confirmed it.

        Returns:
            whether it is there; not where the connection was lost first, there was no room, or it was time to stop.

        Raises:
            RefusedError: the broker has thrown it away; over MQTT 3.1.1 it says nothing of that.
        """
        connection = self.connection
        if connection == 0:
            return False
        self._refused.clear()  # numbers of messages come again, and anybody's are noted
        info = self._client.publish(topic, payload, qos=1, retain=True)
        self.told += (
            info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        )  # without a connection paho keeps it for the next
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        while not info.is_published():
            if self.connection != connection or wait(_LOOK_S):
                return False
        if info.mid in self._refused:
            raise RefusedError(f"broker refuses {topic}; may we write lpr/v1/hotlist/# by its access list?")
        return True

    def refuse(self, mid: int) -> None:
        """Note that the broker has confirmed a message and thrown it away."""
        self._refused.append(mid)

    def ask(self, topic: str, *, wait: Wait) -> bytes | None:
        """What is retained there; None where nothing is, the broker refuses to say, or the connection is lost."""
        connection = self.connection
        with self._lock:
            self._payload, self._answered_s, self._is_refused = None, None, False
            _, self._mid = self._client.subscribe(topic, qos=0)
        while self._is_open() and self.connection == connection and not wait(_LOOK_S):
            pass
        self._client.unsubscribe(topic)
        if self._is_refused:
            _log.error("broker refuses to tell what it retains", topic=topic)
        return self._payload

    def is_answer(self, mid: int, reasons: Sequence[ReasonCode]) -> bool:
        """Whether it is the subscription of `ask` that the broker answers; then it is noted."""
        with self._lock:
            if mid != self._mid:
                return False
            self._mid, self._answered_s = None, time.monotonic()
            self._is_refused = any(reason.is_failure for reason in reasons)
            return True

    def take(self, payload: bytes) -> None:
        """Note what is retained."""
        self._payload = payload

    def _is_open(self) -> bool:
        if self._payload is not None or self._is_refused:
            return False
        return self._answered_s is None or time.monotonic() - self._answered_s < _PATIENCE_S
