"""The engines find the same plates: `engine: torch` is what the exports came from.

First the detector's own net by itself, then both nets together.

The exports in floating point agree plate by plate. The int8 one, which a box runs, moves single undecided scores
further: it is held to the same plates, and to the same bound for nine scores in ten.
"""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.detect.manifest import load_manifest
from edge.detect.second_look import load_manifest as load_look
from edge.ports import Detector
from edge.types import Bgr, Detection

pytestmark = [pytest.mark.train, pytest.mark.data]
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WEIGHTS = Path(__file__).resolve().parents[2] / "models" / "detector"
MANIFEST = load_manifest()[0]
PLACE_PX = 2.0  # of the net's input
SCORE = 0.05
FURTHEST = 0.15  # of one int8 score
LOW = MANIFEST.score - FURTHEST  # a score just under the threshold on one engine is still seen on the other


@pytest.fixture(scope="module")
def pictures() -> list[Bgr]:
    """Six real scenes of each set, none of them trained on."""
    if not (DATA / "labels.csv").is_file():
        pytest.skip("needs the labelled pictures of ../shared/data")
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "valid" and r["kind"] == "scene" and r["w"]]
    paths = [
        path
        for name in ("br", "eu", "us", "ro", "intl", "cl", "co_scene")
        for path in list(dict.fromkeys(r["path"] for r in rows if r["set"] == name))[:6]
    ]
    return [np.asarray(cv2.imread(str(DATA / path)), np.uint8) for path in paths]


@pytest.fixture(scope="module")
def reference() -> Detector:
    """ultralytics on the checkpoint, without a second look."""
    from edge.detect.yolo import YoloProposer

    return YoloProposer(least_score=LOW)


def differences(ours: Detector, theirs: Detector, pictures: list[Bgr]) -> tuple[np.ndarray, np.ndarray]:
    """Compare all detections above the threshold, both ways.

    Returns:
        Per pair: largest distance of two sides in px of the net's input, and difference of the scores.
    """
    places, scores = [], []
    for bgr in pictures:
        scale = max(bgr.shape[1] / MANIFEST.width, bgr.shape[0] / MANIFEST.height)
        found = ours.detect(bgr), theirs.detect(bgr)
        for mine, others in (found, found[::-1]):
            for detection in (d for d in mine if d.score >= MANIFEST.score):
                match = max(others, key=lambda d: d.box.iou(detection.box), default=None)
                assert match is not None, detection
                assert match.box.iou(detection.box) > 0.5, (detection, match)
                places.append(distance(detection, match) / scale)
                scores.append(abs(detection.score - match.score))
    assert len(scores) >= 60
    return np.array(places), np.array(scores)


def distance(ours: Detection, theirs: Detection) -> float:
    """Largest distance of two sides, px of the frame."""
    a, b = ours.box, theirs.box
    return max(
        abs(a.x - b.x),
        abs(a.y - b.y),
        abs(a.x + a.width - b.x - b.width),
        abs(a.y + a.height - b.y - b.height),
    )


def test_the_float_export_agrees_plate_by_plate(reference: Detector, pictures: list[Bgr]) -> None:
    from models.detector.engines import NetDetector, onnx_net

    onnx = NetDetector(
        onnx_net(WEIGHTS / "plate.onnx"),
        size=(MANIFEST.width, MANIFEST.height),
        least_score=LOW,
        overlap=MANIFEST.overlap,
    )
    places, scores = differences(onnx, reference, pictures)
    assert places.max() <= PLACE_PX
    assert scores.max() <= SCORE


def test_the_shipped_export_finds_the_same_plates(reference: Detector, pictures: list[Bgr]) -> None:
    from edge.detect.proposer import Proposer

    places, scores = differences(Proposer(least_score=LOW), reference, pictures)
    assert np.quantile(places, 0.95) <= PLACE_PX
    assert np.median(scores) <= 0.02
    assert np.quantile(scores, 0.9) <= SCORE
    assert scores.max() <= FURTHEST


def test_with_the_second_look_both_engines_find_the_same_plates_on_the_same_vehicles(
    pictures: list[Bgr],
) -> None:
    from edge.detect.openvino import OpenVinoDetector
    from edge.detect.yolo import YoloDetector

    least = load_look()[0].score
    ours, theirs = OpenVinoDetector(least_score=least / 2), YoloDetector(least_score=least / 2)
    pairs = []
    for bgr in pictures:
        found = ours.detect(bgr), theirs.detect(bgr)
        for mine, others in (found, found[::-1]):
            for detection in (d for d in mine if d.score >= least):
                match = max(others, key=lambda d: d.box.iou(detection.box), default=None)
                assert match is not None, detection
                pairs.append((detection, match))
    assert len(pairs) >= 60
    overlaps = np.array([a.box.iou(b.box) for a, b in pairs])
    assert overlaps.min() > 0.5
    assert np.quantile(overlaps, 0.1) > 0.85
    assert np.median([abs(a.score - b.score) for a, b in pairs]) <= 0.02
    same = [a.vehicle[0].value == b.vehicle[0].value for a, b in pairs if a.vehicle and b.vehicle]
    assert np.mean(same) >= 0.95
