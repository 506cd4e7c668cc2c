"""`python -m edge probe` against simulated cameras: real streams, the real nets, the command as it is called."""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from brokers import free_port
from clips import clip_file, drawn, write_clip

from edge.engine import Engine, build
from edge.errors import WorkerError
from edge.probe.facts import Code, Facts
from edge.probe.judge import advise
from edge.probe.look import Look
from edge.settings import CameraSettings, VoteSettings
from edge.simulate.clip import load_clip
from edge.simulate.digest import DigestGuard
from edge.simulate.onvif.device import Device, Oddities
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer
from edge.simulate.player import Faults
from edge.simulate.programme import Programme, Terms
from edge.simulate.rtsp_server import ServerThread

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_videos"
USER, PASSWORD = "ana", "p:w @ü/?#%41"
DAY_PLATES = {
    "FZY03S", "TPR996", "PRM02", "LZU434", "ZZF109", "POV472", "DBD393", "NCQ72M", "XQG07B", "GVU609", "MHW15X",
    "OUX504", "T9072", "XCO16N",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return build("openvino")


@pytest.fixture
def programme() -> Programme:
    return Programme({"shape": load_clip(clip_file())}, journal=lambda _: None)


@pytest.fixture
def server(programme: Programme) -> Iterator[ServerThread]:
    with ServerThread(programme) as running:
        yield running


def now() -> datetime:
    return datetime.now(UTC)


Probe = Callable[..., tuple[int, str, str]]


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    """Call the command in a process of its own; exit status, output, error output."""

    def run(*words: object) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "edge", "probe", *map(str, words)]
        environment = {**os.environ, "LANG": "en_US.UTF-8", "LC_ALL": "", "COLUMNS": "120"}
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=150
        )
        return done.returncode, done.stdout, done.stderr

    return run


def looked(engine: Engine, url: str, *, seconds: float, **changes: Any) -> Facts:
    """A look from within."""
    settings = CameraSettings(**{"id": "gate-1", "url": url, "timeout_s": 2.0, **changes})
    look = Look(settings, engine=engine, vote=VoteSettings(), seconds=seconds, clock=now)
    return look.run(progress=lambda watched_s, plates: None).facts


def codes(facts: Facts) -> set[Code]:
    return {advice.code for advice in advise(facts)}


