"""Sets pictures of lettering that is no plate into scenes, away from plates, so that no edge tells it was set in."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr, Box
from models.detector.prepare import picture_of

_FADE: Final = 0.3
"""How far a piece fades out at its sides, share of its height."""
_LARGEST: Final = 2.0
"""A piece is enlarged no more than this."""
_TRIES: Final = 12

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Lettered:
    """A scene with a piece of lettering.

    Attributes:
        bgr: (h, w, 3) uint8.
        box: the piece in it, px.
    """

    bgr: Bgr
    box: Box


def pieces(folder: Path) -> Iterator[Bgr]:
    """Pictures that `python -m models.synth lettering` wrote: (h, w, 3) uint8.

    Raises:
        FileNotFoundError: the folder has no labels.csv.
        ValueError: a picture cannot be read.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["plate"]:
                yield picture_of(folder / row["path"])


def set_in(
    bgr: Bgr, piece: Bgr, taken: Sequence[Box], rng: Rng, *, widths: tuple[float, float]
) -> Lettered | None:
    """Set a piece of lettering into a copy of a scene.

    Args:
        bgr: the scene.
        piece: (h, w, 3) uint8.
        taken: plates and other pieces, px of the scene: it keeps away from them.
        rng: chance.
        widths: least and most width of the piece, share of the scene's.

    Returns:
        The scene; None where chance found no place.
    """
    rows, columns = bgr.shape[:2]
    wide = columns * float(np.exp(rng.uniform(np.log(widths[0]), np.log(widths[1]))))
    scale = min(wide / piece.shape[1], _LARGEST)
    width, height = max(8, round(piece.shape[1] * scale)), max(4, round(piece.shape[0] * scale))
    if width >= columns or height >= rows:
        return None
    for _ in range(_TRIES):
        x, y = int(rng.integers(columns - width)), int(rng.integers(rows - height))
        box = Box(x, y, width, height)
        if all(box.iou(other) == 0 for other in taken):
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            small = np.asarray(cv2.resize(piece, (width, height), interpolation=way), np.float32)
            return Lettered(_blended(bgr, small, (x, y), rng), box)
    return None


def _blended(bgr: Bgr, piece: NDArray[np.float32], at: tuple[int, int], rng: Rng) -> Bgr:
    """The piece laid over the scene, its light moved a way towards the scene's there, its sides fading out."""
    picture = bgr.copy()
    high, wide = piece.shape[:2]
    part = picture[at[1] : at[1] + high, at[0] : at[0] + wide]
    piece = piece + float(rng.uniform(0, 0.7)) * (part.mean() - piece.mean())
    reach = max(1, round(_FADE * high / 2))
    cover = np.zeros((high, wide), np.float32)
    cover[reach : high - reach, reach : wide - reach] = 1
    cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), reach / 2), np.float32)[..., None]
    part[:] = np.clip(part * (1 - cover) + piece * cover, 0, 255).astype(np.uint8)
    return picture


def lettered(bgr: Bgr, choices: Sequence[Bgr], rng: Rng, *, count: int, widths: tuple[float, float]) -> Bgr:
    """A scene without plates with up to `count` pieces of lettering."""
    taken: list[Box] = []
    for number in rng.integers(len(choices), size=count):
        if one := set_in(bgr, choices[int(number)], taken, rng, widths=widths):
            bgr = one.bgr
            taken.append(one.box)
    return bgr
