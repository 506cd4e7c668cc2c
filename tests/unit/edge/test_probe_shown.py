"""How a probe is shown: on a terminal, as one JSON document, and as a page that stands by itself."""

import io
import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from probed import PLATE
from rich.console import Console

from edge.cli import cli
from edge.pipeline import Seen
from edge.probe import commands
from edge.probe.draw import boxed, enlarged
from edge.probe.facts import (
    Advice,
    ClockFacts,
    Code,
    Facts,
    PlateFacts,
    Report,
    SceneFacts,
    Severity,
    StreamFacts,
    Verdict,
)
from edge.probe.facts import Settings as Judged
from edge.probe.look import Best
from edge.probe.page import page
from edge.probe.table import show
from edge.probe.words import Words
from edge.types import Box

EVIL = "<script>alert('x')</script>\"'&[bold]\x1b[31m"


def plate(number: int = 1, **changes: Any) -> PlateFacts:
    return PlateFacts(**{**PLATE, "number": number, "rotation_deg": -0.4, **changes})


def report(*seen: PlateFacts, **changes: Any) -> Report:
    stream = StreamFacts(
        codec="h264", profile="High", width_px=1920, height_px=1080, transport="tcp", fps_told=None, fps=25.0,
        key_frame_s=None, b_frames=True, kbit_s=4000.0, pictures=500, damaged=1, missing=2, jitter_ms=15.0,
        pause_s=0.1, idle=0.9, connect_s=0.2, time_rate=None, first_picture_s=0.3, watched_s=20.0,
        broke=changes.pop("broke", ""), dozes_not="reordered", analysed=160, left_out=changes.pop("left_out", 0),
    )  # fmt: skip
    facts = Facts(
        settings=Judged(min_plate_px=40, analyse_fps=8.0),
        stream=stream,
        clock=ClockFacts(rtcp_s=None, onvif_s=None, onvif_by_hand=None, onvif_fault=changes.pop("onvif", "")),
        scene=SceneFacts(brightness=40.0, burnt=0.0, is_grey=True, motion_s=3.0),
        plates=seen or (plate(),),
        plates_not_kept=changes.pop("not_kept", 0),
    )
    fields = {
        "camera": "gate-1",
        "address": "rtsp://192.0.2.10:554/a?token=***",
        "looked_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "verdict": Verdict.SHORT,
        "facts": facts,
        "advice": (
            Advice(code=Code.LETTERS_SMALL, severity=Severity.SHORT, numbers={"px": 9.0}, text="Zoom in."),
        ),
    }
    return Report(**{**fields, **changes})


JPEG = enlarged(np.full((20, 60, 3), 90, np.uint8))


