"""The colour of the vehicle around a plate: shares of the colours, from one frame.

    window around the plate -> light of the plate's ground -> shades in a few regions -> likelihood of each colour

Nobody knows where the vehicle's paint is: the window is cut by the plate's size, and how much a shade in a region
says of the vehicle was learnt (models/vehicle_colour/train.py). The plate itself says in which light it stands: the
light part of a plate with a white ground would be white in white light.
"""

from typing import Annotated, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edge.types import Bgr, Box

UNTOLD: Final = "unknown"
"""Share of what shows no colour: dusk, night, coloured light."""

WINDOW: Final = (20, 18)
"""Width and height of the window, px."""
_SAMPLES: Final = 4
"""Pixels of the picture across one of the window: more would only cost time."""
_SIDE: Final = 2.2
_ABOVE: Final = 2.9
_BELOW: Final = 1.06
"""How far the window reaches from the plate's middle, in sizes."""
_REFERENCE: Final = 0.7
"""Luminance that a white plate is given, 0..1 linear."""
_EXPOSURE: Final = 0.7
"""How much of the way there the light is taken: plates reflect more than they should, and lie in shadow."""
_LIGHT: Final = 0.6
"""How much of the plate's word on the light is believed."""
_LUMINANCE: Final = np.array([0.07, 0.72, 0.21], np.float32)
_DARK: Final = 0.02
"""Luminance below which a plate says nothing on the light."""
_GAMMA: Final = 2.2
_LINEAR: Final = (np.arange(256, dtype=np.float32) / 255) ** _GAMMA
_SCALE: Final = np.array([0.6, 1.0, 1.0], np.float32) / 15
"""Of L*, a*, b* to the space in which shades are compared: light changes lightness first."""
_GREY: Final = 3.0
_COLOURED: Final = 0.02
"""Least share of pixels with more chroma than that; with fewer the camera sees no colour, as by night."""

Window = NDArray[np.uint8]
"""(18, 20, 3) uint8 BGR."""


