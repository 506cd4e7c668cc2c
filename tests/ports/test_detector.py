"""What every detector does, whatever engine runs it: the shipped weights on both engines."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.ports import Detector
from edge.types import Box

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
VIDEOS = ROOT / "sample_videos"
CLIPS = ("calm", "day", "fast", "night", "ptz")


@pytest.fixture(
    scope="module",
    params=["openvino", pytest.param("torch", marks=pytest.mark.train)],
    ids=["openvino", "torch"],
)
def detector(request: pytest.FixtureRequest) -> Detector:
    """One adapter, one thread."""
    if request.param == "openvino":
        from edge.detect.openvino import OpenVinoDetector

        return OpenVinoDetector(threads=1)
    from edge.detect.yolo import YoloDetector

    return YoloDetector(threads=1)


def scenes(count: int, *, set_name: str) -> list[tuple[np.ndarray, Box]]:
    """Real scenes with exactly one labelled plate, and the plate's box."""
    if not (DATA / "labels.csv").is_file():
        pytest.skip("needs the labelled pictures of ../shared/data")
    with (DATA / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == "valid" and r["set"] == set_name and r["w"]]
    chosen = [r for r in rows if sum(r["path"] == other["path"] for other in rows) == 1][:count]
    return [
        (
            np.asarray(cv2.imread(str(DATA / row["path"])), np.uint8),
            Box(*(float(row[key]) for key in "xywh")),
        )
        for row in chosen
    ]


def test_the_version_names_the_weights(detector: Detector) -> None:
    assert re.fullmatch(r"[a-z0-9-]+@[0-9a-f]{12}", detector.version)


@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080), (384, 640), (33, 47), (1, 1), (2160, 3840)])
def test_a_frame_of_any_size_without_a_plate_has_none(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full((*shape, 3), 90, np.uint8)) == []


def test_a_frame_is_never_written_to(detector: Detector) -> None:
    frame = np.random.default_rng(3).integers(0, 255, (360, 640, 3), dtype=np.uint8)
    before = frame.copy()
    frame.setflags(write=False)
    detector.detect(frame)
    assert (frame == before).all()


def test_a_frame_that_is_a_view_of_a_larger_one_is_fine(detector: Detector) -> None:
    large = np.full((720, 1280, 3), 90, np.uint8)
    assert detector.detect(large[::2, 100:900]) == []


