"""What the reader sees of a plate: grey, of one size, its contrast stretched."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT: Final = 64
WIDTH: Final = 192
_TAIL: Final = 0.01
"""This share of the darkest and of the brightest pixels is clipped."""
_LEAST_RANGE: Final = 24.0
"""A picture with less contrast is not stretched further: that would only show its noise."""


def normalised(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch a crop to the reader's size and to full contrast.

    The shape is not kept: a plate fills the picture, be it one line or two.

    Args:
        crop: (h, w, 3) BGR or (h, w) grey.

    Returns:
        (64, 192) uint8.
    """
    grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    high, wide = grey.shape
    if wide > 2 * WIDTH or high > 2 * HEIGHT:
        size = (min(wide, 2 * WIDTH), min(high, 2 * HEIGHT))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    scaled = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    counts = np.cumsum(np.bincount(scaled.ravel(), minlength=256))
    total = counts[-1]
    low = float(np.searchsorted(counts, _TAIL * total))
    high_level = float(np.searchsorted(counts, (1 - _TAIL) * total))
    if (missing := _LEAST_RANGE - (high_level - low)) > 0:
        low, high_level = low - missing / 2, high_level + missing / 2
    table = np.clip((np.arange(256) - low) * (255.0 / (high_level - low)) + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(table[scaled], np.uint8)
