"""What a camera's own clock says, by ONVIF: the one question that every device answers without a user."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge.errors import LostError
from edge.soap import UnreadableError, envelope, node, parse, text_at

_PATH: Final = "/onvif/device_service"
_MOST_BYTES: Final = 100_000
_ANSWER: Final = "s:Body/tds:GetSystemDateAndTimeResponse/tds:SystemDateAndTime"
_PARTS: Final = (
    *(f"tt:Date/tt:{part}" for part in ("Year", "Month", "Day")),
    *(f"tt:Time/tt:{part}" for part in ("Hour", "Minute", "Second")),
)
_TICK_S: Final = 0.5  # it tells whole seconds: half of one is the best guess of the rest


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """A device's clock.

    Attributes:
        off_s: less ours, seconds, to half a second or so.
        by_hand: whether it is set by hand and not by NTP.
    """

    off_s: float
    by_hand: bool


def ask(host: str, port: int, *, timeout_s: float, clock: Callable[[], datetime]) -> DeviceClock:
    """Ask a device for its time.

    Raises:
        LostError: it does not answer, or what it answers is no time.
    """
    question = envelope(node("tds:GetSystemDateAndTime"))
    link = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        began_at = clock()
        link.request("POST", _PATH, question, {"Content-Type": "application/soap+xml; charset=utf-8"})
        raw = link.getresponse().read(_MOST_BYTES)
        took = clock() - began_at
    except (OSError, http.client.HTTPException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
        raise LostError(f"ONVIF at {host}:{port}: {reason}") from error
    finally:
        link.close()
    told_at, kind = _told(raw, f"ONVIF at {host}:{port}")
    off_s = (told_at - (began_at + took / 2)).total_seconds() + _TICK_S
    return DeviceClock(off_s, by_hand=kind.casefold() == "manual")


def _told(raw: bytes, where: str) -> tuple[datetime, str]:
    try:
        answer = parse(raw)
        numbers = [int(text_at(answer, f"{_ANSWER}/tt:UTCDateTime/{part}")) for part in _PARTS]
        year, month, day, hour, minute, second = numbers
        told_at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (UnreadableError, ValueError) as error:
        raise LostError(f"{where}: its answer tells no time") from error
    return told_at, text_at(answer, f"{_ANSWER}/tt:DateTimeType")
