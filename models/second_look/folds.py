"""The detector's proposals on pictures that are held out, as the edge would see them; and which pictures those are."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from edge.detect.nets import FirstNet
from edge.detect.views import FAR, NEAR, far_view, near_view
from edge.detect.window import area
from edge.types import Bgr, Detection
from models.detector.choose import held_out
from models.detector.prepare import Picture, picture_of, read_labels
from models.second_look.mine import variants


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal of the fold, as the edge would see it."""

    picture: int
    detection: Detection
    near: NDArray[np.uint8]
    far: NDArray[np.uint8]


def propose(bgr: Bgr, detector: FirstNet, number: int) -> list[Proposal]:
    """The detector's proposals on a picture, with their views."""
    shown, fit = detector.letterboxed(bgr)
    whole = area(None, width=shown.shape[1], height=shown.shape[0])
    return [
        Proposal(number, d, near_view(bgr, d.box), far_view(shown, fit.to_input(d.box)))
        for d in detector.propose(shown, fit, [whole])
    ]


def write_views(pictures: Iterable[tuple[Picture, Bgr]], *, detector: FirstNet, out: Path) -> None:
    """Write the proposals on pictures with their views, the pictures' plates and what the pictures are."""
    found: list[Proposal] = []
    truth: list[tuple[float, ...]] = []
    frames, names, paths = [], [], []
    for number, (picture, bgr) in enumerate(pictures):
        frames.append(bgr.shape[:2])
        names.append(picture.set_name)
        paths.append(picture.path)
        found += propose(bgr, detector, number)
        truth += [(number, *box) for box in picture.boxes]
    np.savez(
        out,
        near=np.array([p.near for p in found], np.uint8).reshape(-1, *NEAR[::-1]),
        far=np.array([p.far for p in found], np.uint8).reshape(-1, *FAR[::-1]),
        picture=np.array([p.picture for p in found], np.int64),
        box=np.array(
            [(b.x, b.y, b.width, b.height) for b in (p.detection.box for p in found)], np.float32
        ).reshape(-1, 4),
        score=np.array([p.detection.score for p in found], np.float32),
        truth=np.array(truth, np.float32).reshape(-1, 5),
        frames=np.array(frames),
        set_name=np.array(names),
        paths=np.array(paths),
    )


def real_fold(
    data: Path, detector: dict[str, Any], *, copies: int, rng: random.Random
) -> Iterator[tuple[Picture, Bgr]]:
    """The held-out fold of DATA by the detector's recipe.

    Each picture without a plate comes also in parts, `copies` in all, for there are few.
    """
    held = [p for p in held_out(data, detector) if p.kind == "scene"]
    yield from _with_parts(data, held, copies, rng)


def rendered_fold(work: Path, *, copies: int, rng: random.Random) -> Iterator[tuple[Picture, Bgr]]:
    """The rendered fold (models.detector.alone), in parts likewise.

    Raises:
        FileNotFoundError: it was not written.
    """
    yield from _with_parts(work / "fold", read_labels(work / "fold", split="train"), copies, rng)


def _with_parts(
    folder: Path, pictures: Sequence[Picture], copies: int, rng: random.Random
) -> Iterator[tuple[Picture, Bgr]]:
    for picture in track(pictures, description="fold"):
        bgr = picture_of(folder / picture.path)
        for number, part in enumerate(variants(bgr, 1 if picture.boxes else copies, rng)):
            name = picture.set_name if number == 0 else f"{picture.set_name}_part"
            yield Picture(picture.path, name, picture.kind, picture.boxes), part
