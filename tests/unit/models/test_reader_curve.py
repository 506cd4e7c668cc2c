"""The training's curve: what was written is what is drawn, and a damaged line is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.reader.curve import draw, load

SIZES = {"br_crop": 410, "cl": 1}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "curve.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_step_done_twice_counts_as_its_last(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '250,3.2,"{""br_crop"": 0.5}"',
        '500,3.1,"{""br_crop"": 0.6}"',
        '500,2.9,"{""br_crop"": 0.7}"',
    )
    assert load(path) == [(250, 3.2, {"br_crop": 0.5}), (500, 2.9, {"br_crop": 0.7})]


@pytest.mark.parametrize("line", ["250", "250,x,{}", '250,3.2,"{"'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, '100,3.2,"{""br_crop"": 0.5}"', line)
    with pytest.raises(ValueError, match="line 2"):
        load(path)


def test_a_better_training_draws_another_line_and_tiny_sets_none(tmp_path: Path) -> None:
    pictures = []
    for name, high, tiny in (("low", 0.2, 0.0), ("high", 0.9, 0.0), ("tiny", 0.9, 1.0)):
        rows = [(step, 3.0, {"br_crop": high, "cl": tiny}) for step in (250, 500)]
        draw(rows, SIZES, tmp_path / f"{name}.png")
        pictures.append(cv2.imread(str(tmp_path / f"{name}.png")))
    assert not np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[1], pictures[2])
