"""Which parts of a frame the detector looks at where it knows beforehand what matters: its cost goes with the area.

Windows are cut from the frame as the net takes it whole, so a plate has the same size in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.types import Box


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the net's input, px."""

    x: int
    y: int
    width: int
    height: int

    def whole(self, rows: NDArray[np.float32], *, width: int, height: int) -> NDArray[np.float32]:
        """Of the boxes found in this window those that its edges do not cut, in px of the whole input.

        Args:
            rows: (5, n) float32: centre x, centre y, width, height in px of the window, and the score.
            width: of the whole input, px; where the window ends with it, nothing is cut.
            height: likewise.
        """
        x, y, wide, high = rows[:4]
        right, bottom = self.x + self.width, self.y + self.height
        kept = (
            ((x - wide / 2 >= _CUT_PX) | (self.x == 0))
            & ((y - high / 2 >= _CUT_PX) | (self.y == 0))
            & ((x + wide / 2 <= self.width - _CUT_PX) | (right == width))
            & ((y + high / 2 <= self.height - _CUT_PX) | (bottom == height))
        )
        shift = np.array([[self.x], [self.y], [0], [0], [0]], np.float32)
        return np.asarray(rows[:, kept] + shift, np.float32)


PART: Final = (192, 128)
"""Width and height of a window, px. Measured on one thread (AMD EPYC, int8): 2.5 ms, the whole input of 832 x 480 17.8.

One size: each costs a box 25 MB.
"""
BAND: Final = 256
"""Height of a window as wide as the input, px: 10.7 ms. The near half of a street, where a deployer names no more."""
_MOST: Final = 4  # windows that together are cheaper than a band
_CUT_PX: Final = 2.0  # a box that ends so close to a window's edge goes on beyond it


def area(within: Box | None, *, width: int, height: int) -> Window:
    """The least window in which to search.

    Args:
        within: where plates matter at all, in px of the net's input; None: everywhere.
        width: of the whole input, px.
        height: likewise.
    """
    if within is None or within.height > BAND or height < BAND:
        return Window(0, 0, width, height)
    top = round(within.y + (within.height - BAND) / 2)
    return Window(0, min(max(top, 0), height - BAND), width, BAND)


def cover(boxes: Sequence[Box], searched: Window, *, width: int, height: int) -> list[Window]:
    """Few windows that hold these boxes, each box in one of them.

    Args:
        boxes: in px of the net's input.
        searched: of `area`; this one alone where a box does not fit into any other, or it is as cheap.
        width: of the whole input, px.
        height: likewise.
    """
    if width < PART[0] or height < PART[1]:
        return [searched]
    groups: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: b.x):
        joined = next((group for group in groups if _fits([*group, box])), None)
        if joined is not None:
            joined.append(box)
        elif _fits([box]):
            groups.append([box])
        else:
            return [searched]
    if len(groups) > _MOST:
        return [searched]
    return [_around(group, width=width, height=height) for group in groups]


def _fits(boxes: Sequence[Box]) -> bool:
    """Whether one window holds them all."""
    left, top, right, bottom = _bounds(boxes)
    return right - left <= PART[0] and bottom - top <= PART[1]


def _around(boxes: Sequence[Box], *, width: int, height: int) -> Window:
    """The window around boxes that fit, in its middle as far as the input's edge allows."""
    left, top, right, bottom = _bounds(boxes)
    x = min(max(round((left + right - PART[0]) / 2), 0), width - PART[0])
    y = min(max(round((top + bottom - PART[1]) / 2), 0), height - PART[1])
    return Window(x, y, *PART)


def _bounds(boxes: Sequence[Box]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of all together."""
    return (
        min(b.x for b in boxes),
        min(b.y for b in boxes),
        max(b.x + b.width for b in boxes),
        max(b.y + b.height for b in boxes),
    )
