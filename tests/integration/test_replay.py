"""`python -m edge replay` on a rendered clip: the real weights, the real command, the truth beside the clip."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from edge.bench.passages import Sighting, at_camera, load_truth, score
from edge.contract.read import PlateRead
from edge.types import Box

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "sample_videos" / "day.mp4"
TRUTH = ROOT / "sample_videos" / "truth" / "day.csv"
SECONDS = 9.0


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("annotated")


@pytest.fixture(scope="module")
def report(out: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "edge", "replay", str(CLIP), "--seconds", str(SECONDS), "--json"]
    done = subprocess.run(
        [*command, "--country", "CO=1", "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert isinstance(content, dict)
    return content


def reads(report: dict[str, object]) -> list[PlateRead]:
    found = report["reads"]
    assert isinstance(found, list)
    return [PlateRead.model_validate(each) for each in found]


def test_the_cars_of_the_clip_are_read(report: dict[str, object]) -> None:
    started_at = datetime.fromtimestamp(CLIP.stat().st_mtime, UTC)
    passed = [p for p in load_truth(TRUTH) if p.last_s <= SECONDS and p.vehicle_type != "motorcycle"]
    assert len(passed) >= 3, "the clip is not what this test was written for"
    result = score(
        at_camera(passed, camera_id="replay", started_at=started_at),
        [Sighting(r.camera_id, r.plate, r.first_at, r.last_at) for r in reads(report)],
    )
    assert len(result.right) >= len(passed) - 1
    sure = {r.plate for r in reads(report) if r.likelihood >= 0.98}
    truth = {p.plate for p in load_truth(TRUTH)}
    assert sure <= truth, "what it is sure of is right"


def test_the_evidence_is_of_that_very_vehicle_near_its_best_moment(report: dict[str, object]) -> None:
    """The truth names the moment at which a plate is seen largest, and where it is then."""
    began_s = CLIP.stat().st_mtime
    with TRUTH.open(encoding="utf-8", newline="") as file:
        truth = {row["plate"]: row for row in csv.DictReader(file) if float(row["last_s"]) <= SECONDS}
    compared = at_best = 0
    for read in reads(report):
        row = truth.get(read.plate)
        if row is None:
            continue
        compared += 1
        shown = Box(read.box.x * 1920, read.box.y * 1080, read.box.width * 1920, read.box.height * 1080)
        best = Box(*(float(row[key]) for key in "xywh"))
        late_s = abs(read.best_at.timestamp() - began_s - float(row["best_s"]))
        assert late_s <= 0.6, "the frame is of the end of its passage at which it is near"
        assert shown.width >= 0.75 * best.width, read.plate
        if late_s < 0.01:
            at_best += 1
            assert shown.iou(best) >= 0.5, read.plate
    assert compared >= 5, "or nothing was compared"
    assert at_best >= 2


def test_the_vehicles_of_the_clip_are_named(report: dict[str, object]) -> None:
    """Over a whole passage that is easier than where its plate is largest, at the picture's border."""
    is_ = {p.plate: p.vehicle_type.replace("taxi", "car") for p in load_truth(TRUTH) if p.last_s <= SECONDS}
    named = {r.plate: r.vehicle.type.value for r in reads(report) if r.vehicle.type and r.plate in is_}
    assert {"car", "motorcycle", "bus"} <= set(named.values())
    assert named == {plate: is_[plate] for plate in named}


def test_every_read_is_a_message_of_the_contract(report: dict[str, object]) -> None:
    for number, read in enumerate(reads(report), start=1):
        assert read.seq == number
        assert read.first_at <= read.best_at <= read.last_at <= read.emitted_at
        assert read.models.detector.startswith("plate-")


def test_copies_can_be_looked_at(report: dict[str, object], out: Path) -> None:
    with av.open(str(out / "annotated.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1920, 1080)
        frames = sum(1 for _ in container.decode(video=0))
    counts = report["counts"]
    assert isinstance(counts, dict)
    assert frames == counts["frames"]
    (recording,) = report["recordings"]  # type: ignore[misc]
    assert frames + recording["still"] == pytest.approx(8 * SECONDS, abs=2)
    names = sorted(p.name for p in out.glob("read-*.jpg"))
    assert names == [f"read-{r.seq:03d}-{r.plate}.jpg" for r in reads(report)]
