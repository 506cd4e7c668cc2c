"""What the simulated cameras show, to whom, and what all their connections share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from edge.simulate.clip import Clip
from edge.simulate.digest import DigestGuard
from edge.simulate.player import End, Faults, Journal, Pass

_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def log_event(event: Pass | End) -> None:
    """Say in the log that a pass began or a session ended."""
    if isinstance(event, Pass):
        _log.info("pass began", mount=event.mount, session=event.session, number=event.number)
    else:
        _log.info("session ended", mount=event.mount, session=event.session)


@dataclass(frozen=True, slots=True)
class Terms:
    """How clients are served.

    Attributes:
        guard: whom to let in; None lets in everybody.
        session_timeout_s: a client that says nothing for this long loses its session.
        backlog_bytes: so much may wait for a client; more, and it is dropped.
        clients: connections at once; more are turned away.
    """

    guard: DigestGuard | None = None
    session_timeout_s: float = 60.0
    backlog_bytes: int = 2_000_000
    clients: int = 64


@dataclass(slots=True)
class Counts:
    """What happened since the server's start."""

    sessions: int = 0
    refused: int = 0
    slow_dropped: int = 0
    timed_out: int = 0
    turned_away: int = 0


@dataclass(slots=True)
class Programme:
    """What all connections share.

    Attributes:
        mounts: clips by name.
        views: mounts whose picture turns, by name: asked before every picture which clip to show.
        journal: told of every pass that a session begins, and of its end.
        faults: what goes wrong from now on; may be set while clients watch, from any thread.
    """

    mounts: Mapping[str, Clip]
    terms: Terms = Terms()
    journal: Journal = log_event
    now: Callable[[], datetime] = utc_now
    faults: Faults = field(default_factory=Faults)
    counts: Counts = field(default_factory=Counts)
    views: Mapping[str, Callable[[], Clip]] = field(default_factory=dict)
