"""What an ONVIF camera is: its name, its clock, its head, its presets, and in which ways it is odd."""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from edge.simulate.onvif.guard import TokenGuard
from edge.simulate.onvif.head import HOME, Head
from edge.simulate.onvif.motion import MotionDetector
from edge.types import Position


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Oddities:
    """How real devices differ from one another, and from the standard.

    Attributes:
        move_status: GetStatus says whether it moves (optional in the standard).
        says_position: GetStatus says where it looks (optional too).
        preset_positions: GetPresets says where they are.
        refusal_status: HTTP status of a refusal: 400 by the standard, 401 by many.
        refusal_is_html: and with it comes a page instead of a SOAP fault.
        has_ptz: it can turn at all.
        clock_offset: its clock minus this machine's.
        has_events: it has an event service.
        events_last_s: subscriptions last no longer than this.
        motion_topics: under which topics it tells of motion: `cell`, `alarm` or both.
    """

    move_status: bool = True
    says_position: bool = True
    preset_positions: bool = True
    refusal_status: int = 400
    refusal_is_html: bool = False
    has_ptz: bool = True
    clock_offset: timedelta = timedelta(0)
    has_events: bool = True
    events_last_s: float = 60.0
    motion_topics: tuple[str, ...] = ("cell", "alarm")


@dataclass(frozen=True, slots=True)
class Plate:
    """What is printed on it."""

    name: str = "Simulated dome"
    manufacturer: str = "Atalaya"
    model: str = "Watchtower PTZ"
    firmware: str = "1.0"
    serial: str = "SIM-0001"


@dataclass(frozen=True, slots=True)
class Preset:
    """A position that the device remembers."""

    name: str
    position: Position


@dataclass(slots=True)
class Counts:
    """What happened since the start."""

    requests: int = 0
    refused: int = 0
    orders: list[str] = field(default_factory=list)


class Device:
    """A simulated camera; safe from any thread.

    Args:
        head: what turns; its position can be read at any time.
        presets: token -> preset.
        user: user and password; None lets everybody in.
        stream_uri: what GetStreamUri answers.
        oddities: may be replaced at any time.
    """

    profile = "main"

    def __init__(
        self,
        head: Head,
        presets: Mapping[str, Preset],
        *,
        user: tuple[str, str] | None = None,
        stream_uri: str = "rtsp://127.0.0.1:8554/ptz",
        oddities: Oddities | None = None,
        plate: Plate | None = None,
    ) -> None:
        self.head = head
        self.presets = dict(presets)
        self.home = HOME
        self.stream_uri = stream_uri
        self.oddities = oddities or Oddities()
        self.plate = plate or Plate()
        self.counts = Counts()
        self.motion = MotionDetector()
        self.lock = threading.Lock()
        self._guard = TokenGuard(*user, clock=self.now) if user else None
        self._tokens = (f"preset-{n}" for n in itertools.count(1))

    def now(self) -> datetime:
        """The device's clock."""
        return utc_now() + self.oddities.clock_offset

    @property
    def guard(self) -> TokenGuard | None:
        """Checks who asks; None lets everybody in."""
        return self._guard

    def remember(self, name: str, token: str | None) -> str:
        """Keep the present position as a preset; its token.

        Raises:
            KeyError: there is no preset of that token.
        """
        with self.lock:
            if token is None:
                token = next(t for t in self._tokens if t not in self.presets)
            elif token not in self.presets:
                raise KeyError(token)
            self.presets[token] = Preset(name or token, self.head.position)
            return token

    def forget(self, token: str) -> None:
        """Remove a preset.

        Raises:
            KeyError: there is none of that token.
        """
        with self.lock:
            del self.presets[token]
