"""The training as a picture: share of the held-out pictures read exactly, by set, against the steps."""

import csv
import json
from pathlib import Path
from typing import Final

import cv2

from edge.bench.chart import BLUE, ORANGE, Chart, Colour

_COLOURS: Final[tuple[Colour, ...]] = (
    BLUE, ORANGE, (60, 160, 60), (150, 60, 150), (40, 40, 200), (160, 160, 40), (90, 90, 90), (120, 60, 20),
)  # fmt: skip
LEAST: Final = 20
"""Sets with fewer held-out pictures are left out: they jump."""


def load(path: Path) -> list[tuple[int, float, dict[str, float]]]:
    """Step, loss and share read exactly by set, as train.py writes them; a step done twice counts as its last.

    Raises:
        ValueError: a line is damaged: names it.
    """
    rows: dict[int, tuple[int, float, dict[str, float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            try:
                step, loss, found = row
                rows[int(step)] = (int(step), float(loss), json.loads(found))
            except ValueError as error:
                raise ValueError(f"{path}: line {number}: {error}") from error
    return [rows[step] for step in sorted(rows)]


def draw(rows: list[tuple[int, float, dict[str, float]]], sizes: dict[str, int], path: Path) -> None:
    """Write the picture.

    Args:
        rows: as `load` gives them; at least one.
        sizes: held-out pictures by set.
        path: of the PNG.
    """
    last = rows[-1][0]
    chart = Chart(
        title="reader: read exactly, held out of training", x_title="step", y_title="share", size=(760, 480)
    )
    chart.grid(x_labels=[(k / 5, str(round(last * k / 5))) for k in range(6)])
    names = sorted(name for name in rows[-1][2] if sizes.get(name, 0) >= LEAST)
    for place, name in enumerate(names):
        colour = _COLOURS[place % len(_COLOURS)]
        chart.line([(step / last, found[name]) for step, _, found in rows if name in found], colour)
        at = (430, 250 + 20 * place)
        cv2.line(chart.picture, (at[0] - 28, at[1] - 4), (at[0] - 8, at[1] - 4), colour, 2)
        words = f"{name} {rows[-1][2][name]:.3f} of {sizes[name]}"
        cv2.putText(chart.picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (50, 50, 50), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), chart.picture)
