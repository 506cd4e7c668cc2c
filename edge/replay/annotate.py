"""Annotated copies: boxes with what was read, and video files of them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np

from edge.drawing import mark
from edge.pipeline import Seen
from edge.types import Bgr

# BGR: emitted, legible so far, not legible.
_EMITTED: Final = (60, 150, 30)
_LEGIBLE: Final = (0, 140, 230)
_UNREAD: Final = (110, 110, 110)
# No B-frames: files that follow one another can be put together as they are.
_OPTIONS: Final = {"crf": "23", "preset": "veryfast", "bf": "0"}
_TIME_BASE: Final = Fraction(1, 90_000)


def annotated(bgr: Bgr, plates: Sequence[Seen], *, legible: float) -> Bgr:
    """A copy with every plate's box, and its string and likelihood where that is at least `legible`."""
    copy = bgr.copy()
    for seen in plates:
        verdict = seen.verdict
        if verdict is None or verdict.likelihood < legible:
            mark(copy, seen.box, colour=_UNREAD)
        else:
            text = f"{verdict.plate} {verdict.likelihood:.0%}"
            mark(copy, seen.box, colour=_EMITTED if seen.emitted else _LEGIBLE, text=text)
    return copy


class VideoWriter:
    """An H.264 file in MP4.

    Args:
        path: of the file.
        width_px, height_px: of the frames; an odd last row or column is left out.
        fps: nominal; every frame has a time of its own.
    """

    def __init__(self, path: Path, *, width_px: int, height_px: int, fps: float) -> None:
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1000), options=_OPTIONS
        )
        self._stream.width, self._stream.height = width_px // 2 * 2, height_px // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TIME_BASE

    def write(self, bgr: Bgr, *, at_s: float) -> None:
        """Append a frame that shows at `at_s` seconds."""
        picture = np.ascontiguousarray(bgr[: self._stream.height, : self._stream.width])
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = round(at_s / _TIME_BASE), _TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Make it a whole file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
