"""The two grey pictures that the second look sees of a proposed box: the plate close by, and what bears it.

The near view is cut from the frame itself: a plate in a large frame shows more of itself there than in the
detector's smaller input. The far view is cut from that input, which is fine enough and much cheaper to shrink.
Their scale follows the box's size, so that plates of every size look alike. Grey, because a night camera has no
colour and because day pictures must not be told from night ones by it.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr, Box

Grey = NDArray[np.uint8]
"""(height, width) uint8."""

NEAR: Final = (96, 60)
"""Width and height of the near view, px; two sizes of the box wide, the box in its middle."""
FAR: Final = (64, 64)
"""Width and height of the far view, px; eight sizes of the box wide, the box below its middle."""
NEAR_SIZES: Final = 2.0
FAR_SIZES: Final = 8.0
FAR_RISE: Final = 1.0
"""How far the middle of the far view lies above the box, in sizes: vehicles stand above their plates."""
_OUTSIDE: Final = 114
"""What lies outside the picture, as in the detector's input."""


def size_of(box: Box) -> float:
    """The length that the views are scaled by, px: the width of a plate, or twice its height where that is more."""
    return max(box.width, 2 * box.height)


def near_view(picture: Bgr, box: Box) -> Grey:
    """The box and a margin, (60, 96) uint8.

    Args:
        picture: (h, w, 3) uint8 BGR, or (h, w) uint8.
        box: in px of that picture.
    """
    return view(picture, box.centre, width=NEAR_SIZES * size_of(box), shape=NEAR)


def far_view(picture: Bgr, box: Box) -> Grey:
    """What stands around the box, (64, 64) uint8.

    Args:
        picture: (h, w, 3) uint8 BGR, or (h, w) uint8.
        box: in px of that picture.
    """
    x, y = box.centre
    size = size_of(box)
    return view(picture, (x, y - FAR_RISE * size), width=FAR_SIZES * size, shape=FAR)


def view(picture: Bgr, centre: tuple[float, float], *, width: float, shape: tuple[int, int]) -> Grey:
    """Cut `width` px of a picture around a point, scaled to `shape` (width, height).

    Args:
        picture: (h, w, 3) uint8 BGR, or (h, w) uint8.
        centre: x and y, px.
        width: of what is cut, px; its height follows from the shape.
        shape: width and height of the result, px.

    Returns:
        (height, width) uint8; what lies outside the picture is as grey as the detector's border.
    """
    height = width * shape[1] / shape[0]
    left, top = centre[0] - width / 2, centre[1] - height / 2
    rows, columns = picture.shape[:2]
    x0, x1 = _within(left - 2, columns), _within(left + width + 3, columns)
    y0, y1 = _within(top - 2, rows), _within(top + height + 3, rows)
    if x1 <= x0 or y1 <= y0:
        return np.full(shape[::-1], _OUTSIDE, np.uint8)
    part: Grey = picture[y0:y1, x0:x1]
    if part.ndim == 3:
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    wide, high = part.shape[1], part.shape[0]
    scale = shape[0] / width
    while scale <= 0.5 and min(part.shape) >= 2:  # average: linear steps over more would alias
        half = (part.shape[1] // 2, part.shape[0] // 2)
        part = np.asarray(cv2.resize(part, half, interpolation=cv2.INTER_AREA), np.uint8)
        scale *= 2
    # From px of the view to those of the reduced part; the middle of a pixel is at one half.
    across, down = (
        width / shape[0] * part.shape[1] / wide,
        height / shape[1] * part.shape[0] / high,
    )
    shift_x = (left - x0) * part.shape[1] / wide + across / 2 - 0.5
    shift_y = (top - y0) * part.shape[0] / high + down / 2 - 0.5
    matrix = np.array([[across, 0.0, shift_x], [0.0, down, shift_y]], np.float64)
    cut = cv2.warpAffine(
        part,
        matrix,
        shape,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(_OUTSIDE,),
    )
    return np.asarray(cut, np.uint8)


def _within(place: float, limit: int) -> int:
    return int(min(max(place, 0.0), float(limit)))
