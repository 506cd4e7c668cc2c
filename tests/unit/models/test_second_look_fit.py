"""Weights, thresholds and likelihoods of the second look are fitted as its card says."""

from typing import Any

import numpy as np
import pytest

from edge.types import Box
from models.second_look.fit import (
    best_still,
    is_plate,
    least_score,
    logit,
    plain_manifest,
    regression,
    temperature_of,
    vehicles_in,
)
from models.second_look.measure import Views, best_iou, found, outcomes

PLATE = Box(100, 100, 80, 20)


def views(*rows: tuple[int, Box, float], sets: tuple[str, ...], truth: tuple[tuple[Box, ...], ...]) -> Views:
    """Proposals (picture, box, score) on pictures."""
    return Views(
        near=np.zeros((len(rows), 60, 96), np.uint8),
        far=np.zeros((len(rows), 64, 64), np.uint8),
        picture=np.array([r[0] for r in rows]),
        box=np.array([(r[1].x, r[1].y, r[1].width, r[1].height) for r in rows], np.float32),
        score=np.array([r[2] for r in rows], np.float32),
        truth=truth,
        frames=((480, 640),) * len(sets),
        sets=sets,
        paths=tuple(f"{i}.jpg" for i in range(len(sets))),
    )


def said(*plate: float) -> np.ndarray:
    answers = np.zeros((len(plate), 9), np.float32)
    answers[:, 0] = plate
    return answers


STREET = views(
    (0, PLATE, 0.4),
    (0, Box(400, 300, 80, 20), 0.9),
    (1, Box(10, 10, 60, 20), 0.7),
    (2, Box(50, 60, 60, 20), 0.05),
    (3, Box(5, 5, 60, 20), 0.8),
    sets=("gatecam", "negative", "negative", "intl"),
    truth=((PLATE,), (), (), (Box(300, 300, 60, 20),)),
)


def test_a_regression_finds_what_made_the_labels() -> None:
    rng = np.random.default_rng(7)
    features = rng.normal(0, 1, (4000, 2))
    chance = 1 / (1 + np.exp(-(0.5 + 2.0 * features[:, 0] - 1.0 * features[:, 1])))
    weights = regression(features, (rng.random(4000) < chance).astype(float), ridge=0.0)
    assert weights[1] == pytest.approx(2.0, abs=0.3)
    assert weights[2] == pytest.approx(-1.0, abs=0.2)


def test_a_penalty_keeps_weights_small_where_the_two_part_cleanly() -> None:
    features = np.array([[-1.0], [-0.9], [0.9], [1.0]])
    weights = regression(features, np.array([0.0, 0, 1, 1]), ridge=0.01)
    assert 0 < weights[1] < 20


def test_a_regression_needs_both() -> None:
    with pytest.raises(ValueError, match="plates and others"):
        regression(np.ones((3, 1)), np.ones(3), ridge=0.1)


def test_the_temperature_undoes_what_was_too_sure() -> None:
    rng = np.random.default_rng(8)
    logits = rng.normal(0, 2, (6000, 4))
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = np.array([rng.choice(4, p=row) for row in likely])
    assert temperature_of(logits, right) == pytest.approx(1.0, abs=0.1)
    assert temperature_of(logits * 2.5, right) == pytest.approx(2.5, abs=0.25)


def test_log_odds_of_certainty_are_finite() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert logit(np.array([0.5]))[0] == 0


def test_only_what_is_known_is_told_apart() -> None:
    overlaps = best_iou(STREET, said(0, 0, 0, 0, 0), plain_manifest(0.01))
    assert overlaps[0] == pytest.approx(1.0, abs=1e-5)
    assert is_plate(STREET, overlaps).tolist() == [1, 0, 0, 0, -1]  # intl leaves plates unmarked
    assert is_plate(STREET, np.array([0.3, 0, 0, 0, 0], np.float32))[0] == -1


def test_proposals_below_the_bound_are_not_looked_at() -> None:
    each = found(STREET, said(3, 3, 3, 3, 3), plain_manifest(0.1))
    assert [len(d) for d in each] == [2, 1, 0, 1]
    assert each[0][0].score > each[0][1].score
    kept = outcomes(STREET, each)
    assert kept[0].set_name == "gatecam"
    assert kept[0].truth == (PLATE,)


@pytest.mark.parametrize(("share", "expected"), [(0.0, (0.6, 0.8)), (0.5, (0.05, 0.06))])
def test_the_least_score_keeps_false_boxes_in_bounds(share: float, expected: tuple[float, float]) -> None:
    rules: dict[str, Any] = {"most_false_boxes": share}
    manifest = plain_manifest(0.1, detector_weight=1.0, look_weight=0.0)
    assert expected[0] <= least_score(STREET, said(0, 0, 0, 0, 0), manifest, rules) <= expected[1]


@pytest.mark.parametrize(("growth", "expected"), [(0.3, 0.9), (-0.3, 0.05), (0.0, 0.0)])
def test_moves_are_lessened_as_fits_the_fold(growth: float, expected: float) -> None:
    wide = Box(60, 95, 160, 30)  # twice the plate's width
    street = views((0, wide if growth < 0 else PLATE, 0.9), sets=("gatecam",), truth=((PLATE,),))
    answers = said(1.0)
    answers[0, 3] = growth
    if growth < 0:
        answers[0, 3:5] = np.log(80 / 160) - 0.05, np.log(20 / 30) - 0.05
        answers[0, 1:3] = 0.0
    assert best_still(street, answers, plain_manifest(0.1), [0.0, 0.05, 0.9]) == expected


def test_vehicles_are_compared_where_the_teacher_names_one() -> None:
    answers = said(0, 0, 0, 0, 0)
    answers[0, 5:] = (0, 4, 0, 0)
    logits, right = vehicles_in(STREET, answers, {"0.jpg#0": "motorcycle", "3.jpg#0": "car"})
    assert right.tolist() == [1]
    assert logits[0].tolist() == [0, 4, 0, 0]
    assert len(vehicles_in(STREET, answers, {"0.jpg#0": None})[1]) == 0
