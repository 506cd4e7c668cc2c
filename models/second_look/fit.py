"""Weigh both nets' words and choose the thresholds on the held-out fold: `python -m models.second_look.fit --work DIR`.

Writes WORK/look/fit.json: the weights of a detection's score (a logistic regression over the fold's proposals), the
least score of a detection, the temperature of the vehicles' likelihoods. `valid` is not looked at.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edge.detect.second_look import VEHICLES, Manifest
from models.detector.measure import score
from models.second_look.measure import Views, best_iou, found, outcomes
from models.second_look.mine import NEAR_IOU
from models.second_look.recipe import recipe_of

NAME = "look"
HIT, APART = 0.5, 0.2
"""A moved box with at least the one overlap is a plate, with less than the other none; between them it is left out."""
EMPTY = tuple(f"{name}{part}" for name in ("negative", "synth_street", "lettered") for part in ("", "_part"))
"""Sets of pictures without a plate, and of their parts."""
CLEAR = (*EMPTY, "gatecam")
"""Sets in whose pictures what is not labelled is no plate."""


def plain_manifest(proposal: float, **changes: Any) -> Manifest:  # noqa: ANN401 - fields of the manifest
    """A manifest that weighs both nets alike and drops nothing."""
    fields: dict[str, Any] = {
        "name": NAME,
        "proposal": proposal,
        "bias": 0.0,
        "detector_weight": 0.5,
        "look_weight": 0.5,
        "score": 0.5,
        "overlap": 0.5,
        "still": 0.0,
        "temperature": 1.0,
        "vehicle": 0.0,
        "sha256": {},
    }
    return Manifest(**(fields | changes))


def is_plate(views: Views, overlaps: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each proposal 1, 0, or -1 where it is not known."""
    clear = np.array([views.sets[int(number)] in CLEAR for number in views.picture])
    known = np.full(len(overlaps), -1, np.int64)
    known[clear & (overlaps < APART)] = 0
    known[overlaps >= HIT] = 1
    return known


def logit(share: NDArray[Any]) -> NDArray[np.float64]:
    """Log odds."""
    safe = np.clip(np.asarray(share, np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(safe / (1 - safe)))


def regression(
    features: NDArray[np.float64], right: NDArray[np.float64], *, ridge: float
) -> NDArray[np.float64]:
    """Weights of a logistic regression, the constant first; both classes weigh the same.

    Args:
        features: (n, k).
        right: (n,) 1 or 0.
        ridge: penalty on the squared weights, the constant's excepted.

    Raises:
        ValueError: there are not both.
    """
    if not 0 < right.mean() < 1:
        raise ValueError("a regression needs plates and others")
    design = np.column_stack([np.ones(len(features)), features])
    weight = np.where(right > 0, 0.5 / right.mean(), 0.5 / (1 - right.mean())) / len(right)
    penalty = np.diag([0.0] + [ridge] * features.shape[1])
    found_weights = np.zeros(design.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-np.clip(design @ found_weights, -30, 30)))
        slope = design.T @ (weight * (likely - right)) + penalty @ found_weights
        bend = (design * (weight * likely * (1 - likely))[:, None]).T @ design + penalty
        step = np.linalg.solve(bend + 1e-9 * np.eye(len(bend)), slope)
        found_weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return found_weights


