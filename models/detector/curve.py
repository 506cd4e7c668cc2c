"""Trainings as pictures: what was measured on the held-out fold, epoch by epoch."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2

from edge.bench.chart import BLUE, ORANGE, Chart, Colour

_COLOURS: Final[tuple[Colour, ...]] = (
    BLUE,
    ORANGE,
    (60, 160, 60),
    (150, 60, 150),
    (40, 40, 200),
    (90, 90, 90),
)
YOLO: Final = {
    "metrics/recall(B)": "recall",
    "metrics/precision(B)": "precision",
    "metrics/mAP50(B)": "mAP50",
    "metrics/mAP50-95(B)": "mAP50-95",
}
"""Columns of ultralytics' results.csv, and how they are called."""
LOOK: Final = {
    "recall": "recall of both nets",
    "ceiling": "recall at any score",
    "vehicle": "vehicle right",
    "vehicle_classes": "mean of vehicles",
}
"""Columns of the second look's curve.csv."""


def load(path: Path, names: Mapping[str, str]) -> dict[str, list[tuple[int, float]]]:
    """Read lines of a chart: by name, epoch and value; an epoch that was done twice counts as its last.

    Args:
        path: a CSV with a column `epoch`.
        names: the columns that are wanted, and how they are called.

    Raises:
        ValueError: a line is damaged: names it.
    """
    found: dict[str, dict[int, float]] = {name: {} for name in names.values()}
    with path.open(newline="", encoding="utf-8") as file:
        for number, raw in enumerate(csv.DictReader(file), start=2):
            row = {str(key).strip(): value for key, value in raw.items()}
            try:
                epoch = int(row["epoch"])
                values = {name: float(row[column]) for column, name in names.items()}
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}: line {number}: {error!r}") from error
            for name, value in values.items():
                if math.isfinite(value):
                    found[name][epoch] = value
    return {name: sorted(values.items()) for name, values in found.items()}


def draw(lines: Mapping[str, Sequence[tuple[int, float]]], path: Path, *, title: str) -> None:
    """Write the picture.

    Args:
        lines: as `load` gives them.
        path: of the PNG.
        title: what was trained.
    """
    last = max((epoch for points in lines.values() for epoch, _ in points), default=1)
    chart = Chart(title=f"{title}: on the held-out fold", x_title="epoch", y_title="share", size=(760, 480))
    chart.grid(
        x_labels=[(tick / last, str(tick)) for tick in sorted({round(last * k / 4) for k in range(5)})]
    )
    for place, (name, points) in enumerate(lines.items()):
        colour, at = _COLOURS[place % len(_COLOURS)], (500, 334 + 22 * place)
        for epoch, value in points:
            chart.dot(epoch / last, value, colour, radius=3)
        chart.line([(epoch / last, value) for epoch, value in points], colour)
        cv2.line(chart.picture, (at[0] - 28, at[1] - 4), (at[0] - 8, at[1] - 4), colour, 2)
        words = f"{name} {points[-1][1]:.3f}" if points else f"{name}: none"
        cv2.putText(chart.picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (50, 50, 50), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), chart.picture)


def draw_run(results: Path, path: Path) -> None:
    """Draw ultralytics' results.csv."""
    draw(load(results, YOLO), path, title="plate detector")
