"""Fit the palette to the labelled vehicles of `train`, choose its threshold on held-out folds, report on `valid`.

    python -m models.vehicle_colour.train --data ../shared/data

Softmax regression on the shares of shades in the regions; white and grey are fitted apart and told together,
because exposure alone decides between them. That they are told together was decided after their figures on `valid`
had been seen; all numbers, the threshold among them, come from `train`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.bench.intervals import wilson
from edge.read.paint import UNTOLD, Palette, features, lit, scaled
from models.vehicle_colour.samples import Sample, jittered, load, of

CLASSES: Final = ("white", "grey", "black", "red", "blue", "green", "yellow", "brown", "orange", UNTOLD)
TOLD: Final = {"white": "white or grey", "grey": "white or grey"}
"""How classes that only exposure tells apart are called."""
SHADES: Final = 32
SPREAD: Final = 0.5
COPIES: Final = 5
PENALTY: Final = 0.5
"""Of the squared weights, a sample's worth."""
STEPS: Final = 400
RATE: Final = 0.05
SURELY: Final = 0.95
"""Share of right colours on the held-out folds at the threshold; more than is wanted, for new cameras are worse.
A colour told where a person can name none counts as wrong: it misleads as well."""
UNTOLD_WEIGHT: Final = 0.7
SEED: Final = 1
OUT: Final = Path(__file__).with_name("palette.json")

Matrix = NDArray[np.float32]


def shades(samples: Sequence[Sample]) -> Matrix:
    """(SHADES, 3) the commonest shades of the windows, scaled."""
    points = np.concatenate(
        [scaled(lit(s.view, light=s.light, white=s.white))[s.inside.ravel()][::4] for s in samples]
    )
    cv2.setRNGSeed(SEED)
    _, _, centres = cv2.kmeans(points, SHADES, np.empty(0), (3, 40, 1e-3), 2, cv2.KMEANS_PP_CENTERS)
    return np.round(centres, 3).astype(np.float32)


def rows_of(samples: Sequence[Sample], palette: Matrix) -> Matrix:
    """(samples, regions x shades)."""
    made = [
        features(lit(s.view, light=s.light, white=s.white), s.inside, shades=palette, spread=SPREAD)
        for s in samples
    ]
    return np.stack(made)


def targets(samples: Sequence[Sample]) -> tuple[Matrix, Matrix]:
    """(samples, classes) the likelihood of each class, the first named colour before the second; and weights."""
    wanted, weights = np.zeros((len(samples), len(CLASSES)), np.float32), np.ones(len(samples), np.float32)
    for row, sample in enumerate(samples):
        if not sample.colours:
            wanted[row, CLASSES.index(UNTOLD)], weights[row] = 1, UNTOLD_WEIGHT
        likely = (1.0,) if len(sample.colours) == 1 else (0.6, 0.4)
        for colour, share in zip(sample.colours, likely, strict=False):
            wanted[row, CLASSES.index(colour)] = share
    return wanted, weights


def fit(rows: Matrix, wanted: Matrix, weights: Matrix) -> tuple[Matrix, Matrix]:
    """Weights (classes, features) and bias (classes,) by Adam on all samples at once; the same each time."""
    mean = rows.mean(0)
    centred = rows - mean
    share = (weights / weights.sum())[:, None]
    theta = np.zeros((rows.shape[1] + 1, wanted.shape[1]))
    full = np.concatenate([centred, np.ones((len(rows), 1), np.float32)], 1)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    decay = PENALTY / weights.sum() * (COPIES + 1)
    for step in range(1, STEPS + 1):
        slope = full.T @ ((_softmax(full @ theta) - wanted) * share)
        slope[:-1] += decay * theta[:-1]
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        rate = RATE * (1 - step / (STEPS + 1))
        theta -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    found = theta[:-1].T
    return found.astype(np.float32), (theta[-1] - found @ mean).astype(np.float32)


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    risen = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(risen / risen.sum(1, keepdims=True))


def names() -> tuple[str, ...]:
    """What each class is told as."""
    return tuple(TOLD.get(c, c) for c in CLASSES)


def told(scores: Matrix) -> list[tuple[str, float]]:
    """The best colour of each row and its share, classes of one name together."""
    found = []
    for row in _softmax(scores.astype(np.float64)):
        shares: dict[str, float] = {}
        for name, share in zip(names(), row, strict=True):
            shares[name] = shares.get(name, 0.0) + float(share)
        shares.pop(UNTOLD)
        best = max(shares, key=lambda n: shares[n])
        found.append((best, shares[best]))
    return found


def right(sample: Sample, name: str) -> bool:
    """Whether a person named that colour too."""
    return name in {TOLD.get(c, c) for c in sample.colours}


