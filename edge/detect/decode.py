"""From a YOLO head's raw output to detections: threshold, suppression of doubles, back to the frame."""

import numpy as np
from numpy.typing import NDArray

from edge.detect.letterbox import Fit
from edge.types import Detection

CANDIDATES = 300  # best boxes that suppression looks at; a frame holds a handful of plates
MOST = 50  # detections of one frame


def decode(raw: NDArray[np.float32], *, fit: Fit, least_score: float, most_overlap: float) -> list[Detection]:
    """Decode one frame's output.

    Args:
        raw: (5, n) float32: rows centre x, centre y, width, height in px of the input, and the score 0..1.
        fit: where the frame lies in the input.
        least_score: boxes below it are dropped.
        most_overlap: of two boxes with a greater intersection over union the worse is dropped.

    Returns:
        Detections in px of the frame, best first, at most `MOST`.
    """
    scores = raw[4]
    chosen = np.flatnonzero(scores >= least_score)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][:CANDIDATES]
    centre_x, centre_y, width, height = raw[:4, chosen]
    corners = np.stack(
        (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2), axis=1
    )
    found = []
    for index in suppress(corners, most_overlap=most_overlap)[:MOST]:
        box = fit.to_frame(*(float(value) for value in corners[index]))
        if box is not None:
            found.append(Detection(box, float(scores[chosen[index]])))
    return found


def suppress(corners: NDArray[np.float32], *, most_overlap: float) -> list[int]:
    """Greedy non-maximum suppression.

    Args:
        corners: (n, 4) float32, x1 y1 x2 y2, best first.
        most_overlap: intersection over union above which the worse of two boxes goes.

    Returns:
        Indices of the boxes that stay, best first.
    """
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    left = np.arange(len(corners))
    kept = []
    while left.size:
        best, rest = left[0], left[1:]
        kept.append(int(best))
        top_left = np.maximum(corners[best, :2], corners[rest, :2])
        bottom_right = np.minimum(corners[best, 2:], corners[rest, 2:])
        common = np.clip(bottom_right - top_left, 0.0, None).prod(axis=1)
        union = np.maximum(area[best] + area[rest] - common, 1e-9)
        left = rest[common / union <= most_overlap]
    return kept