def temperature_of(logits: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """The temperature at which likelihoods fit best.

    Args:
        logits: (n, k).
        right: (n,) the right class.
    """
    candidates = np.exp(np.linspace(np.log(0.3), np.log(5.0), 120))
    losses = []
    for temperature in candidates:
        cooled = logits / temperature
        cooled = cooled - cooled.max(axis=1, keepdims=True)
        likely = cooled - np.log(np.exp(cooled).sum(axis=1, keepdims=True))
        losses.append(-likely[np.arange(len(right)), right].mean())
    return float(candidates[int(np.argmin(losses))])


def plate_rows(views: Views, *, least_iou: float = HIT) -> list[tuple[str, int]]:
    """Each plate that a proposal lies on: its name, as teach.py gives it, and the best such proposal."""
    rows = []
    for number, plates in enumerate(views.truth):
        near = np.flatnonzero(views.picture == number)
        for place, plate in enumerate(plates):
            overlaps = [views.detection(int(i)).box.iou(plate) for i in near]
            if overlaps and max(overlaps) >= least_iou:
                rows.append((f"{views.paths[number]}#{place}", int(near[int(np.argmax(overlaps))])))
    return rows


def vehicles_in(
    views: Views, answers: NDArray[np.float32], taught: Mapping[str, str | None]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits (n, 4) and right classes (n,) of the plates whose vehicle the teacher named."""
    rows = [(row, taught.get(name)) for name, row in plate_rows(views, least_iou=0.3)]
    named = [(row, VEHICLES.index(kind)) for row, kind in rows if kind in VEHICLES]
    chosen = [row for row, _ in named]
    return answers[chosen, 5:].astype(np.float64), np.array([kind for _, kind in named], np.int64)


def fitted(views: Views, answers: NDArray[np.float32], rules: dict[str, Any]) -> Manifest:
    """The manifest, its vehicles' temperature excepted, that fits the fold."""
    manifest = plain_manifest(rules["proposal"], overlap=rules["overlap"])
    manifest = manifest.model_copy(update={"still": best_still(views, answers, manifest, rules["still"])})
    known = is_plate(views, best_iou(views, answers, manifest))
    chosen = (known >= 0) & (views.score >= rules["proposal"])
    features = np.column_stack([logit(views.score), answers[:, 0].astype(np.float64)])[chosen]
    weights = regression(features, known[chosen].astype(np.float64), ridge=rules["ridge"])
    changes = {
        "bias": float(weights[0]),
        "detector_weight": float(weights[1]),
        "look_weight": float(weights[2]),
        "vehicle": rules["vehicle"],
    }
    manifest = manifest.model_copy(update=changes)
    return manifest.model_copy(update={"score": least_score(views, answers, manifest, rules)})


def best_still(
    views: Views, answers: NDArray[np.float32], manifest: Manifest, candidates: Sequence[float]
) -> float:
    """The lessening of moves at which boxes that lie on plates fit them best."""
    on_plates = best_iou(views, answers, manifest.model_copy(update={"still": 0.99})) >= NEAR_IOU
    on_plates &= views.score >= manifest.proposal
    fits = [
        float(best_iou(views, answers, manifest.model_copy(update={"still": still}))[on_plates].mean())
        for still in candidates
    ]
    return candidates[int(np.argmax(fits))]


def least_score(
    views: Views, answers: NDArray[np.float32], manifest: Manifest, rules: dict[str, Any]
) -> float:
    """The lowest score, in hundredths, that keeps false boxes of pictures without a plate in bounds."""
    each = found(views, answers, manifest)
    clear = [o for o in outcomes(views, each) if o.set_name in EMPTY]
    for hundredths in range(5, 100):
        if sum(o.boxes(hundredths / 100) for o in clear) <= rules["most_false_boxes"] * len(clear):
            return hundredths / 100
    return 0.99


def summary(
    views: Views,
    answers: NDArray[np.float32],
    taught: Mapping[str, str | None],
    rules: dict[str, Any],
) -> dict[str, float]:
    """What an epoch's weights do on the fold, by the recipe's `fit`.

    Raises:
        ValueError: the teacher named no vehicle in it.
    """
    manifest = fitted(views, answers, rules)
    each = outcomes(views, found(views, answers, manifest))
    whole = score(each, manifest.score)
    logits, right = vehicles_in(views, answers, taught)
    if not len(right):
        raise ValueError("no plate of the fold has a vehicle: run models.second_look.teach first")
    guess = logits.argmax(axis=1)
    by_class = [float((guess[right == k] == k).mean()) for k in range(len(VEHICLES)) if (right == k).any()]
    trusted = [o for o in each if o.set_name in CLEAR]
    extra = sum(o.boxes(manifest.score) - o.hits(manifest.score) for o in trusted)
    return {
        "recall": whole.recall,
        "threshold": manifest.score,
        "ceiling": score(each, 0.0).recall,
        "extra_boxes": extra / len(trusted),
        "look_weight": manifest.look_weight,
        "detector_weight": manifest.detector_weight,
        "vehicle": float((guess == right).mean()),
        "vehicle_classes": float(np.mean(by_class)),
    }


def last_epoch(work: Path) -> int:
    """The last epoch of the training below WORK.

    Raises:
        FileNotFoundError: there is none.
    """
    epochs = [int(path.stem.removeprefix("epoch")) for path in (work / "look").glob("epoch*.pt")]
    if not epochs:
        raise FileNotFoundError(f"{work / 'look'}: no epoch*.pt; run models.second_look.train first")
    return max(epochs)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("../atalaya-work"), show_default=True)
@click.option("--epoch", type=int, help="Which weights; the last if not given.")
def main(work: Path, epoch: int | None) -> None:
    """Weigh and choose; writes WORK/look/fit.json."""
    from models.second_look.bank import taught_in
    from models.second_look.train import answers_of, load

    epoch, rules = epoch or last_epoch(work), recipe_of(work)["fit"]
    views, taught = Views.load(work / "fold.npz"), taught_in(work)
    answers = answers_of(load(work / "look" / f"epoch{epoch}.pt"), views.near, views.far)
    manifest = fitted(views, answers, rules)
    logits, right = vehicles_in(views, answers, taught)
    manifest = manifest.model_copy(update={"temperature": temperature_of(logits, right)})
    content = {
        "epoch": epoch,
        "manifest": manifest.model_dump(),
        **summary(views, answers, taught, rules),
    }
    (work / "look" / "fit.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    click.echo(json.dumps(content))


if __name__ == "__main__":
    main()
