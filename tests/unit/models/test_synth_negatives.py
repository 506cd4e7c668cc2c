"""Lettering that is no plate: every kind is drawn, is on the picture, and is labelled as no plate."""

import csv
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.labels import load_pictures
from models.synth import words
from models.synth.arrays import stream
from models.synth.negatives import windows, write_lettering
from models.synth.patterns import CLASSES
from models.synth.reserved import TEST_SEEDS
from models.synth.signs import bodywork, draw_sign, ink
from models.synth.words import telephone, time_stamp

KINDS = {"name", "painted", "sticker", "board", "wall", "overlay"}


def test_every_kind_is_drawn_and_none_is_empty() -> None:
    signs = [draw_sign(stream(1, "sign", number), ()) for number in range(150)]
    assert {sign.kind for sign in signs} == KINDS
    for sign in signs:
        assert sign.says
        assert sign.bgr.dtype == np.uint8
        assert sign.bgr.shape[2] == 3
        assert min(sign.bgr.shape[:2]) >= 8
    # Some are as faint as street lettering is, but most show strokes.
    assert np.median([sign.bgr.astype(float).std() for sign in signs]) > 20


def test_the_same_chance_draws_the_same_sign() -> None:
    one, other = (draw_sign(stream(2, "sign", 7), ()) for _ in range(2))
    assert one.says == other.says
    assert np.array_equal(one.bgr, other.bgr)


def test_a_camera_s_print_stands_upright_and_sharp() -> None:
    prints = [s for n in range(120) if (s := draw_sign(stream(3, "sign", n), ())).kind == "overlay"]
    assert len(prints) > 10
    assert np.median([np.abs(np.diff(p.bgr.astype(float).mean(axis=2), axis=1)).max() for p in prints]) > 60


@pytest.mark.parametrize("write", [telephone, time_stamp])
def test_numbers_are_of_many_forms_and_no_colombian_plate(write: object) -> None:
    rng = np.random.default_rng(4)
    said = {write(rng) for _ in range(300)}  # type: ignore[operator]
    assert len(said) > 150
    home = [c for c in CLASSES if c.country == "CO"]
    assert not [text for text in said if any(c.matches(text) for c in home)]
    assert all(re.search(r"\d", text) for text in said if text not in words.CAMERAS)


def test_no_word_is_a_colombian_plate_of_a_car_or_a_motorcycle() -> None:
    listed = (
        words.MODELS,
        words.TRIMS,
        words.PAINTED,
        words.ROUTES,
        words.STICKERS,
        words.WALLS,
        words.CAMERAS,
    )
    plate = re.compile(r"[A-Z]{3}[0-9]{2,3}[A-Z]?")
    assert not [word for group in listed for word in group if plate.fullmatch(word)]
    assert all(len(set(group)) == len(group) for group in listed)


@pytest.mark.parametrize("slant", [0.0, 0.3])
@pytest.mark.parametrize("text", ["TAXI", "i10", "2026-11-22"])
def test_ink_is_cut_close_whatever_is_written(text: str, slant: float) -> None:
    mask = ink(text, "", 40, slant=slant)
    rows, columns = np.flatnonzero(mask.max(axis=1) > 40), np.flatnonzero(mask.max(axis=0) > 40)
    assert rows[0] == pytest.approx(mask.shape[0] - 1 - rows[-1], abs=2)
    assert columns[0] == pytest.approx(mask.shape[1] - 1 - columns[-1], abs=2)
    assert 30 < rows[-1] - rows[0] < 70
    assert ink(" ", "", 40).max() == 0


def test_bodywork_is_paint_of_any_shape() -> None:
    for shape in ((20, 300), (90, 40)):
        picture = bodywork(np.random.default_rng(5), shape)
        assert picture.shape == (*shape, 3)
        assert picture.min() >= 0
        assert picture.max() <= 255


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Train scenes that are black but for a white plate, so that a window that shows one shows white."""
    folder = tmp_path / "data"
    (folder / "scenes").mkdir(parents=True)
    lines = ["path,split,set,kind,country,plate,x,y,w,h,label,source,licence"]
    for number in range(12):
        scene = np.full((480, 640, 3), 40, np.uint8)
        x, y = 200 + 10 * number, 260 - 5 * number
        scene[y : y + 40, x : x + 120] = 255
        cv2.imwrite(str(folder / f"scenes/{number}.png"), scene)
        lines.append(f"scenes/{number}.png,train,web,scene,INT,,{x},{y},120,40,human,who@1,MIT")
    lines.append("scenes/none.png,train,web,scene,INT,,1,1,9,9,human,who@1,MIT")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_windows_show_no_labelled_plate(data: Path) -> None:
    found = list(windows(data, 13, seed=1))
    assert len(found) >= 8
    assert max(int(window.max()) for window in found) < 60
    assert all(window.shape[1] >= 100 for window in found)


def test_a_folder_of_negatives_is_labelled_with_no_plate(data: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "out", []
    labels = write_lettering(out, count=9, seed=5, faces=(), data=data, progress=seen.append)
    assert seen == list(range(1, 10))
    assert {(label.plate, label.kind, label.set, label.split) for label in labels} == {
        ("", "crop", "lettering", "train")
    }
    pictures = load_pictures(out, split="train")
    assert len(pictures) == 9
    assert all(label.plate is None and label.box is None for p in pictures for label in p.labels)
    with (out / "labels.csv").open(encoding="utf-8", newline="") as file:
        assert {row["lettering"] for row in csv.DictReader(file)} <= KINDS
    again = write_lettering(tmp_path / "again", count=9, seed=5, faces=(), data=data, progress=lambda _: None)
    assert [a.says for a in again] == [label.says for label in labels]
    for label in labels:
        assert (out / label.path).read_bytes() == (tmp_path / "again" / label.path).read_bytes()


def test_a_test_set_s_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kept for test sets"):
        write_lettering(
            tmp_path, count=1, seed=TEST_SEEDS.start, faces=(), data=None, progress=lambda _: None
        )
