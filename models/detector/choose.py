"""Choose checkpoint and threshold on the held-out fold: `python -m models.detector.choose --work DIR`.

For every checkpoint of WORK/run, at the input size of the export: the recall at the lowest thresholds that keep false
boxes within each of the recipe's budgets. The best mean goes to WORK/choice-RUN.json and WORK/choice.json, with the
threshold of the strictest bound that ships; export.py reads the latter. `valid` is not looked at. Without --data the
fold is the rendered one (WORK/fold, alone.py).

The mean, because the fold has few negatives: one odd picture moves a single threshold by two tenths.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from edge.torch_ready import make_torchvision_importable, quiet_ultralytics
from models.detector.measure import Outcome, Score, least_threshold, look, score
from models.detector.prepare import Picture, is_held_out, read_labels, usable
from models.detector.recipe import recipe_of

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


def fold_of(work: Path, data: Path | None, recipe: dict[str, Any]) -> tuple[Path, list[Picture]]:
    """The folder of the fold's pictures and the pictures: of DATA, or the rendered ones of WORK.

    Raises:
        FileNotFoundError: there is none.
    """
    if data is not None:
        return data, held_out(data, recipe)
    return work / "fold", read_labels(work / "fold", split="train")


def measured(
    checkpoints: list[Path], folder: Path, pictures: list[Picture], rules: dict[str, Any]
) -> tuple[dict[str, Score], dict[str, float]]:
    """By checkpoint: the score at the strictest bound, and the rank; those that keep no bound are left out."""
    from models.detector.engines import NetDetector, torch_net

    size, table, ranks = (rules["width"], rules["height"]), {}, {}
    for checkpoint in track(checkpoints, description="choosing"):
        detector = NetDetector(torch_net(checkpoint), size=size, least_score=LOW, overlap=rules["overlap"])
        outcomes = look(detector, folder, pictures)
        found = best_score(outcomes, most_false_boxes=rules["most_false_boxes"])
        if found is not None:
            table[checkpoint.name] = found
            ranks[checkpoint.name] = rank(outcomes, rules["budgets"])
            click.echo(f"{checkpoint.name}: {ranks[checkpoint.name]:.4f} {found}")
    return table, ranks


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="labelled pictures; none: the rendered fold"
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--first", default=0, show_default=True, help="Leave out the checkpoints of earlier epochs.")
@click.option("--run", type=click.Choice(["run", "polish", "average"]), default="run", show_default=True)
def main(data: Path | None, work: Path, first: int, run: str) -> None:
    """Choose checkpoint and threshold of a run below WORK."""
    quiet_ultralytics()
    make_torchvision_importable()
    import torch

    rules = recipe_of(work)
    torch.set_num_threads(rules["machine"]["threads"])
    folder, pictures = fold_of(work, data, rules)
    checkpoints = sorted((work / run / "weights").glob("epoch*.pt"), key=_epoch)
    wanted = [path for path in checkpoints if _epoch(path) >= first]
    table, ranks = measured(wanted, folder, pictures, rules["export"])
    if not table:
        raise click.ClickException(
            f"no checkpoint of {work / run} keeps false boxes in bounds at any threshold"
        )
    name = max(ranks, key=lambda key: ranks[key])
    epochs = {key: {"mean_recall": ranks[key], **asdict(value)} for key, value in table.items()}
    choice = json.dumps({"run": run, "checkpoint": name, "epochs": epochs}, indent=1)
    for file in (f"choice-{run}.json", "choice.json"):
        (work / file).write_text(choice, encoding="utf-8")
    click.echo(f"chosen: {name} at {table[name].threshold}")


if __name__ == "__main__":
    main()
