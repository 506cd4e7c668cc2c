"""How well the vote believes: `python -m models.reader.votes --work DIR`.

Each real crop of the held-out fold is shown as a track would show it: some frames, each degraded anew. What the vote
says of one and of several frames is compared with the truth: share right, mean likelihood, and how often it is right
where it is sure.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from edge.contract.plate import Grammar
from edge.engine import build
from edge.settings import VoteSettings
from edge.types import Observation
from edge.vote import Vote
from models.reader.data import real_fold
from models.reader.frames import COUNTRIES, observations

SURE = (0.5, 0.8, 0.9, 0.98)


def verdicts(
    tracks: list[tuple[str, str, list[Observation]]], grammar: Grammar, *, frames: int
) -> Iterator[tuple[str, bool, float]]:
    """Set, whether right, and likelihood, of each track's first so many frames."""
    for name, truth, seen in tracks:
        vote = Vote(grammar=grammar, settings=VoteSettings(), countries=COUNTRIES.get(name, {"ZZ": 1.0}))
        for observation in seen[:frames]:
            vote.add(observation)
        verdict = vote.verdict()
        yield name, verdict is not None and verdict.plate == truth, verdict.likelihood if verdict else 0.0


@click.command()
@click.option("--work", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--frames", type=int, default=6, show_default=True)
@click.option("--most", type=int, default=100, show_default=True, help="crops of a set")
def main(work: Path, frames: int, most: int) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    engine = build("openvino")
    crops = [(name, *pair) for name, pairs in real_fold(work).items() for pair in pairs[:most]]
    tracks = [
        (name, text, observations(crop, engine.reader, frames=frames, seed=number))
        for number, (name, crop, text) in enumerate(track(crops, description="tracks"))
    ]
    table = Table("frames", "tracks", "right", "likelihood", *(f"at {s:g}+" for s in SURE))
    for count in sorted({1, 2, frames // 2, frames}):
        found = list(verdicts(tracks, engine.grammar, frames=count))
        right = np.array([r for _, r, _ in found])
        sure = np.array([p for _, _, p in found])
        shares = [
            f"{right[sure >= s].mean():.3f} ({np.mean(sure >= s):.2f})" if (sure >= s).any() else "-"
            for s in SURE
        ]
        table.add_row(str(count), str(len(found)), f"{right.mean():.3f}", f"{sure.mean():.3f}", *shares)
    Console().print(table)


if __name__ == "__main__":
    main()
