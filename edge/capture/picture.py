"""The two views of a decoded frame: its luma plane without a copy, and BGR where it is really wanted."""

from dataclasses import dataclass
from typing import cast

import av
import numpy as np

from edge.capture.gate import Luma
from edge.errors import PixelsError
from edge.types import Bgr

_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})


def luma(frame: av.VideoFrame) -> Luma:
    """(height, width) uint8: a view into the frame for 8-bit formats, valid while the frame lives."""
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="gray", threads=1)
    plane = frame.planes[0]
    rows: Luma = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def bgr(frame: av.VideoFrame) -> Bgr:
    """(height, width, 3) uint8, a copy, converted by the frame's own colour space and range."""
    return cast(Bgr, frame.to_ndarray(format="bgr24", threads=1))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame as the decoder gave it (`edge.types.Pixels`): half the memory of its BGR."""

    frame: av.VideoFrame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.frame.width, self.frame.height

    def bgr(self) -> Bgr:
        """(height, width, 3) uint8, made anew.

        Raises:
            PixelsError: libav cannot convert it, or there is no memory for it.
        """
        try:
            return bgr(self.frame)
        except (av.FFmpegError, MemoryError, ValueError) as error:
            width, height = self.size
            name = self.frame.format.name
            raise PixelsError(
                f"a frame of {width}x{height} {name}: {type(error).__name__}: {error}"
            ) from error
