"""Health of the box: what the cameras, the spool and the link say, put together and sent on.

It is sent at an interval, and at once where something changed that a person would want to know: a camera's
state, a fault, a message given up.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

import structlog

from edge import certificate
from edge.contract.health import CameraHealth, ClipHealth, EdgeHealth, HotlistHealth
from edge.contract.topics import Address
from edge.errors import SpoolError
from edge.spool.queue import Spool
from edge.spool.tally import SpoolStats
from edge.types import LinkState

_LOOK_S: Final = 0.5
_FAULT_CHARS: Final = 300
_CLOCK_S: Final = 5.0
_AGE: Final = timedelta(minutes=15)
_DROPS_SAID_S: Final = 3600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask; each is called from the reporter's thread and must not block.

    Attributes:
        cameras: every camera, in a fixed order.
        pipeline_ms: median time of one analysed frame; None before the first.
        link: the connection to the broker.
        outbox: what keeps reads from the spool; empty: nothing.
        certificate_days: how long our certificate holds; None where there is none.
        clips: what became of the centre's requests.
        hotlist: the copy of the hotlists.
    """

    cameras: Callable[[], Sequence[CameraHealth]]
    pipeline_ms: Callable[[], float | None]
    link: Callable[[], LinkState]
    outbox: Callable[[], str]
    certificate_days: Callable[[], float | None] = lambda: None
    clips: Callable[[], ClipHealth] = ClipHealth
    hotlist: Callable[[], HotlistHealth] = HotlistHealth


class HealthReporter:
    """Collects and sends, in a thread of its own once started.

    Args:
        address: this edge.
        spool: its spool.
        sources: everything else that has something to say.
        send: takes each message, such as `Publisher.announce`.
        interval_s: longest time between two messages.
        clock: now, UTC.

    Attributes:
        latest: what was last found; None before the first look.
    """

    def __init__(
        self,
        address: Address,
        spool: Spool,
        sources: Sources,
        *,
        send: Callable[[EdgeHealth], None],
        interval_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._address = address
        self._spool = spool
        self._sources = sources
        self._send = send
        self._interval_s = interval_s
        self._clock = clock
        self._started_at = clock()
        self._drops = _Drops()
        self.latest: EdgeHealth | None = None
        self._looked_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def collect(self) -> EdgeHealth:
        """The box as it is now."""
        link = self._sources.link()
        # Reads that are about to be lost come first: the rest may be cut off.
        faults = [self._sources.outbox(), link.fault]
        days, hotlist = self._sources.certificate_days(), self._sources.hotlist()
        stats: SpoolStats | None = None
        oldest_at: datetime | None = None
        try:
            stats, oldest_at = self._spool.stats(), self._spool.oldest_read_at()
        except SpoolError as error:
            faults.append(str(error))
        if stats is not None and stats.set_aside:
            faults.append(f"{stats.set_aside} damaged spool file(s) set aside beside the spool")
        if stats is not None and stats.renewed:
            faults.append("spool was an old copy: what waited got new numbers, and some reads may come twice")
        faults += [
            certificate.fault(days),
            _clock_fault(link.clock_error_s),
            _age_fault(oldest_at, self._clock()),
        ]
        faults += [self._drops.fault(stats.dropped if stats else 0), hotlist.fault]
        return EdgeHealth(
            edge_id=self._address.edge_id,
            site_id=self._address.site_id,
            online=True,
            at=self._clock(),
            started_at=self._started_at,
            version=version("atalaya"),
            epoch=self._spool.epoch,
            clock_error_s=link.clock_error_s,
            fault="; ".join(filter(None, faults))[:_FAULT_CHARS],
            spool_messages=stats.messages if stats else 0,
            spool_bytes=stats.bytes if stats else 0,
            spool_dropped=stats.dropped if stats else 0,
            spool_oldest_at=oldest_at,
            certificate_days_left=days,
            clips=self._sources.clips(),
            hotlist=hotlist,
            pipeline_ms=self._sources.pipeline_ms(),
            interval_s=self._interval_s,
            cameras=tuple(self._sources.cameras()),
        )

    @property
    def stuck_s(self) -> float:
        """How long ago it last began to look, seconds."""
        return time.monotonic() - self._looked_at

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is sent afterwards. That the box is offline is the publisher's to say."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        sent: EdgeHealth | None = None
        sent_at = float("-inf")
        while not self._stop.is_set():
            self._looked_at = time.monotonic()
            try:
                self.latest = health = self.collect()
                overdue = time.monotonic() - sent_at >= self._interval_s
                if sent is None or overdue or _telling(health) != _telling(sent):
                    self._send(health)
                    sent, sent_at = health, time.monotonic()
            except Exception:  # noqa: BLE001  # the thread's top: a box without health must still read plates
                _log.exception("health failed", edge=self._address.edge_id)
            self._stop.wait(min(_LOOK_S, self._interval_s))


class _Drops:
    """Messages that were given up lately.

    What was given up in an earlier life is no news; what was given up is said for an hour.
    """

    def __init__(self) -> None:
        self._known: int | None = None
        self._before = 0
        self._at = float("-inf")

    def fault(self, dropped: int) -> str:
        now = time.monotonic()
        if self._known is None or dropped < self._known:  # the first look, or a new epoch
            self._known = self._before = dropped
        if dropped > self._known:
            if now - self._at > _DROPS_SAID_S:
                self._before = self._known
            self._known, self._at = dropped, now
        lately = self._known - self._before
        if not lately or now - self._at > _DROPS_SAID_S:
            return ""
        # In steps of powers of two: every one more would be news.
        return (
            f"the spool is full: {1 << lately.bit_length() - 1} message(s) or more given up in the last hour"
        )


def _clock_fault(error_s: float | None) -> str:
    """What is wrong with the box's clock, as against the centre's; empty: nothing that matters."""
    if error_s is None or abs(error_s) < _CLOCK_S:
        return ""
    # Two figures: a third would be news every minute.
    digits = 1 - math.floor(math.log10(abs(error_s)))
    amount = f"{round(abs(error_s), digits):g} s"
    return (
        f"the clock is {amount} {'ahead of' if error_s > 0 else 'behind'} the centre's: set it (timedatectl)"
    )


def _age_fault(oldest_at: datetime | None, now: datetime) -> str:
    """How long reads have been waiting; empty: not long."""
    if oldest_at is None or now - oldest_at < _AGE:
        return ""
    return f"reads wait since {oldest_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _telling(health: EdgeHealth) -> tuple[object, ...]:
    """What a person would want to know at once."""
    cameras = tuple((camera.camera_id, camera.state, camera.detail) for camera in health.cameras)
    # The centre waits for the number: whoever was taken off a list is off it at this box from that one on.
    return health.fault, health.spool_dropped, health.hotlist.number, cameras
