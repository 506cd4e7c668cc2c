"""How often a stream's key frames come: what may be left out of decoding depends on it."""

import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # generic for type checkers only
    from av.packet import Packet
    from av.video.stream import VideoStream

_GAPS: Final = 4  # that are remembered


class KeyFrames:
    """One connection's; told of every packet, in order, decoded or not.

    Attributes:
        newest_s: presentation time of the last one; None: none has come.
    """

    def __init__(self) -> None:
        self.newest_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS)

    def note(self, packet: "Packet[VideoStream]", *, media_s: float | None) -> None:
        """A packet has come; `media_s` is its presentation time, where it has any."""
        if not packet.is_keyframe or media_s is None:
            return
        if self.newest_s is not None:
            self._gaps.append(abs(media_s - self.newest_s))
        self.newest_s = media_s

    @property
    def longest_s(self) -> float:
        """Between two, lately: many cameras send one out of turn, where the scene changes or a client has come."""
        return max(self._gaps, default=math.inf)

    @property
    def is_settled(self) -> bool:
        """Whether so many have come that one out of turn at the beginning does not deceive."""
        return len(self._gaps) == _GAPS
