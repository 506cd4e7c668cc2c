"""The pictures that prove a read: which frame shows the plate best, and its crop and overview as JPEG.

The quality of a picture (size, sharpness, exposure, wholly in the frame) also weighs its vote.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import ctc
from edge.contract.spelling import normalise
from edge.types import Bgr, Box, Reading

CROP_BYTES: Final = 8_192
OVERVIEW_WIDTH_PX: Final = 960

_FULL_WIDTH_PX: Final = 120  # wider plates gain nothing
_SHARP_SIZE: Final = (96, 32)  # crops are compared at this size: of the shape in which they are read
_SMOOTH_PX: Final = 0.8  # noise and blocks are smoothed away at that size
_NEAR_PX, _FAR_PX = 1, 4
_STEEPEST: Final = 0.95
_DARK, _BRIGHT = 0.05, 0.95  # shares of the pixels that are below what counts as dark, and as bright
# How much of what changes over some pixels changes from one to the next: below the first a picture says nothing,
# above the second it gains nothing. A frame that is taken for smeared may go unread: so the first is low.
_BLURRED: Final = 0.15
_SHARP: Final = 0.32
_FULL_CONTRAST: Final = 60.0  # grey levels between dark and bright
_BURNT: Final = 250
_EDGE_PX: Final = 2.0
_CUT_OFF: Final = 0.3  # weight of a plate that touches the picture's border
_OVERVIEW_QUALITY: Final = 80
_SHRUNK_PX: Final = 16  # a shorter side of a crop is not made shorter
_LEAST: Final = 1e-6  # of quality: its logarithm is a number


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of a plate that was read.

    Attributes:
        captured_at: capture time.
        box: the plate in the full frame, px.
        frame_size: (width, height) of that frame, px.
        quality: 0..1.
        reading: what the reader made of it.
        crop: (height, width, 3) uint8, BGR: the plate with a small margin, at full resolution.
        overview: (height, width, 3) uint8, BGR: the untouched frame, at most OVERVIEW_WIDTH_PX wide.
    """

    captured_at: datetime
    box: Box
    frame_size: tuple[int, int]
    quality: float
    reading: Reading
    crop: Bgr
    overview: Bgr

    @property
    def text(self) -> str:
        """What the reader spelt, letters and digits only."""
        return normalise(self.reading.text_raw)

    def proves(self, plate: str) -> tuple[bool, float]:
        """How well it proves that plate, to be compared: first whether it reads so, then how likely and how clear.

        A neighbour's plate makes the sharpest picture worth nothing; of two frames that hold the plate nearly as
        likely the clearer one is worth more.
        """
        labels = tuple(self.reading.alphabet.index(char) + 1 for char in plate)
        likelihood = float(ctc.log_likelihoods(self.reading.log_probs, [labels])[0])
        return self.text == plate, likelihood + math.log(max(self.quality, _LEAST))


class Gallery:
    """The best shots of one vehicle: one for each string that was read, of the few strings nearest to its plate.

    A track may have caught a neighbour's plate for a frame; the evidence of a read must show that vehicle's own.
    """

    _STRINGS: Final = 3

    def __init__(self) -> None:
        self._shots: dict[str, Shot] = {}

    def __len__(self) -> int:
        return len(self._shots)

    def add(self, shot: Shot, *, plate: str | None) -> None:
        """Keep the shot where it is the best of its string, and its string among the nearest.

        Args:
            shot: of this vehicle, or of what its track has caught.
            plate: what all its frames say by now; None while that is nothing.
        """
        held = self._shots.get(shot.text)
        if held is None or shot.quality > held.quality:
            self._shots[shot.text] = shot
        if len(self._shots) > self._STRINGS:
            del self._shots[min(self._shots.values(), key=lambda s: _worth(s, plate)).text]

    def merge(self, other: "Gallery", *, plate: str | None) -> None:
        """Add another one's shots."""
        for shot in other._shots.values():
            self.add(shot, plate=plate)

    def best(self, plate: str) -> Shot:
        """The best shot in which `plate` was read, else the one that proves it best.

        Raises:
            LookupError: nothing was added.
        """
        if not self._shots:
            raise LookupError("no shot was added")
        return max(self._shots.values(), key=lambda s: _worth(s, plate))


def _worth(shot: Shot, plate: str | None) -> tuple[bool, float]:
    return (False, shot.quality) if plate is None else shot.proves(plate)


class Still:
    """A frame that several shots may want an overview of; it is shrunk once."""

    def __init__(self, bgr: Bgr) -> None:
        self._bgr = bgr
        self._overview: Bgr | None = None

    @property
    def overview(self) -> Bgr:
        """At most OVERVIEW_WIDTH_PX wide; a copy, so that the frame can be forgotten."""
        if self._overview is None:
            height, width = self._bgr.shape[:2]
            scale = min(1.0, OVERVIEW_WIDTH_PX / width)
            size = (round(width * scale), max(1, round(height * scale)))
            shrunk = (
                cv2.resize(self._bgr, size, interpolation=cv2.INTER_AREA) if scale < 1 else self._bgr.copy()
            )
            self._overview = np.asarray(shrunk, dtype=np.uint8)
        return self._overview


