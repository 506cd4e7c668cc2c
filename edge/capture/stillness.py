"""The motion gate over a recording: what shows nothing that moves need not be looked at."""

from collections.abc import Sequence

import av

from edge.capture import picture
from edge.capture.gate import GATE_FPS, MotionGate
from edge.capture.pacer import Pacer


class Stillness:
    """Asked about every picture of a recording, in order.

    Args:
        region: as `MotionGate` has it.

    Attributes:
        still: pictures that were due and showed nothing that moves.
    """

    def __init__(self, region: Sequence[tuple[float, float]]) -> None:
        self._gate = MotionGate(region=region)
        self._pacer = Pacer(GATE_FPS)
        self._is_open = True
        self.still = 0

    def look(self, frame: av.VideoFrame, *, media_s: float) -> None:
        """Take note of a picture."""
        if self._pacer.is_due(media_s):
            self._is_open = self._gate.is_open(picture.luma(frame), at_s=media_s)

    def lets_through(self) -> bool:
        """Whether the picture, which is due, is worth a look."""
        self.still += not self._is_open
        return self._is_open
