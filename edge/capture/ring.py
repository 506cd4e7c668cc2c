"""The last seconds of one camera, as it sent them: compressed packets, for clips.

    packets -> segment (one connection, one time base, one format) -> group (a key frame and what follows) -> ...
               the oldest group goes once the next one begins before all that is to be kept

The packets are the very objects that `doze` keeps and the decoder is given: nothing is copied, nothing is decoded
here. What a clip still needs is pinned: it stays though its seconds are over. The bound in bytes holds all the
same, and what goes for want of room, before its time, is counted.

When a packet was taken is known the better the more have come, and where they come late, in bursts, it is guessed
late. So a clip is measured with the camera's own timestamps, from the picture on that it is asked for.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # generic for type checkers only
    from av.packet import Packet
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

_LEAP_S: Final = 5.0  # between two packets of one segment
# The same backwards: no order of decoding goes further, and the capture clock begins anew.
_BACK_S: Final = 1.0
_STEP: Final = Fraction(1, 25)  # seconds from the first packet, which has no time, to the second
_FIRST: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Format:
    """What a player must know of a segment's packets, as far as the camera said it beforehand.

    Attributes:
        codec: libav's name, such as h264.
        extradata: parameter sets; empty where they come with the key frames.
        time_base: seconds of one tick of the packets' times.
    """

    codec: str
    extradata: bytes
    time_base: Fraction

    @classmethod
    def of(cls, stream: "VideoStream") -> "Format":
        """Of an open stream."""
        context = stream.codec_context
        return cls(context.name, bytes(context.extradata or b""), Fraction(stream.time_base or 1))


@dataclass(frozen=True, slots=True)
class Kept:
    """One packet, and when its picture was taken.

    Attributes:
        pts: presentation time, in ticks of the segment's time base.
        captured_at: UTC; in the ring as the frame has it, or a guess where none was decoded (yet), in a cut by `pts`,
            measured from the picture that was asked for.
    """

    packet: "VideoPacket"
    pts: int
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """Packets for one clip, in the order of decoding, from a key frame on."""

    format: Format
    packets: tuple[Kept, ...]

    @property
    def began_at(self) -> datetime:
        """Capture time of its first picture."""
        return min(kept.captured_at for kept in self.packets)

    @property
    def ended_at(self) -> datetime:
        """Capture time of its last picture."""
        return max(kept.captured_at for kept in self.packets)


@dataclass(slots=True)
class _Group:
    """A key frame and the packets that need it."""

    segment: int
    format: Format
    packets: list[Kept] = field(default_factory=list)
    bytes: int = 0

    @property
    def began_at(self) -> datetime:
        return self.packets[0].captured_at


class PacketRing:
    """One camera's; outlives its connections. Written by the camera's thread, read by any.

    Args:
        seconds: so much is kept, and up to one key frame interval more.
        max_bytes: never more, whatever is pinned.
    """

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._keep = timedelta(seconds=seconds)
        self._max_bytes = max_bytes
        self._groups: deque[_Group] = deque()
        self._bytes = self._dropped = 0
        self._has_room = True
        self._segment = 0
        self._format: Format | None = None
        self._untimed: VideoPacket | None = None
        self._pins: dict[str, datetime] = {}
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        """Packets that went for want of room, before their seconds were over."""
        return self._dropped

    @property
    def held_bytes(self) -> int:
        """Size of all that is kept."""
        return self._bytes

    def begin(self, format_: Format) -> None:
        """A connection begins: no clip spans it and the one before."""
        with self._lock:
            self._format, self._untimed = format_, None
            self._segment += 1

    def add(self, packet: "VideoPacket", *, captured_at: datetime) -> None:
        """Keep a packet; before the first key frame of a connection there is nothing that could be shown."""
        if not packet.size:
            return
        pts = packet.dts if packet.pts is None else packet.pts
        with self._lock:
            if pts is None:  # of a connection libav gives the first packet no time
                self._untimed = packet if packet.is_keyframe else None
                return
            if self._untimed is not None and self._format is not None:
                early = pts - int(_STEP / self._format.time_base)
                self._keep_one(Kept(self._untimed, early, captured_at - timedelta(seconds=float(_STEP))))
                self._untimed = None
            self._keep_one(Kept(packet, pts, captured_at))
            self._let_go(captured_at)

    def decoded(self, pts: int, *, captured_at: datetime) -> None:
        """The picture with this presentation time was decoded, and this is when it was taken, as its reads have it."""
        with self._lock:
            for group in reversed(self._groups):
                if group.segment != self._segment:
                    return
                for n in reversed(range(len(group.packets))):
                    if group.packets[n].pts == pts:
                        group.packets[n] = replace(group.packets[n], captured_at=captured_at)
                        return

    def pin(self, name: str, *, since: datetime) -> None:
        """Keep what was taken since then until `unpin`, as far as there is room."""
        with self._lock:
            self._pins[name] = since

    def unpin(self, name: str) -> None:
        """What was pinned under this name may go; idempotent."""
        with self._lock:
            self._pins.pop(name, None)

    def reaches(self, at: datetime, *, end: datetime) -> bool:
        """Whether all of a clip of the moment `at` has come that was taken until `end`."""
        with self._lock:
            last = self._groups[-1].packets[-1] if self._groups else None
            if last is None:
                return False
            segment = self._segment_of(at)
            if segment and segment[-1] is self._groups[-1]:
                return _dated(last, segment[-1].format, anchor=_nearest(segment, at)) > end
            return last.captured_at > end

    def holds(self, at: datetime) -> bool:
        """Whether what was taken at that time is kept."""
        return self.cut(at, begin=at, end=at) is not None

    def cut(self, at: datetime, *, begin: datetime, end: datetime) -> Cut | None:
        """What is kept from `begin`, or the key frame before it, to `end`.

        Returns:
            None where the moment `at` itself is not kept. Where more is missing, the cut is shorter than asked.
        """
        with self._lock:
            segment = self._segment_of(at)
            if not segment or at > segment[-1].packets[-1].captured_at + _gap(segment[-1]):
                return None
            format_, anchor = segment[0].format, _nearest(segment, at)
            groups = [tuple(group.packets) for group in segment]
        began = [_dated(group[0], format_, anchor=anchor) for group in groups]
        first = max((n for n, began_at in enumerate(began) if began_at <= begin), default=0)
        packets = [
            replace(kept, captured_at=_dated(kept, format_, anchor=anchor))
            for group in groups[first:]
            for kept in group
        ]
        count = max(n for n, kept in enumerate(packets, start=1) if n == 1 or kept.captured_at <= end)
        return Cut(format_, tuple(packets[:count]))

    def _segment_of(self, at: datetime) -> list[_Group]:
        """All that is kept of the segment in which this was taken; empty: nothing so old is kept."""
        began = [group.segment for group in self._groups if group.began_at <= at]
        return [group for group in self._groups if began and group.segment == began[-1]]

    def _keep_one(self, kept: Kept) -> None:
        packet = kept.packet
        last = self._last()
        if last is not None and self._format is not None:
            apart_s = float((kept.pts - last.pts) * self._format.time_base)
            if not -_BACK_S <= apart_s <= _LEAP_S:  # the camera set its time anew, or nothing came for long
                self._segment += 1
                last = None
        if packet.is_keyframe and self._format is not None:
            self._groups.append(_Group(self._segment, self._format))
            self._has_room = True
        elif last is None:
            self._dropped += not self._has_room  # its key frame had to go
            return
        group = self._groups[-1]
        group.packets.append(kept)
        group.bytes += packet.size
        self._bytes += packet.size

    def _last(self) -> Kept | None:
        """The newest packet of this segment."""
        if not self._groups or self._groups[-1].segment != self._segment:
            return None
        return self._groups[-1].packets[-1]

    def _let_go(self, now: datetime) -> None:
        """The oldest groups, as far as nobody needs them, or there is no room for them."""
        wanted = min([now - self._keep, *self._pins.values()])
        ahead = now + timedelta(seconds=_LEAP_S)  # of a clock that was set back since
        while len(self._groups) > 1 and (
            self._groups[1].began_at <= wanted or self._groups[0].began_at > ahead
        ):
            self._pop()
        while self._bytes > self._max_bytes and self._groups:
            self._dropped += self._pop()
            self._has_room = bool(self._groups)

    def _pop(self) -> int:
        group = self._groups.popleft()
        self._bytes -= group.bytes
        return len(group.packets)


def _nearest(segment: list[_Group], at: datetime) -> Kept:
    """The packet of the picture that was taken at this time, or next to it: the newest, for guesses are late if any."""
    packets = (kept for group in reversed(segment) for kept in reversed(group.packets))
    return min(packets, key=lambda kept: abs(kept.captured_at - at))


def _dated(kept: Kept, format_: Format, *, anchor: Kept) -> datetime:
    """When a picture was taken, by the camera's own timestamps, where the anchor's time is known."""
    return anchor.captured_at + timedelta(seconds=float((kept.pts - anchor.pts) * format_.time_base))


def _gap(group: _Group) -> timedelta:
    """How long the last picture of a group lasts: as long as most of it did."""
    steps: Iterator[timedelta] = (
        abs(b.captured_at - a.captured_at) for a, b in zip(group.packets, group.packets[1:], strict=False)
    )
    return 2 * max(steps, default=_FIRST)
