"""From a plate's box to the picture that is read."""

import numpy as np

from edge.types import Bgr, Box


def cut(bgr: Bgr, box: Box, *, across: float = 0.03, down: float = 0.0) -> Bgr:
    """Cut a box with a margin, within the picture; a view, not a copy.

    A detector's boxes are rather too high than too low, and what stands above and below the characters costs
    them size in what is read: so no margin there, and a small one against a first or last character that is cut
    off. At least one pixel comes back, however small the box.

    Args:
        bgr: the picture.
        box: px of the picture.
        across: margin at the left and at the right, share of the box's width.
        down: margin above and below, share of its height.
    """
    high, wide = bgr.shape[:2]
    left = min(max(int(box.x - across * box.width), 0), wide - 1)
    top = min(max(int(box.y - down * box.height), 0), high - 1)
    right = min(max(int(np.ceil(box.x + box.width * (1 + across))), left + 1), wide)
    bottom = min(max(int(np.ceil(box.y + box.height * (1 + down))), top + 1), high)
    return bgr[top:bottom, left:right]
