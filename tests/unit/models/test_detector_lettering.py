"""Lettering lies in a scene where it says, away from plates, and no edge tells that it was set in."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.types import Box
from models.detector.lettering import lettered, pieces, set_in

STREET = np.full((300, 500, 3), 120, np.uint8)
PLATE = Box(200, 120, 100, 40)


def piece(wide: int = 80, high: int = 24) -> np.ndarray:
    """Dark bars on bright paint."""
    bgr = np.full((high, wide, 3), 230, np.uint8)
    bgr[high // 3 : -high // 3, wide // 4 : -wide // 4 : 3] = 10
    return bgr


@given(st.integers(0, 10_000), st.floats(0.02, 0.3))
@settings(max_examples=60)
def test_it_changes_nothing_but_its_place_and_keeps_off_plates(seed: int, width: float) -> None:
    rng = np.random.default_rng(seed)
    one = set_in(STREET, piece(), [PLATE], rng, widths=(width, width * 1.5))
    assert STREET.min() == STREET.max() == 120
    if one is None:
        return
    assert one.box.iou(PLATE) == 0
    assert one.box.x >= 0
    assert one.box.x + one.box.width <= 500
    assert one.box.y + one.box.height <= 300
    rows, columns = np.nonzero((one.bgr != STREET).any(axis=2))
    assert len(rows)
    assert columns.min() >= one.box.x
    assert columns.max() < one.box.x + one.box.width
    assert rows.min() >= one.box.y
    assert rows.max() < one.box.y + one.box.height


def test_its_sides_fade_out() -> None:
    rng = np.random.default_rng(3)
    one = set_in(STREET, piece(160, 60), [], rng, widths=(0.3, 0.32))
    assert one is not None
    x, y, w, h = (int(v) for v in (one.box.x, one.box.y, one.box.width, one.box.height))
    part = one.bgr[y : y + h, x : x + w].astype(int)
    border = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    assert np.abs(border - 120).max() <= 12
    assert np.abs(part - 120).max() > 40


def test_where_there_is_no_room_nothing_is_set() -> None:
    rng = np.random.default_rng(4)
    assert set_in(STREET, piece(), [Box(0, 0, 500, 300)], rng, widths=(0.1, 0.2)) is None
    assert set_in(STREET[:10, :20], piece(), [], rng, widths=(1.0, 1.1)) is None


def test_several_pieces_do_not_cover_one_another() -> None:
    rng = np.random.default_rng(5)
    scene = lettered(STREET, [piece(), piece(60, 30)], rng, count=4, widths=(0.1, 0.15))
    changed = np.asarray((scene != STREET).any(axis=2), np.uint8)
    joined = cv2.dilate(changed, np.ones((7, 7), np.uint8))
    assert cv2.connectedComponents(joined)[0] - 1 >= 3


def test_pieces_are_the_folder_s_pictures_without_a_plate(tmp_path: Path) -> None:
    rows = [("a.png", ""), ("b.png", "ABC123"), ("c.png", "")]
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "plate"])
        writer.writerows(rows)
    for value, (name, _) in enumerate(rows):
        cv2.imwrite(str(tmp_path / name), np.full((4, 6, 3), 10 * value, np.uint8))
    assert [int(bgr[0, 0, 0]) for bgr in pieces(tmp_path)] == [0, 20]
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"c\.png: not a readable picture"):
        list(pieces(tmp_path))
