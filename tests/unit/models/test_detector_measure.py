"""Recall, false boxes and the threshold are counted as the card says."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.types import Bgr, Box, Detection
from models.detector.choose import best_score, held_out, rank
from models.detector.measure import Outcome, least_threshold, look, median_ms, score
from models.detector.prepare import Picture

PLATE = Box(100, 100, 60, 20)


def outcome(
    found: Sequence[tuple[Box, float]],
    truth: Sequence[Box] = (PLATE,),
    set_name: str = "street",
    seconds: float = 0.01,
) -> Outcome:
    return Outcome(set_name, tuple(truth), tuple(Detection(b, s) for b, s in found), seconds)


class Always:
    """A detector that sees the same plate everywhere."""

    version = "always@000000000000"

    def detect(self, bgr: Bgr) -> list[Detection]:
        return [Detection(Box(10, 10, 20, 10), 0.7)] if bgr.size else []


def test_a_plate_counts_once_and_needs_half_overlap() -> None:
    near, off = Box(105, 100, 60, 20), Box(145, 100, 60, 20)
    assert outcome([(near, 0.9), (near, 0.8)]).hits(0.5) == 1
    assert outcome([(off, 0.9)]).hits(0.5) == 0
    assert outcome([(near, 0.4)]).hits(0.5) == 0


def test_one_detection_covers_one_plate() -> None:
    assert outcome([(PLATE, 0.9)], truth=(PLATE, Box(101, 100, 60, 20))).hits(0.5) == 1


def test_recall_is_over_plates_and_false_boxes_over_negatives() -> None:
    far = Box(400, 100, 60, 20)
    outcomes = [
        outcome([(PLATE, 0.9)], truth=(PLATE, far), set_name="a"),
        outcome(
            [(PLATE, 0.9), (far, 0.9)], set_name="b"
        ),  # the extra box is no false box: labels may lack it
        outcome([], truth=()),
        outcome([(PLATE, 0.6), (far, 0.3)], truth=()),
    ]
    found = score(outcomes, 0.5)
    assert found.recall == pytest.approx(2 / 3)
    assert found.false_boxes == pytest.approx(0.5)
    assert found.by_set == {"a": pytest.approx(0.5), "b": pytest.approx(1.0)}
    assert score(outcomes[:2], 0.5).false_boxes is None


def test_recall_without_plates_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="no picture has a labelled plate"):
        score([outcome([], truth=())], 0.5)


def test_the_threshold_is_the_lowest_in_bounds() -> None:
    negatives = [outcome([(PLATE, s)], truth=()) for s in (0.305, 0.455, 0.605, 0.105)]
    outcomes = [outcome([(PLATE, 0.5)]), *negatives]
    assert least_threshold(outcomes, most_false_boxes=0.25) == pytest.approx(0.46)
    assert least_threshold(outcomes, most_false_boxes=0.0) == pytest.approx(0.61)
    assert least_threshold([*outcomes, outcome([(PLATE, 0.99)], truth=())], most_false_boxes=0.0) is None


def test_the_best_score_trades_recall_for_false_boxes() -> None:
    outcomes = [outcome([(PLATE, 0.4)]), outcome([(PLATE, 0.9)]), outcome([(PLATE, 0.5)], truth=())]
    strict = best_score(outcomes, most_false_boxes=0.0)
    loose = best_score(outcomes, most_false_boxes=1.0)
    assert strict is not None
    assert loose is not None
    assert (strict.recall, loose.recall) == (pytest.approx(0.5), pytest.approx(1.0))
    assert best_score([outcome([(PLATE, 0.99)], truth=())], most_false_boxes=0.0) is None


def test_a_checkpoint_ranks_by_its_mean_recall_over_the_budgets() -> None:
    outcomes = [outcome([(PLATE, 0.4)]), outcome([(PLATE, 0.9)]), outcome([(PLATE, 0.5)], truth=())]
    assert rank(outcomes, [0.0, 1.0]) == pytest.approx(0.75)
    assert rank([outcome([(PLATE, 0.9)]), outcome([(PLATE, 0.99)], truth=())], [0.0, 1.0]) == pytest.approx(
        0.5
    )


def test_looking_at_pictures(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60, 3), np.uint8))
    pictures = [Picture("a.png", "street", "scene", [(10, 10, 20, 10)])]
    (seen,) = look(Always(), tmp_path, pictures)
    assert seen.hits(0.5) == 1
    assert seen.seconds > 0
    with pytest.raises(ValueError, match=r"gone\.png: not a readable picture"):
        look(Always(), tmp_path, [Picture("gone.png", "street", "scene")])


def test_the_median_of_the_times() -> None:
    assert median_ms([outcome([], seconds=s) for s in (0.01, 0.02, 0.5)]) == pytest.approx(20)


def test_the_fold_is_what_training_leaves_out(tmp_path: Path) -> None:
    lines = ["path,split,set,kind,country,plate,x,y,w,h,label,source,licence"]
    lines += [f"s{i}.jpg,train,street,scene,,,1,1,5,5,human,," for i in range(50)]
    lines += [f"o{i}.jpg,train,other,scene,,,1,1,5,5,human,," for i in range(50)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines += ["unmarked.jpg,train,street,scene,,,,,,,negative,,"]
    recipe = {
        "data": {"sources": {"street": "x"}, "negatives": [], "holdout": {"scenes": 0.5, "negatives": 1.0}}
    }
    fold = held_out(tmp_path, recipe)
    assert 10 < len(fold) < 40
    assert all(p.boxes for p in fold)
    assert {p.set_name for p in fold} == {"street"}
