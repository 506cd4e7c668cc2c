"""How large and how crooked the characters on a plate are, measured in its crop. Pure.

The crop is split into ink and ground in several ways; of each, the pieces that could be characters are those of one
height that stand in a row or two. The split that gives most of them is believed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr

_TALL_PX: Final = 128  # crops are measured at this height at least
_LEAST: Final = 3  # characters, or nothing is said
_HIGH: Final = (0.2, 0.92)  # a character's share of the crop's height
_WIDE: Final = (0.12, 1.15)  # its width by its height
_ALIKE: Final = 0.16  # heights on one plate differ by less
_ROW: Final = 0.6  # of a character's height: pieces nearer than that, down, stand in one row
_MOST_SLOPE: Final = 0.7
_LEANS: Final = np.arange(-40.0, 41.0, 2.0)  # degrees
_NARROW: Final = 0.3  # by its height: an I or a 1 says nothing of the others' widths

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Letters:
    """The characters of one crop.

    Attributes:
        count: found; some may be missing.
        height_px, width_px: a usual one's, of the picture that the crop was cut from.
        rotation_deg: of their row, clockwise.
        lean_deg: of their upright strokes, clockwise from upright: a plate seen from aside and from above leans.
    """

    count: int
    height_px: float
    width_px: float
    rotation_deg: float
    lean_deg: float


@dataclass(frozen=True, slots=True)
class _Piece:
    x: float
    y: float
    width: float
    height: float

    @property
    def foot(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height


def measure(crop: Bgr) -> Letters | None:
    """Find the characters of a crop that holds little but a plate; None where too few stand apart."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    scale = max(1.0, _TALL_PX / grey.shape[0])
    large = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    found = [_alike(_pieces(ink)) for ink in _inks(large)]
    best = max(found, key=_worth)
    rows = _rows(best)
    if sum(map(len, rows)) < _LEAST:
        return None
    slope = _slope(rows)
    pieces = [piece for row in rows for piece in row]
    upright = [p for p in pieces if p.width >= _NARROW * p.height] or pieces
    return Letters(
        count=len(pieces),
        height_px=float(np.median([p.height for p in pieces])) / scale,
        width_px=float(np.median([p.width for p in upright])) / scale,
        rotation_deg=float(np.degrees(np.arctan(slope))),
        lean_deg=_lean(large, slope),
    )


def _inks(grey: Grey) -> Iterator[Grey]:
    """Ink against ground, 1 and 0: dark on light and light on dark, by the whole and by what is around."""
    for picture in (grey, 255 - grey):
        _, whole = cv2.threshold(picture, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        yield np.asarray(whole, np.uint8)
        for share in (0.35, 0.7):
            around = int(share * grey.shape[0]) | 1
            local = cv2.adaptiveThreshold(
                picture, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, around, 8
            )
            yield np.asarray(local, np.uint8)


def _pieces(ink: Grey) -> list[_Piece]:
    high = ink.shape[0]
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=4)
    pieces = []
    for x, y, w, h, _ in stats[1:]:  # the first is the ground
        if not (_HIGH[0] * high <= h <= _HIGH[1] * high and _WIDE[0] * h <= w <= _WIDE[1] * h):
            continue
        pieces.append(_Piece(float(x), float(y), float(w), float(h)))
    return pieces


def _alike(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The largest number of pieces of one height."""
    groups = [[p for p in pieces if abs(p.height - one.height) <= _ALIKE * one.height] for one in pieces]
    return max(groups, key=_worth, default=[])


def _worth(pieces: Sequence[_Piece]) -> float:
    return sum(p.height for p in pieces) if len(pieces) >= _LEAST else 0.0


def _rows(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """The pieces in rows, each from the left; what stands alone is left out."""
    if len(pieces) < _LEAST:
        return []
    height = float(np.median([p.height for p in pieces]))
    slope = _slope([sorted(pieces, key=lambda p: p.x)])
    level = sorted(pieces, key=lambda p: p.foot[1] - slope * p.foot[0])
    rows: list[list[_Piece]] = [[level[0]]]
    for before, piece in pairwise(level):
        down = (piece.foot[1] - slope * piece.foot[0]) - (before.foot[1] - slope * before.foot[0])
        if down > _ROW * height:
            rows.append([])
        rows[-1].append(piece)
    return [sorted(row, key=lambda p: p.x) for row in rows if len(row) > 1]


def _slope(rows: Sequence[Sequence[_Piece]]) -> float:
    """The usual slope between the feet of two pieces of a row that stand apart but near one another's height."""
    slopes = []
    for row in rows:
        for one, other in combinations(row, 2):
            across, down = other.foot[0] - one.foot[0], other.foot[1] - one.foot[1]
            if across > one.width / 2 and abs(down) <= _MOST_SLOPE * across:
                slopes.append(down / across)
    return float(np.median(slopes)) if slopes else 0.0


def _lean(grey: Grey, slope: float) -> float:
    """The lean, degrees, at which a crop whose rows have been made level shows the sharpest columns."""
    high, wide = grey.shape
    rim = high // 5
    steep = []
    for lean in _LEANS:
        across = float(np.tan(np.radians(lean)))
        upright = np.array([[1, across, -across * high / 2], [-slope, 1, slope * wide / 2]], np.float32)
        turned = cv2.warpAffine(grey, upright, (wide, high), borderMode=cv2.BORDER_REPLICATE)
        columns = turned[rim : high - rim].mean(axis=0)
        steep.append(float(np.sum(np.diff(columns) ** 2)))
    return float(_LEANS[int(np.argmax(steep))])
