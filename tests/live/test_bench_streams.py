"""`python -m edge bench streams`, all of it, as short as it can be: what it prints is what docs/bench.md says."""

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).resolve().parents[2]
_SHOWN_S = 8  # four passages and a bit, from a key frame on to just before one


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """The first seconds of the clip that the first busy camera shows, and their truth."""
    (tmp_path / "truth").mkdir()
    with (
        av.open(str(ROOT / "sample_videos" / "day.mp4")) as whole,
        av.open(str(tmp_path / "day.mp4"), "w") as cut,
    ):
        stream = whole.streams.video[0]
        copied = cut.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.pts is not None and packet.pts * packet.time_base < _SHOWN_S:
                packet.stream = copied
                cut.mux(packet)
    head, *rows = (ROOT / "sample_videos" / "truth" / "day.csv").read_text(encoding="utf-8").splitlines()
    last = head.split(",").index("last_s")
    rows = [row for row in rows if float(row.split(",")[last]) < _SHOWN_S]
    (tmp_path / "truth" / "day.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    return tmp_path


@pytest.mark.timeout(400)  # a minute, but for a machine that is busy with others
def test_a_box_under_load(videos: Path, tmp_path: Path) -> None:
    places = ["--videos", str(videos), "--data", str(tmp_path / "none"), "--work", str(tmp_path / "work")]
    words = ["--cameras", "1", "--seconds", "10", "--load", "busy", "--json", *places]
    done = subprocess.run(
        [sys.executable, "-m", "edge", "bench", "streams", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"busy"}
    result = found["busy"]
    assert set(result) == {
        "cameras",
        "cpu_s_per_camera_s",
        "decode_only_cpu_s_per_camera_s",
        "decode_file_cpu_s_per_camera_s",
        "ratio",
        "passages",
        "read",
        "read_every_frame",
        "wrong",
        "surplus",
        "p95_ms",
        "rss_mib",
    }
    told = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    assert [key for key in result if key not in told] == []
    assert result["cameras"] == 1
    assert 0 < result["read"] <= result["passages"]
    assert 0 < result["read_every_frame"] <= result["passages"]
    assert result["decode_only_cpu_s_per_camera_s"] > 0
    assert result["decode_file_cpu_s_per_camera_s"] > 0
    assert result["ratio"] == pytest.approx(
        result["cpu_s_per_camera_s"] / result["decode_only_cpu_s_per_camera_s"], rel=0.01
    )
    assert result["p95_ms"] > 0
    assert result["rss_mib"] > 100
