"""What the box knows of itself, for Prometheus: one port, on loopback, and only where it is configured.

    HealthReporter.latest, LinkState -> BoxCollector -> http://127.0.0.1:PORT/metrics

Nothing is measured for a scrape: it shows what the last look at the box found, half a second ago or less.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Final
from urllib.request import ProxyHandler, build_opener
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from edge.contract.health import Ailment, CameraHealth, CameraState, ClipHealth, EdgeHealth, HotlistHealth
from edge.errors import WorkerError
from edge.types import LinkState

ADDRESS: Final = "127.0.0.1"
"""Not a setting: a box has no port that the network can see. A scraper elsewhere comes through an agent on the box."""

_LOOKED: Final = "atalaya_edge_looked_timestamp_seconds"
_ANSWER_S: Final = 3.0

_log = structlog.get_logger(__name__)

_FRAMES: Final = {
    "received": "frames_received",
    "corrupt": "frames_corrupt",
    "still": "frames_still",
    "dropped": "frames_dropped",
    "moving": "frames_moving",
    "analysed": "frames_analysed",
}
_AGAINST: Final = {
    "reads_share": "reads lately, as a share of what is usual at this time",
    "plate_px": "median width of the plates read lately",
    "sharpness": "of the picture, as a share of what is usual in such light",
    "brightness": "mean of the picture, 0 to 1",
    "view_shift": "how far the scene lies from its place, as a share of the picture's width",
}
_LINK: Final = {
    "published": ("published", "messages handed to the broker, those sent again included"),
    "resent": ("resent", "messages sent again because the centre had not acknowledged them"),
    "refused": ("refused", "publications and connections that the broker refused"),
    "reconnects": ("reconnects", "connections after the first"),
    "unreadable_acks": ("acks_unreadable", "messages on the ack topic that were no acknowledgements"),
}


class BoxCollector(Collector):
    """Turns the box's own words into metrics, anew at each scrape.

    Args:
        health: the last look at the box; None before the first.
        link: the connection to the broker.
    """

    def __init__(self, *, health: Callable[[], EdgeHealth | None], link: Callable[[], LinkState]) -> None:
        self._health = health
        self._link = link

    def collect(self) -> Iterator[Metric]:
        """Every metric that is known now."""
        health = self._health()
        if health is None:
            return
        yield from _box(health)
        yield from _cameras(health.cameras)
        yield from _spool(health)
        yield _clips(health.clips)
        yield from _hotlist(health.hotlist)
        yield from _link(self._link())


class MetricsServer:
    """Serves the metrics of a box until it is closed.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, collector: Collector, *, port: int) -> None:
        registry = CollectorRegistry()
        registry.register(collector)
        self._server: WSGIServer
        self._thread: threading.Thread
        self._server, self._thread = start_http_server(port, addr=ADDRESS, registry=registry)

    @property
    def port(self) -> int:
        """Where it listens; the one chosen by the system where 0 was asked for."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(collector: Collector, *, port: int | None) -> MetricsServer | None:
    """Serve where a port is configured. A port that is taken costs the metrics, not the box: plates come first."""
    if port is None:
        return None
    try:
        server = MetricsServer(collector, port=port)
    except OSError as error:
        _log.error("no metrics", address=f"{ADDRESS}:{port}", fault=error.strerror or str(error))
        return None
    _log.info("metrics", address=f"http://{ADDRESS}:{server.port}/metrics")
    return server


def look_age_s(port: int, *, now: datetime) -> float:
    """How long ago the box that serves its metrics on this port last looked at itself, seconds.

    Raises:
        WorkerError: nobody serves metrics there, or it has not looked yet.
    """
    address = f"http://{ADDRESS}:{port}/metrics"
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_ANSWER_S) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except (
        OSError,
        HTTPException,
        ValueError,
    ) as error:  # ValueError: something else than metrics, or not UTF-8
        raise WorkerError(f"{address}: no box answers: {getattr(error, 'reason', error)}") from error
    for family in families:
        if family.name == _LOOKED and family.samples:
            return now.timestamp() - float(family.samples[0].value)
    raise WorkerError(f"{address}: the box has not looked at itself yet")


def _box(health: EdgeHealth) -> Iterator[Metric]:
    info = GaugeMetricFamily("atalaya_edge", "the box", labels=["edge", "site", "version"])
    info.add_metric([health.edge_id, health.site_id, health.version], 1)
    yield info
    yield _gauge(
        "atalaya_edge_fault",
        "1 while something ails the box itself (its health says what)",
        health.fault != "",
    )
    if health.started_at is not None:
        yield _gauge(
            "atalaya_edge_started_timestamp_seconds", "start of the worker", health.started_at.timestamp()
        )
    if health.at is not None:
        yield _gauge(_LOOKED, "when all this was found so", health.at.timestamp())
    if health.pipeline_ms is not None:
        yield _gauge(
            "atalaya_pipeline_seconds", "median time of one analysed frame", health.pipeline_ms / 1000
        )
    if health.clock_error_s is not None:
        yield _gauge(
            "atalaya_clock_error_seconds", "this box's clock minus the centre's", health.clock_error_s
        )
    if health.certificate_days_left is not None:
        yield _gauge(
            "atalaya_certificate_left_seconds",
            "how long the box's certificate holds; negative: it has expired",
            health.certificate_days_left * 86_400,
        )


def _cameras(cameras: tuple[CameraHealth, ...]) -> Iterator[Metric]:
    frames = CounterMetricFamily(
        "atalaya_camera_frames", "frames, by what became of them", labels=["camera", "fate"]
    )
    reads = CounterMetricFamily("atalaya_camera_reads", "reads made", labels=["camera"])
    reconnects = CounterMetricFamily(
        "atalaya_camera_reconnects", "connections after the first", labels=["camera"]
    )
    last = GaugeMetricFamily(
        "atalaya_camera_last_frame_timestamp_seconds", "when its last frame was taken", labels=["camera"]
    )
    state = GaugeMetricFamily(
        "atalaya_camera_state", "1 for the state that it is in", labels=["camera", "state"]
    )
    ailing = GaugeMetricFamily(
        "atalaya_camera_ailment", "1 for what ails it, against its own past", labels=["camera", "ailment"]
    )
    against = {
        attribute: GaugeMetricFamily(f"atalaya_camera_{attribute}", text, labels=["camera"])
        for attribute, text in _AGAINST.items()
    }
    for camera in cameras:
        name = camera.camera_id
        for fate, attribute in _FRAMES.items():
            frames.add_metric([name, fate], getattr(camera, attribute))
        reads.add_metric([name], camera.reads)
        reconnects.add_metric([name], camera.reconnects)
        if camera.last_frame_at is not None:
            last.add_metric([name], camera.last_frame_at.timestamp())
        for each in CameraState:
            state.add_metric([name, each], camera.state is each)
        for ailment in Ailment:
            ailing.add_metric([name, ailment], ailment in camera.ailments)
        for attribute, family in against.items():
            value = getattr(camera, attribute)
            if value is not None:
                family.add_metric([name], value)
    yield from (frames, reads, reconnects, last, state, ailing, *against.values())
    yield _triggers(cameras)
    packets = CounterMetricFamily(
        "atalaya_camera_packets_dropped",
        "packets kept for clips that went for want of room, before their time",
        labels=["camera"],
    )
    for camera in cameras:
        packets.add_metric([camera.camera_id], camera.packets_dropped)
    yield packets


def _triggers(cameras: tuple[CameraHealth, ...]) -> CounterMetricFamily:
    found = CounterMetricFamily(
        "atalaya_camera_triggers",
        "what said that something moves while the camera dozed, by what came of it",
        labels=["camera", "trigger", "outcome"],
    )
    for camera in cameras:
        for trigger in camera.triggers:
            for outcome in ("wakes", "false_alarms", "missed"):
                found.add_metric([camera.camera_id, trigger.name, outcome], getattr(trigger, outcome))
    return found


def _spool(health: EdgeHealth) -> Iterator[Metric]:
    yield _gauge(
        "atalaya_spool_messages", "messages that the centre has not acknowledged", health.spool_messages
    )
    yield _gauge("atalaya_spool_bytes", "their size", health.spool_bytes)
    yield _counter(
        "atalaya_spool_dropped", "messages given up, in this epoch of the spool", health.spool_dropped
    )
    oldest = health.spool_oldest_at
    now = health.at or datetime.now(UTC)
    age_s = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
    yield _gauge("atalaya_spool_oldest_read_seconds", "age of the oldest read that waits; 0: none", age_s)


def _clips(clips: ClipHealth) -> CounterMetricFamily:
    found = CounterMetricFamily(
        "atalaya_clips", "clips that the centre asked for, by what became of it", labels=["outcome"]
    )
    for outcome in ("made", "gone", "refused"):
        found.add_metric([outcome], getattr(clips, outcome))
    return found


def _hotlist(hotlist: HotlistHealth) -> Iterator[Metric]:
    if hotlist.issued_at is not None:
        issued_at = hotlist.issued_at.timestamp()
        yield _gauge(
            "atalaya_hotlist_issued_timestamp_seconds", "when the copy of the hotlists was signed", issued_at
        )
    yield _gauge("atalaya_hotlist_entries", "in the copy of the hotlists", hotlist.entries)
    yield _counter("atalaya_hotlist_hits", "reads and updates found listed", hotlist.hits)
    heads = CounterMetricFamily(
        "atalaya_hotlist_heads", "copies that were not taken: too old, or not the centre's", labels=["why"]
    )
    for why in ("replayed", "refused"):
        heads.add_metric([why], getattr(hotlist, why))
    yield heads
    yield _counter(
        "atalaya_hotlist_dropped",
        "heads and parts that came faster than they were taken in; had again later",
        hotlist.dropped,
    )


def _link(link: LinkState) -> Iterator[Metric]:
    yield _gauge("atalaya_link_connected", "1 while the broker has accepted us", link.connected)
    yield _gauge(
        "atalaya_link_unconfirmed", "messages on the wire, of the window in_flight", link.unconfirmed
    )
    for name, (attribute, text) in _LINK.items():
        yield _counter(f"atalaya_link_{name}", text, getattr(link, attribute))


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _counter(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=float(value))
