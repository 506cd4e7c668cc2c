"""The vehicle's colour as the frames of its track say it together; none where they are not sure.

Told are the colours of models/vehicle_colour/palette.json, above the share that it names. White and grey are told
as one: only the exposure tells them apart.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge import assets
from edge.contract.read import Scored
from edge.errors import AssetError
from edge.read.crop import cut
from edge.read.paint import REGIONS, UNTOLD, Palette, features, ground, lit, sees_colour, window
from edge.types import Bgr, Box

PALETTE: Final = "vehicle_colour/palette.json"
BODIES: Final = frozenset({"car", "bus", "truck"})
"""Vehicles with paint around the plate; around a motorcycle's there are a wheel, a rider and the road."""
_TINY: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Fitted:
    """A palette as arrays.

    Attributes:
        names: of the rows of the weights; two may have one name.
        shades: (shades, 3) float32.
        spread: of a shade.
        weights: (names, regions x shades) float32.
        bias: (names,) float32.
        sure: least share of a colour that is told.
    """

    names: tuple[str, ...]
    shades: NDArray[np.float32]
    spread: float
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    sure: float


def fitted(kept: Palette) -> Fitted:
    """The arrays of a palette.

    Raises:
        ValueError: its tables do not fit together.
    """
    names, shades = kept.colours, np.asarray(kept.shades, np.float32)
    width = len(REGIONS) * len(shades)
    if len(kept.bias) != len(names) or [len(row) for row in kept.weights] != [width] * len(names):
        raise ValueError(f"weights are not {len(names)} rows of {width} and as many biases")
    weights, bias = np.asarray(kept.weights, np.float32), np.asarray(kept.bias, np.float32)
    return Fitted(names, shades, kept.spread, weights, bias, kept.sure)


@cache
def palette() -> Fitted:
    """What was fitted, read once.

    Raises:
        AssetError: it is missing, not JSON, or its tables do not fit together.
    """
    path = assets.model_file(PALETTE)
    try:
        return fitted(Palette.model_validate_json(path.read_bytes()))
    except ValueError as error:
        raise AssetError(f"{path}: damaged: {error}") from error


def shares(picture: Bgr, plate: Box, *, background: Mapping[str, float], known: Fitted) -> dict[str, float]:
    """Likelihood of each colour of the vehicle in one frame, `unknown` among them; they sum to one.

    Args:
        picture: (h, w, 3) uint8 BGR, the full frame.
        plate: px of it.
        background: of the plate, as `edge.types.Reading`; empty where its camera sees no colour, tinted or not.
        known: the palette.

    Returns:
        Empty where no colour is to be seen.
    """
    view, inside = window(picture, plate)
    crop = cut(picture, plate)
    if not background or min(crop.shape[:2]) < 2 or not inside.any():
        return {}
    lab = lit(view, light=ground(crop), white=background.get("white", 0.0))
    if not sees_colour(lab, inside):
        return {}
    row = features(lab, inside, shades=known.shades, spread=known.spread)
    scores = known.weights @ row + known.bias
    risen = np.exp(scores - scores.max())
    found: defaultdict[str, float] = defaultdict(float)
    for name, share in zip(known.names, (risen / risen.sum()).tolist(), strict=True):
        found[name] += share
    return dict(found)


class Colours:
    """What the frames of one vehicle say of its colour.

    Frames of one track show the same light on the same paint: many are no surer than their mean.
    """

    def __init__(self) -> None:
        self._logs: defaultdict[str, float] = defaultdict(float)
        self._weight = 0.0

    def add(self, found: Mapping[str, float], *, weight: float) -> None:
        """Take a frame's shares, all colours or none of them; its weight is the picture's quality, 0..1."""
        if not found:
            return
        weight = max(weight, _TINY)
        self._weight += weight
        for name, share in found.items():
            self._logs[name] += weight * float(np.log(max(share, _TINY)))

    def absorb(self, other: "Colours") -> None:
        """Take over what other frames of the same vehicle said."""
        self._weight += other._weight
        for name, log in other._logs.items():
            self._logs[name] += log

    def best(self, *, sure: float) -> Scored | None:
        """The likeliest colour where its share reaches `sure`, else None."""
        if not self._logs:
            return None
        risen = {name: float(np.exp(log / self._weight)) for name, log in self._logs.items()}
        name = max(sorted(risen), key=lambda n: risen[n])
        share = risen[name] / sum(risen.values())
        return Scored(value=name, likelihood=min(share, 1.0)) if name != UNTOLD and share >= sure else None
