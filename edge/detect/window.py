"""Which parts of a frame the detector looks at where it knows beforehand what matters: its cost goes with the area.

Windows are cut from the frame as the net takes it whole, so a plate has the same size in them.
"""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True, slots=True)
class Size:
    """Of a window, px, and what a look at it costs.

    Attributes:
        ms: measured on one thread (AMD EPYC, int8); only ratios matter.
    """

    width: int
    height: int
    ms: float


PARTS: Final = (Size(192, 128, 2.5), Size(832, 256, 10.7))
"""Sizes beside the whole input of 832 x 480 px, cheapest first: a plate that is followed, the near half of a street.

Each costs 27 MB; one net for any size would cost less, and a third more time where sizes take turns.
"""
_WHOLE_MS: Final = 17.8
_CUT_PX: Final = 2.0  # a box that ends so close to a window's edge goes on beyond it


def cover(boxes: Sequence[Box], *, width: int, height: int) -> list[Window] | None:
    """The cheapest windows that hold these boxes.

    Args:
        boxes: in px of the net's input.
        width: of the whole input, px.
        height: likewise.

    Returns:
        One or two windows, none where there are no boxes; None where the whole input is as cheap.
    """
    if not boxes:
        return []
    best: list[Window] | None = None
    least_ms = _WHOLE_MS
    for groups in _parted(boxes):
        chosen = [_around(group, width=width, height=height) for group in groups]
        if any(c is None for c in chosen):
            continue
        windows = [c for c in chosen if c is not None]
        ms = sum(size.ms for size, _ in windows)
        if ms < least_ms:
            best, least_ms = [window for _, window in windows], ms
    return best


def _parted(boxes: Sequence[Box]) -> Iterable[tuple[Sequence[Box], ...]]:
    """All of them together, then in two groups: left and right of each gap, above and below it."""
    yield (boxes,)
    for along in (0, 1):
        ordered = sorted(boxes, key=lambda box: box.centre[along])
        for gap in range(1, len(ordered)):
            yield ordered[:gap], ordered[gap:]


def _around(boxes: Sequence[Box], *, width: int, height: int) -> tuple[Size, Window] | None:
    """The cheapest window around boxes, in its middle as far as the input's edge allows; None: all are too small."""
    left, top = min(b.x for b in boxes), min(b.y for b in boxes)
    right, bottom = max(b.x + b.width for b in boxes), max(b.y + b.height for b in boxes)
    for size in PARTS:
        if right - left <= size.width <= width and bottom - top <= size.height <= height:
            x = min(max(round((left + right - size.width) / 2), 0), width - size.width)
            y = min(max(round((top + bottom - size.height) / 2), 0), height - size.height)
            return size, Window(x, y, size.width, size.height)
    return None
