"""Labelled pictures become YOLO folders: nothing of `valid`, nothing of the fold in training, boxes in place."""

import csv
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.detector.prepare import (
    Picture,
    closeup_window,
    is_held_out,
    read_labels,
    share,
    write_dataset,
    yolo_line,
)
from models.detector.recipe import read_recipe
from models.detector.rendered import CLIPS, write_mix

COLUMNS = (
    "path",
    "split",
    "set",
    "kind",
    "country",
    "plate",
    "x",
    "y",
    "w",
    "h",
    "label",
    "source",
    "licence",
)


def row(path: str, set_name: str, box: tuple[float, ...] | None = None, **more: str) -> dict[str, str]:
    values = dict(zip("xywh", (str(v) for v in box), strict=True)) if box else {}
    return (
        {"path": path, "split": "train", "set": set_name, "kind": "scene", "label": "human"} | values | more
    )


def recipe(**holdout: float) -> dict[str, Any]:
    return {
        "seed": 1,
        "data": {
            "sources": {"street": "a", "negative": "b", "crops": "c"},
            "holdout": {"scenes": 0.2, "negatives": 0.3} | holdout,
            "negatives": ["negative"],
            "negative_repeats": 3,
            "crops": {"crops": 2},
            "closeups": {
                "count": 4,
                "smallest_plate_px": 50,
                "widths": [1.2, 2.0],
                "sets": ["street"],
            },
        },
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small data set: 20 scenes, 10 negatives, 3 crops, 3 traps."""
    folder = tmp_path / "data"
    (folder / "scenes").mkdir(parents=True)
    rng = np.random.default_rng(1)
    rows = [row(f"scenes/s{i}.jpg", "street", (60.0, 40.0, 80.0, 20.0)) for i in range(20)]
    rows += [row("scenes/s0.jpg", "street", (5.0, 5.0, 30.0, 10.0))]
    rows += [row(f"scenes/n{i}.jpg", "negative", label="negative") for i in range(10)]
    rows += [row(f"scenes/c{i}.jpg", "crops", kind="crop", label="ocr>.9") for i in range(3)]
    rows += [row("scenes/v0.jpg", "street", (1.0, 1.0, 9.0, 9.0), split="valid")]
    rows += [row("scenes/unboxed.jpg", "street", label="filename")]
    rows += [row("scenes/unmarked.jpg", "street", label="negative")]
    for path in {r["path"] for r in rows}:
        picture = rng.integers(0, 255, (120, 200, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / path), picture)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_rows_of_a_picture_are_gathered_and_unboxed_plates_left_out(data: Path) -> None:
    pictures = {p.path: p for p in read_labels(data, split="train")}
    assert pictures["scenes/s0.jpg"].boxes == [(60.0, 40.0, 80.0, 20.0), (5.0, 5.0, 30.0, 10.0)]
    assert pictures["scenes/n0.jpg"].boxes == []
    assert "scenes/unboxed.jpg" not in pictures  # a plate shows on it: no negative
    assert "scenes/v0.jpg" not in pictures
    assert [p.path for p in read_labels(data, split="valid")] == ["scenes/v0.jpg"]


def test_no_labels_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels\.csv"):
        read_labels(tmp_path, split="train")


def test_the_folders(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "work"
    counts = write_dataset(data, out, recipe())
    train = (out / "train.txt").read_text(encoding="utf-8").split()
    fold = (out / "fold.txt").read_text(encoding="utf-8").split()
    assert counts["scenes"] + counts["fold_scenes"] == 20
    assert counts["negatives"] + counts["fold_negatives"] == 10
    assert counts["pictures_an_epoch"] == len(train) == counts["scenes"] + 3 * counts["negatives"] + 2 + 4
    assert len(fold) == counts["fold_scenes"] + counts["fold_negatives"]
    assert not {Path(p).resolve() for p in train} & {Path(p).resolve() for p in fold}
    assert not any("v0" in p or "unboxed" in p or "unmarked" in p for p in train + fold)
    # A close-up of a held-out scene would leak it into the training.
    held = {Path(p).name.removeprefix("street-") for p in fold}
    assert not {Path(p).name.removeprefix("closeup-") for p in train if "closeup-" in p} & held
    for path in {*train, *fold}:
        lines = (out / "labels" / f"{Path(path).stem}.txt").read_text(encoding="utf-8").splitlines()
        assert bool(lines) == ("negative-" not in path)
        for line in lines:
            kind, *numbers = line.split()
            assert kind == "0"
            assert all(0 <= float(n) <= 1 for n in numbers)
            assert cv2.imread(path) is not None


def test_a_crop_is_a_plate_from_edge_to_edge(data: Path, tmp_path: Path) -> None:
    write_dataset(data, tmp_path / "work", recipe())
    label = next((tmp_path / "work" / "labels").glob("crops-*.txt"))
    assert label.read_text(encoding="utf-8") == "0 0.500000 0.500000 1.000000 1.000000\n"


def test_the_folders_come_out_the_same_twice(data: Path, tmp_path: Path) -> None:
    write_dataset(data, tmp_path / "one", recipe())
    write_dataset(data, tmp_path / "two", recipe())
    one = {p.name: p.read_bytes() for p in (tmp_path / "one" / "labels").iterdir()}
    two = {p.name: p.read_bytes() for p in (tmp_path / "two" / "labels").iterdir()}
    assert one == two


def test_an_unreadable_picture_is_named(data: Path, tmp_path: Path) -> None:
    (data / "scenes" / "s3.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"s3\.jpg: not a readable picture"):
        write_dataset(data, tmp_path / "work", recipe())


def test_the_fold_does_not_move() -> None:
    taken = [share(f"scenes/{i}.jpg") for i in range(2000)]
    assert 0.08 < sum(t < 0.1 for t in taken) / 2000 < 0.12
    assert share("a") == pytest.approx(0.7913743, abs=1e-6)


def test_negatives_and_scenes_are_held_out_by_their_own_shares() -> None:
    shares = {"scenes": 0.0, "negatives": 1.0}
    assert is_held_out(Picture("a", "negative", "scene"), shares)
    assert not is_held_out(Picture("a", "street", "scene", [(0, 0, 1, 1)]), shares)
    assert not is_held_out(Picture("a", "crops", "crop"), shares)


def test_a_box_over_the_edge_is_clipped() -> None:
    assert yolo_line((-10, 5, 30, 10), width=100, height=50) == "0 0.100000 0.200000 0.200000 0.200000"


@given(
    st.integers(40, 800),
    st.integers(40, 800),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.05, 0.9),
    st.integers(0, 99),
)
def test_a_closeup_holds_its_plate_and_stays_in_the_picture(
    width: int, height: int, left: float, top: float, size: float, seed: int
) -> None:
    w, h = size * width, size * height * 0.4
    box = (left * (width - w), top * (height - h), w, h)
    x, y, ww, hh = closeup_window(box, size=(width, height), widths=(1.2, 3.0), rng=random.Random(seed))
    assert x >= 0
    assert y >= 0
    assert x + ww <= width
    assert y + hh <= height
    shown_w = min(box[0] + w, x + ww) - max(box[0], x)
    shown_h = min(box[1] + h, y + hh) - max(box[1], y)
    assert shown_w * shown_h >= 0.5 * w * h - 2 * (w + h)


def test_the_recipe_names_a_source_and_a_licence_for_every_set_it_uses() -> None:
    rules = read_recipe()["data"]
    assert set(rules["crops"]) | set(rules["closeups"]["sets"]) <= set(rules["sources"])
    for name, source in rules["sources"].items():
        assert "@" in source, name
        assert "(" in source, name
    # The only Colombian pictures are for measuring.
    assert not {"co_crop", "co_scene"} & set(rules["sources"])


def test_rendered_windows_join_a_share_of_the_real_pictures(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "work"
    rules = {"windows_a_scene": 2, "widths": [1.2, 2.0], "smallest_plate_px": 50, "real_share": 0.5}
    counts = write_dataset(data, out, recipe())
    scenes = {"plates": [], "street_seeds": [42000, 42004], "vehicle_seeds": [14200000, 14200768]}
    (data / "manifest.yaml").write_text(yaml.safe_dump(scenes), encoding="utf-8")
    mixed = write_mix([data], out, recipe() | {"rendered": rules})
    lines = (out / "polish.txt").read_text(encoding="utf-8").split()
    assert mixed["real"] == round(counts["pictures_an_epoch"] / 2)
    assert mixed["rendered"] == 20  # the narrower second plate of s0 is no middle of a window
    assert len(lines) == mixed["real"] + mixed["rendered"]
    assert set(lines[: mixed["real"]]) <= set((out / "train.txt").read_text(encoding="utf-8").split())
    assert mixed["without_plates"] == 0
    street = tmp_path / "street.jpg"
    mixed = write_mix([data], out, recipe() | {"rendered": rules}, others=[street])
    assert mixed["without_plates"] == 1
    assert (out / "polish.txt").read_text(encoding="utf-8").split() == [*lines, str(street)]
    for path in lines[mixed["real"] :]:
        assert (out / "labels" / f"{Path(path).stem}.txt").read_text(encoding="utf-8").startswith("0 ")


def test_scenes_that_show_a_plate_of_the_sample_clips_are_refused(tmp_path: Path) -> None:
    clips = yaml.safe_load(CLIPS.read_text(encoding="utf-8"))
    plate = clips["clips"][0]["plates"][0]
    scenes = {"plates": [plate], "street_seeds": [1, 2], "vehicle_seeds": [1, 2]}
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(scenes), encoding="utf-8")
    with pytest.raises(ValueError, match=f"sample clips too: plate {plate}"):
        write_mix([tmp_path], tmp_path, recipe())
