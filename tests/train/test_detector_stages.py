"""The whole training on rendered pictures alone, from nothing to weights that the edge can load; and again, at once."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.assets import checked
from edge.detect.manifest import Manifest as FirstManifest
from edge.detect.second_look import VEHICLES, Manifest, SecondLook
from edge.detect.views import FAR, NEAR
from edge.detect.window import area
from edge.types import Detection
from models.detector.engines import Exported, onnx_net, torch_net
from models.detector.prepare import read_labels
from models.detector.stages import FILES
from models.second_look.table import answers_of

pytestmark = [pytest.mark.train, pytest.mark.timeout(2400)]
pytest.importorskip("torch", reason="needs the training set of packages")
ROOT = Path(__file__).resolve().parents[2]


def train(work: Path, out: Path) -> str:
    """`make train-detector SECTION=tiny` without make; returns what it said."""
    call = [sys.executable, "-m", "models.detector.stages", "--section", "tiny", "--work", work, "--out", out]
    done = subprocess.run(
        [str(part) for part in call],
        cwd=ROOT,
        env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": str(work.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """work/ and models/ after one training."""
    path = tmp_path_factory.mktemp("training")
    shipped = {file: file.read_bytes() for file in (ROOT / "models" / "detector").glob("plate.*")}
    said = train(path / "work", path / "models")
    (path / "said.txt").write_text(said, encoding="utf-8")
    assert {file: file.read_bytes() for file in shipped} == shipped  # the test changes none of the weights
    return path


def test_every_stage_came_to_its_end_and_the_table_was_printed(folder: Path) -> None:
    said = (folder / "said.txt").read_text(encoding="utf-8")
    assert "[1/12] render" in said
    assert "[12/12] export the second look" in said
    assert "rendered fold" in said
    result = json.loads((folder / "work" / "result.json").read_text(encoding="utf-8"))
    row = result["fold-rendered"]["both nets"]
    assert row["plates"] >= 6
    assert row["pictures_without"] >= 8
    assert 0 <= row["recall"] <= 1
    for name in ("run/curve.png", "look/curve.png"):
        picture = cv2.imread(str(folder / "work" / name))
        assert picture is not None
        assert (picture != 255).any()


def test_what_is_shipped_is_whole_and_the_detector_finds_what_looks_like_plates(folder: Path) -> None:
    models, fold = folder / "models", folder / "work" / "fold"
    manifest = FirstManifest.model_validate_json((models / "detector" / "plate.json").read_bytes())
    assert len(checked(models / "detector" / "plate.json", manifest.sha256, *manifest.sha256)) == 4
    detector = Exported(models / "detector", least_score=0.01)
    plates = found = 0
    for picture in read_labels(fold, split="train"):
        bgr = np.asarray(cv2.imread(str(fold / picture.path)), np.uint8)
        boxes = [d.box for d in detector.detect(bgr)]
        for x, y, w, h in picture.boxes:
            plates += 1
            found += any(
                box.x < x + w / 2 < box.x + box.width and box.y < y + h / 2 < box.y + box.height
                for box in boxes
            )
    assert plates >= 6
    assert found >= 1


def test_the_detector_s_forms_agree_on_what_they_see(folder: Path) -> None:
    out = folder / "models" / "detector"
    manifest = FirstManifest.model_validate_json((out / "plate.json").read_bytes())
    shape = (manifest.height, manifest.width, 3)
    picture = np.random.default_rng(2).integers(0, 255, shape, dtype=np.uint8)
    nets = onnx_net(out / "plate.onnx"), torch_net(out / "plate.pt")
    a, b = (net(picture) for net in nets)
    assert a.shape == b.shape == (5, sum(shape[0] * shape[1] // stride**2 for stride in (8, 16, 32)))
    assert np.abs(a[4] - b[4]).max() < 5e-3


def test_the_second_look_judges_what_the_detector_proposes(folder: Path) -> None:
    from models.second_look.measure import Views

    out, views = folder / "models" / "second_look", Views.load(folder / "work" / "fold.npz")
    manifest = Manifest.model_validate_json((out / "look.json").read_bytes())
    assert len(checked(out / "look.json", manifest.sha256, *manifest.sha256)) == 3
    assert views.near.shape[1:] == NEAR[::-1]
    assert views.far.shape[1:] == FAR[::-1]
    said = answers_of(out, views)
    assert said.shape == (len(views.score), 5 + len(VEHICLES))
    assert np.isfinite(said).all()
    assert said.std(axis=0).min() > 0  # it looks at what it is shown

    detector = Exported(folder / "models" / "detector", least_score=manifest.proposal)
    look = SecondLook(lambda _near, _far: said[0], manifest, least_score=0.0)
    (path, *_) = sorted((folder / "work" / "fold").glob("synth*.jpg"))
    bgr = np.asarray(cv2.imread(str(path)), np.uint8)
    shown, fit = detector.letterboxed(bgr)
    whole = area(None, width=shown.shape[1], height=shown.shape[0])
    found = look.look(bgr, detector.propose(shown, fit, [whole]), picture=shown, fit=fit)
    assert found
    assert all(isinstance(d, Detection) and d.box.x + d.box.width <= bgr.shape[1] + 1 for d in found)


def test_rendered_vehicles_are_known_without_a_teacher(folder: Path) -> None:
    boxes = np.load(folder / "work" / "bank" / "42" / "boxes.npz")
    assert boxes["plate"].all()
    assert (boxes["vehicle"] >= 0).all()
    assert not (folder / "work" / "vehicles-train.json").exists()
    for name in ("streets", "lettering"):
        assert not np.load(folder / "work" / "bank" / name / "boxes.npz")["plate"].any()


def test_called_again_it_goes_on_instead_of_starting_over(folder: Path) -> None:
    work = folder / "work"
    kept = {
        path: path.stat().st_mtime_ns
        for pattern in ("synth/*/*/*", "run/weights/*.pt", "look/epoch*.pt", "bank/*/*.npy", "init.pt")
        for path in work.glob(pattern)
    }
    assert len(kept) > 40
    # As if it had been ended after the last epoch of each training, before its marker was written.
    for name in ("render", "train", "look"):
        (work / "done" / name).unlink()
    said = train(work, folder / "models")
    assert said.count("done before") == 9
    assert "this run is finished" in said
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    with (work / "look" / "curve.csv").open(encoding="utf-8", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    for name, files in FILES.items():
        for file in files:
            assert (folder / "models" / name / file).read_bytes() == (work / "out" / name / file).read_bytes()
