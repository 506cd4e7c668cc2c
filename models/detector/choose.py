"""Choose checkpoint and threshold on the held-out fold: `python -m models.detector.choose --work DIR`.

For every checkpoint of WORK/run: the lowest threshold that keeps false boxes within bounds, and the recall there,
at the input size of the export. The best goes to WORK/choice.json, which export.py reads. `valid` is not looked at.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge.detect.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector.measure import Outcome, Score, least_threshold, look, score
from models.detector.prepare import Picture, is_held_out, read_labels, read_recipe, usable

LOW = 0.05  # score at which detections are gathered


def held_out(data: Path, recipe: dict[str, Any]) -> list[Picture]:
    """The pictures of the held-out fold, as prepare.py leaves them out."""
    rules = recipe["data"]
    return [p for p in usable(read_labels(data, split="train"), rules) if is_held_out(p, rules["holdout"])]


def best_score(outcomes: list[Outcome], *, most_false_boxes: float) -> Score | None:
    """Score outcomes at the lowest threshold within bounds; None where no threshold is."""
    threshold = least_threshold(outcomes, most_false_boxes=most_false_boxes)
    return None if threshold is None else score(outcomes, threshold)


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
def main(data: Path, work: Path) -> None:
    """Choose checkpoint and threshold of the run below WORK."""
    quiet_ultralytics()
    make_torchvision_importable()
    from models.detector.engines import NetDetector, torch_net

    recipe = read_recipe()
    rules = recipe["export"]
    pictures = held_out(data, recipe)
    table: dict[str, Score] = {}
    checkpoints = sorted((work / "run" / "weights").glob("epoch*.pt"), key=lambda p: int(p.stem[5:]))
    for checkpoint in checkpoints:
        detector = NetDetector(
            torch_net(checkpoint),
            size=(rules["width"], rules["height"]),
            least_score=LOW,
            overlap=rules["overlap"],
        )
        found = best_score(look(detector, data, pictures), most_false_boxes=rules["most_false_boxes"])
        if found is not None:
            table[checkpoint.name] = found
            click.echo(f"{checkpoint.name}: {found}")
    if not table:
        raise click.ClickException(
            f"no checkpoint of {work / 'run'} keeps false boxes in bounds at any threshold"
        )
    name = max(table, key=lambda key: table[key].recall)
    choice = {"checkpoint": name, "epochs": {key: asdict(value) for key, value in table.items()}}
    (work / "choice.json").write_text(json.dumps(choice, indent=1), encoding="utf-8")
    click.echo(f"chosen: {name} at {table[name].threshold}")


if __name__ == "__main__":
    main()
