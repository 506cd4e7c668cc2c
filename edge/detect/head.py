"""From the outputs of a YOLOv8 head's convolutions to boxes and scores, so that a net may have any input size.

    box  (64, h, w): for each side of each cell a distribution over 0..15 cells' distance from its middle
    plate (1, h, w): the logit that a plate's middle lies here

Source: Ultralytics' Detect head (distribution focal loss, Li et al. 2020, "Generalized Focal Loss").
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

STRIDES: Final = (8, 16, 32)
"""Input px of a cell, of each of the three scales."""
_STEPS: Final = 16

Maps = Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Of each scale the box (64, h, w) and the plate (1, h, w)."""


def rows(maps: Maps, *, least_score: float) -> NDArray[np.float32]:
    """What `edge.detect.decode.decode` takes, of the cells that are sure enough only.

    Returns:
        (5, n) float32: centre x, centre y, width, height in px of the input, and the score 0..1.
    """
    least_logit = float(np.log(least_score / (1 - least_score)))
    found = [
        _scale(box, plate[0], stride=stride, least_logit=least_logit)
        for (box, plate), stride in zip(maps, STRIDES, strict=True)
    ]
    return np.concatenate(found, axis=1)


def _scale(
    box: NDArray[np.float32], plate: NDArray[np.float32], *, stride: int, least_logit: float
) -> NDArray[np.float32]:
    y, x = np.nonzero(plate >= least_logit)
    parts = box[:, y, x].reshape(4, _STEPS, len(x))
    shares = np.exp(parts - parts.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    left, top, right, bottom = np.einsum("isn,s->in", shares, np.arange(_STEPS, dtype=np.float32))
    score = 1 / (1 + np.exp(-plate[y, x]))
    centre_x, centre_y = x + 0.5 + (right - left) / 2, y + 0.5 + (bottom - top) / 2
    found = np.stack(
        [centre_x * stride, centre_y * stride, (left + right) * stride, (top + bottom) * stride, score]
    )
    return found.astype(np.float32)