class TestTheCommand:
    def test_a_street_by_day(
        self, programme: Programme, server: ServerThread, probe: Probe, tmp_path: Path
    ) -> None:
        """By an id of edge.yaml, with a password: every picture and number, and no plate where it does not belong."""
        programme.mounts = {"day": load_clip(SAMPLES / "day.mp4")}
        programme.terms = Terms(guard=DigestGuard(USER, PASSWORD))
        programme.now = lambda: now() + timedelta(seconds=40)
        (tmp_path / "secret").write_text(PASSWORD + "\n")
        camera = {"id": "day", "url": server.url("day") + "?key=hidden", "countries": {"CO": 1.0}}
        login = {"username": USER, "password_file": "secret"}
        content = {"edge_id": "box", "site_id": "site", "cameras": [{**camera, **login}]}
        (tmp_path / "edge.yaml").write_text(yaml.safe_dump(content))
        page, picture = tmp_path / "day.html", tmp_path / "day.jpg"
        code, output, errors = probe(
            "day", "--config", "edge.yaml", "--seconds", 10, "--json", "--html", page, "--picture", picture
        )
        told = json.loads(output)
        facts = told["facts"]
        assert (code, told["verdict"]) == (0, "fit"), told["advice"]
        assert "hidden" not in output + errors
        assert told["address"].endswith("/day?key=***")
        stream = facts["stream"]
        assert (stream["codec"], stream["profile"], stream["width_px"]) == ("h264", "High", 1920)
        assert stream["key_frame_s"] == pytest.approx(2.0, abs=0.01)
        assert stream["dozes_not"] is None
        assert not stream["b_frames"]
        assert stream["damaged"] == stream["missing"] == 0
        # The delay on the way cannot be told from a clock that is slow.
        assert facts["clock"]["rtcp_s"] == pytest.approx(40.0, abs=0.5)
        assert "clock_off" in [advice["code"] for advice in told["advice"]]
        self.assert_plates(facts["plates"])
        assert not any(plate in output + errors for plate in DAY_PLATES)
        self.assert_page(page, picture)

    def assert_plates(self, plates: list[dict[str, Any]]) -> None:
        """Cars' characters are some 30 px high, motorcycles' 11 (measured by hand in the clip)."""
        read = [p for p in plates if p["is_read"]]
        assert len(read) >= 5
        assert {p["text"] for p in read} <= {"AAA999", "AAA99A", "AAA99", "A9999"}
        near = [p["letter_height_px"] for p in read if p["text"] == "AAA999" and p["width_px"] > 100]
        assert near
        assert all(27 <= high <= 36 for high in near)
        twice = [p["letter_height_px"] for p in read if p["text"] == "AAA99A" and p["width_px"] > 78]
        assert twice
        assert all(10 <= high <= 14 for high in twice)
        assert all(abs(p["rotation_deg"]) < 5 for p in read)

    def assert_page(self, page: Path, picture: Path) -> None:
        text = page.read_text()
        for path in (page, picture):
            assert path.stat().st_mode & 0o777 == 0o600
        assert any(plate in text for plate in DAY_PLATES), "the page is its owner's alone, and shows them"
        sources = [part.partition('"')[0] for part in text.split('src="data:image/jpeg;base64,')[1:]]
        assert len(sources) >= 6
        for source in sources:
            decoded = cv2.imdecode(np.frombuffer(b64decode(source), np.uint8), cv2.IMREAD_COLOR)
            assert decoded is not None
        assert cv2.imread(str(picture)).shape == (900, 1600, 3)

    def test_a_street_by_night_in_spanish(
        self, programme: Programme, server: ServerThread, probe: Probe
    ) -> None:
        programme.mounts = {"night": load_clip(SAMPLES / "night.mp4")}
        url = server.url("night")
        code, output, _ = probe(url, "--seconds", 6, "--lang", "es", "--show-plates")
        assert code == 0, output
        assert "Apta para leer placas" in output
        assert "ninguno: modo nocturno o infrarrojo" in output
        assert "FVC412" in output, "asked for"

    def test_nothing_passes(
        self, programme: Programme, server: ServerThread, probe: Probe, tmp_path: Path
    ) -> None:
        still = write_clip(tmp_path / "still.mp4", frames=100, draw=lambda _: drawn(0))
        programme.mounts = {"still": load_clip(still)}
        code, output, _ = probe(server.url("still"), "--seconds", 4)
        assert code == 3
        assert "Cannot tell: no vehicle passed while I looked" in output
        assert "No vehicle passed while I looked (4 s" in output

    @pytest.mark.parametrize("as_json", [False, True])
    def test_a_wrong_password(
        self, programme: Programme, server: ServerThread, probe: Probe, tmp_path: Path, as_json: bool
    ) -> None:
        programme.terms = Terms(guard=DigestGuard(USER, PASSWORD))
        (tmp_path / "secret").write_text("very-wrong")
        words = ["--username", USER, "--password-file", "secret", *(["--json"] if as_json else [])]
        code, output, errors = probe(server.url("shape"), *words, "--html", tmp_path / "page.html")
        assert code == 2
        assert f"it refused user '{USER}' or the password" in errors
        assert "The camera refused the user or the password" in errors
        assert "very-wrong" not in output + errors
        assert not (tmp_path / "page.html").exists()
        if as_json:
            told = json.loads(output)
            assert (told["verdict"], told["facts"]) == ("unusable", None)
            assert "it refused user" in told["fault"]

    def test_nobody_there(self, probe: Probe) -> None:
        code, _, errors = probe(f"rtsp://127.0.0.1:{free_port()}/day", "--lang", "es")
        assert code == 2
        assert "nothing listens there (connection refused)" in errors
        assert "No llegó ninguna imagen" in errors


