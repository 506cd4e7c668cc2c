"""What a guard tour asks of a device that turns a camera (adapter: capture/ptz/onvif.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge.capture.ptz.tour import Report
from edge.types import Position


class NoPresetError(Exception):
    """The device will not go to a preset: it does not know it, or cannot reach it."""


@dataclass(frozen=True, slots=True)
class DevicePreset:
    """A position that the device remembers.

    Attributes:
        position: None where the device does not tell.
    """

    token: str
    name: str
    position: Position | None


class PtzDevice(Protocol):
    """A connection to the device; used by one thread.

    Each method raises RefusedError (wrong user or password) or LostError (unreachable, silent, incomprehensible).
    """

    def presets(self) -> Sequence[DevicePreset]:
        """What it remembers."""
        ...

    def report(self) -> Report:
        """Whether it moves and where it looks, as far as it tells."""
        ...

    def go(self, token: str) -> None:
        """Set out for a preset; returns before it has arrived.

        Raises:
            NoPresetError: it will not.
        """
        ...

    def close(self) -> None:
        """End the connection; idempotent."""
        ...
