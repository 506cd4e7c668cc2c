"""What the coming of a connection's packets tells: their times, and whether this box has fallen behind."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture.backlog import Backlog
from edge.capture.capture_clock import CaptureClock
from edge.capture.timekeeper import Timekeeper

_PARSED = frozenset({"h264", "hevc"})
"""Codecs whose pictures libav hands over only when the next one begins."""


class Arrivals:
    """One connection's; told of every packet, in order.

    Args:
        codec: as libav names it.
        clock: the UTC time.
        remark: told what is odd about the camera's timestamps.

    Attributes:
        clock: when a picture was taken.
        is_late: whether to leave the newest packet undecoded, to return to the present.
    """

    def __init__(self, codec: str, *, clock: Callable[[], datetime], remark: Callable[[str], None]) -> None:
        self._now = clock
        self._remark = remark
        self._is_whole_late = codec in _PARSED
        self._came: tuple[datetime, float] | None = None
        self._times = Timekeeper()
        self._backlog = Backlog()
        self.clock = CaptureClock(clock)
        self.is_late = False

    @property
    def lying_rate(self) -> float | None:
        """At what share of true time the camera's timestamps run; None where they can be believed."""
        return self._times.rate if self._times.is_lying else None

    def excuse(self, packets: "Sequence[Packet[VideoStream]]") -> None:
        """These are decoded in one go now: what comes meanwhile is late through no weakness of this box."""
        first, last = packets[0].pts, packets[-1].pts
        if first is not None and last is not None:
            self._backlog.excuse(max(0.0, float((last - first) * packets[-1].time_base)))

    def note(self, packet: "Packet[VideoStream] | None", *, waited_s: float) -> float | None:
        """A packet has come; None: nothing did for a while, so what came before says nothing about the next.

        Args:
            packet: gets another time, and so do its pictures, where the camera's timestamps lie.
            waited_s: how long packets have been waited for in all.

        Returns:
            Its presentation time, seconds; None where it has none.
        """
        if packet is None:
            self._came = None
            return None
        now, read_s = self._now(), time.monotonic()
        began, began_s = self._came if self._is_whole_late and self._came is not None else (now, read_s)
        self._came = (now, read_s)
        media_s = None if packet.pts is None else float(packet.pts * packet.time_base)
        if media_s is not None and self._times.note(media_s, read_s=read_s, waited_s=waited_s):
            self.clock, self._backlog = CaptureClock(self._now), Backlog()
            self._remark(f"its timestamps run at {self._times.rate:.2g} of true time: arrival counts instead")
        if self._times.is_lying:
            packet.pts = packet.dts = round(began_s / packet.time_base)
            media_s = began_s
        if media_s is not None:
            self.clock.arrived(media_s, at=began)
            key_frame = packet.is_keyframe
            self.is_late = self._backlog.must_skip(media_s=media_s, read_s=read_s, key_frame=key_frame)
        return media_s
