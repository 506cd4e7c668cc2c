"""The data set of rendered pictures alone: what is held out is never trained on, and boxes lie where they should."""

import csv
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from models.detector.alone import scene_parts, vehicles, write_dataset, write_fold
from models.detector.prepare import Picture, read_labels
from models.detector.rendered import CLIPS
from models.detector.streets import LETTERED, without_plates

SIZE = (400, 240)
COLUMNS = ("path", "split", "set", "kind", "plate", "x", "y", "w", "h", "label", "vehicle")
KINDS = ("car", "taxi", "motorcycle", "bus", "truck")


def recipe() -> dict[str, Any]:
    return {
        "seed": 7,
        "render": {"scenes": {"seeds": [1, 2]}, "streets": {"seeds": [3]}},
        "lettering": {"widths": [0.1, 0.2]},
        "alone": {
            "windows_a_scene": 2,
            "widths": [2, 5],
            "smallest_plate_px": 20,
            "closeups": {"count": 3, "widths": [1.2, 2.0], "smallest_plate_px": 30},
            "lettered": 5,
            "signs": [1, 3],
            "words": 4,
            "fold": {"smallest_plate_px": 20, "windows_a_scene": 1, "lettered": 3},
        },
    }


def labelled(folder: Path, rows: list[dict[str, Any]], rng: np.random.Generator) -> None:
    """A folder as the generator writes it."""
    for path in {row["path"] for row in rows}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / path), rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8))
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({"split": "train", **row} for row in rows)
    shared = {"plates": [], "street_seeds": [1, 2], "vehicle_seeds": [3, 4]}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(shared), encoding="utf-8")


