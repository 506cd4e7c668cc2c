"""Does anything move? A cheap look at the luma plane that decides whether a frame is worth analysing.

    luma -> 320x180 -> minus a slowly following background -> more than this spot usually does?
         -> in the two frames before as well? -> enough of it in one place? -> open, and held open a while

What a spot usually does is learnt, so that a tree that sways does not open the gate for ever. Dense traffic
must not be learnt away like it: a strong change over a larger square always opens the gate.
It errs towards open: a gate that opens for nothing costs time, one that stays shut costs a read.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Box

GATE_FPS: Final = 13.0
"""How often to ask: every other frame of a camera's usual 25 costs a fifth of decoding, and motion lasts."""

Luma = NDArray[np.uint8]
"""(height, width) uint8; rows may be padded."""

_SIZE = (320, 180)  # px; a car whose plate is just legible (40 px of 1920) is some 30 px wide here
_NEAR_PX = 9  # parts of one vehicle that lie closer are one
_SPECK_PX = 4
_AROUND_PX = 12  # of a region: the vehicle moves before its plate is inside


@dataclass(frozen=True, slots=True)
class GateTuning:
    """What counts as motion; brightness in levels of 255, lengths in px of the 320x180 picture.

    Attributes:
        floor: the least change of a pixel that counts.
        usual: how many times a spot's own usual change must be exceeded (swaying trees, flags, flicker).
        window_px, window_share: a square of this side must move by this share; less is noise or rain.
        strong: a change that counts however restless the spot.
        strong_px, strong_share: a square of this side must change so by this share; leaves are smaller.
        follow_per_s: levels a second by which the background follows what stays (clouds, a parked car).
        usual_s: time constant of what a spot usually does.
        hold_s: the gate stays open so long after the last motion, and so long after the first frame.
        frames_s: frames closer than this must agree on a motion; further apart a fast vehicle need not overlap.
    """

    floor: float = 9.0
    usual: float = 3.0
    window_px: int = 5
    window_share: float = 0.7
    strong: float = 45.0
    strong_px: int = 15
    strong_share: float = 0.6
    follow_per_s: float = 3.0
    usual_s: float = 20.0
    hold_s: float = 1.5
    frames_s: float = 0.1


class MotionGate:
    """One camera's gate; fed with every frame, in order.

    Args:
        tuning: what counts as motion.
        region: polygon in shares of width and height; outside of it, but for a margin, nothing counts. Empty: all.
    """

    def __init__(
        self, tuning: GateTuning | None = None, *, region: Sequence[tuple[float, float]] = ()
    ) -> None:
        self._tuning = tuning or GateTuning()
        self._counts = _mask(region) if region else None
        self._background: NDArray[np.float32] | None = None
        self._usual = np.zeros(_SIZE[::-1], np.float32)
        self._moved = np.zeros(_SIZE[::-1], np.uint8)
        self._moved_twice = self._mask = self._moved
        self._at_s = 0.0
        self._open_until_s = -math.inf
        self._moves_since_s: float | None = None
        self._moved_at_s = -math.inf

    @property
    def stayed_s(self) -> float:
        """How long something has moved, seconds, without a pause as long as the gate is held open."""
        return 0.0 if self._moves_since_s is None else self._moved_at_s - self._moves_since_s

    @property
    def moves_since_s(self) -> float | None:
        """When what moves now, or moved last, began to; None before anything did."""
        return self._moves_since_s

    def moving(self, *, width: int, height: int) -> tuple[Box, ...]:
        """Where something moves in the newest frame, in px of a picture of this size; specks are left out."""
        near = cv2.dilate(self._mask, np.ones((_NEAR_PX, _NEAR_PX), np.uint8))
        # Twenty times as fast as connected components; what lies in a hole of something larger is part of its box.
        outlines, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        across, down = width / _SIZE[0], height / _SIZE[1]
        return tuple(
            Box(x * across, y * down, w * across, h * down)
            for x, y, w, h in map(cv2.boundingRect, outlines)
            if max(w, h) >= _NEAR_PX + _SPECK_PX
        )

    def glance(self, luma: Luma, *, at_s: float) -> bool:
        """`is_open` of a frame that lies ahead: where it is open, as if this frame had never been shown."""
        ahead = copy.deepcopy(self)
        if ahead.is_open(luma, at_s=at_s):
            return True
        self.__dict__.update(ahead.__dict__)
        return False

    def is_open(self, luma: Luma, *, at_s: float) -> bool:
        """Whether something moves in this frame or did so a moment ago.

        Args:
            luma: (height, width) uint8, any size.
            at_s: the frame's time, seconds from anywhere, ascending.
        """
        small = cv2.blur(cv2.resize(luma, _SIZE, interpolation=cv2.INTER_LINEAR), (3, 3)).astype(np.float32)
        if self._background is None:
            self._background = small
            self._open_until_s = at_s + self._tuning.hold_s
        elif self._moves(small, self._background, elapsed_s=max(0.0, at_s - self._at_s)):
            if at_s > self._open_until_s or self._moves_since_s is None:
                self._moves_since_s = at_s
            self._moved_at_s = at_s
            self._open_until_s = at_s + self._tuning.hold_s
        self._at_s = at_s
        return at_s <= self._open_until_s

    def _moves(
        self, small: NDArray[np.float32], background: NDArray[np.float32], *, elapsed_s: float
    ) -> bool:
        tuning = self._tuning
        # A cloud or the camera's exposure changes the whole picture by one factor: that is no motion.
        light = np.median((small[::4, ::4] + 1) / (background[::4, ::4] + 1))
        size = np.abs(small - background * np.float32(light))
        if self._counts is not None:
            size *= self._counts
        moving = np.greater(size, tuning.floor + tuning.usual * self._usual).view(np.uint8)
        # The background steps towards the picture instead of averaging, so that it settles on what is seen
        # most of the time, the road, and not on the mean of road and traffic.
        step = np.float32(tuning.follow_per_s * elapsed_s)
        background += np.clip(small - background, -step, step)
        self._usual += (size - self._usual) * np.float32(1.0 - math.exp(-elapsed_s / tuning.usual_s))
        lasting = self._lasting(moving) if elapsed_s <= tuning.frames_s else moving
        self._mask = lasting
        if _fills(lasting, side_px=tuning.window_px, share=tuning.window_share):
            return True
        strong = np.greater(size, tuning.strong).view(np.uint8)
        self._mask = lasting | strong
        return _fills(strong, side_px=tuning.strong_px, share=tuning.strong_share)

    def _lasting(self, moving: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What moved here or next to it in the two frames before as well: raindrops and noise do not."""
        twice = moving & _grown(self._moved)
        thrice = twice & _grown(self._moved_twice)
        self._moved, self._moved_twice = moving, twice
        return thrice


def _mask(region: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """1 within the region and a margin around it, 0 elsewhere."""
    corners = np.round(np.array(region) * _SIZE).astype(np.int32)
    mask = np.zeros(_SIZE[::-1], np.uint8)
    cv2.fillPoly(mask, [corners], (1,))
    around = 2 * _AROUND_PX + 1
    return cv2.dilate(mask, np.ones((around, around), np.uint8)).astype(np.float32)


def _grown(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], cv2.dilate(mask, np.ones((3, 3), np.uint8)))


def _fills(mask: NDArray[np.uint8], *, side_px: int, share: float) -> bool:
    """Whether some square of the mask (0 or 1) is set by this share."""
    count = cv2.boxFilter(mask, cv2.CV_16U, (side_px, side_px), normalize=False)
    return bool(count.max() >= math.ceil(share * side_px * side_px))
