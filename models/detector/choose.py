"""Choose checkpoint and threshold on the held-out fold: `python -m models.detector.choose --work DIR`.

For every checkpoint of WORK/run, at the input size of the export: the recall at the lowest thresholds that keep false
boxes within each of the recipe's budgets. The best mean goes to WORK/choice.json, with the threshold of the strictest
bound that ships; export.py reads it. `valid` is not looked at.

The mean, because the fold has few negatives: one odd picture moves a single threshold by two tenths.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector.measure import Outcome, Score, least_threshold, look, score
from models.detector.prepare import Picture, is_held_out, read_labels, read_recipe, usable

LOW = 0.05  # score at which detections are gathered


def held_out(data: Path, recipe: dict[str, Any]) -> list[Picture]:
    """The pictures of the held-out fold, as prepare.py leaves them out."""
    rules = recipe["data"]
    return [p for p in usable(read_labels(data, split="train"), rules) if is_held_out(p, rules["holdout"])]


def _epoch(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("epoch"))


def rank(outcomes: list[Outcome], budgets: list[float]) -> float:
    """Mean recall over several bounds of false boxes; a bound that no threshold keeps counts as zero."""
    scores = [best_score(outcomes, most_false_boxes=budget) for budget in budgets]
    return sum(found.recall if found else 0.0 for found in scores) / len(scores)


def best_score(outcomes: list[Outcome], *, most_false_boxes: float) -> Score | None:
    """Score outcomes at the lowest threshold within bounds; None where no threshold is."""
    threshold = least_threshold(outcomes, most_false_boxes=most_false_boxes)
    return None if threshold is None else score(outcomes, threshold)


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--first", default=0, show_default=True, help="Leave out the checkpoints of earlier epochs.")
@click.option("--run", type=click.Choice(["run", "polish", "average"]), default="run", show_default=True)
def main(data: Path, work: Path, first: int, run: str) -> None:
    """Choose checkpoint and threshold of a run below WORK."""
    quiet_ultralytics()
    make_torchvision_importable()
    from models.detector.engines import NetDetector, torch_net

    recipe = read_recipe()
    rules = recipe["export"]
    pictures = held_out(data, recipe)
    table: dict[str, Score] = {}
    ranks: dict[str, float] = {}
    checkpoints = sorted((work / run / "weights").glob("epoch*.pt"), key=_epoch)
    for checkpoint in (path for path in checkpoints if _epoch(path) >= first):
        detector = NetDetector(
            torch_net(checkpoint),
            size=(rules["width"], rules["height"]),
            least_score=LOW,
            overlap=rules["overlap"],
        )
        outcomes = look(detector, data, pictures)
        found = best_score(outcomes, most_false_boxes=rules["most_false_boxes"])
        if found is not None:
            table[checkpoint.name] = found
            ranks[checkpoint.name] = rank(outcomes, rules["budgets"])
            click.echo(f"{checkpoint.name}: {ranks[checkpoint.name]:.4f} {found}")
    if not table:
        raise click.ClickException(
            f"no checkpoint of {work / run} keeps false boxes in bounds at any threshold"
        )
    name = max(ranks, key=lambda key: ranks[key])
    epochs = {key: {"mean_recall": ranks[key], **asdict(value)} for key, value in table.items()}
    choice = {"run": run, "checkpoint": name, "epochs": epochs}
    (work / "choice.json").write_text(json.dumps(choice, indent=1), encoding="utf-8")
    click.echo(f"chosen: {name} at {table[name].threshold}")


if __name__ == "__main__":
    main()