class Reader(HTMLParser):
    """Gathers the tags and what stands between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def shown(it: Report, lang: Any = "en") -> str:
    out = io.StringIO()
    show(it, Words(lang), Console(file=out, width=100, force_terminal=False))
    return out.getvalue()


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "unknown: this machine fell behind"), ("es", "no se sabe: esta máquina iba atrasada")],
)
def test_a_pace_that_is_this_machines_is_not_told_as_the_cameras(lang: str, words: str) -> None:
    camera, machine = shown(report(), lang), shown(report(left_out=160), lang)
    for told in ("25.0", "4000 kbit/s", "15 ms", "0.10 s"):
        assert told in camera
        assert told not in machine
    assert words not in camera
    assert machine.count(words) == 4
    assert words in page(report(left_out=160), Words(lang), scene=JPEG, crops={1: JPEG})


class TestPage:
    def test_it_needs_nothing_else_and_no_script(self) -> None:
        text = page(report(), Words("en"), scene=JPEG, crops={1: JPEG})
        read = Reader(text)
        assert not [tag for tag, _ in read.tags if tag in ("script", "link", "iframe", "object", "base")]
        sources = [attrs.get("src") or "" for tag, attrs in read.tags if tag == "img"]
        assert len(sources) == 2
        assert all(s.startswith("data:image/jpeg;base64,") for s in sources)
        assert "default-src 'none'" in text
        assert not [a for _, attrs in read.tags for a in attrs if a.startswith("on")]

    @pytest.mark.parametrize(("lang", "verdict"), [("en", "falls short"), ("es", "se queda corta")])
    def test_it_says_it_in_its_language_and_shows_the_plate(self, lang: Any, verdict: str) -> None:
        text = page(report(), Words(lang), scene=None, crops={})
        assert f'<html lang="{lang}">' in text
        assert verdict in text
        assert "Zoom in." in text
        assert "ABC123" in text
        assert "30x13" in text

    def test_what_a_camera_says_is_no_markup(self) -> None:
        advice = Advice(code=Code.BROKE, severity=Severity.SHORT, numbers={}, text=EVIL)
        it = report(plate(text=EVIL), camera=EVIL, address=EVIL, advice=(advice,), broke=EVIL, onvif=EVIL)
        text = page(it, Words("en"), scene=None, crops={})
        read = Reader(text)
        assert "script" not in [tag for tag, _ in read.tags]
        assert "<script>" not in text
        assert sum(EVIL in word for word in ["".join(read.words)]) == 1

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_whatever_it_is_called(self, camera: str, fault: str) -> None:
        before = [tag for tag, _ in Reader(page(report(), Words("es"), scene=None, crops={})).tags]
        it = report(camera=camera, address=fault, onvif=fault)
        assert [tag for tag, _ in Reader(page(it, Words("es"), scene=None, crops={})).tags] == before


class TestTerminal:
    def test_the_verdict_comes_first_then_what_to_better(self) -> None:
        text = shown(report())
        assert text.index("falls short") < text.index("Zoom in.") < text.index("25.0 (told unknown)")
        assert "no: it sends B-frames" in text
        assert "none: night mode or infrared" in text

    def test_nothing_writes_over_the_terminal(self) -> None:
        advice = Advice(code=Code.BROKE, severity=Severity.SHORT, numbers={}, text=EVIL)
        text = shown(report(plate(text=None), camera="gate-1", address=EVIL, advice=(advice,), onvif=EVIL))
        assert "\x1b" not in text
        assert "[bold]" in text  # said, not obeyed

    def test_scenery_and_plates_seen_in_part_are_called_so(self) -> None:
        text = shown(
            report(plate(1, is_read=False, is_likely=False), plate(2, is_read=False, is_whole=False))
        )
        assert "plate?" in text
        assert "part" in text

    def test_plates_that_were_only_counted_are_told(self) -> None:
        assert "12 further plates were only counted" in " ".join(shown(report(not_kept=12)).split())
        assert "further" not in shown(report())
        assert "12 placas más" in page(report(not_kept=12), Words("es"), scene=None, crops={})

    @pytest.mark.parametrize("lang", ["es", "en"])
    def test_eighty_columns_hold_the_table(self, lang: Any) -> None:
        out = io.StringIO()
        show(report(plate(12)), Words(lang), Console(file=out, width=80, force_terminal=False))
        row = next(line for line in out.getvalue().splitlines() if "ABC123" in line)
        assert "30x13" in row
        assert "2.0/2.1" in row
        assert "150" in row

    def test_without_facts_there_is_the_verdict(self) -> None:
        text = shown(report(facts=None, verdict=Verdict.UNUSABLE, advice=()))
        assert "Cannot be used" in text


class TestDocument:
    def test_its_keys_stay(self) -> None:
        """Whoever parses it counts on them: a change is a new `format`."""
        told = json.loads(report().model_dump_json())
        assert set(told) == {
            "format", "camera", "address", "looked_at", "verdict", "fault", "facts", "advice",
        }  # fmt: skip
        assert told["format"] == 2
        assert set(told["facts"]) == {"settings", "stream", "clock", "scene", "plates", "plates_not_kept"}
        stream = set(told["facts"]["stream"])
        assert {"codec", "fps", "fps_told", "key_frame_s", "dozes_not"} <= stream
        assert "dozes" not in stream, "as dozes_not says"
        assert {"text", "is_read", "letter_height_px", "rotation_deg"} <= set(told["facts"]["plates"][0])
        assert told["advice"][0] == {
            "code": "letters_small", "severity": "short", "numbers": {"px": 9.0}, "text": "Zoom in.",
        }  # fmt: skip
        assert Report.model_validate(told) == report()

    def test_its_schema_is_printed(self) -> None:
        done = CliRunner().invoke(cli, ["probe", "--schema"])
        assert done.exit_code == 0
        told = json.loads(done.output)
        assert set(told["required"]) == {"camera", "address", "looked_at", "verdict", "facts"}


class TestPictures:
    def test_plates_are_boxed_by_whether_they_were_read(self) -> None:
        bgr = np.full((1080, 1920, 3), 90, np.uint8)
        seen = [
            (Seen(Box(200.0, 300.0, 120.0, 60.0), None, True), 1),
            (Seen(Box(900.0, 20.0, 120.0, 60.0), None, False), 2),
            (Seen(Box(1700.0, 900.0, 120.0, 60.0), None, False), None),  # of too many
        ]
        jpeg = boxed(Best(bgr, tuple(seen)), {1: plate(1), 2: plate(2, is_read=False, letter_height_px=None)})
        assert jpeg is not None
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (900, 1600, 3)
        blue, green, red = (picture[275, 164, c] for c in range(3))  # the left side of the first
        assert green > red
        assert green > blue
        blue, green, red = (picture[40, 748, c] for c in range(3))
        assert red > green > blue
        assert np.abs(picture[760:, 1400:].astype(int) - 90).max() < 12

    def test_without_a_frame_there_is_no_picture(self) -> None:
        assert boxed(Best(), {}) is None

    def test_a_small_plate_is_enlarged_and_a_large_one_left(self) -> None:
        for wide, shown_px in ((30, 240), (500, 500)):
            jpeg = enlarged(np.full((40, wide, 3), 90, np.uint8))
            picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            assert picture.shape[1] == shown_px


class TestFiles:
    def test_a_page_is_its_owner_s_alone_and_replaces_the_one_before(self, tmp_path: Path) -> None:
        path = tmp_path / "camera.html"
        path.write_text("old")
        path.chmod(0o644)
        commands._write(path, b"new", option="--html")
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [p.name for p in tmp_path.iterdir()] == ["camera.html"]

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        from edge.errors import ConfigError

        with pytest.raises(ConfigError, match=r"--html .*no-such.*: cannot be written: No such file"):
            commands._write(tmp_path / "no-such" / "camera.html", b"", option="--html")
        assert list(tmp_path.iterdir()) == []


def invoked(*words: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["probe", *words], env=env or {})
    return done.exit_code, done.output


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["gate-1"], "gate-1: an address begins with rtsp://; an id needs --config"),
            (["http://192.0.2.1/a"], "expected rtsp://host:port/path"),
            (["rtsp://ana:secret@192.0.2.1/a"], "put user and password into username and password_file"),
            (["rtsp://192.0.2.1/a", "--username", "ana"], "password_file is missing"),
            (["rtsp://192.0.2.1/a", "--seconds", "1"], "not in the range"),
        ],
    )
    def test_what_is_wrong_is_said(self, words: list[str], said: str) -> None:
        code, output = invoked(*words)
        assert code == 2
        assert said in output
        assert "secret@" not in output

    def test_an_unknown_camera_is_told_which_there_are(self, tmp_path: Path) -> None:
        path = tmp_path / "edge.yaml"
        path.write_text(
            "edge_id: box\nsite_id: site\ncameras:\n- {id: gate-1, url: rtsp://192.0.2.1/a}\n"
            "- {id: gate-2, url: rtsp://192.0.2.1/b}\n"
        )
        code, output = invoked("gate-3", "--config", str(path))
        assert code == 2
        assert "gate-3: no such camera in the configuration; there are gate-1, gate-2" in output

    @pytest.mark.parametrize(
        ("env", "lang"),
        [
            ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "es_CO.UTF-8"}, "es"),
            ({"LC_ALL": "en_GB.UTF-8", "LC_MESSAGES": "", "LANG": "es_CO.UTF-8"}, "en"),
            ({"LC_ALL": "", "LC_MESSAGES": "en_US", "LANG": "es_CO.UTF-8"}, "en"),
            ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}, "es"),
        ],
    )
    def test_it_speaks_as_the_system_does(
        self, env: dict[str, str], lang: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert commands._default_lang() == lang
