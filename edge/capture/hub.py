"""Where the cameras' threads leave their newest frames and the analysis takes them."""

import threading
from collections import OrderedDict

from edge.types import Frame


class FrameHub:
    """One slot a camera, newest frame wins; taken fairly over the cameras. Safe from any thread.

    A camera's place in the queue is that of the oldest frame it was not served for, so that a busy camera
    never overtakes a quiet one.
    """

    def __init__(self) -> None:
        self._slots: OrderedDict[str, Frame] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, frame: Frame) -> bool:
        """Leave a camera's newest frame.

        Returns:
            Whether it replaced an older one that nobody had taken: a drop, for the caller to count.
        """
        with self._changed:
            if self._closed:
                return False
            replaced = frame.camera_id in self._slots
            self._slots[frame.camera_id] = frame  # a replaced frame keeps its place in the queue
            self._changed.notify()
            return replaced

    def next(self, *, timeout_s: float) -> Frame | None:
        """Take the frame of the camera that has waited longest.

        Returns:
            None where no frame came within `timeout_s` seconds, or the hub was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._slots or self._closed, timeout_s)
            if self._closed or not self._slots:
                return None
            return self._slots.popitem(last=False)[1]

    @property
    def is_closed(self) -> bool:
        """Whether no frame will come any more."""
        return self._closed

    def close(self) -> None:
        """Let go whoever waits, and take no more frames; idempotent."""
        with self._changed:
            self._closed = True
            self._slots.clear()
            self._changed.notify_all()
