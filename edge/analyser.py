"""The thread that looks at frames: newest frame in, emissions out, for some of the box's cameras."""

import math
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from edge.capture.hub import FrameHub
from edge.device import Device
from edge.emission import Emission, Sink
from edge.engine import Engine
from edge.pipeline import Counts, Pipeline
from edge.settings import CameraSettings, VoteSettings
from edge.types import Frame

_TICK_S: Final = 0.1  # what becomes due between two frames waits so long at most
_SAID_EVERY: Final = 100
_TIMED: Final = 256  # frames whose time is remembered
_MOST: Final = 8
_DEVICES: Final = 2
"""For one analyser. Each takes nets of its own, 45 MB; two busy cameras keep one busy for a sixth of its time (AMD
EPYC). Where two took turns at one's nets, 14 of 1,116 passages more were missed on two cores."""

_log = structlog.get_logger(__name__)


class Analyser:
    """Analyses the frames of its cameras, each camera's in order, on one thread with nets of its own.

    Args:
        name: of the thread.
        cameras: whose frames come through `hub`; all lenses of a device, or none.
        vote: when a passage counts as read.
        engine: used by this thread only.
        sink: takes what there is to say.
        clock: now, UTC.
        is_away: whether a camera turns at this moment: its tracks are ended then, for their vehicles are gone.
    """

    def __init__(  # noqa: PLR0913  # each is another stage's
        self,
        name: str,
        *,
        cameras: Sequence[CameraSettings],
        vote: VoteSettings,
        engine: Engine,
        sink: Sink,
        clock: Callable[[], datetime],
        is_away: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.hub = FrameHub()
        self._models = engine.models
        self._sink = sink
        self._clock = clock
        self._is_away = is_away
        self._pipelines: dict[str, Pipeline] = {}
        for lenses in by_device(cameras):
            device = Device([lens.id for lens in lenses])
            self._pipelines |= {lens.id: new_pipeline(lens, vote, engine, device=device) for lens in lenses}
        self._took_ms: deque[float] = deque(maxlen=_TIMED)
        self._turned_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def counts(self) -> Mapping[str, Counts]:
        """By camera, since the start."""
        return {camera_id: pipeline.counts for camera_id, pipeline in self._pipelines.items()}

    @property
    def took_ms(self) -> tuple[float, ...]:
        """Times of the last frames analysed."""
        return tuple(self._took_ms)

    @property
    def stuck_s(self) -> float:
        """How long it has been at one frame, seconds; a tenth of a second at most where nothing is to be done."""
        return time.monotonic() - self._turned_at

    def start(self) -> None:
        """Begin to take frames from the hub."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the frame in hand, end all tracks, put what they have to say, and end."""
        self.hub.close()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        ticked = time.monotonic()
        while not self.hub.is_closed:
            self._turned_at = time.monotonic()
            frame = self.hub.next(timeout_s=_TICK_S)
            if frame is not None:
                self._analyse(frame)
            if time.monotonic() - ticked >= _TICK_S:
                ticked = time.monotonic()
                for camera_id, pipeline in self._pipelines.items():
                    look = pipeline.flush if self._is_away(camera_id) else pipeline.tick
                    self._say(look(now=self._clock()))
                self._sink.retry()
        for pipeline in self._pipelines.values():
            self._say(pipeline.flush(now=self._clock()))

    def _analyse(self, frame: Frame) -> None:
        began = time.perf_counter()
        pipeline = self._pipelines[frame.camera_id]
        undrawn = pipeline.counts.undrawn
        emissions = pipeline.feed(frame, now=self._clock())
        # Health counts each of them as corrupt.
        if pipeline.counts.undrawn > undrawn and undrawn % _SAID_EVERY == 0:
            _log.warning("no picture of a frame can be made", camera=frame.camera_id, frames=undrawn + 1)
        self._took_ms.append(1000 * (time.perf_counter() - began))
        self._say(emissions)

    def _say(self, emissions: Sequence[Emission]) -> None:
        for emission in emissions:
            self._sink.put(emission, models=self._models)
            # No plate: a log file stands behind no role and leaves no row in the audit.
            _log.info(
                emission.kind,
                camera=emission.camera_id,
                likelihood=round(emission.verdict.likelihood, 3),
                track=emission.track_id,
                spooled_ms=round(1000 * (self._clock() - emission.due_at).total_seconds(), 1),
            )


def median_ms(analysers: Sequence[Analyser]) -> float | None:
    """Median time of one analysed frame over all of them; None before the first."""
    times = [t for analyser in analysers for t in analyser.took_ms]
    return statistics.median(times) if times else None


def new_pipeline(
    camera: CameraSettings, vote: VoteSettings, engine: Engine, *, device: Device | None = None
) -> Pipeline:
    """A camera's pipeline on the nets of an engine; the lenses of a device share theirs."""
    return Pipeline(
        camera=camera,
        vote=vote,
        new_vote=lambda: engine.new_vote(vote, camera.countries),
        detector=engine.detector,
        reader=engine.reader,
        device=device,
    )


def how_many(cameras: Sequence[CameraSettings], *, threads: int, cores: int) -> int:
    """Analysers for a box of so many cores whose nets take so many threads each: one for two devices, at most 8."""
    wanted = math.ceil(len(by_device(cameras)) / _DEVICES)
    return min(wanted, _MOST, max(1, cores // threads))


def share_out(cameras: Sequence[CameraSettings], count: int) -> list[list[CameraSettings]]:
    """Which cameras each of so many analysers takes: all lenses of a device to one, else evenly, in turn."""
    shares: list[list[CameraSettings]] = [[] for _ in range(count)]
    for lenses in sorted(by_device(cameras), key=len, reverse=True):
        min(shares, key=len).extend(lenses)
    return shares


def by_device(cameras: Sequence[CameraSettings]) -> list[list[CameraSettings]]:
    """The cameras by device, each in the order of the configuration; a camera of none is by itself."""
    found: dict[tuple[str, bool], list[CameraSettings]] = {}
    for camera in cameras:
        found.setdefault((camera.device or camera.id, camera.device is None), []).append(camera)
    return list(found.values())
