"""The edge worker: cameras in, reads out. The whole flow of a box stands here.

    CameraThread -> FrameHub -> Analyser (Pipeline: detect, track, read, vote) -> Outbox -> Spool
    (one a camera)  (newest     (one a core, its cameras' frames in order)       (numbers)   |
                     frame)                                                                  v
    HealthReporter (asks them all) ------------------------------------------> Publisher -> MQTT
    ClipDesk (cuts what the centre asks for from the cameras' rings) -> Spool      |  ^-- commands
    HotlistDesk (says to the Outbox which reads go first) <-- signed hotlists -----|
    PtzGuard (one a camera that turns) ---- its state -----------------------------^
             says which frames may be read

A thread that dies of a fault takes the worker with it, with a clear message: a half-dead worker would look
like a quiet street. SIGTERM and SIGINT stop it cleanly: the cameras are closed, tracks end into the spool, the
last acknowledgements are waited for, and the box says that it is offline.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import cv2
import structlog

from edge import certificate, memory, metrics, notify
from edge.analyser import Analyser, how_many, median_ms, share_out
from edge.capture.camera import CameraThread
from edge.capture.ptz.aim import Aim
from edge.capture.ptz.guard import PtzGuard
from edge.capture.ptz.post import post
from edge.capture.ring import PacketRing
from edge.capture.rtsp import RtspSource
from edge.capture.stats import CaptureStats
from edge.clips.desk import ClipDesk, rings
from edge.contract.health import CameraHealth, CameraState
from edge.contract.ptz import PtzPhase, PtzState
from edge.contract.topics import Address
from edge.engine import Engine, build
from edge.errors import WorkerError
from edge.health.reporter import HealthReporter, Sources
from edge.health.watch import Overheard
from edge.health.watches import Watches
from edge.hotlist.opened import opened
from edge.outbox import Outbox
from edge.pipeline import Counts
from edge.ports import FrameSource
from edge.process import told_to_stop, watched
from edge.publish.publisher import Publisher
from edge.settings import CameraSettings, EdgeSettings
from edge.spool.queue import Spool

_CAMERAS_STOP_S: Final = 3.0
_DETAIL_CHARACTERS: Final = 300
_DRAIN_S: Final = 5.0
_STUCK_S: Final = 60.0  # no frame takes so long

_log = structlog.get_logger(__name__)


class Connect(Protocol):
    """Opens a camera, counting in the record given; `aim` is given for one that turns."""

    def __call__(
        self, camera: CameraSettings, stats: CaptureStats, /, *, aim: Aim | None = None
    ) -> FrameSource:
        """As `edge.capture.camera.Connect`."""


def utc_now() -> datetime:
    """The box's clock."""
    return datetime.now(UTC)


