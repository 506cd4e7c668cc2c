"""What the whole training came to, on the held-out fold: `python -m models.second_look.table --work DIR`.

Measures the files below WORK/out on the views that `prepare fold` cut: the first net by itself, then both. With
labelled pictures there are two folds, theirs and the rendered one; thresholds were chosen on the former. Prints a
table and writes WORK/result.json. `valid` is not looked at: report.py does that, for the card.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge import net
from edge.detect.manifest import Manifest as FirstManifest
from edge.detect.second_look import Manifest
from edge.types import Detection
from models.detector.measure import Outcome, score
from models.second_look.bank import taught_in
from models.second_look.fit import EMPTY, vehicles_in
from models.second_look.measure import Views, found, outcomes

FOLDS = {"fold": "held-out fold", "fold-rendered": "rendered fold"}


def answers_of(folder: Path, views: Views) -> NDArray[np.float32]:
    """What look.xml of a folder says of views: (n, 9) float32."""
    request = net.compiled(net.load(folder / "look.xml"), threads=1).create_infer_request()
    said = np.zeros((len(views.score), 9), np.float32)
    for number, (near, far) in enumerate(zip(views.near, views.far, strict=True)):
        request.infer({"near": near[np.newaxis], "far": far[np.newaxis]})
        said[number] = request.get_output_tensor().data[0]
    return said


def alone(views: Views) -> list[list[Detection]]:
    """The first net's detections of each picture, best first."""
    return [[views.detection(row) for row in rows] for rows in views.proposals(0.0)]


def figures(each: Sequence[Outcome], threshold: float) -> dict[str, Any]:
    """Recall of plates, and false boxes on pictures without one.

    Raises:
        ValueError: no picture has a labelled plate.
    """
    empty = [outcome for outcome in each if outcome.set_name in EMPTY]
    whole = score(each, threshold)
    return {
        "plates": sum(len(outcome.truth) for outcome in each),
        "recall": whole.recall,
        "pictures_without": len(empty),
        "false_boxes": sum(outcome.boxes(threshold) for outcome in empty),
        "by_set": whole.by_set,
    }


def measured(work: Path, name: str) -> dict[str, Any]:
    """Both rows of one fold, and how many vehicles are named rightly."""
    views = Views.load(work / f"{name}.npz")
    out = work / "out"
    first = FirstManifest.model_validate_json((out / "detector" / "plate.json").read_bytes())
    look = Manifest.model_validate_json((out / "second_look" / "look.json").read_bytes())
    answers = answers_of(out / "second_look", views)
    logits, right = vehicles_in(views, answers, taught_in(work))
    return {
        "first net": figures(outcomes(views, alone(views)), first.score),
        "both nets": figures(outcomes(views, found(views, answers, look)), look.score),
        "vehicles": {"plates": len(right), "right": int((logits.argmax(axis=1) == right).sum())},
    }


def table(result: dict[str, Any]) -> Table:
    """The result for a terminal."""
    made = Table(title="recall at IoU 0.5, at the thresholds that were chosen on the fold")
    for column in ("fold", "", "recall", "false boxes", "vehicle right"):
        made.add_column(column)
    for name, rows in result.items():
        for which in ("first net", "both nets"):
            row, kinds = rows[which], rows["vehicles"]
            named = f"{kinds['right']} of {kinds['plates']}" if which == "both nets" else ""
            recall = f"{row['recall']:.3f} of {row['plates']} plates"
            boxes = f"{row['false_boxes']} on {row['pictures_without']} pictures and parts without a plate"
            made.add_row(FOLDS[name], which, recall, boxes, named)
    return made


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
def main(work: Path) -> None:
    """Measure what was trained on the held-out fold."""
    # Without labelled pictures the rendered fold is the held-out one.
    alike = (work / "fold.npz").read_bytes() == (work / "fold-rendered.npz").read_bytes()
    names = ["fold-rendered"] if alike else list(FOLDS)
    result = {name: measured(work, name) for name in names}
    (work / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    Console(width=120).print(table(result))


if __name__ == "__main__":
    main()
