"""Decode only while something moves.

While nothing moves, packets are kept as they come, since the last key frame, and only key frames are decoded, apart.
Where a key frame shows motion, or packets grow, what was kept is decoded after all, so that a vehicle is seen from
its first picture on; where it does not, what was kept is let go.

    awake:  packet -> decoder                                    until the gate says that nothing moves
    dozing: packet -> kept;  a key frame -> peek -> moves? -> awake, with all that was kept
                                                 -> still  -> kept = [this one]
            bytes swell (variable bit rate)      -> awake, with all that was kept
            a trigger beside the stream cries    -> awake, with all that was kept

What moves for less time than lies between two key frames, and shows on neither, is never seen. So a camera dozes only
while its key frames come often and what moves before it stays in view for longer than that; or else while a trigger
(`capture/triggers`: the camera's motion events, its small second stream) vouches that nothing moves, one that has told
of nearly all that was seen to move. The key frames go on being looked at, and what it does not tell of is held
against it.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

import av
from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture import picture
from edge.capture.decoder import opened
from edge.capture.gate import Luma
from edge.capture.key_frames import KeyFrames
from edge.capture.stats import CaptureStats
from edge.capture.triggers.trigger import Trigger

if TYPE_CHECKING:  # generic for type checkers only
    VideoPacket = Packet[VideoStream]
Moves = Callable[[Luma], bool]
"""Whether something moves in a picture that lies ahead of those decoded so far."""

Hindrance = Literal["reordered", "interval", "stays"]

MOST_INTERVAL_S: Final = 4.0  # between key frames: so much is decoded in one go where something moves
_MOST_VOUCHED_S: Final = 10.0  # the same where a trigger vouches
_OVERDUE: Final = 1.5  # such intervals without one: it is not the stream any more that it was
_MOST_BYTES: Final = 16_000_000
_EARLY_S: Final = 3.0  # so much sooner than the pictures may a trigger know
_REMEMBERED: Final = 12  # stays in view
_LONGER: Final = 1.2  # than the key frame interval that most stays must be
_ONE_IN: Final = 4  # stays may be shorter


class Doze:
    """One connection's; told of every packet, in order.

    Args:
        stream: of the packets.
        keys: how often its key frames come.
        moves: asks the gate about a key frame.
        triggers: what beside the stream tells of motion.
        stats: where to count what woke it.
    """

    def __init__(
        self,
        stream: VideoStream,
        *,
        keys: KeyFrames,
        moves: Moves,
        triggers: Sequence[Trigger] = (),
        stats: CaptureStats | None = None,
    ) -> None:
        self._peek = _Peek(stream)
        self._keys = keys
        self._moves = moves
        self._swell = Swell()
        self._kept: list[VideoPacket] = []
        self._bytes = 0
        self._dozing = False
        self._stays: deque[float] = deque(maxlen=_REMEMBERED)
        self._triggers = tuple(triggers)
        self._stats = stats or CaptureStats()
        self._woken_by: Trigger | None = None
        self._woken_s = self._now_s = 0.0
        self._has_moved = False  # since it was woken

    @property
    def is_allowed(self) -> bool:
        """Whether nothing is missed by looking at key frames only, or at what a trigger tells."""
        hindrance = self.hindrance
        if hindrance is None:
            return True
        if hindrance == "reordered" or self._keys.longest_s > _MOST_VOUCHED_S:
            return False
        return any(trigger.vouches for trigger in self._triggers)

    @property
    def hindrance(self) -> Hindrance | None:
        """Why it is not allowed: pictures out of order, key frames far apart, or what moves leaves too soon."""
        if self._peek.is_reordered:
            return "reordered"
        if self._keys.longest_s > MOST_INTERVAL_S:
            return "interval"
        short = sum(stay < _LONGER * self._keys.longest_s for stay in self._stays)
        return None if short * _ONE_IN <= max(len(self._stays), _ONE_IN - 1) else "stays"

    def due(self, packet: "VideoPacket", *, media_s: float | None) -> "list[VideoPacket]":
        """The packets to decode now, oldest first; `media_s` is this one's presentation time, where it has any."""
        if not self._dozing:
            return [packet]
        if packet.is_keyframe:
            return self._at_key_frame(packet)
        self._keep(packet)
        if self._must_look(packet, media_s):
            return self._wake("swell")
        # In this order, for a cry is not to be lost on one that moves and so no longer vouches.
        crier = next((trigger for trigger in self._triggers if trigger.cries()), None)
        if crier is not None:
            crier.woke()
            self._woken_by, self._woken_s = crier, self._now_s
            return self._wake()
        return [] if self.is_allowed else self._wake()

    def moved(self, at_s: float) -> None:
        """Something began to move at this time (seconds since 1970), as the pictures show."""
        self._has_moved = True
        for trigger in self._triggers:
            trigger.saw_motion(at_s)

    def watch(self, *, still: bool, now_s: float) -> None:
        """After each packet: judge the triggers, and let those rest that nobody needs now.

        Args:
            still: nothing moves in the newest picture.
            now_s: seconds since 1970.
        """
        self._now_s = now_s
        for trigger in self._triggers:
            trigger.judge(now_s=now_s)
            if still or trigger.is_needed:
                trigger.witness.wanted.set()
            else:
                trigger.witness.wanted.clear()

    def rest(self, packet: "VideoPacket") -> None:
        """Nothing moves in the picture of this packet, the newest: doze, where that is allowed."""
        if not packet.is_keyframe:
            self._swell.learn(packet.size)
        if self._woken_by is not None:
            if not self._has_moved and self._now_s < self._woken_s + _EARLY_S:
                return
            self._woken_by.was_right(self._has_moved)
            self._woken_by = None
        for trigger in self._triggers:
            trigger.forget_cries()
        self._dozing = self.is_allowed

    def stayed(self, seconds: float) -> None:
        """Something has moved for so long, and does no more."""
        self._stays.append(seconds)

    def _must_look(self, packet: "VideoPacket", media_s: float | None) -> bool:
        """Whether to look at a picture that is no key frame: packets grow, or no key frame comes any more."""
        key_s = self._keys.newest_s
        since_key_s = 0.0 if media_s is None or key_s is None else media_s - key_s
        is_overdue = since_key_s > _OVERDUE * (_MOST_VOUCHED_S if self.hindrance else MOST_INTERVAL_S)
        return self._swell.is_one(packet.size) or self._bytes > _MOST_BYTES or is_overdue

    def _at_key_frame(self, packet: "VideoPacket") -> "list[VideoPacket]":
        luma = self._peek.luma(packet)
        if luma is None or not self.is_allowed or self._moves(luma):
            self._keep(packet)
            return self._wake("key")
        self._kept, self._bytes = [packet], packet.size
        return []

    def _keep(self, packet: "VideoPacket") -> None:
        self._kept.append(packet)
        self._bytes += packet.size

    def _wake(self, cause: str = "") -> "list[VideoPacket]":
        if cause:
            self._stats.trigger(cause, wakes=1)
        self._has_moved = False
        due, self._kept, self._bytes, self._dozing = self._kept, [], 0, False
        return due


