"""The table at the training's end counts what it says: plates found, boxes where there is no plate."""

import io

import numpy as np
import pytest
from rich.console import Console

from edge.types import Box, Detection
from models.detector.measure import Outcome
from models.second_look.measure import Views
from models.second_look.table import alone, figures, table

PLATE, OFF = Box(10, 10, 40, 12), Box(200, 10, 40, 12)


def outcome(set_name: str, truth: tuple[Box, ...], *found: tuple[Box, float]) -> Outcome:
    return Outcome(set_name, truth, tuple(Detection(box, score) for box, score in found), 0.0)


EACH = (
    outcome("synth_scene", (PLATE,), (PLATE, 0.8), (OFF, 0.9)),
    outcome("synth_scene_window", (PLATE,), (PLATE, 0.3)),
    outcome("synth_street", (), (OFF, 0.7), (PLATE, 0.2)),
    outcome("lettered_part", (), (OFF, 0.6)),
    outcome("lettered", ()),
)


@pytest.mark.parametrize(("threshold", "recall", "boxes"), [(0.5, 0.5, 2), (0.1, 1.0, 3), (0.85, 0.0, 0)])
def test_false_boxes_are_those_of_pictures_without_a_plate(
    threshold: float, recall: float, boxes: int
) -> None:
    found = figures(EACH, threshold)
    assert found["plates"] == 2
    assert found["recall"] == pytest.approx(recall)
    assert found["false_boxes"] == boxes
    assert found["pictures_without"] == 3
    assert found["by_set"].keys() == {"synth_scene", "synth_scene_window"}


def test_the_first_net_s_detections_are_its_proposals_best_first() -> None:
    views = Views(
        near=np.zeros((3, 60, 96), np.uint8),
        far=np.zeros((3, 64, 64), np.uint8),
        picture=np.array([1, 0, 1]),
        box=np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]], np.float32),
        score=np.array([0.2, 0.5, 0.9], np.float32),
        truth=((), ()),
        frames=((10, 10), (10, 10)),
        sets=("a", "b"),
        paths=("a", "b"),
    )
    first, second = alone(views)
    assert [d.box.x for d in first] == [5]
    assert [d.score for d in second] == pytest.approx([0.9, 0.2])


def test_the_table_shows_each_fold_with_and_without_the_second_look() -> None:
    rows = {
        "first net": figures(EACH, 0.5),
        "both nets": figures(EACH, 0.1),
        "vehicles": {"plates": 4, "right": 3},
    }
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table({"fold": rows, "fold-rendered": rows}))
    said = console.export_text()
    assert said.count("held-out fold") == said.count("rendered fold") == 2
    assert "0.500 of 2 plates" in said
    assert "3 on 3 pictures" in said
    assert said.count("3 of 4") == 2