@dataclass(frozen=True, slots=True)
class Clarity:
    """How clear a crop is, whatever its size.

    Attributes:
        sharpness: 0 smeared to 1.
        contrast: grey levels between dark and bright, at least 1.
        burnt: share of pixels that are white to the limit.
    """

    sharpness: float
    contrast: float
    burnt: float


def clarity(crop: Bgr) -> Clarity:
    """Measure a crop that holds little but the plate.

    Sharpness is the change from pixel to pixel at the steepest edges, across and down alike, in shares of the
    contrast and of the change over some pixels. Across alone says nothing of a plate that is smeared downwards, as
    vehicles are that come towards the camera; both together see either smear.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    small = np.asarray(cv2.resize(grey, _SHARP_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    contrast = max(1.0, _level(small, _BRIGHT) - _level(small, _DARK))
    smooth = np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), _SMOOTH_PX), np.float32)
    near, far = (_steepest(smooth, px) for px in (_NEAR_PX, _FAR_PX))
    steep = near / float(np.sqrt(contrast * max(1.0, far)))
    sharp = min(1.0, max(0.0, (steep - _BLURRED) / (_SHARP - _BLURRED)))
    return Clarity(sharp, contrast, float(np.mean(small >= _BURNT)))


def _steepest(grey: NDArray[np.float32], px: int) -> float:
    """Grey levels that the steepest edges change over so many pixels: the geometric mean of across and down."""
    across = _level(np.abs(grey[:, px:] - grey[:, :-px]), _STEEPEST)
    down = _level(np.abs(grey[px:] - grey[:-px]), _STEEPEST)
    return math.sqrt(across * down)


def _level(values: NDArray[np.uint8] | NDArray[np.float32], share: float) -> float:
    """What that share, less than 1, of the values is below: numpy's `quantile`, whose care takes five times as long."""
    place = share * (values.size - 1)
    rank = int(place)
    below, above = np.partition(values, (rank, rank + 1), axis=None)[rank : rank + 2].tolist()
    return float(below + (place - rank) * (above - below))


def quality(crop: Bgr, box: Box, *, frame_width_px: int, frame_height_px: int) -> float:
    """How good a picture of the plate it is, 0..1: the geometric mean of size and sharpness, less its faults."""
    clear = clarity(crop)
    size = min(1.0, box.width / _FULL_WIDTH_PX)
    exposure = min(1.0, clear.contrast / _FULL_CONTRAST) * (1 - max(0.0, clear.burnt - 0.5))
    whole = _is_whole(box, frame_width_px=frame_width_px, frame_height_px=frame_height_px)
    return float(np.sqrt(size * clear.sharpness)) * exposure * (1.0 if whole else _CUT_OFF)


def crop_jpeg(crop: Bgr, *, limit: int = CROP_BYTES) -> bytes:
    """The crop, of any shape, as a JPEG of at most `limit` bytes: at less quality, then smaller, until it fits.

    Raises:
        ValueError: no picture fits into so few bytes; CROP_BYTES always do.
    """
    picture = crop
    while True:
        for level in (92, 85, 75, 60, 45):
            encoded = jpeg(picture, level=level)
            if len(encoded) <= limit:
                return encoded
        height, width = picture.shape[:2]
        if max(height, width) < _SHRUNK_PX:
            raise ValueError(f"no JPEG of a {crop.shape[1]}x{crop.shape[0]} crop fits into {limit} bytes")
        smaller = tuple(side * 3 // 4 if side >= _SHRUNK_PX else side for side in (width, height))
        picture = np.asarray(cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def overview_jpeg(overview: Bgr) -> bytes:
    """The overview as a JPEG, some 100 KB."""
    return jpeg(overview, level=_OVERVIEW_QUALITY)


def jpeg(bgr: Bgr, *, level: int) -> bytes:
    """A picture as a JPEG of a quality from 0 to 100.

    Raises:
        ValueError: it is more than 65,500 px wide or high.
    """
    done, encoded = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, level))
    if not done:
        raise ValueError(f"a picture of shape {bgr.shape} cannot be encoded")
    return encoded.tobytes()


def _is_whole(box: Box, *, frame_width_px: int, frame_height_px: int) -> bool:
    return (
        box.x >= _EDGE_PX
        and box.y >= _EDGE_PX
        and box.x + box.width <= frame_width_px - _EDGE_PX
        and box.y + box.height <= frame_height_px - _EDGE_PX
    )