@pytest.mark.parametrize(
    "wrong", [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_frame_is_refused(detector: Detector, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a frame"):
        detector.detect(wrong)


@pytest.fixture(scope="module")
def street() -> tuple[np.ndarray, Box]:
    """A rendered street with a car, and where its plate is."""
    with (VIDEOS / "truth" / "day.csv").open(encoding="utf-8", newline="") as file:
        row = next(r for r in csv.DictReader(file) if r["vehicle_type"] == "car")
    with av.open(str(VIDEOS / "day.mp4")) as container:
        frame = next(f for f in container.decode(video=0) if f.time >= float(row["best_s"]) - 0.001)
        return frame.to_ndarray(format="bgr24"), Box(*(float(row[key]) for key in "xywh"))


def around(box: Box, sizes: float) -> Box:
    """The box and so many of its sizes on each side."""
    wide, high = sizes * box.width, sizes * box.height
    return Box(box.x - wide, box.y - high, box.width + 2 * wide, box.height + 2 * high)


def test_near_a_plate_it_is_found_as_in_the_whole_frame(
    detector: Detector, street: tuple[np.ndarray, Box]
) -> None:
    frame, plate = street
    (whole,) = (d for d in detector.detect(frame) if d.box.iou(plate) > 0.5)
    (near,) = (d for d in detector.detect(frame, near=[around(plate, 1.0)]) if d.box.iou(plate) > 0.5)
    assert near.box.iou(whole.box) > 0.9
    assert near.score == pytest.approx(whole.score, abs=0.1)
    assert near.vehicle[0].value == whole.vehicle[0].value == "car"


def test_near_two_places_both_are_looked_at(detector: Detector, street: tuple[np.ndarray, Box]) -> None:
    frame, plate = street
    both = np.concatenate([frame[:, :960], frame[:, 959::-1]], axis=1)
    mirrored = Box(1920 - plate.x - plate.width, plate.y, plate.width, plate.height)
    assert plate.x + plate.width < 900, "it stands in the left half, so there are two now"
    found = detector.detect(both, near=[around(plate, 1.0), around(mirrored, 1.0)])
    assert any(d.box.iou(plate) > 0.5 for d in found)
    assert any(d.box.iou(mirrored) > 0.3 for d in found)


def test_near_nothing_nothing_is_found(detector: Detector, street: tuple[np.ndarray, Box]) -> None:
    assert detector.detect(street[0], near=[]) == []


def test_within_a_part_of_the_frame_a_plate_is_found_as_in_the_whole(
    detector: Detector, street: tuple[np.ndarray, Box]
) -> None:
    frame, plate = street
    part = Box(0, plate.y - 100, 1920, plate.height + 200)
    (whole,) = (d for d in detector.detect(frame) if d.box.iou(plate) > 0.5)
    (found,) = (d for d in detector.detect(frame, within=part) if d.box.iou(plate) > 0.5)
    assert found.box.iou(whole.box) > 0.9
    assert found.score == pytest.approx(whole.score, abs=0.1)
    far = Box(0, 1000, 1920, 80)  # a place of no use to what is looked for now
    (near,) = (
        d for d in detector.detect(frame, near=[around(plate, 1.0)], within=far) if d.box.iou(plate) > 0.5
    )
    assert near.box.iou(whole.box) > 0.9


@pytest.mark.data
def test_plates_of_real_scenes_are_found(detector: Detector) -> None:
    pictures = scenes(12, set_name="br")
    best = [max((d.box.iou(box) for d in detector.detect(bgr)), default=0.0) for bgr, box in pictures]
    assert sum(iou >= 0.5 for iou in best) >= 11, best


@pytest.mark.data
def test_what_bears_a_plate_is_named_best_first(detector: Detector) -> None:
    named = []
    for bgr, box in scenes(12, set_name="br"):
        for detection in detector.detect(bgr):
            likelihoods = [v.likelihood for v in detection.vehicle]
            assert likelihoods == sorted(likelihoods, reverse=True)
            assert {v.value for v in detection.vehicle} <= {"car", "motorcycle", "bus", "truck"}
            if detection.vehicle:
                assert sum(likelihoods) == pytest.approx(1, abs=1e-6)
            if detection.box.iou(box) >= 0.5:
                named += [v.value for v in detection.vehicle[:1]]
    assert named.count("car") >= 9, named  # the first twelve are cars


def at_their_best(clip: str) -> Iterator[tuple[np.ndarray, Box, str]]:
    """The frames of a rendered clip in which its plates are seen best, where the plate is, and what bears it."""
    with (VIDEOS / "truth" / f"{clip}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with av.open(str(VIDEOS / f"{clip}.mp4")) as container:
        stream = container.streams.video[0]
        for row in rows:
            best_s = float(row["best_s"])
            container.seek(int(best_s / stream.time_base), stream=stream)
            frame = next(f for f in container.decode(stream) if f.time >= best_s - 0.001)
            vehicle = {"taxi": "car"}.get(row["vehicle_type"], row["vehicle_type"])
            yield frame.to_ndarray(format="bgr24"), Box(*(float(row[key]) for key in "xywh")), vehicle


def test_cars_motorcycles_buses_and_trucks_are_told_apart(detector: Detector) -> None:
    """Rendered, hence easier than real ones; but cut by the picture's border, where their plates are largest.

    Measured: of 55 plates 53 are found and 52 named, 46 rightly; the surest wrong name has a likelihood of 0.78.
    """
    named: Counter[tuple[str, str]] = Counter()
    surest_wrong = 0.0
    for bgr, plate, vehicle in (each for clip in CLIPS for each in at_their_best(clip)):
        found = max(detector.detect(bgr), key=lambda d: d.box.iou(plate), default=None)
        if found is None or found.box.iou(plate) < 0.5 or not found.vehicle:
            continue
        best = found.vehicle[0]
        named[vehicle, best.value] += 1
        if best.value != vehicle:
            surest_wrong = max(surest_wrong, best.likelihood)
    assert named.total() >= 48, named
    right = {v: named[v, v] for v in ("car", "motorcycle", "bus", "truck")}
    others = {v: sum(n for (is_, _), n in named.items() if is_ == v) for v in right}
    assert right["car"] >= 0.75 * others["car"], named
    assert right["motorcycle"] == others["motorcycle"] >= 11, named
    assert right["bus"] == others["bus"] >= 1, named
    assert right["truck"] == others["truck"] >= 3, named
    assert surest_wrong < 0.85, named


@pytest.mark.data
def test_detections_are_inside_the_frame_best_first_and_above_the_threshold(detector: Detector) -> None:
    for bgr, _ in scenes(12, set_name="ro"):
        found = detector.detect(bgr)
        assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
        for detection in found:
            box = detection.box
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= bgr.shape[1]
            assert box.y + box.height <= bgr.shape[0]
            assert 0 < detection.score <= 1


@pytest.mark.data
def test_a_plate_keeps_its_place_when_the_frame_grows_a_border(detector: Detector) -> None:
    ((bgr, box),) = scenes(1, set_name="br")
    bordered = cv2.copyMakeBorder(bgr, 40, 0, 60, 0, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    found = max(detector.detect(np.asarray(bordered, np.uint8)), key=lambda d: d.score)
    assert found.box.iou(Box(box.x + 60, box.y + 40, box.width, box.height)) >= 0.5


@pytest.mark.data
def test_the_same_frame_gives_the_same_boxes(detector: Detector) -> None:
    ((bgr, _),) = scenes(1, set_name="br")
    assert detector.detect(bgr) == detector.detect(bgr)
