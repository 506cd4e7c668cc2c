"""Decodes a live camera's packets, at the least that keeps plates legible.

The loop filter of H.264 and H.265 smooths the edges of blocks; it is a fifth of what decoding costs. Without it a
picture strays from what the camera meant, from key frame to key frame a little more: 34 to 41 dB after two seconds,
with the same plates read on 14 rendered streams (164 of 164), 33 dB and stains of colour after sixteen. So it is left
out while key frames come often. What is kept of a passage as a clip is the camera's own packets, whatever was left out
here.
"""

from typing import TYPE_CHECKING, Final, cast

import av
from av.packet import Packet
from av.video.stream import VideoStream

from edge.capture.key_frames import KeyFrames

if TYPE_CHECKING:  # generic for type checkers only
    VideoPacket = Packet[VideoStream]

_MOST_INTERVAL_S: Final = 4.0  # between key frames, so long may a picture stray


class Decoder:
    """One connection's.

    Args:
        stream: of the packets.
        keys: how often its key frames come.
    """

    def __init__(self, stream: VideoStream, *, keys: KeyFrames) -> None:
        # The stream's own would keep its pictures' memory beside that of the one that is in use.
        self._source = stream.codec_context
        self.is_thorough = True
        self._context = opened(self._source)
        self._keys = keys

    def decode(self, packet: "VideoPacket") -> list[av.VideoFrame]:
        """The pictures that a packet completes, in the order in which they are shown.

        Raises:
            av.error.InvalidDataError: it is damaged.
        """
        if packet.is_keyframe and self.is_thorough == self._comes_often:
            return self._turn(packet)
        return self._context.decode(packet)

    @property
    def _comes_often(self) -> bool:
        """Whether a key frame has come soon enough each of the last times."""
        return self._keys.is_settled and self._keys.longest_s <= _MOST_INTERVAL_S

    def _turn(self, key: "VideoPacket") -> list[av.VideoFrame]:
        """From one way to the other, where this key frame allows it: what was still held, and what it completes.

        Raises:
            av.error.InvalidDataError: it is damaged.
        """
        fresh = opened(self._source, filtered=not self.is_thorough)
        try:
            begun = fresh.decode(key)
        except av.error.InvalidDataError:
            return self._context.decode(key)  # the stream's parameters were sent once only
        if not begun and not fresh.has_b_frames:
            return self._context.decode(key)  # called a key frame, but no picture that stands alone
        try:
            held = self._context.decode(None)
        except av.error.InvalidDataError:
            held = []
        for frame in held:
            frame.time_base = key.time_base  # which a decoder that is told of the end forgets
        self._context, self.is_thorough = fresh, not self.is_thorough
        return [*held, *begun]


def opened(source: av.VideoCodecContext, *, filtered: bool = True) -> av.VideoCodecContext:
    """A decoder of its own for a stream's packets, with or without the loop filter between key frames."""
    context = cast(av.VideoCodecContext, av.CodecContext.create(source.name, "r"))
    context.extradata = source.extradata
    context.thread_count = 1  # threads would each hold frames back
    if not filtered:
        context.options = {"skip_loop_filter": "nokey"}
    return context
