"""Trainings as pictures: what stands in the files is what is drawn."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.detector import curve

RESULTS = """   epoch, time,  metrics/precision(B),  metrics/recall(B), metrics/mAP50(B), metrics/mAP50-95(B)
1,10,0.5,0.4,0.45,0.2
2,20,0.6,0.5,0.55,0.3
2,21,0.7,0.6,0.65,0.4
"""


def test_an_epoch_done_twice_counts_as_its_last(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(RESULTS, encoding="utf-8")
    lines = curve.load(tmp_path / "results.csv", curve.YOLO)
    assert lines["recall"] == [(1, 0.4), (2, 0.6)]
    assert lines["mAP50-95"] == [(1, 0.2), (2, 0.4)]


def test_what_is_no_number_yet_is_left_out(tmp_path: Path) -> None:
    text = "epoch,recall,ceiling,vehicle,vehicle_classes\n1,0.5,0.9,nan,nan\n2,0.6,0.9,0.8,0.7\n"
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    lines = curve.load(tmp_path / "curve.csv", curve.LOOK)
    assert lines["vehicle right"] == [(2, 0.8)]
    assert len(lines["recall of both nets"]) == 2


@pytest.mark.parametrize("text", ["epoch,recall\n1,x\n", "epoch,recall\n1\n", "recall\n1\n"])
def test_a_damaged_line_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"curve\.csv: line 2"):
        curve.load(tmp_path / "curve.csv", {"recall": "recall"})


def test_the_picture_shows_every_line(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(RESULTS, encoding="utf-8")
    curve.draw_run(tmp_path / "results.csv", tmp_path / "curve.png")
    picture = cv2.imread(str(tmp_path / "curve.png"))
    assert picture is not None
    assert picture.shape == (480, 760, 3)
    for colour in curve._COLOURS[: len(curve.YOLO)]:
        assert (picture == np.array(colour)).all(axis=2).sum() > 40


def test_a_training_without_an_epoch_is_drawn_too(tmp_path: Path) -> None:
    curve.draw({"recall": []}, tmp_path / "curve.png", title="nothing")
    assert (tmp_path / "curve.png").is_file()
