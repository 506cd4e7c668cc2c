"""The watches of one connection: a thread for each trigger beside the stream that the settings name."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from edge.capture.backoff import Backoff, persist
from edge.capture.triggers.events import EventWatch
from edge.capture.triggers.substream import SubstreamWatch
from edge.capture.triggers.witness import Witness
from edge.errors import LostError, SourceError
from edge.settings import CameraSettings

_log = structlog.get_logger(__name__)


class Watch(Protocol):
    """What a watch's thread does."""

    witness: Witness

    def run(self) -> None:
        """One connection, until it is lost or `close`.

        Raises:
            SourceError: it could not be made, or was lost.
        """
        ...

    def close(self) -> None:
        """End `run` soon, from any thread; idempotent."""
        ...


class Watches:
    """Starts what the settings name, and keeps it going until it is stopped; used once."""

    def __init__(
        self, camera: CameraSettings, *, clock: Callable[[], datetime], backoff: Backoff | None = None
    ) -> None:
        self._watches: list[Watch] = []
        self._backoff = backoff or Backoff()
        self._stopped = threading.Event()
        if camera.motion_events is not None:
            self._watches.append(EventWatch(camera, camera.motion_events, clock=clock))
        if camera.substream is not None:
            self._watches.append(SubstreamWatch(camera, camera.substream, clock=clock))

    def start(self) -> Sequence[Witness]:
        """Begin to watch; the witnesses, one a watch."""
        for watch in self._watches:
            name = f"{watch.witness.name}-watch"
            threading.Thread(target=self._keep, args=(watch,), name=name, daemon=True).start()
        return [watch.witness for watch in self._watches]

    def stop(self) -> None:
        """End them soon; idempotent, from any thread."""
        self._stopped.set()
        for watch in self._watches:
            watch.close()

    def _keep(self, watch: Watch) -> None:
        persist(lambda: self._attempt(watch), backoff=self._backoff, stopped=self._stopped)

    def _attempt(self, watch: Watch) -> None:
        began_s = time.monotonic()
        try:
            self._run(watch)
        except SourceError as error:
            watch.witness.is_silent(str(error))
            if time.monotonic() - began_s < self._backoff.stable_s and not self._stopped.is_set():
                raise

    def _run(self, watch: Watch) -> None:
        try:
            watch.run()
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001  # the thread's top: what only saves work may end nothing
            where = "".join(traceback.format_tb(error.__traceback__))
            name = watch.witness.name
            _log.error("watch failed", watch=name, kind=type(error).__name__, where=where)
            raise LostError(f"{name}: fault of ours: {type(error).__name__}") from None
