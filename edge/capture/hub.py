"""Where the cameras' threads leave their newest frames and the analysis takes them."""

import threading
from collections import OrderedDict, deque
from typing import Final

from edge.types import Frame

DEPTH: Final = 3
"""Frames of a camera that may wait: what dozed comes in one go. Some 6 MB each at 1080p."""


class FrameHub:
    """A few places a camera, the oldest frame makes way; taken fairly over the cameras. Safe from any thread.

    A camera's place in the queue is that of the oldest frame it was not served for, so that a busy camera
    never overtakes a quiet one.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Frame]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, frame: Frame) -> bool:
        """Leave a camera's newest frame.

        Returns:
            Whether an older one that nobody had taken made way: a drop, for the caller to count.
        """
        with self._changed:
            if self._closed:
                return False
            frames = self._waiting.setdefault(frame.camera_id, deque(maxlen=DEPTH))
            drops = len(frames) == DEPTH
            frames.append(frame)
            self._changed.notify()
            return drops

    def next(self, *, timeout_s: float) -> Frame | None:
        """Take the oldest frame of the camera that has waited longest.

        Returns:
            None where no frame came within `timeout_s` seconds, or the hub was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
            if self._closed or not self._waiting:
                return None
            camera_id, frames = self._waiting.popitem(last=False)
            frame = frames.popleft()
            if frames:  # behind the others, who have waited longer by now
                self._waiting[camera_id] = frames
            return frame

    @property
    def is_closed(self) -> bool:
        """Whether no frame will come any more."""
        return self._closed

    def close(self) -> None:
        """Let go whoever waits, and take no more frames; idempotent."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
