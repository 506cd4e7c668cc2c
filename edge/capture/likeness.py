"""Two pictures of one scene, whatever the light: how sharp they are, and where one lies on the other. Pure."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Map = NDArray[np.float32]
"""(180, 320) float32, 0..4: edges, evened out over the picture and over the hours."""

SIZE: Final = (320, 180)
"""Of the map, px."""

_FINE_WIDTH: Final = 960
_TOP: Final = 4.0  # edges are even beyond this: a lamp is no more than a kerb
_FLAT: Final = 6.0  # levels by which neighbours differ in noise alone
_STEEP_SHARE: Final = 98.0  # per cent of pixels that are no strong edge
_LEAST_STEEP: Final = 4.0  # levels; less is no structure at all
_MARGIN: Final = 16  # px of the map: what is written into the picture (time, name) stands at its border
_WINDOW: Final = np.outer(np.hanning(SIZE[1]), np.hanning(SIZE[0])).astype(np.float32)
"""Weights that fall to nothing at the border, where what comes in and goes out differs."""
_LONGEST: Final = (80, 45)  # px; a view that moved further is another view


def steepness(luma: Luma) -> float | None:
    """How steep the strongest edges are: their finest part as a share of their coarser part.

    None where there is no structure. Noise hardly counts: it is small beside the strongest edges.
    """
    height, width = luma.shape
    scale = min(1.0, _FINE_WIDTH / width)
    size = (round(width * scale), max(1, round(height * scale)))
    picture = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
    softer = cv2.GaussianBlur(picture, (0, 0), 2.5)
    fine, coarse = np.abs(picture - soft), np.abs(soft - softer)
    least = max(float(np.percentile(coarse[::2, ::2], _STEEP_SHARE)), _LEAST_STEEP)
    strong = coarse >= least
    if strong.sum() < 50:
        return None
    return float(fine[strong].mean() / coarse[strong].mean())


def correlated(reference: Map, now: Map) -> tuple[float, float, float]:
    """Where one map lies on another: shift right, shift down (px), and the peak's height in standard deviations."""
    whitened = []
    for each in (reference, now):
        inner = each - each.mean()
        whitened.append(np.fft.rfft2(inner * _WINDOW))
    across = np.conj(whitened[0]) * whitened[1]
    # Half way between plain correlation, which knows no precise place, and phase correlation, which knows no noise.
    surface = np.fft.irfft2(across / np.sqrt(np.abs(across) + 1e-9), s=reference.shape)
    surface = np.fft.fftshift(surface)
    middle_y, middle_x = surface.shape[0] // 2, surface.shape[1] // 2
    near = surface[
        middle_y - _LONGEST[1] : middle_y + _LONGEST[1] + 1,
        middle_x - _LONGEST[0] : middle_x + _LONGEST[0] + 1,
    ]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    height = float((near.max() - near.mean()) / (near.std() + 1e-12))
    return float(column - _LONGEST[0]), float(row - _LONGEST[1]), height


def edges(small: NDArray[np.uint8]) -> Map:
    """The map of a picture of its size."""
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.0)
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    size = cv2.magnitude(across, down)
    even = size / (cv2.blur(size, (31, 31)) + _FLAT)
    even[:_MARGIN] = even[-_MARGIN:] = 0  # written there
    return np.minimum(even, _TOP).astype(np.float32)
