"""Rendered streets without a plate: the same twice, labelled as such, apart from the sample clips."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from models.detector.prepare import read_labels
from models.detector.rendered import check
from models.synth.arrays import Image, Rng
from models.synth.scene.fixing import Sighting
from models.synth.scene.traffic import Passage
from models.synth.streets import SET, write_streets
from models.synth.training import Stage

WIDE = 192


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("streets")
    write_streets(out, count=3, seed=31, progress=lambda _: None, width_px=WIDE)
    return out


def test_every_picture_is_labelled_as_a_scene_without_a_box(folder: Path) -> None:
    pictures = read_labels(folder, split="train")
    assert len(pictures) == 3
    assert all(p.set_name == SET and p.kind == "scene" and not p.boxes for p in pictures)
    assert [p.path for p in pictures] == [f"scenes/street_31_{n:06d}.jpg" for n in range(3)]


def test_the_manifest_proves_it_apart_from_the_clips(folder: Path) -> None:
    check(folder)
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    assert manifest["plates"] == []
    assert manifest["scenes"] == 3


def test_the_first_street_is_empty_and_the_others_have_vehicles(folder: Path) -> None:
    read = [cv2.imread(str(folder / f"scenes/street_31_{n:06d}.jpg")).astype(float) for n in range(3)]
    assert read[0].shape == (WIDE * 9 // 16, WIDE, 3)
    far = [np.abs(one - read[0]).mean() for one in read[1:]]
    assert min(far) > 1.0


def test_the_same_seed_draws_the_same(folder: Path) -> None:
    stage = Stage(31, 0, WIDE)
    again = stage.without_plates(31, 1, empty=False)
    packed = cv2.imencode(".jpg", again, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    assert packed == (folder / "scenes/street_31_000001.jpg").read_bytes()


def test_no_vehicle_of_a_street_bears_a_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(31, 0, WIDE)
    composed, shown = stage._composed, list[Passage]()

    def recorded(passages: list[Passage], rng: Rng) -> tuple[Image, list[Sighting]]:
        shown.extend(passages)
        return composed(passages, rng)

    monkeypatch.setattr(stage, "_composed", recorded)
    stage.without_plates(31, 1, empty=False)
    assert shown
    assert not any(passage.vehicle.plates for passage in shown)


def test_a_seed_of_the_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kept for the sample clips"):
        write_streets(tmp_path, count=1, seed=9_000_001, progress=lambda _: None)
