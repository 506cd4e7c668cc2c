"""From a plate's box to strips of one line of text each."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr, Box

STRIP_HEIGHT = 48
STRIP_WIDTH = 320


def cut(bgr: Bgr, box: Box, *, margin: float = 0.06) -> Bgr:
    """Cut a box with a margin (a share of its width and height), within the picture."""
    high, wide = bgr.shape[:2]
    left = max(int(box.x - margin * box.width), 0)
    top = max(int(box.y - margin * box.height), 0)
    right = min(int(np.ceil(box.x + box.width * (1 + margin))), wide)
    bottom = min(int(np.ceil(box.y + box.height * (1 + margin))), high)
    return bgr[top:bottom, left:right]


def strips(crop: Bgr) -> list[NDArray[np.float32]]:
    """One (1, 3, 48, 320) strip a line of the plate."""
    high, wide = crop.shape[:2]
    width = min(max(int(np.ceil(STRIP_HEIGHT * wide / high)), 16), STRIP_WIDTH)
    strip = np.zeros((1, 3, STRIP_HEIGHT, STRIP_WIDTH), dtype=np.float32)
    scaled = cv2.resize(crop, (width, STRIP_HEIGHT)).astype(np.float32) / 127.5 - 1
    strip[0, :, :, :width] = scaled.transpose(2, 0, 1)
    return [strip]
