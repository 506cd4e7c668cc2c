"""A camera that moves: a window that wanders over a rendered street, as a walking officer or a helicopter sees it."""

import csv
import itertools
import math
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.engine import build
from edge.replay.options import Options
from edge.replay.session import Session

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "sample_videos" / "day.mp4"
WIDTH, HEIGHT = 1280, 720


def helicopter(at_s: float, _: np.ndarray) -> tuple[float, float]:
    """Drifts over 600 px in ten seconds."""
    return 320 + 300 * math.sin(2 * math.pi * at_s / 10), 200 + 140 * math.sin(2 * math.pi * at_s / 7)


def officer(at_s: float, shake: np.ndarray) -> tuple[float, float]:
    """Sways over 560 px in five seconds, bobs twice a second, and shakes."""
    x = 320 + 280 * math.sin(2 * math.pi * at_s / 5) + shake[0]
    y = 200 + 120 * math.sin(2 * math.pi * at_s / 3.7) + 10 * math.sin(2 * math.pi * 1.9 * at_s) + shake[1]
    return x, y


def wandering(path: Path, where, *, seconds: float) -> Path:
    """The clip through a window that is at `where` at each moment."""
    dice, shake = np.random.default_rng(1), np.zeros(2)
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, frame in enumerate(itertools.islice(source.decode(video=0), round(25 * seconds))):
            shake = 0.8 * shake + dice.normal(0, 4, 2)
            x, y = where(number / 25, shake)
            left, top = int(min(max(x, 0), 1920 - WIDTH)), int(min(max(y, 0), 1080 - HEIGHT))
            seen = np.ascontiguousarray(
                frame.to_ndarray(format="bgr24")[top : top + HEIGHT, left : left + WIDTH]
            )
            out.mux(stream.encode(av.VideoFrame.from_ndarray(seen, format="bgr24")))
        out.mux(stream.encode())
    return path


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("where", "least"), [(officer, 14), (helicopter, 13)])
def test_a_moving_camera_reads_each_vehicle_once(tmp_path: Path, where, least: int) -> None:
    """Fourteen plates; of the helicopter's one vehicle is only half in the window, and may be read short."""
    cv2.setNumThreads(1)
    film = wandering(tmp_path / "moving.mp4", where, seconds=20)
    options = Options(moving=True, countries=("CO=1",))
    (outcome,) = Session(options, engine=lambda: build("openvino")).run([film])
    assert outcome.report is not None
    with (CLIP.parent / "truth" / "day.csv").open(encoding="utf-8") as rows:
        truth = {row["plate"] for row in csv.DictReader(rows)}
    read = Counter(found.read.plate for found in outcome.report.found)
    assert len(truth & set(read)) >= least
    assert len(set(read) - truth) <= len(truth) - least
    assert max(read.values()) == 1
    assert {found.read.direction for found in outcome.report.found} == {None}
