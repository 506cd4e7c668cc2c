"""The light in the whole picture, over a look."""

from typing import Final

import cv2
import numpy as np

from edge.types import Bgr

_SIZE: Final = (320, 180)
_BURNT: Final = 250
_GREY: Final = 4.0  # chroma (CIE L*a*b*); video of a grey picture comes to 2 or so
_COLOURED: Final = 0.02  # share of pixels with a colour, below which a camera sees none


class Scene:
    """Fed with a picture now and then."""

    def __init__(self) -> None:
        self._levels: list[tuple[float, float, bool]] = []

    def note(self, bgr: Bgr) -> None:
        """Look at a picture."""
        small = cv2.resize(bgr, _SIZE, interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
        is_grey = float(np.mean(np.hypot(lab[..., 1], lab[..., 2]) > _GREY)) < _COLOURED
        self._levels.append((float(np.median(grey)), float(np.mean(grey >= _BURNT)), is_grey))

    @property
    def brightness(self) -> float:
        """Median grey level of the usual picture, 0 to 255."""
        return float(np.median([level for level, _, _ in self._levels])) if self._levels else 0.0

    @property
    def burnt(self) -> float:
        """Share of the usual picture that is white to the limit."""
        return float(np.median([burnt for _, burnt, _ in self._levels])) if self._levels else 0.0

    @property
    def is_grey(self) -> bool:
        """Whether most pictures have no colour."""
        return sum(grey for _, _, grey in self._levels) * 2 > len(self._levels)