class Palette(BaseModel):
    """What was fitted: shades, and what each of them says in each region."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    colours: tuple[str, ...] = Field(min_length=2, description="names, the order of the weights")
    shades: tuple[tuple[float, float, float], ...] = Field(min_length=2, description="scaled L*, a*, b*")
    spread: Annotated[float, Field(gt=0)] = Field(description="of a shade, in the same space")
    weights: tuple[tuple[float, ...], ...] = Field(description="(colours, regions x shades)")
    bias: tuple[float, ...] = Field(description="one a colour")
    sure: Annotated[float, Field(gt=0, lt=1)] = Field(description="least share of a colour that is told")
    note: str = Field(description="where the numbers come from")


def _regions() -> NDArray[np.float32]:
    """(5, pixels) 0 or 1: close above the plate, beside it, farther above, below, and the sides."""
    wide, high = WINDOW
    x = np.abs(-_SIDE + (np.arange(wide) + 0.5) * 2 * _SIDE / wide)[None, :]
    y = (-_ABOVE + (np.arange(high) + 0.5) * (_ABOVE + _BELOW) / high)[:, None]
    masks = (
        (y > -1.2) & (y < -0.3) & (x < 1.2),
        (np.abs(y) < 0.35) & (x > 0.55) & (x < 1.5),
        (y < -1.2) & (x < 1.3),
        (y > 0.35) & (x < 1.3),
        (x > 1.3) & (y < 0.3),
    )
    return np.stack([m.ravel() for m in masks]).astype(np.float32)


REGIONS: Final = _regions()


def window(picture: Bgr, plate: Box) -> tuple[Window, NDArray[np.bool_]]:
    """What is around a plate, and which pixels of it lie in the picture.

    Args:
        picture: (h, w, 3) uint8 BGR.
        plate: px of it.

    Returns:
        (18, 20, 3) uint8 BGR and (18, 20) bool.
    """
    wide, high = WINDOW
    size = max(plate.width, 2 * plate.height)
    x, y = plate.centre
    scale = wide / (2 * _SIDE * size)
    left, top = x - _SIDE * size, y - _ABOVE * size
    rows, columns = picture.shape[:2]
    x0, y0 = max(0, int(left)), max(0, int(top))
    part = picture[y0 : min(rows, int(y + _BELOW * size) + 1), x0 : min(columns, int(x + _SIDE * size) + 1)]
    view, inside = np.zeros((high, wide, 3), np.uint8), np.zeros((high, wide), np.bool_)
    if not part.size:
        return view, inside
    step = max(1, int(1 / (_SAMPLES * scale)))
    shape = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(part[::step, ::step]), shape, interpolation=cv2.INTER_AREA)
    row, column = min(max(round((y0 - top) * scale), 0), high), min(max(round((x0 - left) * scale), 0), wide)
    small = small[: high - row, : wide - column]
    view[row : row + small.shape[0], column : column + small.shape[1]] = small
    inside[row : row + small.shape[0], column : column + small.shape[1]] = True
    return view, inside


def ground(crop: Bgr) -> NDArray[np.float32]:
    """The light part of a plate, (3,) BGR, 0..1 linear.

    Args:
        crop: (h, w, 3) uint8 BGR, a plate with little around it.
    """
    high, wide = crop.shape[:2]
    rim_y, rim_x = int(0.12 * high), int(0.06 * wide)
    small = cv2.resize(
        crop[rim_y : high - rim_y, rim_x : wide - rim_x], (48, 24), interpolation=cv2.INTER_AREA
    )
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    edge, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light = grey > edge
    linear = _LINEAR[small]
    found = np.median(linear[light] if light.any() else linear.reshape(-1, 3), axis=0)
    return np.asarray(found, np.float32)


def lit(view: Window, *, light: NDArray[np.float32], white: float) -> NDArray[np.float32]:
    """L*, a*, b* of a window as it would be in white light, (18, 20, 3).

    Args:
        view: the window.
        light: the plate's ground, (3,) BGR, 0..1 linear.
        white: probability that the plate's ground is white; without it the window stays as it is.
    """
    linear = _LINEAR[view]
    luminance = float(light @ _LUMINANCE)
    if luminance > _DARK and white > 0:
        believed = _LIGHT * white
        tint = (luminance / np.maximum(light, 0.01)) ** believed
        linear = linear * tint * (_REFERENCE / luminance) ** (believed * _EXPOSURE)
    shown = (np.clip(linear, 0, 1) ** (1 / _GAMMA)).astype(np.float32)
    return np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2Lab), np.float32)


def features(
    lab: NDArray[np.float32], inside: NDArray[np.bool_], *, shades: NDArray[np.float32], spread: float
) -> NDArray[np.float32]:
    """(regions x shades,) root of the share that each shade has in each region, smooth parts counting for more."""
    across = np.abs(np.diff(lab, axis=1, append=lab[:, -1:])).sum(2)
    down = np.abs(np.diff(lab, axis=0, append=lab[-1:])).sum(2)
    weight = inside / (1 + (across + down) / 8)
    points = scaled(lab)
    far = (points**2).sum(1)[:, None] - 2 * points @ shades.T + (shades**2).sum(1)
    near = np.exp(-(far - far.min(1, keepdims=True)) / (2 * spread**2))
    near /= near.sum(1, keepdims=True)
    area = REGIONS * weight.ravel()
    shares = (area @ near + 1e-3 / len(shades)) / (area.sum(1, keepdims=True) + 1e-3)
    return np.asarray(np.sqrt(np.maximum(shares, 0)).ravel(), np.float32)


def scaled(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """(pixels, 3) in the space in which shades are compared."""
    return np.asarray((lab * _SCALE).reshape(-1, 3), np.float32)


def sees_colour(lab: NDArray[np.float32], inside: NDArray[np.bool_]) -> bool:
    """Whether anything in the window has a colour; a grey picture comes from a camera that sees none."""
    chroma = np.hypot(lab[..., 1], lab[..., 2])[inside]
    return bool(chroma.size) and float(np.mean(chroma > _GREY)) >= _COLOURED
