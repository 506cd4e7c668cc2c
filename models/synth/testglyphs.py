"""Lettering of the rendered test set alone: no training draws it.

Unlike the training's round pen along ellipses, a glyph here is a chain of corners in a unit box, each corner cut
by an arc, drawn with a flat-ended pen: bowls are rounded rectangles, as on Colombian plates. How wide the box, how
thick the pen and how round the corners are is drawn anew for every plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Rng

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_STEPS = np.linspace(0, 1, 9)

# Chains of corners "x,y" in the unit box, y downwards; "x,y,r" cuts the corner by r times the style's arc; a chain
# that ends with "z" is closed.
_CHAINS: dict[str, tuple[float, str]] = {
    "A": (1.04, "0,1 .41,0 .59,0 1,1|.17,.67 .83,.67"),
    "B": (1.0, "0,.46 0,0 .95,0,1 .95,.46,1 0,.46 0,1 1,1,1 1,.46,1 .5,.46"),
    "C": (0.98, "1,.25 1,0,1.2 0,0,1.2 0,1,1.2 1,1,1.2 1,.75"),
    "D": (1.0, "0,0 1,0,1.4 1,1,1.4 0,1 z"),
    "E": (0.92, "1,0 0,0 0,1 1,1|0,.48 .86,.48"),
    "F": (0.9, "1,0 0,0 0,1|0,.5 .84,.5"),
    "G": (1.02, "1,.23 1,0,1.2 0,0,1.2 0,1,1.2 1,1,1.2 1,.54 .58,.54"),
    "H": (1.0, "0,0 0,1|1,0 1,1|0,.49 1,.49"),
    "I": (0.5, "0,0 1,0|.5,0 .5,1|0,1 1,1"),
    "J": (0.9, ".35,0 1,0 1,1,1.2 0,1,1.2 0,.78"),
    "K": (1.02, "0,0 0,1|.98,0 .06,.6|.36,.4 1,1"),
    "L": (0.88, "0,0 0,1 1,1"),
    "M": (1.2, "0,1 0,0 .5,.64 1,0 1,1"),
    "N": (1.04, "0,1 0,0 1,1 1,0"),
    "O": (1.08, "0,0,1.5 1,0,1.5 1,1,1.5 0,1,1.5 z"),
    "P": (0.96, "0,1 0,0 1,0,1.1 1,.55,1.1 0,.55"),
    "Q": (1.08, "0,0,1.5 1,0,1.5 1,1,1.5 0,1,1.5 z|.55,.7 1.06,1.07"),
    "R": (1.0, "0,1 0,0 1,0,1.1 1,.53,1.1 0,.53|.46,.53 1,1"),
    "S": (0.98, "1,.17 1,0,1.1 0,0,1.1 0,.49,1.1 1,.49,1.1 1,1,1.1 0,1,1.1 0,.83"),
    "T": (0.96, "0,0 1,0|.5,0 .5,1"),
    "U": (1.0, "0,0 0,1,1.3 1,1,1.3 1,0"),
    "V": (1.02, "0,0 .46,1 .54,1 1,0"),
    "W": (1.3, "0,0 .24,1 .5,.34 .76,1 1,0"),
    "X": (1.02, "0,0 1,1|1,0 0,1"),
    "Y": (1.02, "0,0 .5,.52 1,0|.5,.48 .5,1"),
    "Z": (0.96, "0,0 1,0 0,1 1,1"),
    "0": (0.94, "0,0,1.1 1,0,1.1 1,1,1.1 0,1,1.1 z"),
    "1": (0.52, "0,.2 .62,0 .62,1"),
    "2": (0.94, "0,.22 0,0,1.1 1,0,1.1 1,.46,.9 0,.8,.7 0,1 1,1"),
    "3": (0.94, "0,.14 0,0,.9 1,0,1.1 1,.47,1 .36,.47 1,.47,1 1,1,1.1 0,1,.9 0,.86"),
    "4": (1.0, ".74,1 .74,0 .62,0 0,.71 1.06,.71"),
    "5": (0.94, ".94,0 .06,0 .02,.45 .5,.4 1,.43,1 1,1,1.2 0,1,.9 0,.84"),
    "6": (0.94, ".96,.13 .96,0,.9 0,0,1.2 0,1,1.1 1,1,1.1 1,.46,1.1 0,.46"),
    "7": (0.92, "0,0 1,0 .36,1"),
    "8": (0.94, ".05,0,1 .95,0,1 .95,.47,1 .05,.47,1 z|0,.47,1 1,.47,1 1,1,1 0,1,1 z"),
    "9": (0.94, ".04,.87 .04,1,.9 1,1,1.2 1,0,1.1 0,0,1.1 0,.54,1.1 1,.54"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How one plate's lettering is cut.

    Attributes:
        width: of the unit box, share of a character's height.
        pen: its thickness, share of the height.
        arc: radius of a corner's arc, share of the height.
    """

    width: float
    pen: float
    arc: float


