"""Metrics, scraped as Prometheus does: over HTTP, from loopback, and from nowhere else."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml
from brokers import free_port
from click.testing import CliRunner
from edge_reads import NOON
from prometheus_client.parser import text_string_to_metric_families

from edge.cli import cli
from edge.contract.health import (
    Ailment,
    CameraHealth,
    CameraState,
    ClipHealth,
    EdgeHealth,
    HotlistHealth,
    TriggerHealth,
)
from edge.errors import WorkerError
from edge.metrics import ADDRESS, BoxCollector, MetricsServer, look_age_s, serve
from edge.types import LinkState

CAMERA = CameraHealth(
    camera_id="north",
    state=CameraState.LIVE,
    last_frame_at=NOON,
    frames_received=100,
    frames_corrupt=1,
    frames_still=60,
    frames_dropped=2,
    frames_analysed=37,
    reads=5,
    reconnects=3,
    packets_dropped=11,
    ailments=(Ailment.BLURRED,),
    sharpness=0.4,
    plate_px=88.0,
    triggers=(TriggerHealth(name="events", wakes=9, false_alarms=2, missed=1),),
)
HEALTH = EdgeHealth(
    edge_id="edge-1",
    site_id="site-1",
    online=True,
    at=NOON,
    started_at=NOON - timedelta(hours=1),
    version="0.1.0",
    clock_error_s=-0.25,
    fault="no broker",
    spool_messages=7,
    spool_bytes=4096,
    spool_dropped=1,
    spool_oldest_at=NOON - timedelta(seconds=90),
    certificate_days_left=10.0,
    pipeline_ms=12.5,
    clips=ClipHealth(made=3, gone=2, refused=1),
    hotlist=HotlistHealth(
        number=7, issued_at=NOON, entries=20_000, hits=12, dropped=5, replayed=3, refused=1
    ),
    cameras=(CAMERA, CameraHealth(camera_id="south", state=CameraState.UNREACHABLE)),
)
LINK = LinkState(
    connected=True, published=40, resent=4, refused=2, unconfirmed=9, reconnects=1, acks_unreadable=6
)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def text(port: int) -> str:
    with build_opener(ProxyHandler({})).open(f"http://{ADDRESS}:{port}/metrics", timeout=5) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def scrape(port: int) -> Samples:
    families = text_string_to_metric_families(text(port))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.fixture
def start() -> Iterator[Callable[..., MetricsServer]]:
    servers: list[MetricsServer] = []

    def start(health: EdgeHealth | None, link: LinkState = LINK) -> MetricsServer:  # frozen
        servers.append(MetricsServer(BoxCollector(health=lambda: health, link=lambda: link), port=0))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_all_that_health_knows_is_told(start: Callable[..., MetricsServer]) -> None:
    found = scrape(start(HEALTH).port)
    of_the_box = {name: value for (name, labels), value in found.items() if not labels}
    assert of_the_box == {
        "atalaya_edge_fault": 1,
        "atalaya_edge_started_timestamp_seconds": NOON.timestamp() - 3600,
        "atalaya_edge_looked_timestamp_seconds": NOON.timestamp(),
        "atalaya_pipeline_seconds": 0.0125,
        "atalaya_clock_error_seconds": -0.25,
        "atalaya_certificate_left_seconds": 864_000,
        "atalaya_spool_messages": 7,
        "atalaya_spool_bytes": 4096,
        "atalaya_spool_dropped_total": 1,
        "atalaya_spool_oldest_read_seconds": 90,
        "atalaya_hotlist_issued_timestamp_seconds": NOON.timestamp(),
        "atalaya_hotlist_entries": 20_000,
        "atalaya_hotlist_hits_total": 12,
        "atalaya_hotlist_dropped_total": 5,
        "atalaya_link_connected": 1,
        "atalaya_link_unconfirmed": 9,
        "atalaya_link_published_total": 40,
        "atalaya_link_resent_total": 4,
        "atalaya_link_refused_total": 2,
        "atalaya_link_reconnects_total": 1,
        "atalaya_link_unreadable_acks_total": 6,
    }
    clips = {o: found["atalaya_clips_total", (("outcome", o),)] for o in ("made", "gone", "refused")}
    assert clips == {"made": 3, "gone": 2, "refused": 1}
    heads = {w: found["atalaya_hotlist_heads_total", (("why", w),)] for w in ("replayed", "refused")}
    assert heads == {"replayed": 3, "refused": 1}
    assert found["atalaya_camera_packets_dropped_total", (("camera", "north"),)] == 11
    assert found["atalaya_edge", (("edge", "edge-1"), ("site", "site-1"), ("version", "0.1.0"))] == 1


def test_each_camera_is_told_apart(start: Callable[..., MetricsServer]) -> None:
    found = scrape(start(HEALTH).port)
    frames = {
        dict(labels)["fate"]: value
        for (name, labels), value in found.items()
        if name == "atalaya_camera_frames_total" and ("camera", "north") in labels
    }
    assert (
        frames.items() >= {"received": 100, "corrupt": 1, "still": 60, "dropped": 2, "analysed": 37}.items()
    )
    north = (("camera", "north"),)
    assert found["atalaya_camera_reads_total", north] == 5
    assert found["atalaya_camera_reconnects_total", north] == 3
    assert found["atalaya_camera_last_frame_timestamp_seconds", north] == NOON.timestamp()
    ailing = {
        labels: value for (name, labels), value in found.items() if name == "atalaya_camera_ailment" and value
    }
    assert ailing == {(("ailment", "blurred"), ("camera", "north")): 1}
    assert found["atalaya_camera_sharpness", north] == 0.4
    assert found["atalaya_camera_plate_px", north] == 88
    assert ("atalaya_camera_view_shift", north) not in found
    triggers = {labels[1:]: value for (name, labels), value in found.items() if "triggers" in name}
    assert triggers == {
        (("outcome", "wakes"), ("trigger", "events")): 9,
        (("outcome", "false_alarms"), ("trigger", "events")): 2,
        (("outcome", "missed"), ("trigger", "events")): 1,
    }
    assert ("atalaya_camera_last_frame_timestamp_seconds", (("camera", "south"),)) not in found
    states = {
        labels: value for (name, labels), value in found.items() if name == "atalaya_camera_state" and value
    }
    assert states == {
        (("camera", "north"), ("state", "live")): 1,
        (("camera", "south"), ("state", "unreachable")): 1,
    }


def test_what_is_not_known_is_not_told(start: Callable[..., MetricsServer]) -> None:
    assert scrape(start(None).port) == {}
    bare = EdgeHealth(edge_id="edge-1", site_id="site-1", online=True, at=NOON)
    names = {name for name, _ in scrape(start(bare, LinkState()).port)}
    unknown = {"atalaya_clock_error_seconds", "atalaya_pipeline_seconds", "atalaya_certificate_left_seconds"}
    assert names & unknown == set()
    assert "atalaya_spool_oldest_read_seconds" in names


def test_it_listens_on_loopback_alone(start: Callable[..., MetricsServer]) -> None:
    server = start(HEALTH)
    assert server._server.socket.getsockname() == ("127.0.0.1", server.port)
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in {str(a) for a in others} - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((address, server.port)) != 0, address


def test_closed_it_listens_no_more() -> None:
    server = MetricsServer(BoxCollector(health=lambda: HEALTH, link=LinkState), port=0)
    server.close()
    with socket.socket() as probe:
        assert probe.connect_ex((ADDRESS, server.port)) != 0


def test_where_no_port_is_configured_nothing_listens() -> None:
    assert serve(BoxCollector(health=lambda: HEALTH, link=LinkState), port=None) is None


def test_a_port_that_is_taken_costs_the_metrics_alone(
    start: Callable[..., MetricsServer], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = start(HEALTH).port
    assert serve(BoxCollector(health=lambda: HEALTH, link=LinkState), port=taken) is None
    assert "Address already in use" in capsys.readouterr().out


def test_whether_a_box_lives_is_told_by_its_last_look(start: Callable[..., MetricsServer]) -> None:
    assert look_age_s(start(HEALTH).port, now=NOON + timedelta(seconds=5)) == 5
    with pytest.raises(WorkerError, match="has not looked at itself yet"):
        look_age_s(start(None).port, now=NOON)
    with pytest.raises(WorkerError, match="no box answers: .*refused"):
        look_age_s(free_port(), now=NOON)


class Elsewhere(BaseHTTPRequestHandler):
    """Another program's page on the port of the configuration."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello {there\n")

    def log_message(self, *_words: object) -> None:
        pass


def test_a_port_of_another_program_is_no_box() -> None:
    with HTTPServer((ADDRESS, 0), Elsewhere) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with pytest.raises(WorkerError, match="no box answers: "):
            look_age_s(server.server_port, now=NOON)
        answering.join()


def test_alive_asks_the_box_of_the_configuration(start: Callable[..., MetricsServer], tmp_path: Path) -> None:
    def alive(port: int | None) -> tuple[int, str]:
        content = {
            "edge_id": "edge-1",
            "site_id": "site-1",
            "cameras": [{"id": "north", "url": "rtsp://127.0.0.1/north"}],
            "health": {"metrics_port": port},
        }
        (tmp_path / "edge.yaml").write_text(yaml.safe_dump(content))
        done = CliRunner().invoke(cli, ["alive", "--config", str(tmp_path / "edge.yaml")])
        return done.exit_code, done.output

    code, said = alive(start(HEALTH).port)  # its last look was at noon of another day
    assert (code, "has not looked at itself for" in said) == (2, True)
    assert alive(None)[0] == 2
    assert "no box answers" in alive(free_port())[1]
