"""Where the second look's samples come from: what is a plate, what is none, and what is held out."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import pytest

from edge.detect.letterbox import Fit
from edge.detect.manifest import Manifest
from edge.detect.nets import FirstNet
from edge.detect.views import FAR, NEAR
from edge.detect.window import Window
from edge.types import Bgr, Box, Detection
from models.detector.prepare import Picture
from models.second_look.bank import Bank, taught_in
from models.second_look.fit import EMPTY
from models.second_look.folds import write_views
from models.second_look.measure import Views
from models.second_look.mine import Miner
from models.second_look.prepare import Job, lettering_samples, street_samples, write_fold, write_part
from models.second_look.recipe import read_recipe

SIZE = (480, 300)
PLATE = Box(200, 150, 60, 20)
ELSEWHERE = Box(20, 40, 70, 22)
MANIFEST = Manifest(name="fake", width=320, height=192, score=0.5, overlap=0.5, sha256={"fake": "0" * 64})
DETECTOR: dict[str, Any] = {
    "render": {"streets": {"seeds": [3]}},
    "lettering": {"widths": [0.1, 0.2]},
    "data": {
        "sources": {"ro": "x", "gatecam": "y"},
        "negatives": [],
        "holdout": {"scenes": 0.3, "negatives": 0.3},
    },
}


class Sees(FirstNet):
    """Proposes the same boxes in every frame."""

    def __init__(self, *boxes: Box) -> None:
        super().__init__(MANIFEST, file="fake", least_score=0.01)
        self._boxes = boxes

    def propose(self, picture: Bgr, fit: Fit, windows: Sequence[Window]) -> list[Detection]:
        return [Detection(box, 0.4) for box in self._boxes]


def recipe() -> dict[str, Any]:
    rules = read_recipe()
    rules["data"]["lettering"] = {"count": 10, "real": 0.5}
    return rules


def write_labels(folder: Path, rows: list[dict[str, Any]]) -> None:
    columns = ("path", "split", "set", "kind", "plate", "x", "y", "w", "h", "label", "vehicle")
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({"split": "train", "kind": "scene", **row} for row in rows)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Rendered streets, lettering and a fold, without a meaning."""
    rng = np.random.default_rng(2)
    street = {"set": "synth_street", "label": "negative"}
    plate = {"x": PLATE.x, "y": PLATE.y, "w": PLATE.width, "h": PLATE.height, "vehicle": "bus"}
    folders = {
        "synth/street-3": [street | {"path": f"street{n}.png"} for n in range(3)],
        "synth/lettering": [{"path": f"word{n}.png", "set": "lettering"} for n in range(4)],
        "fold": [
            {"path": "scene.png", "set": "synth_scene"} | plate,
            street | {"path": "a.png"},
            {"path": "b.png", "set": "lettered", "label": "negative"},
        ],
    }
    for name, rows in folders.items():
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for row in rows:
            shape = (30, 90, 3) if "word" in row["path"] else (SIZE[1], SIZE[0], 3)
            cv2.imwrite(str(folder / row["path"]), rng.integers(0, 255, shape, np.uint8))
        write_labels(folder, rows)
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Labelled pictures: dark, so that they can be told from the rendered ones."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((SIZE[1], SIZE[0], 3), 10, np.uint8))
        box = {"x": PLATE.x, "y": PLATE.y, "w": PLATE.width, "h": PLATE.height}
        rows.append({"path": f"{number}.png", "set": "ro", "label": "human"} | box)
    rows.append({"path": "never.png", "set": "ro", "label": "human", "split": "valid"})
    write_labels(folder, rows)
    return folder


def job(work: Path, data: Path | None = None, *boxes: Box) -> Job:
    return Job(work, data, None, Sees(*(boxes or (ELSEWHERE,))), recipe(), DETECTOR)


def test_whatever_is_proposed_in_a_street_without_plates_is_none(work: Path) -> None:
    samples = list(street_samples(job(work)))
    rules = recipe()["data"]
    each = rules["variants"]["synth_street"] + rules["random"]["synth_street"]
    assert len(samples) == 3 * each
    assert not any(s.plate for s in samples)
    assert {s.set_name for s in samples} == {"synth_street"}


def test_lettering_is_set_into_rendered_streets(work: Path) -> None:
    samples = list(lettering_samples(job(work)))
    assert 8 <= len(samples) <= 10
    assert not any(s.plate for s in samples)
    assert len({s.near.tobytes() for s in samples}) == len(samples)


