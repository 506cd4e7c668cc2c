"""One thread a camera: connects, watches, connects again, and leaves the newest frame in the hub."""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

import structlog

from edge.capture.backoff import Backoff, persist
from edge.capture.hub import FrameHub
from edge.capture.stats import CaptureSnapshot, CaptureStats
from edge.capture.view import ViewWatch
from edge.contract.health import CameraState
from edge.errors import LostError, RefusedError, SourceError
from edge.ports import FrameSource

_log = structlog.get_logger(__name__)

Connect = Callable[[CaptureStats], FrameSource]
"""Makes a source that counts in the record given; called anew for every connection."""


class CameraThread:
    """Keeps one camera's frames coming until it is stopped; used once.

    Example:
        camera = CameraThread(
            settings.id,
            connect=lambda stats: RtspSource(settings, clock=clock, stats=stats),
            hub=hub,
        )
        camera.start() ... hub.next(timeout_s=0.5) ... camera.stop()
    """

    def __init__(
        self,
        camera_id: str,
        *,
        connect: Connect,
        hub: FrameHub,
        backoff: Backoff | None = None,
        view: ViewWatch | None = None,
    ) -> None:
        self.camera_id = camera_id
        self._connect = connect
        self._hub = hub
        self._backoff = backoff or Backoff()
        self._stats = CaptureStats(view)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._source: FrameSource | None = None
        self._connections = 0
        self._thread = threading.Thread(target=self._run, name=f"camera-{camera_id}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> bool:
        """End the thread; idempotent.

        Returns:
            Whether it ended within `timeout_s` seconds (a camera that hangs while it is being connected to
            holds its thread until the camera's own timeout).
        """
        self._stopped.set()
        with self._lock:
            if self._source is not None:
                self._source.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> CaptureSnapshot:
        """State and counters since the start, for health."""
        return self._stats.snapshot()

    def _run(self) -> None:
        persist(self._attempt, backoff=self._backoff, stopped=self._stopped)

    def _attempt(self) -> None:
        """One connection, from making it to losing it; returns where the next may follow at once.

        Raises:
            SourceError: it failed before it was stable; the message is in the state already.
        """
        began, frames = time.monotonic(), self.status().frames_received
        try:
            self._watch()
        except SourceError as error:
            if self._stopped.is_set():
                return
            self._note(error)
            gave = self.status().frames_received > frames
            if not gave or time.monotonic() - began < self._backoff.stable_s:
                raise

    def _watch(self) -> None:
        try:
            source = self._connect(self._stats)
            with self._lock:
                self._source = source
            try:
                if not self._stopped.is_set():
                    self._pass_on(source)
            finally:
                with self._lock:
                    self._source = None
                source.close()
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  # the thread's top: no fault of ours may end a camera
            # Neither the message nor local variables: libav's hold the address with the password.
            where = "".join(traceback.format_tb(error.__traceback__))
            _log.error("camera thread failed", camera=self.camera_id, kind=type(error).__name__, where=where)
            raise LostError(f"camera {self.camera_id}: fault in capture: {type(error).__name__}") from None
        raise LostError(f"camera {self.camera_id}: the stream ended")

    def _pass_on(self, source: FrameSource) -> None:
        self._connections += 1
        for frame in source.frames():
            if self._hub.put(replace(frame, connection=self._connections)):
                self._stats.dropped()

    def _note(self, error: SourceError) -> None:
        refused = isinstance(error, RefusedError)
        self._stats.failed(CameraState.REFUSED if refused else CameraState.UNREACHABLE, str(error))
        _log.warning("camera lost", camera=self.camera_id, refused=refused, reason=str(error))
