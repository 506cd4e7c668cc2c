"""Measure the shipped files for the card: `python -m models.second_look.report --data ../shared/data --work DIR`.

Prints, on `valid`: recall at IoU 0.5 by source set, false boxes of pictures without a plate and the time of a picture,
with and without the second look; how well boxes fit; and, on the held-out fold and on `valid`, the vehicles against
the teacher's, as a table; with --scenes also those of rendered scenes that nothing was taught. Nothing is chosen here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import click
import cv2

from edge.detect.manifest import load_manifest
from edge.detect.openvino import OpenVinoDetector
from edge.detect.proposer import Proposer
from edge.detect.second_look import VEHICLES
from edge.types import Detection
from models.detector.choose import held_out
from models.detector.measure import MATCH_IOU, Outcome, false_boxes, look, median_ms, score
from models.detector.prepare import Picture, read_labels
from models.detector.recipe import read_recipe as detector_recipe
from models.second_look.bank import vehicles_of
from models.second_look.prepare import rendered

NOBODY = "-"
"""No vehicle named."""


def row(name: str, outcomes: Sequence[Outcome], threshold: float) -> str:
    """One line of the card's table."""
    found = score(outcomes, threshold)
    sets = " · ".join(f"{key} {value:.3f}" for key, value in found.by_set.items())
    plates = sum(len(o.truth) for o in outcomes)
    missed = round((1 - found.recall) * plates)
    empty = [o for o in outcomes if not o.truth]
    errors = false_boxes(empty, threshold) or 0.0
    boxes = sum(o.boxes(threshold) for o in empty)
    return (
        f"| {name} | {found.recall:.4f} ({missed} of {plates} missed) | {sets} | "
        f"{errors:.3f} ({boxes} on {len(empty)}) | {median_ms(outcomes):.1f} |"
    )


def fit_of_boxes(outcomes: Sequence[Outcome]) -> float:
    """Mean overlap of the plates' best boxes, of those that are found."""
    best = [max((d.box.iou(t) for d in o.found), default=0.0) for o in outcomes for t in o.truth]
    return mean(iou for iou in best if iou >= MATCH_IOU)


def named(
    pictures: Sequence[Picture], outcomes: Sequence[Outcome], taught: Mapping[str, str | None]
) -> Counter[tuple[str, str]]:
    """How often a plate on what the teacher names was given which vehicle."""
    counts: Counter[tuple[str, str]] = Counter()
    for picture, outcome in zip(pictures, outcomes, strict=True):
        for number, truth in enumerate(outcome.truth):
            kind = taught.get(f"{picture.path}#{number}")
            best: Detection | None = max(outcome.found, key=lambda d: d.box.iou(truth), default=None)
            if kind in VEHICLES and best is not None and best.box.iou(truth) >= MATCH_IOU:
                counts[kind, best.vehicle[0].value if best.vehicle else NOBODY] += 1
    return counts


def table(counts: Counter[tuple[str, str]]) -> list[str]:
    """Confusion as lines of a table: the teacher's down, ours across."""
    columns = (*VEHICLES, NOBODY)
    lines = ["| | " + " | ".join(columns) + " | right |", "|---" * (len(columns) + 2) + "|"]
    for kind in VEHICLES:
        total = sum(counts[kind, column] for column in columns)
        share = f"{counts[kind, kind] / total:.3f} of {total}" if total else "none"
        lines.append(f"| {kind} | " + " | ".join(str(counts[kind, c]) for c in columns) + f" | {share} |")
    return lines


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), default=Path("../shared/data"), show_default=True
)
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--scenes", type=click.Path(path_type=Path, exists=True), help="Rendered scenes never taught.")
def main(data: Path, work: Path, scenes: Path | None) -> None:
    """Measure the shipped detector."""
    cv2.setNumThreads(1)
    fold = held_out(data, detector_recipe())
    # The gate's pictures "without a plate" show plates that its own detector missed: they are no negatives.
    valid = [
        p
        for p in read_labels(data, split="valid")
        if p.kind == "scene" and (p.boxes or p.set_name == "negative")
    ]
    both, first = OpenVinoDetector(threads=1), Proposer(threads=1)
    threshold = load_manifest()[0].score
    parts = [
        ("fold", data, fold, vehicles_of(work, "train")),
        ("valid", data, valid, vehicles_of(work, "valid")),
    ]
    if scenes is not None:
        listed, known = rendered(scenes)
        drawn: dict[str, str | None] = {
            f"{path}#{i}": VEHICLES[k] for path, ks in known.items() for i, k in enumerate(ks)
        }
        parts.append(("rendered", scenes, listed, drawn))
    for title, folder, pictures, kinds in parts:
        click.echo(f"{title}\n| | recall | by set | false boxes | ms |\n|---|---|---|---|---|")
        alone, together = look(first, folder, pictures), look(both, folder, pictures)
        click.echo(row("first net alone", alone, threshold))
        click.echo(row("with the second look", together, 0.0))
        click.echo(f"mean overlap: {fit_of_boxes(alone):.3f} alone, {fit_of_boxes(together):.3f} together")
        click.echo("\n".join(table(named(pictures, together, kinds))))


if __name__ == "__main__":
    main()
