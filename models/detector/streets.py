"""Rendered pictures without a plate: streets, streets with lettering, lettering that fills the picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.progress import track

from edge.types import Bgr
from models.detector.lettering import lettered, pieces
from models.detector.prepare import Writer, picture_of, read_labels
from models.synth.arrays import stream

LETTERED: Final = "lettered"
"""Source set of streets with lettering."""


def lettered_streets(
    streets: list[Path], words: Path, rules: dict[str, Any], *, count: int, seed: int
) -> Iterator[Bgr]:
    """Streets without plates, with lettering."""
    choices = list(pieces(words))
    for number in range(count):
        rng = stream(seed, LETTERED, number)
        bgr = picture_of(streets[number % len(streets)])
        many = int(rng.integers(rules["alone"]["signs"][0], rules["alone"]["signs"][1] + 1))
        yield lettered(bgr, choices, rng, count=many, widths=tuple(rules["lettering"]["widths"]))


def street_pictures(work: Path, recipe: dict[str, Any]) -> list[Path]:
    """The rendered streets without plates below WORK/synth that training may see.

    Raises:
        FileNotFoundError: render.py has not run.
    """
    folders = [work / "synth" / f"street-{seed}" for seed in recipe["render"]["streets"]["seeds"]]
    return [folder / p.path for folder in folders for p in read_labels(folder, split="train")]


def without_plates(
    work: Path, recipe: dict[str, Any], *, streets: int | None, lettered_count: int, words: int
) -> list[Path]:
    """Write pictures without a plate below WORK/data.

    Args:
        work: the work folder; render.py has run.
        recipe: the detector's.
        streets: how many as they are; all if None.
        lettered_count: streets with lettering.
        words: lettering that fills the picture.

    Returns:
        What was written.
    """
    synth, writer = work / "synth", Writer(work / "synth", work / "data")
    plain = street_pictures(work, recipe)
    order = np.random.default_rng(recipe["seed"]).permutation(len(plain))[:streets]
    made = [writer.negative(picture_of(plain[int(i)]), plain[int(i)].name) for i in order]
    written = lettered_streets(plain, synth / "lettering", recipe, count=lettered_count, seed=recipe["seed"])
    made += [
        writer.negative(bgr, f"lettered-{i}.jpg")
        for i, bgr in enumerate(track(written, total=lettered_count, description="lettering"))
    ]
    choices = list(pieces(synth / "lettering"))
    pick = np.random.default_rng(recipe["seed"] + 1).permutation(len(choices))[:words]
    return made + [writer.negative(choices[int(i)], f"words-{i}.jpg") for i in pick]
