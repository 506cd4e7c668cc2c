"""The colour of a plate's ground, by the grammar's names. A camera that sees no colour says nothing."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr

_SIZE: Final = (48, 24)
_RIM: Final = 0.1
"""Share of the crop at each side that may show what is around the plate."""
_ONE_STEP: Final = 1
"""Steps of Cb and Cr that a video's rounding may differ by where there is no colour."""
_TINT: Final = 16
"""Steps by which the one colour of such a picture may be off grey. Near black and white a tint is clipped and becomes
another colour, hence the next three. Real plates turned grey and tinted by so much are known as grey 98 times in 100,
by half of it 99 in 100 (tests/unit/edge/test_colour.py)."""
_DARKEST, _BRIGHTEST = (5, 5, 5), (250, 250, 250)
"""Pixels with a channel beyond these may be clipped; so may all that such a pixel was shrunk into."""
_ENOUGH: Final = 0.1
"""Least share of pixels that are not: with fewer, all are judged."""
_COLOURED: Final = 0.02
"""Least share of pixels that differ by more in a picture with colours."""
_PALE: Final = 0.38
"""Saturation (chroma by the length of L*, a*, b*) at which a ground may as well be white in coloured light."""
_PALE_SPREAD: Final = 0.06
_HUES: Final = {"red": 32.0, "orange": 46.0, "yellow": 78.0, "green": 150.0, "blue": 275.0}
"""Hue angle of each colour, degrees in CIE a*b*; yellow as sodium light and plates in shadow have it."""
_HUE_SPREAD: Final = 14.0
_HALF: Final = 0.45
"""Share of light pixels at which a plate without colour is as likely white as black: shadow darkens white ones."""
_HALF_SPREAD: Final = 0.05
_LEAST: Final = 0.01
"""Smaller shares are left out."""


def background(crop: Bgr) -> dict[str, float]:
    """Shares of the colours that the ground may have, summing to about one; empty where colour cannot be told.

    The light part of the plate is its ground where it has a colour, or is the larger; else the dark part. Pale
    colours are shared out between white and their hue, since white plates take the colour of the light.

    Args:
        crop: (h, w, 3) BGR, a plate with little around it.
    """
    high, wide = crop.shape[:2]
    rim_y, rim_x = int(_RIM * high), int(_RIM * wide)
    middle = crop[rim_y : high - rim_y, rim_x : wide - rim_x]
    small = cv2.resize(middle, _SIZE, interpolation=cv2.INTER_AREA)
    clipped = np.asarray(255 - cv2.inRange(middle, _DARKEST, _BRIGHTEST), np.float32)
    is_true = cv2.resize(clipped, _SIZE, interpolation=cv2.INTER_AREA).ravel() < 1
    if _is_grey(np.asarray(small, np.uint8), is_true=is_true):
        return {}
    lab = _planes(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab))
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    _, split = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light = split.ravel() == 1
    if not light.any():  # as black as can be, though not all of one colour
        return {}
    ground = _median(lab[:, light])
    if _saturation(ground) < _PALE and light.mean() < _HALF:
        ground = _median(lab[:, ~light])
    _, red_green, blue_yellow = ground.tolist()
    coloured = _risen(_saturation(ground) - _PALE, _PALE_SPREAD)
    hue = math.degrees(math.atan2(blue_yellow, red_green))
    away = {name: (hue - angle + 180) % 360 - 180 for name, angle in _HUES.items()}
    fit = {name: math.exp(-0.5 * (a / _HUE_SPREAD) ** 2) + 1e-6 for name, a in away.items()}
    total = sum(fit.values())
    shares = {name: coloured * f / total for name, f in fit.items()}
    white = _risen(float(light.mean()) - _HALF, _HALF_SPREAD)
    shares |= {"white": (1 - coloured) * white, "black": (1 - coloured) * (1 - white)}
    return {name: share for name, share in shares.items() if share >= _LEAST}


def _is_grey(bgr: Bgr, *, is_true: NDArray[np.bool_]) -> bool:
    """Whether light and dark have one and the same colour, as a camera shows it that sees none: by infrared light.

    It need not be grey itself: video of grey pictures comes out a step or two aside, and some cameras tint it.

    Args:
        bgr: (h, w, 3), shrunk.
        is_true: (h x w,) which pixels are made of such that are not clipped.
    """
    chroma = _planes(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))[1:]
    # Clipping brings a tint nearer to grey, never farther.
    far = np.abs(chroma - 128).max(axis=0) > _TINT + _ONE_STEP
    if float(np.mean(far)) >= _COLOURED:
        return False
    judged = chroma[:, is_true] if is_true.mean() >= _ENOUGH else chroma
    away = np.abs(judged - np.round(_median(judged))[:, np.newaxis]).max(axis=0)
    return float(np.mean(away > _ONE_STEP)) < _COLOURED


def _planes(picture: cv2.typing.MatLike) -> NDArray[np.float32]:
    """(channels, pixels) of a picture: numpy is far slower along an axis of two or three."""
    return np.ascontiguousarray(picture.reshape(-1, picture.shape[2]).T, np.float32)


def _median(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(channels,) of (channels, pixels), of which there are some: numpy's, whose care takes several times as long."""
    ranked, pixels = np.sort(planes, axis=1), planes.shape[1]
    return np.asarray((ranked[:, (pixels - 1) // 2] + ranked[:, pixels // 2]) / 2, np.float32)


def _saturation(colour: NDArray[np.float32]) -> float:
    """0..1 of an L*, a*, b*."""
    _, red_green, blue_yellow = colour.tolist()
    return math.hypot(red_green, blue_yellow) / max(math.hypot(*colour.tolist()), 1e-6)


def _risen(above: float, spread: float) -> float:
    """Logistic function: 0 far below, one half at 0, 1 far above."""
    return 1 / (1 + math.exp(min(max(-above / spread, -40), 40)))
