"""The camera's small second stream as a witness: decoded whole while the large one need not be."""

import threading
from collections.abc import Callable
from datetime import datetime

import av

from edge.capture import picture
from edge.capture.connection import Connection
from edge.capture.gate import MotionGate
from edge.capture.triggers.witness import Witness
from edge.settings import CameraSettings


class SubstreamWatch:
    """Watches one sub-stream for motion, with a gate of its own.

    Args:
        camera: whose user, region and patience are the sub-stream's too.
        url: of the sub-stream.
        clock: now, UTC.
    """

    def __init__(self, camera: CameraSettings, url: str, *, clock: Callable[[], datetime]) -> None:
        self.witness = Witness("substream", clock=clock)
        self._camera = camera.model_copy(update={"url": url})
        self._clock = clock
        self._closed = threading.Event()

    def run(self) -> None:
        """One connection, until it is lost or `close`.

        Raises:
            RefusedError: wrong user or password.
            LostError: unreachable, no such stream, stalled, broken off or ended.
        """
        connection = Connection(self._camera, closed=self._closed)
        try:
            self._watch(connection)
        finally:
            connection.close()

    def close(self) -> None:
        """End `run` within a second; idempotent."""
        self._closed.set()

    def _watch(self, connection: Connection) -> None:
        stream = connection.open()
        stream.codec_context.thread_count = 1
        gate = MotionGate(region=self._camera.region)
        is_awake = True
        for packet in connection.packets():
            if packet is None:
                if is_awake:
                    self.witness.is_silent("nothing comes")  # what it said last vouches for nothing any more
                continue
            if not self.witness.wanted.is_set():
                if is_awake:
                    self.witness.is_silent()
                    is_awake = False
                continue
            if not is_awake:
                if not packet.is_keyframe:
                    continue  # what follows is drawn from what was let go
                stream.codec_context.flush_buffers()
                is_awake = True
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                self._look(gate, frame)

    def _look(self, gate: MotionGate, frame: av.VideoFrame) -> None:
        is_open = gate.is_open(picture.luma(frame), at_s=self._clock().timestamp())
        if gate.moves_since_s is None and is_open:
            return  # it is new here, and would say so of anything
        self.witness.says(moves=is_open)