def test_a_share_of_lettering_stands_on_labelled_pictures_away_from_plates(work: Path, data: Path) -> None:
    samples = list(lettering_samples(job(work, data)))
    dark = [s for s in samples if (s.near == 10).mean() > 0.2]
    assert 1 <= len(dark) < len(samples)
    for sample in dark:
        assert (sample.near != 10).any()


def test_lettering_comes_out_the_same_twice(work: Path, data: Path) -> None:
    first, second = (list(lettering_samples(job(work, data))) for _ in range(2))
    assert all(
        (a.near == b.near).all() and (a.box == b.box).all() for a, b in zip(first, second, strict=True)
    )


def test_held_out_and_valid_pictures_are_not_learnt_from(work: Path, data: Path) -> None:
    pictures = job(work, data).pictures()
    assert 0 < len(pictures) < 12
    assert "never.png" not in {p.path for p in pictures}


def test_in_streets_with_unmarked_plates_nothing_that_is_proposed_is_taken(work: Path) -> None:
    rules = recipe()
    rules["data"]["streets"] = {"ro": 60}
    bgr = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture = Picture("p", "ro", "scene", [(PLATE.x, PLATE.y, PLATE.width, PLATE.height)])
    bgr[40:62, 20:90] = 255  # the plate that nobody marked
    bgr[150:170, 200:260] = 255
    found = list(Miner(Sees(ELSEWHERE), rules).street(picture, bgr))
    assert 5 < len(found) <= 60
    for sample in found:
        x, y, w, h = (round(float(v)) for v in sample.box)
        inside = sample.near[
            max(0, y) + 2 : y + h - 2, max(0, x) + 2 : x + w - 2
        ]  # shrinking blurs its sides
        assert not (inside > 200).any()
    assert list(Miner(Sees(), rules).street(Picture("p", "cn_crop", "scene"), bgr)) == []


def test_the_rendered_fold_is_the_fold_where_there_is_no_other(work: Path) -> None:
    write_fold(job(work, None, PLATE, ELSEWHERE))
    views = Views.load(work / "fold.npz")
    assert (work / "fold.npz").read_bytes() == (work / "fold-rendered.npz").read_bytes()
    parts = recipe()["data"]["variants"]["synth_street"]
    assert sorted(set(views.sets)) == [
        "lettered",
        "lettered_part",
        "synth_scene",
        "synth_street",
        "synth_street_part",
    ]
    assert len(views.frames) == 1 + 2 * parts
    assert sum(len(t) for t in views.truth) == 1
    assert {name for name, truth in zip(views.sets, views.truth, strict=True) if not truth} <= set(EMPTY)
    assert taught_in(work) == {"scene.png#0": "bus"}


def test_both_folds_are_written_where_there_are_two(work: Path, data: Path) -> None:
    (work / "vehicles-train.json").write_text(json.dumps({"0.png#0": "car"}), encoding="utf-8")
    write_fold(job(work, data, PLATE))
    assert set(Views.load(work / "fold.npz").sets) == {"ro"}
    assert "synth_scene" in Views.load(work / "fold-rendered.npz").sets
    assert taught_in(work) == {"0.png#0": "car", "scene.png#0": "bus"}


def test_what_bears_the_plates_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"vehicles-train\.json: run"):
        taught_in(tmp_path)


def test_a_bank_of_streets_can_be_learnt_from(work: Path) -> None:
    write_part("streets", job(work))
    write_part("lettering", job(work))
    bank = Bank(work, {})
    assert not bank.boxes["plate"].any()
    batch = bank.batch(np.array([0, len(bank) - 1]), np.random.default_rng(1))
    assert batch.near.shape == (2, 1, *NEAR[::-1])
    assert batch.far.shape == (2, 1, *FAR[::-1])


def test_a_part_that_finds_nothing_says_so(work: Path) -> None:
    write_labels(work / "synth" / "street-3", [])
    with pytest.raises(click.ClickException, match="part streets: no sample found"):
        write_part("streets", job(work))


@pytest.mark.parametrize("part", ["train", "written"])
def test_parts_of_labelled_pictures_want_them(work: Path, part: str) -> None:
    with pytest.raises(click.UsageError, match="needs --data"):
        write_part(part, job(work))


def test_a_detector_that_proposes_nothing_leaves_views_of_nothing(tmp_path: Path) -> None:
    bgr = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pictures = iter([(Picture("p", "negative", "scene"), bgr)])
    nothing = Sees(ELSEWHERE)
    nothing._boxes = ()
    write_views(pictures, detector=nothing, out=tmp_path / "fold.npz")
    views = Views.load(tmp_path / "fold.npz")
    assert views.near.shape == (0, *NEAR[::-1])
    assert views.proposals(0.0) == [[]]