def threshold(samples: Sequence[Sample], answers: Sequence[tuple[str, float]]) -> float:
    """The least share above which at least SURELY of the held-out answers are right.

    Raises:
        SystemExit: there is none.
    """
    ranked = sorted((share, right(s, n)) for s, (n, share) in zip(samples, answers, strict=True))
    ranked.reverse()
    hits = np.cumsum([hit for _, hit in ranked]) / np.arange(1, len(ranked) + 1)
    good = np.nonzero(hits >= SURELY)[0]
    if not len(good):
        raise SystemExit(
            f"no threshold has {SURELY} of the answers of the held-out folds right: nothing was written"
        )
    return ranked[int(good[-1])][0]


def shown(hits: int, count: int) -> str:
    """A share with its interval."""
    if not count:
        return "none"
    low, high = wilson(hits, count)
    return f"{hits / count:.3f} [{low:.2f}, {high:.2f}]"


def report(samples: Sequence[Sample], answers: Sequence[tuple[str, float]], sure: float) -> str:
    """Coverage, share of right ones, and which colours were told for which."""
    lines = []
    everything = list(zip(samples, answers, strict=True))
    origins = sorted({s.origin for s in samples})
    parts = {"all": origins, "all but ro": [o for o in origins if o != "ro"], **{o: [o] for o in origins}}
    for origin, of_it in parts.items():
        mine = [(s, a) for s, a in everything if s.origin in of_it]
        known = [(s, a) for s, a in mine if s.colours]
        said = [(s, a) for s, a in known if a[1] >= sure]
        hits = sum(right(s, a[0]) for s, a in said)
        blind = [a for s, a in mine if not s.colours]
        misled = sum(a[1] >= sure for a in blind)
        forced = sum(right(s, a[0]) for s, a in known) / max(len(known), 1)
        lines.append(
            f"{origin:11s} told {len(said):3d} of {len(known):3d} ({len(said) / max(len(known), 1):.2f}), "
            f"right {shown(hits, len(said))}; all forced {forced:.2f}; of {len(blind)} "
            f"that nobody can name {misled} told, right with these {hits / max(len(said) + misled, 1):.3f}"
        )
    pairs = Counter(("|".join(s.colours) or UNTOLD, a[0]) for s, a in everything if a[1] >= sure)
    lines += [f"  {label:14s} told {name:14s} {n}" for (label, name), n in sorted(pairs.items())]
    return "\n".join(lines)


def held_out(both: Sequence[Sample], folds: NDArray[np.int64], *, count: int) -> Matrix:
    """(count, classes) scores of the first `count`, each by a fit, shades included, that has not seen its fold."""
    held = np.zeros((count, len(CLASSES)), np.float32)
    for fold in sorted(set(folds[:count].tolist())):
        inner = [number for number, f in enumerate(folds) if f != fold]
        outer = [number for number, f in enumerate(folds[:count]) if f == fold]
        palette = shades([both[number] for number in inner if number < count])
        rows, (wanted, weights) = (
            rows_of([both[n] for n in inner], palette),
            targets([both[n] for n in inner]),
        )
        matrix, bias = fit(rows, wanted, weights)
        held[outer] = rows_of([both[number] for number in outer], palette) @ matrix.T + bias
    return held


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, measure, write palette.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled pictures")
    options = parser.parse_args(arguments)
    samples = load(options.data)
    train, valid = of(samples, "train"), of(samples, "valid")
    random = np.random.default_rng(SEED)
    more = [jittered(s, random) for s in train for _ in range(COPIES)]
    both, folds = [*train, *more], np.array([s.fold for s in (*train, *more)])
    held = held_out(both, folds, count=len(train))
    sure = round(threshold(train, told(held)), 3)
    palette = shades(train)
    rows, (wanted, weights) = rows_of(both, palette), targets(both)
    matrix, bias = fit(rows, wanted, weights)
    kept = Palette(
        colours=names(),
        shades=tuple((round(float(a), 3), round(float(b), 3), round(float(c), 3)) for a, b, c in palette),
        spread=SPREAD,
        weights=tuple(tuple(round(float(v), 3) for v in row) for row in matrix),
        bias=tuple(round(float(v), 3) for v in bias),
        sure=sure,
        note=f"models/vehicle_colour/train.py on {sum(bool(s.colours) for s in train)} vehicles labelled by eye",
    )
    OUT.write_text(json.dumps(kept.model_dump(), separators=(",", ":")) + "\n", encoding="utf-8")
    answers = told(rows_of(valid, palette) @ np.array(kept.weights, np.float32).T + np.array(kept.bias))
    sys.stdout.write(f"threshold {sure}\nheld-out folds of train\n{report(train, told(held), sure)}\n")
    sys.stdout.write(f"valid\n{report(valid, answers, sure)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