def random_style(rng: Rng) -> Style:
    """A press's own dies."""
    return Style(float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.12, 0.165)), float(rng.uniform(0.13, 0.3)))


def advance(character: str, style: Style) -> float:
    """Width of a character with its pen, share of its height.

    Raises:
        KeyError: the lettering has no such character.
    """
    return _CHAINS[character][0] * style.width + style.pen


def outline(character: str, style: Style) -> list[tuple[Floats, bool]]:
    """The pen's path: chains (n, 2) of points, heights' shares, the pen's own room left; and whether each is closed."""
    wide = _CHAINS[character][0] * style.width
    found = []
    for chain in _CHAINS[character][1].split("|"):
        words = chain.split()
        closed = words[-1] == "z"
        corners = [[float(v) for v in word.split(",")] for word in words[: len(words) - closed]]
        points = np.array([[c[0] * wide, c[1] * (1 - style.pen)] for c in corners]) + style.pen / 2
        arcs = [(c[2] if len(c) > 2 else 0.0) * style.arc for c in corners]
        path = _cut(points, arcs, closed=closed)
        if not closed:  # a flat end stands as far out as a stroke across it would
            for end, before in ((0, 1), (-1, -2)):
                away = path[end] - path[before]
                path[end] = path[end] + away / max(float(np.linalg.norm(away)), 1e-6) * style.pen / 2
        found.append((path, closed))
    return found


def _cut(points: Floats, arcs: list[float], *, closed: bool) -> Floats:
    """Corners cut by arcs; no arc takes more than half of a side."""
    count = len(points)
    path: list[Floats] = []
    for k, (point, arc) in enumerate(zip(points, arcs, strict=True)):
        if arc <= 0 or (not closed and k in (0, count - 1)):
            path.append(point[None])
            continue
        to_before, to_after = points[k - 1] - point, points[(k + 1) % count] - point
        reach = min(arc, 0.5 * float(np.linalg.norm(to_before)), 0.5 * float(np.linalg.norm(to_after)))
        first = point + to_before / np.linalg.norm(to_before) * reach
        last = point + to_after / np.linalg.norm(to_after) * reach
        # A quadratic curve with a weight of a circle's.
        weight = np.stack([(1 - _STEPS) ** 2, np.sqrt(2) * _STEPS * (1 - _STEPS), _STEPS**2], axis=1)
        path.append((weight / weight.sum(axis=1, keepdims=True)) @ np.array([first, point, last]))
    return np.concatenate(path)


def draw(character: str, style: Style, height_px: int, *, stretch: float = 1.0) -> Image:
    """Draw a character.

    Args:
        character: of `ALPHABET`.
        style: how it is cut.
        height_px: its height.
        stretch: of its width; the pen stays as thick.

    Returns:
        (height_px, w) uint8, 255 = ink, exactly as wide as `advance` says, stretched.

    Raises:
        KeyError: the lettering has no such character.
    """
    over = 4
    cut = Style(style.width * stretch, style.pen, style.arc)
    wide = max(3, round(advance(character, cut) * height_px))
    # A tail may hang below the line: it is drawn and cut off with the cell.
    sheet = np.zeros((height_px * over, wide * over), np.uint8)
    scale = height_px * over
    half = max(1.0, style.pen * scale / 2)
    for path, closed in outline(character, cut):
        points = path * scale
        ends = np.concatenate([points, points[:1]]) if closed else points
        for first, last in pairwise(ends):
            along = last - first
            length = float(np.linalg.norm(along))
            if length < 1e-6:
                continue
            across = np.array([-along[1], along[0]]) / length * half
            corners = np.array([first + across, last + across, last - across, first - across])
            cv2.fillPoly(sheet, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        for joint in ends if closed else ends[1:-1]:
            centre = (round(float(joint[0]) * 16), round(float(joint[1]) * 16))
            cv2.circle(sheet, centre, round(half * 16), 255, -1, cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(sheet, (wide, height_px), interpolation=cv2.INTER_AREA), np.uint8)
