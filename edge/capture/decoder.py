"""Decodes a live camera's packets, at the least that keeps plates legible.

The loop filter of H.264 and H.265 smooths the edges of blocks; it is a fifth of what decoding costs. Without it a
picture strays from what the camera meant, from key frame to key frame a little more: 36 dB after two seconds, with the
same plates read on 14 rendered streams (164 of 164), 33 dB and stains of colour after sixteen. So it is left out while
key frames come often. What is kept of a passage as a clip is the camera's own packets, whatever was left out here.
"""

import math
from collections import deque
from typing import TYPE_CHECKING, Final, cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

if TYPE_CHECKING:  # generic for type checkers only
    VideoPacket = Packet[VideoStream]

MOST_INTERVAL_S: Final = 4.0  # between key frames, so long may a picture stray
_GAPS: Final = 4  # between key frames, that are remembered
_PAUSE_S: Final = 1.5  # without packets: the camera dozed, and there were key frames meanwhile


class Decoder:
    """One connection's.

    Args:
        stream: of the packets; its own decoder is used where every step is wanted.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._thorough = stream.codec_context
        self._thorough.thread_count = 1  # threads would each hold frames back
        self._context = self._thorough
        self._key_s = self._newest_s = -math.inf
        self._intervals: deque[float] = deque(maxlen=_GAPS)

    @property
    def is_thorough(self) -> bool:
        """Whether it leaves nothing out."""
        return self._context is self._thorough

    def decode(self, packet: "VideoPacket") -> list[av.VideoFrame]:
        """The pictures that a packet completes, in the order in which they are shown.

        Raises:
            av.error.InvalidDataError: it is damaged.
        """
        held: list[av.VideoFrame] = []
        if packet.pts is not None:
            self._note(float(packet.pts * packet.time_base), is_key=packet.is_keyframe)
        if packet.is_keyframe and self.is_thorough == self._comes_often:
            held = self._turn()
        return [*held, *self._context.decode(packet)]

    @property
    def _comes_often(self) -> bool:
        """Whether a key frame has come soon enough each of the last times."""
        return len(self._intervals) == _GAPS and max(self._intervals) <= MOST_INTERVAL_S

    def _note(self, at_s: float, *, is_key: bool) -> None:
        if is_key:
            if abs(at_s - self._newest_s) <= _PAUSE_S:
                self._intervals.append(at_s - self._key_s)
            self._key_s = at_s
        self._newest_s = at_s

    def _turn(self) -> list[av.VideoFrame]:
        """From one decoder to the other; nothing but a key frame may come next. What the first still held."""
        held = self._context.decode(None)
        if self.is_thorough:
            quick = cast(av.VideoCodecContext, av.CodecContext.create(self._thorough.name, "r"))
            quick.extradata, quick.thread_count = self._thorough.extradata, 1
            quick.options = {"skip_loop_filter": "nokey"}
            self._context = quick
        else:
            self._thorough.flush_buffers()
            self._context = self._thorough
        return held
