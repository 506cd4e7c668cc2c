"""The watches of all cameras of a box, and their files."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from edge.capture.view import ViewWatch
from edge.contract.health import CameraHealth
from edge.emission import Emission
from edge.health import memory
from edge.health.watch import Watch
from edge.settings import CameraSettings

_SAVE: Final = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class Watches:
    """Safe from any thread.

    Args:
        cameras: whom to watch.
        folder: where what is usual is kept.
        clock: now, UTC.
    """

    def __init__(
        self, cameras: Sequence[CameraSettings], folder: Path, *, clock: Callable[[], datetime]
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._watches = {c.id: Watch(memory.load(self._file(c.id), key=_key(c))) for c in cameras}
        self._saved_at = clock()
        self._fault = ""

    def view(self, camera_id: str) -> ViewWatch:
        """Whom to show a camera's pictures."""
        return self._watches[camera_id].view

    def heard(self, emission: Emission) -> None:
        """Something is said of a passage."""
        watch = self._watches.get(emission.camera_id)
        if watch is not None:
            watch.heard(emission)

    def told(self, cameras: Sequence[CameraHealth]) -> list[CameraHealth]:
        """The cameras' health with what ails each; to be asked every few seconds, which is how time is told."""
        now = self._clock()
        with self._lock:
            for camera in cameras:
                self._watches[camera.camera_id].tick(camera, now=now)
            if not timedelta() <= now - self._saved_at < _SAVE:
                self._save(now)
            return [self._watches[camera.camera_id].told(camera, now=now) for camera in cameras]

    def save(self) -> None:
        """Write what is usual; a disk that is full costs no more than that."""
        with self._lock:
            self._save(self._clock())

    def _save(self, now: datetime) -> None:
        self._saved_at = now
        fault = ""
        for camera_id, watch in self._watches.items():
            try:
                memory.save(self._file(camera_id), watch.past())
            except OSError as error:
                fault = str(error)
        if fault and fault != self._fault:
            _log.warning("what is usual cannot be saved", fault=fault)
        self._fault = fault

    def _file(self, camera_id: str) -> Path:
        return self._folder / f"{camera_id}.npz"


def _key(camera: CameraSettings) -> str:
    """Of what a camera looks at, as its settings say it: whoever changes that means another picture to be usual."""
    looks = camera.model_dump_json(include={"url", "region", "ptz"})
    return hashlib.sha256(looks.encode()).hexdigest()[:16]