class TestTheStream:
    """Small clips of a moving box: what is told of a stream is what was sent."""

    @pytest.mark.parametrize("transport", ["tcp", "udp"])
    def test_a_good_one(self, server: ServerThread, engine: Engine, transport: str) -> None:
        stream = looked(engine, server.url("shape"), seconds=3, transport=transport).stream
        assert stream.transport == transport
        assert stream.fps == pytest.approx(25, abs=1.5)
        assert (stream.fps_told, stream.key_frame_s) == (25.0, 1.0)
        assert 70 <= stream.pictures <= 90
        assert stream.dozes_not is None
        assert (stream.damaged, stream.missing, stream.broke, stream.time_rate) == (0, 0, "", None)
        assert 0 < stream.connect_s <= stream.first_picture_s < 2

    def test_one_that_breaks_off_is_judged_by_what_came(
        self, programme: Programme, server: ServerThread, engine: Engine
    ) -> None:
        programme.faults = Faults(abort_after_s=2.0)
        facts = looked(engine, server.url("shape"), seconds=30)
        assert "it ended the stream or the connection broke" in facts.stream.broke
        assert 1.0 < facts.stream.watched_s < 3.0
        assert Code.BROKE in codes(facts)

    def test_one_that_stalls(self, programme: Programme, server: ServerThread, engine: Engine) -> None:
        programme.faults = Faults(stall_after_s=2.0)
        facts = looked(engine, server.url("shape"), seconds=30)
        assert "it stalled: nothing came for 2 s" in facts.stream.broke

    def test_a_lossy_link(self, programme: Programme, server: ServerThread, engine: Engine) -> None:
        programme.faults = Faults(drop_share=0.05)
        facts = looked(engine, server.url("shape"), seconds=4, transport="udp")
        assert facts.stream.damaged > 5
        assert codes(facts) & {Code.DAMAGED, Code.MISSING}

    def test_b_frames(self, programme: Programme, server: ServerThread, engine: Engine) -> None:
        programme.mounts = {"b": load_clip(clip_file(b_frames=2))}
        facts = looked(engine, server.url("b"), seconds=3)
        assert facts.stream.b_frames
        assert facts.stream.dozes_not == "reordered"
        assert Code.B_FRAMES in codes(facts)

    def test_key_frames_far_apart(self, programme: Programme, server: ServerThread, engine: Engine) -> None:
        programme.mounts = {"far": load_clip(clip_file(frames=220, gop=110))}
        facts = looked(engine, server.url("far"), seconds=5.5)
        assert facts.stream.key_frame_s == pytest.approx(4.4, abs=0.1)
        assert facts.stream.dozes_not == "interval"
        assert Code.KEY_FRAMES_FAR in codes(facts)

    def test_a_camera_that_lies_about_its_rate(
        self, programme: Programme, server: ServerThread, engine: Engine
    ) -> None:
        programme.faults = Faults(told_fps=50.0)
        facts = looked(engine, server.url("shape"), seconds=3)
        assert facts.stream.fps_told == 50.0
        assert Code.FPS_DIFFERS in codes(facts)

    @pytest.mark.proof
    def test_a_camera_whose_timestamps_lie(
        self, programme: Programme, server: ServerThread, engine: Engine
    ) -> None:
        programme.faults = Faults(time_scale=2.0)
        facts = looked(engine, server.url("shape"), seconds=10)
        assert facts.stream.time_rate == pytest.approx(2.0, abs=0.1)
        assert facts.clock.rtcp_s is None, "of such a stream nothing is to be learnt"
        assert Code.TIMES_LIE in codes(facts)

    def test_a_camera_that_turns_and_one_that_is_always_analysed(
        self, server: ServerThread, engine: Engine
    ) -> None:
        turns = {"presets": [{"name": "gate"}]}
        assert looked(engine, server.url("shape"), seconds=2, ptz=turns).stream.dozes_not == "turns"
        assert (
            looked(engine, server.url("shape"), seconds=2, motion_gate=False).stream.dozes_not == "gate_off"
        )