class Swell:
    """Notices that packets grow: what moves must be described. At a constant bit rate it notices nothing.

    Fed with the bytes of pictures that are no key frames.
    """

    _DEVIATIONS: Final = 2.5
    _IN_A_ROW: Final = 5
    _LEARNT: Final = 50  # pictures before it says anything
    _SHARE: Final = 0.01
    _LEAST: Final = 0.1  # of the deviation, log2: a still, noiseless picture must not make every byte count

    def __init__(self) -> None:
        self._mean = self._variance = 0.0
        self._seen = 0
        self._last: deque[float] = deque(maxlen=self._IN_A_ROW)

    def is_one(self, size: int) -> bool:
        """Whether the last packets are larger than usual."""
        if self._seen < self._LEARNT:
            self.learn(size)
            return False
        deviation = max(math.sqrt(self._variance), self._LEAST)
        # No more than twice what is wanted of each: one packet alone, however large, is no motion.
        self._last.append(min((math.log2(max(size, 1)) - self._mean) / deviation, 2 * self._DEVIATIONS))
        swells = len(self._last) == self._IN_A_ROW and sum(self._last) > self._DEVIATIONS * self._IN_A_ROW
        if swells:
            self._last.clear()
        else:
            self.learn(size)
        return swells

    def learn(self, size: int) -> None:
        """A packet of a picture in which nothing moves."""
        value = math.log2(max(size, 1))
        self._seen += 1
        share = max(self._SHARE, 1 / self._seen)
        off = value - self._mean
        self._mean += share * off
        self._variance = (1 - share) * (self._variance + share * off * off)


class _Peek:
    """Decodes key frames apart, so that the decoder of what is seen stays where it is.

    Each with a decoder anew: one that is kept holds the memory of its pictures, and it is used every other second.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._source = stream.codec_context
        # Pictures come in another order than they are shown: then kept ones cannot be told from new ones.
        self.is_reordered = bool(self._source.has_b_frames)

    def luma(self, packet: "VideoPacket") -> Luma | None:
        """The picture of a key frame; None where it cannot be decoded by itself."""
        decoder = opened(self._source)
        try:
            frames = [*decoder.decode(packet), *decoder.decode(None)]
        except av.error.FFmpegError:
            return None
        self.is_reordered |= bool(decoder.has_b_frames)
        # A copy: the plane is the decoder's, and the frame goes.
        return picture.luma(frames[0]).copy() if frames else None