class Worker:
    """All threads of a box, wired.

    Args:
        settings: the box's configuration.
        spool: open; the caller closes it.
        engines: one for each analysing thread.
        connect: opens a camera, counting in the record given.
        kept: where the cameras' packets are kept for clips, by camera; `connect` fills it.
        clock: now, UTC.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        spool: Spool,
        engines: Sequence[Engine],
        connect: Connect,
        kept: Mapping[str, PacketRing] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        address = Address(settings.site_id, settings.edge_id)
        self._kept = kept or {}
        self._clips = ClipDesk(self._kept, spool, address, settings.clips, clock=clock)
        self._hotlist = opened(settings, grammar=engines[0].grammar, clock=clock)
        self._publisher = Publisher(
            spool,
            settings.mqtt,
            address,
            clock=clock,
            command=self._clips.command,
            heard=self._hotlist.heard,
        )
        self._outbox = outbox = Outbox(
            spool,
            edge_id=settings.edge_id,
            site_id=settings.site_id,
            pictures=settings.pictures,
            clock_error_s=lambda: self._publisher.state.clock_error_s,
            is_listed=self._hotlist.is_listed,
        )
        self._address = address
        memory = settings.health.memory or settings.spool.path.with_name("health")
        self._watches = Watches(settings.cameras, memory, clock=clock)
        self._guards = {
            c.id: post(c, c.ptz, edge_id=settings.edge_id, say=self._retain, clock=clock)
            for c in settings.cameras
            if c.ptz is not None
        }
        shared_out = share_out(settings.cameras, len(engines))
        self._analysers = [
            Analyser(
                f"analyser-{n}",
                cameras=shared_out[n],
                vote=settings.vote,
                engine=engine,
                sink=Overheard(outbox, self._watches.heard),
                clock=clock,
                is_away=self._is_away,
            )
            for n, engine in enumerate(engines)
        ]
        hubs = {c.id: a.hub for a, cameras in zip(self._analysers, shared_out, strict=True) for c in cameras}
        self._cameras = [
            CameraThread(
                camera.id,
                connect=self._connect(connect, camera),
                hub=hubs[camera.id],
                view=self._watches.view(camera.id),
            )
            for camera in settings.cameras
        ]
        self._health = HealthReporter(
            address,
            spool,
            Sources(
                cameras=self.cameras,
                pipeline_ms=lambda: median_ms(self._analysers),
                link=lambda: self._publisher.state,
                outbox=lambda: outbox.fault,
                certificate_days=_certificate_days(settings, clock),
                clips=lambda: self._clips.counts,
                hotlist=lambda: self._hotlist.health,
            ),
            send=self._publisher.announce,
            interval_s=settings.health.interval_s,
            clock=clock,
        )
        self._metrics_port = settings.health.metrics_port
        self._metrics: metrics.MetricsServer | None = None

    def start(self) -> None:
        """Start every thread, the takers before the givers."""
        self._publisher.start()
        self._clips.start()
        self._hotlist.start(self._publisher.listen)
        for analyser in self._analysers:
            analyser.start()
        for guard in self._guards.values():
            guard.start()
        for camera in self._cameras:
            camera.start()
        self._health.start()
        box = metrics.BoxCollector(health=lambda: self._health.latest, link=lambda: self._publisher.state)
        self._metrics = metrics.serve(box, port=self._metrics_port)

    def is_working(self) -> bool:
        """Whether every thread that looks, at frames or at the box, has lately come to an end with what it was at."""
        stuck_s = max(self._health.stuck_s, *(analyser.stuck_s for analyser in self._analysers))
        return stuck_s < _STUCK_S

    def stop(self) -> bool:
        """Stop every thread, the givers before the takers.

        Returns:
            Whether the centre has acknowledged everything.
        """
        givers: list[CameraThread | PtzGuard] = [*self._cameras, *self._guards.values()]
        for giver in givers:
            giver.stop(timeout_s=0.0)
        deadline = time.monotonic() + _CAMERAS_STOP_S
        for giver in givers:
            giver.stop(timeout_s=max(0.0, deadline - time.monotonic()))
        for analyser in self._analysers:
            analyser.stop()
        self._outbox.close()
        self._watches.save()
        self._clips.stop()
        self._hotlist.stop()
        if self._metrics is not None:
            self._metrics.close()
        self._health.stop()
        return self._publisher.stop(drain_s=_DRAIN_S)

    def cameras(self) -> list[CameraHealth]:
        """Every camera as it is now."""
        counts = {camera: c for analyser in self._analysers for camera, c in analyser.counts.items()}
        found = self._watches.told([self._camera_health(c, counts[c.camera_id]) for c in self._cameras])
        return [_with_ptz(camera, self._guards.get(camera.camera_id)) for camera in found]

    def _camera_health(self, camera: CameraThread, counts: Counts) -> CameraHealth:
        ring = self._kept.get(camera.camera_id)
        health = _camera_health(camera, counts)
        return health if ring is None else health.model_copy(update={"packets_dropped": ring.dropped})

    def _connect(self, connect: Connect, camera: CameraSettings) -> Callable[[CaptureStats], FrameSource]:
        guard = self._guards.get(camera.id)
        return partial(connect, camera) if guard is None else partial(connect, camera, aim=guard.aim)

    def _is_away(self, camera_id: str) -> bool:
        guard = self._guards.get(camera_id)
        return guard is not None and not guard.aim.is_reading

    def _retain(self, state: PtzState) -> None:
        self._publisher.retain(self._address.ptz_state(state.camera_id), state.model_dump_json().encode())


def run(settings: EdgeSettings) -> None:
    """Run a box until SIGTERM or SIGINT.

    Raises:
        AssetError, ConfigError, SpoolError: it cannot start.
        WorkerError: one of its threads died.
    """
    cv2.setNumThreads(1)  # the analysers are the parallelism
    memory.spare()
    analysers = how_many(settings.cameras, threads=settings.threads, cores=_cores())
    engines = [
        build(settings.engine, threads=settings.threads, detector_score=settings.detector_score)
        for _ in range(analysers)
    ]
    memory.give_back()
    kept = rings(settings.cameras, settings.clips)
    serve(settings, engines=engines, connect=partial(_open_camera, kept=kept), kept=kept)


def serve(
    settings: EdgeSettings,
    *,
    engines: Sequence[Engine],
    connect: Connect,
    kept: Mapping[str, PacketRing] | None = None,
) -> None:
    """`run` with these engines, one for each analysing thread, and this way to open a camera."""
    spool = Spool(
        settings.spool.path, edge_id=settings.edge_id, max_bytes=settings.spool.max_bytes, clock=utc_now
    )
    with spool, told_to_stop() as stop, watched(stop) as dead:
        worker = Worker(settings, spool=spool, engines=engines, connect=connect, kept=kept)
        worker.start()
        _log.info("started", edge=settings.edge_id, cameras=len(settings.cameras), analysers=len(engines))
        if settings.mqtt.is_exposed:
            _log.warning(
                "no TLS: whoever is on the way reads plates and passwords", broker=settings.mqtt.host
            )
        notify.tell("READY=1")
        # A service manager that watches restarts a box whose threads hang; nobody else would notice.
        while not stop.wait(notify.watchdog_s()):
            if worker.is_working():
                notify.tell("WATCHDOG=1")
        notify.tell("STOPPING=1")
        _log.info("stopping", edge=settings.edge_id)
        delivered = worker.stop()
        _log.info("stopped", edge=settings.edge_id, all_acknowledged=delivered)
        if dead:
            raise WorkerError("; ".join(dead))


def _certificate_days(settings: EdgeSettings, clock: Callable[[], datetime]) -> Callable[[], float | None]:
    tls = settings.mqtt.tls
    if tls is None or tls.cert_file is None:
        return lambda: None
    return certificate.days_left(tls.cert_file, clock=clock)


def _open_camera(
    camera: CameraSettings,
    stats: CaptureStats,
    /,
    *,
    aim: Aim | None = None,
    kept: Mapping[str, PacketRing] | None = None,
) -> FrameSource:
    ring = None if kept is None else kept.get(camera.id)
    return RtspSource(camera, clock=utc_now, stats=stats, aim=aim, ring=ring)


def _camera_health(camera: CameraThread, counts: Counts) -> CameraHealth:
    seen = camera.status()
    return CameraHealth(
        camera_id=camera.camera_id,
        state=seen.state,
        detail="; ".join(filter(None, (seen.detail, seen.remark)))[:_DETAIL_CHARACTERS],
        last_frame_at=seen.last_frame_at,
        frames_received=seen.frames_received,
        frames_corrupt=seen.frames_corrupt + counts.undrawn,
        frames_still=seen.frames_still,
        frames_moving=seen.frames_moving,
        frames_dropped=seen.frames_dropped,
        frames_analysed=counts.frames,
        reads=counts.reads,
        reconnects=seen.reconnects,
        triggers=seen.triggers,
    )


def _with_ptz(camera: CameraHealth, guard: PtzGuard | None) -> CameraHealth:
    """What the tour adds, where the stream itself is well."""
    state = guard.state if guard is not None else None
    if state is None or camera.state is not CameraState.LIVE:
        return camera
    turning = state.phase in {PtzPhase.GOTO, PtzPhase.MOVING, PtzPhase.SETTLE}
    said = "; ".join(filter(None, (camera.detail, state.detail)))[:_DETAIL_CHARACTERS]
    return camera.model_copy(
        update={"state": CameraState.MOVING if turning else CameraState.LIVE, "detail": said}
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