def scenes(seed: int) -> list[dict[str, Any]]:
    """Four scenes with a wide plate and a narrow one, and a plate that fills its picture."""
    rows: list[dict[str, Any]] = []
    for number in range(4):
        path = f"scenes/s{seed}-{number}.jpg"
        common = {"path": path, "set": "synth_scene", "kind": "scene", "label": "rendered"}
        place = {"x": 150, "y": 90 + number, "w": 48, "h": 20}
        rows.append({**common, **place, "vehicle": KINDS[number]})
        rows.append({**common, "x": 40, "y": 30, "w": 15, "h": 8, "vehicle": "bus"})
    return [*rows, {"path": f"crops/c{seed}.jpg", "set": "synth_crop", "kind": "crop", "label": "rendered"}]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What render.py leaves, in small and without a meaning."""
    rng = np.random.default_rng(1)
    synth = tmp_path / "synth"
    for seed in (1, 2):
        labelled(synth / str(seed), scenes(seed), rng)
    labelled(synth / "fold-scenes", scenes(9), rng)
    street = {"set": "synth_street", "kind": "scene", "label": "negative"}
    for name in ("street-3", "fold-streets"):
        labelled(synth / name, [street | {"path": f"scenes/{name}-{n}.jpg"} for n in range(3)], rng)
    word = {"set": "lettering", "kind": "crop"}
    for name in ("lettering", "fold-lettering"):
        labelled(synth / name, [word | {"path": f"crops/{name}-{n}.png"} for n in range(6)], rng)
    return tmp_path


def test_a_taxi_is_a_car_and_every_plate_has_its_vehicle(work: Path) -> None:
    found = vehicles(work / "synth" / "1")
    assert found["scenes/s1-1.jpg"] == ["car", "bus"]
    assert found["scenes/s1-2.jpg"] == ["motorcycle", "bus"]
    assert "crops/c1.jpg" not in found


def test_the_fold_has_scenes_windows_and_pictures_without_a_plate(work: Path) -> None:
    counts = write_fold(work, recipe())
    pictures = read_labels(work / "fold", split="train")
    by_set = {name: [p for p in pictures if p.set_name == name] for name in {p.set_name for p in pictures}}
    assert {name: len(found) for name, found in by_set.items()} == {
        "synth_scene": 4,
        "synth_scene_window": 4,
        "synth_street": 3,
        LETTERED: 3,
    }
    assert counts == {"fold_plates": 8, "fold_negatives": 6}
    assert all(len(p.boxes) == 1 for p in by_set["synth_scene"])  # the narrow plate is not asked for
    assert not any(p.boxes for p in by_set["synth_street"] + by_set[LETTERED])
    known = vehicles(work / "fold")
    for picture in by_set["synth_scene"] + by_set["synth_scene_window"]:
        assert len(known[picture.path]) == len(picture.boxes)
        height, width = cv2.imread(str(work / "fold" / picture.path)).shape[:2]
        for x, y, w, h in picture.boxes:
            assert x >= -0.5 * w
            assert y >= -0.5 * h
            assert x + w / 2 <= width
            assert y + h / 2 <= height


def test_a_window_shows_the_plate_that_its_row_names() -> None:
    bgr = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    bgr[100:120, 150:200] = 255
    picture = Picture("a", "street", "scene", [(150.0, 100.0, 50.0, 20.0)])
    rules = {"smallest_plate_px": 20, "windows_a_scene": 1, "widths": [2, 5]}
    whole, window = scene_parts(picture, bgr, ["car"], rules, random.Random(2))
    assert whole[0].shape == bgr.shape
    (row,) = window[1]
    x, y, w, h = (round(float(v)) for v in (row.x, row.y, row.w, row.h))
    assert (window[0][y : y + h, x : x + w] == 255).all()
    assert (window[0] == 255).all(axis=2).sum() == 50 * 20


def test_nothing_of_the_fold_is_trained_on(work: Path) -> None:
    write_fold(work, recipe())
    counts = write_dataset(work, recipe())
    train = (work / "data" / "train.txt").read_text(encoding="utf-8").split()
    fold = (work / "data" / "fold.txt").read_text(encoding="utf-8").split()
    assert len(set(train)) == len(train) == counts["with_plates"] + counts["without"]
    assert counts["with_plates"] == 8 + 3 + 2  # a window a scene, close-ups, plates that fill a picture
    assert counts["without"] == 3 + 5 + 4
    assert len(fold) == counts["fold"] == 14
    assert not any("s9-" in Path(path).name or "fold" in Path(path).name for path in train)
    assert not {Path(p).resolve() for p in train} & {Path(p).resolve() for p in fold}
    for path in {*train, *fold}:
        assert cv2.imread(path) is not None
        lines = (work / "data" / "labels" / f"{Path(path).stem}.txt").read_text(encoding="utf-8").splitlines()
        without = any(word in Path(path).name for word in ("street", "lettered", "words"))
        assert bool(lines) != without, path


def test_small_sets_may_be_shown_several_times(work: Path) -> None:
    rules = recipe()
    rules["alone"]["repeats"] = 3
    write_fold(work, rules)
    counts = write_dataset(work, rules)
    train = (work / "data" / "train.txt").read_text(encoding="utf-8").split()
    assert len(train) == 3 * (counts["with_plates"] + counts["without"])


def test_the_data_set_comes_out_the_same_twice(work: Path) -> None:
    seen = []
    for _ in range(2):
        write_fold(work, recipe())
        write_dataset(work, recipe())
        files = [*(work / "data").rglob("*.*"), *(work / "fold").rglob("*.*")]
        seen.append({path.name: path.read_bytes() for path in files})
    assert seen[0] == seen[1]


def test_a_share_of_the_streets_joins_the_polish(work: Path) -> None:
    made = without_plates(work, recipe(), streets=2, lettered_count=1, words=0)
    assert [path.name.split("-")[0] for path in made] == ["street", "street", "lettered"]
    assert all((work / "data" / "labels" / f"{path.stem}.txt").read_text() == "" for path in made)


def test_scenes_of_the_sample_clips_are_refused(work: Path) -> None:
    plate = yaml.safe_load(CLIPS.read_text(encoding="utf-8"))["clips"][0]["plates"][0]
    manifest = {"plates": [plate], "street_seeds": [1, 2], "vehicle_seeds": [3, 4]}
    (work / "synth" / "2" / "manifest.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    write_fold(work, recipe())
    with pytest.raises(ValueError, match=f"sample clips too: plate {plate}"):
        write_dataset(work, recipe())
