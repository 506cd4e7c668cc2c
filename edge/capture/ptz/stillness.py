"""Does the camera itself turn? Told by the picture alone: a turn moves nearly all of it, traffic only a part.

luma -> 160x90 -> against the picture of a moment before, freed of a change of light
     -> tile by tile: has what is drawn there gone? -> of nearly all tiles?
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.gate import Luma

_SIZE: Final = (160, 90)  # px
_TILE: Final = 10  # px


@dataclass(frozen=True, slots=True)
class StillnessTuning:
    """What counts as a turn; brightness in levels of 255.

    Attributes:
        ago_s: pictures so far apart are compared: a slow turn needs a while to be seen.
        drawn: a tile with less contrast (standard deviation) than this tells nothing.
        changed: a tile's mean change, as a share of its contrast, at which what was drawn there is gone.
        share: of the telling tiles; so many gone are a turn (of the clips of sample_videos, the densest traffic
            makes 0.77 of them go, the turns 0.92 and more).
        least_tiles: with fewer telling tiles (fog, darkness) the picture counts as still.
    """

    ago_s: float = 0.3
    drawn: float = 4.0
    changed: float = 0.45
    share: float = 0.85
    least_tiles: int = 10


class Stillness:
    """One camera's; fed with its pictures, in order."""

    def __init__(self, tuning: StillnessTuning | None = None) -> None:
        self._tuning = tuning or StillnessTuning()
        self._past: deque[tuple[float, NDArray[np.float32]]] = deque(maxlen=64)
        self.share = 0.0

    def turns(self, luma: Luma, *, at_s: float) -> bool:
        """Whether this picture shows that the camera turns; `share` says how much of the picture has gone.

        Args:
            luma: (height, width) uint8, any size.
            at_s: its time, seconds from anywhere, ascending.
        """
        twice = cv2.resize(luma, (2 * _SIZE[0], 2 * _SIZE[1]), interpolation=cv2.INTER_LINEAR)
        small = cv2.resize(twice, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        while len(self._past) > 1 and self._past[1][0] <= at_s - self._tuning.ago_s:
            self._past.popleft()
        before = self._past[0][1] if self._past else small
        if not self._past or at_s - self._past[-1][0] >= self._tuning.ago_s / 8:
            self._past.append((at_s, small))
        self.share = self._gone(before, small)
        return self.share >= self._tuning.share

    def _gone(self, before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
        light = np.median((now[::3, ::3] + 1) / (before[::3, ::3] + 1))
        change = _tiles(np.abs(now - before * np.float32(light))).mean(axis=(1, 3))
        contrast = np.minimum(_tiles(now).std(axis=(1, 3)), _tiles(before).std(axis=(1, 3)))
        telling = contrast >= self._tuning.drawn
        if np.count_nonzero(telling) < self._tuning.least_tiles:
            return 0.0
        return float(np.mean(change[telling] >= self._tuning.changed * contrast[telling]))


def _tiles(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, tile, columns, tile) view of a picture."""
    rows, columns = picture.shape[0] // _TILE, picture.shape[1] // _TILE
    return picture.reshape(rows, _TILE, columns, _TILE)
