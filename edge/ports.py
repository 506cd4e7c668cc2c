"""The parts of the edge that are really replaced, as the stages see them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from edge.types import Bgr, Box, Detection, Frame, Reading


class FrameSource(Protocol):
    """A camera or a recording (adapters: capture/rtsp.py, capture/video.py)."""

    def frames(self) -> Iterator[Frame]:
        """Frames in time order until the source ends or is closed.

        Raises:
            RefusedError: wrong user or password.
            LostError: unreachable, stalled or broken off.
        """
        ...

    def close(self) -> None:
        """End `frames` soon, from any thread; idempotent."""
        ...


class Detector(Protocol):
    """Finds plates (adapters: detect/openvino.py, detect/yolo.py)."""

    @property
    def version(self) -> str:
        """name@first 12 hex digits of the weights' SHA-256."""
        ...

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
        """Plates in a frame of any size, best first, boxes clipped to the frame.

        Args:
            bgr: (h, w, 3) uint8.
            near: boxes of the frame in which plates matter now; more may be found. None: everywhere within.
            within: box of the frame in which plates matter at all; more may be found. None: everywhere.
        """
        ...


class PlateReader(Protocol):
    """Reads plate crops (adapters: read/openvino.py, read/easyocr_reader.py)."""

    @property
    def version(self) -> str:
        """name@first 12 hex digits of the weights' SHA-256."""
        ...

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        """One reading a crop, in the same order; crops are cut with a small margin, of any size and shape."""
        ...
