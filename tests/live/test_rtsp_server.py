"""The simulated camera over real sockets: protocol, sessions, bounds, and foreign clients."""

import gc
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from clips import clip_file, number_of, write_clip
from rtsp_client import TCP, RawClient

from edge.cli import cli
from edge.simulate.clip import Clip, load_clip
from edge.simulate.digest import DigestGuard
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread

USER = ("ana", "p:w @ü/")
QUOTED = "ana:p%3Aw%20%40%C3%BC%2F"


def silent(_: object) -> None:
    """Nobody asks for the passes."""


@pytest.fixture(scope="module")
def shape() -> Clip:
    return load_clip(clip_file())


@pytest.fixture
def serve(shape: Clip) -> Iterator[Callable[..., ServerThread]]:
    running: list[ServerThread] = []

    def start(terms: Terms | None = None, clips: dict[str, Clip] | None = None) -> ServerThread:
        programme = Programme(clips or {"day": shape}, terms or Terms(), journal=silent)
        running.append(ServerThread(programme).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__(None, None, None)


Serve = Callable[..., ServerThread]


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it never came to pass"
        time.sleep(0.02)


def with_user(url: str) -> str:
    return url.replace("rtsp://", f"rtsp://{QUOTED}@")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
class TestForeignClients:
    def test_pyav_sees_every_picture_in_order(self, serve: Serve, transport: str) -> None:
        server = serve(Terms(guard=DigestGuard(*USER)))
        options = {"rtsp_transport": transport, "analyzeduration": "1"}
        with av.open(with_user(server.url("day")), options=options, timeout=(10, 10)) as container:
            frames = itertools.islice(container.decode(video=0), 110)
            numbers = [number_of(frame.to_ndarray(format="bgr24")) for frame in frames]
        assert numbers == [n % 50 for n in range(110)], "two wraps of the clip, from its first key frame"

    def test_opencv_sees_every_picture_in_order(
        self, serve: Serve, transport: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = serve(Terms(guard=DigestGuard(*USER)))
        monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", f"rtsp_transport;{transport}")
        capture = cv2.VideoCapture(with_user(server.url("day")), cv2.CAP_FFMPEG)
        assert capture.isOpened()
        numbers = [number_of(capture.read()[1]) for _ in range(60)]
        capture.release()
        assert numbers == [n % 50 for n in range(60)]

    def test_a_wrong_password_is_refused_and_counted(self, serve: Serve, transport: str) -> None:
        server = serve(Terms(guard=DigestGuard("ana", "another")))
        with pytest.raises(av.error.HTTPUnauthorizedError):
            av.open(with_user(server.url("day")), options={"rtsp_transport": transport}, timeout=(10, 10))
        assert server.counts.refused == 1
        assert server.counts.sessions == 0


def test_timestamps_go_on_over_the_wrap(serve: Serve) -> None:
    with av.open(serve().url("day"), options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as container:
        packets = itertools.islice(container.demux(video=0), 110)
        times = [packet.pts for packet in packets if packet.pts is not None]
    assert {b - a for a, b in itertools.pairwise(times)} == {3600}


def test_several_clients_each_begin_with_the_first_picture(serve: Serve) -> None:
    server = serve()
    seen = []
    for _ in range(3):
        container = av.open(server.url("day"), options={"rtsp_transport": "tcp"}, timeout=(10, 10))
        seen.append((container, next(container.decode(video=0))))
    assert [number_of(frame.to_ndarray(format="bgr24")) for _, frame in seen] == [0, 0, 0]
    assert server.counts.sessions == 3
    for container, _ in seen:
        container.close()


class TestProtocol:
    def test_a_session_from_beginning_to_end(self, serve: Serve) -> None:
        with RawClient(serve(Terms(guard=DigestGuard(*USER))).url("day"), user=USER) as client:
            status, headers = client.ask("OPTIONS")
            assert status == 200
            assert "GET_PARAMETER" in headers["public"]
            status, headers = client.ask("DESCRIBE", Accept="application/sdp")
            assert (status, headers["content-type"]) == (200, "application/sdp")
            session = client.set_up()
            status, headers = client.ask("PLAY", Session=session)
            assert status == 200
            assert "rtptime=" in headers["rtp-info"]
            channels = [client.packet()[0] for _ in range(10)]
            assert set(channels) == {0, 1}, "RTP, and a sender report"
            assert client.ask("GET_PARAMETER", Session=session)[0] == 200
            assert client.ask("TEARDOWN", Session=session)[0] == 200
            client.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.packet()

    def test_faulty_requests_get_their_status(self, serve: Serve) -> None:
        with RawClient(serve().url("day")) as client:
            assert client.ask("DESCRIBE", uri=client.url + "s")[0] == 404
            assert client.ask("RECORD")[0] == 501
            assert client.ask("PLAY")[0] == 454
            assert client.ask("PLAY", Session="unknown")[0] == 454
            assert client.ask("SETUP", Transport="RTP/AVP;multicast")[0] == 461
            assert client.ask("SETUP", Transport="RTP/AVP;unicast;client_port=99999-1")[0] == 461
            session = client.set_up(transport=f"RTP/AVP;multicast, {TCP}")
            assert client.ask("PLAY", Session=session)[0] == 200
            assert client.ask("SETUP", Session=session, Transport=TCP)[0] == 455
            assert client.ask("PLAY", Session=session)[0] == 200

    def test_without_a_user_everything_but_options_is_challenged(self, serve: Serve) -> None:
        with RawClient(serve(Terms(guard=DigestGuard(*USER))).url("day")) as client:
            assert client.ask("OPTIONS")[0] == 200
            for method in ("DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN"):
                status, headers = client.ask(method)
                assert status == 401
                assert headers["www-authenticate"].startswith("Digest ")

    @pytest.mark.parametrize(
        "rubbish", [b"GET / HTTP/1.1\r\n\r\n", b"PLAY a RTSP/1.0\r\n\r\n", b"x" * 50_000]
    )
    def test_rubbish_ends_the_connection_and_hurts_nobody_else(self, serve: Serve, rubbish: bytes) -> None:
        server = serve()
        with RawClient(server.url("day")) as client:
            client.send(rubbish)
            assert client.is_closed()
        with RawClient(server.url("day")) as client:
            assert client.ask("OPTIONS")[0] == 200


class TestBounds:
    def test_a_silent_udp_client_loses_its_session(self, serve: Serve) -> None:
        server = serve(Terms(session_timeout_s=1.0))
        with RawClient(server.url("day")) as client, socket.socket(type=socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            port = sink.getsockname()[1]
            session = client.set_up(transport=f"RTP/AVP;unicast;client_port={port}-{port}")
            client.ask("PLAY", Session=session)
            assert len(sink.recv(2000)) > 12
            assert client.is_closed()
        assert server.counts.timed_out == 1

    def test_a_client_that_sends_its_reports_keeps_it(self, serve: Serve) -> None:
        server = serve(Terms(session_timeout_s=1.0))
        with av.open(server.url("day"), options={"rtsp_transport": "udp"}, timeout=(10, 10)) as container:
            frames = sum(1 for _ in itertools.islice(container.decode(video=0), 25 * 3))
        assert frames == 75
        assert server.counts.timed_out == 0

    def test_a_client_that_does_not_read_is_dropped_and_counted(self, serve: Serve, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        path = write_clip(
            tmp_path / "snow.mp4",
            frames=10,
            draw=lambda _: rng.integers(0, 255, (180, 320, 3), dtype=np.uint8),
        )
        server = serve(Terms(backlog_bytes=50_000), {"snow": load_clip(path)})
        with RawClient(server.url("snow"), receive_bytes=4096) as client:
            client.ask("PLAY", Session=client.set_up())
            eventually(lambda: server.counts.slow_dropped == 1, within_s=60)
            assert client.is_closed()

    def test_clients_beyond_the_bound_are_turned_away(self, serve: Serve) -> None:
        server = serve(Terms(clients=2))
        with RawClient(server.url("day")) as one, RawClient(server.url("day")) as two:
            assert one.ask("OPTIONS")[0] == two.ask("OPTIONS")[0] == 200
            with RawClient(server.url("day")) as three:
                assert three.is_closed()
            assert one.ask("OPTIONS")[0] == 200
        assert server.counts.turned_away == 1


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--mount", "day=missing.mp4"], "missing.mp4: clip is missing"),
            (["--mount", "day"], "expected NAME=FILE"),
            (["--mount", "day=CLIP", "--mount", "day=CLIP"], "day is given twice"),
            (["--mount", "day=CLIP", "--user", "ana"], "--user and --password-file go together"),
            (
                ["--mount", "day=CLIP", "--user", "ana", "--password-file", "no-such"],
                "no-such: secret cannot be read",
            ),
            (["--mount", "day=CLIP", "--log", "no/such/folder"], "no/such/folder: cannot be written"),
            (["--mount", "day=CLIP", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_line(self, arguments: list[str], words: str) -> None:
        line = ["simulate", "rtsp", "--port", "0", *(a.replace("CLIP", str(clip_file())) for a in arguments)]
        done = CliRunner().invoke(cli, line)
        assert done.exit_code == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_it_plays_logs_each_pass_and_ends_cleanly(self, tmp_path: Path) -> None:
        secret, log = tmp_path / "secret", tmp_path / "passes.jsonl"
        secret.write_text(USER[1] + "\n")
        command = [sys.executable, "-u", "-m", "edge", "simulate", "rtsp", "--port", "0", "--user", USER[0]]
        command += ["--password-file", str(secret), "--log", str(log), "--mount", f"day={clip_file()}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        with av.open(with_user(url), options={"rtsp_transport": "tcp"}, timeout=(10, 10)) as container:
            assert sum(1 for _ in itertools.islice(container.decode(video=0), 60)) == 60
            lines = [json.loads(line) for line in log.read_text().splitlines()]
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)[0]
        assert process.returncode == 0
        assert "sessions 1" in rest
        assert [(line["mount"], line["pass"], line["duration_s"]) for line in lines] == [
            ("day", 0, 2.0),
            ("day", 1, 2.0),
        ]
        assert lines[0]["session"] == lines[1]["session"]


def test_a_client_that_comes_as_the_server_stops_is_let_go_before_its_loop_ends() -> None:
    """Otherwise its connection is found unclosed, whenever the next rubbish is collected."""
    programme = Programme({"day": load_clip(clip_file())}, Terms())
    for _ in range(20):
        with ServerThread(programme) as server:
            late = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for client in late:
            with client:
                client.settimeout(5.0)
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert not [w for w in told if issubclass(w.category, ResourceWarning)]