class TestTheClock:
    @pytest.mark.parametrize("off_s", [-90.0, 0.0, 3600.0])
    def test_by_the_stream_and_by_onvif(
        self, programme: Programme, server: ServerThread, engine: Engine, off_s: float
    ) -> None:
        programme.now = lambda: now() + timedelta(seconds=off_s)
        oddities = Oddities(clock_offset=timedelta(seconds=off_s))
        with OnvifServer(Device(Head(travel_s=1.0), {}, user=("ana", "x"), oddities=oddities)) as device:
            settings = CameraSettings(id="gate-1", url=server.url("shape"))
            look = Look(settings, engine=engine, vote=VoteSettings(), seconds=2, clock=now)
            told = look.run(onvif=("127.0.0.1", device.port), progress=lambda watched_s, plates: None)
        clock = told.facts.clock
        assert clock.rtcp_s == pytest.approx(off_s, abs=0.5)
        assert clock.onvif_s == pytest.approx(off_s, abs=1.2)
        assert (clock.onvif_by_hand, clock.onvif_fault) == (False, "")
        assert (Code.CLOCK_OFF in codes(told.facts)) == (off_s != 0)

    def test_a_device_that_does_not_answer_costs_no_more_than_that(
        self, server: ServerThread, engine: Engine
    ) -> None:
        settings = CameraSettings(id="gate-1", url=server.url("shape"))
        look = Look(settings, engine=engine, vote=VoteSettings(), seconds=2, clock=now)
        told = look.run(onvif=("127.0.0.1", free_port()), progress=lambda watched_s, plates: None)
        assert told.facts.clock.onvif_s is None
        assert "Connection refused" in told.facts.clock.onvif_fault


@pytest.mark.proof
def test_a_street_filmed_too_small_is_told_so(
    programme: Programme, server: ServerThread, engine: Engine, tmp_path: Path
) -> None:
    """The sample street at a third of its size: plates are 36 px wide, of which the box reads none."""
    import av

    small = tmp_path / "small.mp4"
    with av.open(str(SAMPLES / "day.mp4")) as source, av.open(str(small), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"g": "50", "bf": "0", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number, frame in enumerate(source.decode(video=0)):
            if number >= 225:
                break
            picture = np.asarray(
                cv2.resize(frame.to_ndarray(format="bgr24"), (640, 360), interpolation=cv2.INTER_AREA),
                np.uint8,
            )
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        target.mux(stream.encode(None))
    programme.mounts = {"small": load_clip(small)}
    facts = looked(engine, server.url("small"), seconds=8.5, countries={"CO": 1.0})
    assert codes(facts) & {Code.PLATES_NARROW, Code.LETTERS_SMALL, Code.NO_PLATE_FOUND}
    assert any(a.severity == "short" for a in advise(facts))


def test_a_fault_of_ours_is_no_verdict(
    server: ServerThread, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that dies must not leave the exit status of a camera that falls short."""
    settings = CameraSettings(id="gate-1", url=server.url("shape"))
    look = Look(settings, engine=engine, vote=VoteSettings(), seconds=5, clock=now)
    monkeypatch.setattr("edge.capture.picture.bgr", lambda frame: {}["a key"])
    with pytest.raises(WorkerError, match="camera gate-1: fault in capture: KeyError") as caught:
        look.run(progress=lambda watched_s, plates: None)
    assert "KeyError: " not in str(caught.value), "its message is not said, only where it was"
