"""From a plate's box to pictures of one line of text each: cut, straighten, tell lines from small print.

Characters are made of upright strokes, so the rows that bear text are those with many vertical edges. Summed
along the right slope, these rows stand out most sharply: that slope is the tilt. The valleys between them part
the lines of a plate, and rows much lower than the tallest are small print (the municipality below a Colombian
number, the state above an American one), which is no part of the plate.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr

_HEIGHT: Final = 64
"""Rows of the picture on which the layout is found, px; its width follows, up to five times as much."""
_COARSE_DEG: Final = tuple(range(-28, 29, 4))
_FINE_DEG: Final = (-2.0, 0.0, 2.0)
_LEAST_TILT_DEG: Final = 3.0
"""A smaller tilt is left: straightening blurs more than it helps."""
_VALLEY: Final = 0.8
"""A valley parts two rows when it is lower than this share of the lower of its hills."""
_TALL: Final = 0.62
"""A row at least this share of the tallest's height is a line of the plate, otherwise small print."""
_STRONG: Final = 0.5
"""A row with less than this share of the strongest's edges is no line."""
_AIR: Final = 0.15
"""What is left above and below a line, in shares of its height."""
_LONG_ASPECT: Final = 3.4
"""A crop at least this many times as wide as high bears one line that fills it."""
_SURELY_TWO_ASPECT: Final = 1.7
"""A crop at most this wide in which two rows are found bears two lines."""
_STEEP_DEG: Final = 7.0
"""A straightened crop of such a tilt has much ground above and below its text."""
_GAP: Final = 0.2
"""Between two lines that are put side by side, in shares of their height."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of text: its upper and lower edge and how many edges it has at its best, all in shares of one."""

    top: float
    bottom: float
    strength: float

    @property
    def height(self) -> float:
        """Share of the crop's height."""
        return self.bottom - self.top


def layouts(crop: Bgr) -> list[list[Bgr]]:
    """How the crop may be read: each layout is its lines of text, upper first. The likeliest reading decides.

    One layout where the geometry leaves no doubt, two otherwise.
    """
    edges = _edges(crop)
    angle = tilt(edges)
    aspect = crop.shape[1] / crop.shape[0]
    if abs(angle) >= _LEAST_TILT_DEG:
        crop = sheared(crop, angle)
        edges = _edges(crop)
    if aspect >= _LONG_ASPECT and abs(angle) < _STEEP_DEG:
        return [[crop]]
    found = rows(edges)
    lines = tall(found)
    if len(lines) == 2:
        two = [_line(crop, row) for row in lines]
        return [two] if aspect <= _SURELY_TWO_ASPECT else [[crop], two]
    if len(lines) == 1 and (len(found) > 1 or abs(angle) >= _STEEP_DEG):
        return [[crop], [_line(crop, lines[0])]]
    return [[crop]]


def beside(lines: list[Bgr]) -> Bgr:
    """The lines of a plate as one: side by side at one height, the gap between them shaded from one to the other.

    A reader of text does better with one line of six characters than with two of three.
    """
    high = max(line.shape[0] for line in lines)
    joined = cv2.resize(lines[0], (max(round(lines[0].shape[1] * high / lines[0].shape[0]), 1), high))
    for line in lines[1:]:
        level = cv2.resize(line, (max(round(line.shape[1] * high / line.shape[0]), 1), high))
        share = np.linspace(0, 1, max(round(_GAP * high), 1))[None, :, None]
        gap = joined[:, -1:] * (1 - share) + level[:, :1] * share
        joined = np.hstack([joined, gap.astype(np.uint8), level])
    return np.asarray(joined, dtype=np.uint8)


def tilt(edges: NDArray[np.float32]) -> float:
    """Slope of the rows of text, degrees, positive where they fall to the right; 0 without text.

    Args:
        edges: (rows, columns) float32, strength of the vertical edges.
    """
    high, wide = edges.shape
    down, across = np.mgrid[0:high, 0:wide].astype(np.float32)
    across -= wide / 2

    def sharpness(angle: float) -> float:
        row = np.rint(down - np.tan(np.deg2rad(angle)) * across).astype(np.intp) + high
        sums = np.bincount(np.clip(row, 0, 3 * high - 1).ravel(), edges.ravel(), minlength=3 * high)
        return float(np.square(sums).sum())

    coarse = max(_COARSE_DEG, key=lambda a: (sharpness(a), -abs(a)))
    return max((coarse + fine for fine in _FINE_DEG), key=lambda a: (sharpness(a), -abs(a)))


def rows(edges: NDArray[np.float32]) -> list[Row]:
    """The rows of text, small print included, from the top."""
    high = edges.shape[0]
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    profile = np.convolve(np.pad(edges.mean(axis=1), 2, mode="edge"), kernel, "valid")
    top = float(profile.max())
    if top <= 0:
        return []
    found = []
    cuts = _valleys(profile)
    for first, last in pairwise(cuts):
        hill = profile[first : last + 1]
        if hill.max() <= 0:  # bare ground between two frames' edges
            continue
        on = np.flatnonzero(hill >= 0.5 * hill.max())
        upper, lower = first + int(on[0]), first + int(on[-1]) + 1
        found.append(Row(upper / high, lower / high, float(hill.max()) / top))
    return found


def tall(found: list[Row]) -> list[Row]:
    """Those rows that are lines of the plate, from the top, by their height."""
    strong = [r for r in found if r.strength >= _STRONG]
    highest = max((r.height for r in strong), default=0.0)
    return [r for r in strong if r.height >= _TALL * highest]


def sheared(crop: Bgr, angle: float) -> Bgr:
    """The crop with rows that fall by `angle` degrees to the right made level; same size."""
    high, wide = crop.shape[:2]
    slope = float(np.tan(np.deg2rad(angle)))
    warp = np.array([[1, 0, 0], [-slope, 1, slope * wide / 2]], dtype=np.float32)
    level = cv2.warpAffine(crop, warp, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return level.astype(np.uint8, copy=False)


def _edges(crop: Bgr) -> NDArray[np.float32]:
    """(64, columns) float32: strength of the vertical edges, the frame's own and glare's held down."""
    high, wide = crop.shape[:2]
    size = (int(np.clip(_HEIGHT * wide / high, 16, 5 * _HEIGHT)), _HEIGHT)
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
    edges = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3))
    side = max(size[0] // 25, 1)
    edges[:, :side] = edges[:, -side:] = 0
    held: NDArray[np.float32] = np.minimum(edges, np.percentile(edges, 97)).astype(np.float32)
    return held


def _valleys(profile: NDArray[np.float64]) -> list[int]:
    """Rows at which to cut: the ends, and every valley that is deep against both its hills."""
    last = len(profile) - 1
    inner = [y for y in range(2, last - 1) if profile[y] == profile[y - 2 : y + 3].min()]
    cuts = [0, *inner, last]
    while True:
        depths = [
            profile[b] / max(min(profile[a : b + 1].max(), profile[b : c + 1].max()), 1e-9)
            for a, b, c in zip(cuts, cuts[1:], cuts[2:], strict=False)
        ]
        if not depths or max(depths) <= _VALLEY:
            return cuts
        del cuts[1 + int(np.argmax(depths))]


def _line(crop: Bgr, row: Row) -> Bgr:
    high = crop.shape[0]
    air = _AIR * row.height
    top = max(int((row.top - air) * high), 0)
    bottom = min(max(int(np.ceil((row.bottom + air) * high)), top + 1), high)
    return crop[top:bottom]
