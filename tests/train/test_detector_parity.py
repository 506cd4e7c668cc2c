"""The engines find the same plates: `engine: torch` is what the export came from."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect.manifest import load_manifest
from edge.detect.openvino import OpenVinoDetector
from edge.detect.yolo import YoloDetector
from edge.types import Detection

pytestmark = [pytest.mark.train, pytest.mark.data]
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
PLACE_PX = 2.0
SCORE = 0.05


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Three real scenes of each set, none of them trained on."""
    if not (DATA / "labels.csv").is_file():
        pytest.skip("needs the labelled pictures of ../shared/data")
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "valid" and r["kind"] == "scene" and r["w"]]
    paths = [
        path
        for name in ("br", "eu", "us", "ro", "intl", "cl", "co_scene")
        for path in list(dict.fromkeys(r["path"] for r in rows if r["set"] == name))[:3]
    ]
    return [np.asarray(cv2.imread(str(DATA / path)), np.uint8) for path in paths]


def differences(ours: Detection, theirs: Detection) -> tuple[float, float]:
    """(largest distance of two sides in px, difference of the scores)."""
    a, b = ours.box, theirs.box
    sides = (a.x - b.x, a.y - b.y, a.x + a.width - b.x - b.width, a.y + a.height - b.y - b.height)
    return max(abs(side) for side in sides), abs(ours.score - theirs.score)


def test_both_engines_find_the_same_plates(pictures: list[np.ndarray]) -> None:
    # Both look lower than the threshold, so that a score just under it on one engine is still seen.
    threshold = load_manifest()[0].score
    fast = OpenVinoDetector(least_score=threshold - 2 * SCORE)
    slow = YoloDetector(least_score=threshold - 2 * SCORE)
    compared = 0
    for bgr in pictures:
        ours, theirs = fast.detect(bgr), slow.detect(bgr)
        for found, others in ((ours, theirs), (theirs, ours)):
            for detection in found:
                if detection.score < threshold:
                    continue
                match = max(others, key=lambda d: d.box.iou(detection.box), default=None)
                assert match is not None, detection
                assert match.box.iou(detection.box) > 0.5, detection
        for detection in ours:
            match = max(theirs, key=lambda d: d.box.iou(detection.box), default=None)
            if match is not None and match.box.iou(detection.box) > 0.5:
                place, score = differences(detection, match)
                scale = max(bgr.shape[1] / 640, bgr.shape[0] / 384, 1.0)
                assert place <= PLACE_PX * scale, (detection, match)
                assert score <= SCORE, (detection, match)
                compared += 1
    assert compared >= 15
