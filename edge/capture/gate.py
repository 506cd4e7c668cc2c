"""Does anything move? A cheap look at the luma plane that decides whether a frame is worth analysing.

    luma -> 320x180 -> minus a slowly following background -> more than this spot usually does?
         -> in the frame before as well? -> enough of it in one place? -> open, and held open a while

It errs towards open: a gate that opens for nothing costs time, one that stays shut costs a read.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
"""(height, width) uint8; rows may be padded."""

_SIZE = (320, 180)  # px; a car whose plate is just legible (40 px of 1920) is some 30 px wide here


@dataclass(frozen=True, slots=True)
class GateTuning:
    """What counts as motion; brightness in levels of 255, lengths in px of the 320x180 picture.

    Attributes:
        floor: the least change of a pixel that counts.
        usual: how many times a spot's own usual change must be exceeded (swaying trees, flags, flicker).
        ceiling: a change that always counts, however restless the spot: dense traffic must not shut the gate.
        window_px, window_share: a square of this side must move by this share; less is noise or rain.
        follow_per_s: levels a second by which the background follows what stays (clouds, a parked car).
        usual_s: time constant of what a spot usually does.
        hold_s: the gate stays open so long after the last motion, and so long after the first frame.
        frames_s: frames closer than this must agree on a motion; further apart a fast vehicle need not overlap.
    """

    floor: float = 9.0
    usual: float = 2.5
    ceiling: float = 45.0
    window_px: int = 5
    window_share: float = 0.7
    follow_per_s: float = 3.0
    usual_s: float = 10.0
    hold_s: float = 1.5
    frames_s: float = 0.1


class MotionGate:
    """One camera's gate; fed with every frame, in order."""

    def __init__(self, tuning: GateTuning | None = None) -> None:
        self._tuning = tuning or GateTuning()
        self._background: NDArray[np.float32] | None = None
        self._usual = np.zeros(_SIZE[::-1], np.float32)
        self._before = np.zeros(_SIZE[::-1], np.uint8)
        self._at_s = 0.0
        self._open_until_s = -math.inf

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
            self._open_until_s = at_s + self._tuning.hold_s
        self._at_s = at_s
        return at_s <= self._open_until_s

    def _moves(
        self, small: NDArray[np.float32], background: NDArray[np.float32], *, elapsed_s: float
    ) -> bool:
        tuning = self._tuning
        change = small - background
        # A cloud or the camera's exposure changes the whole picture alike: that is no motion.
        change -= np.median(change[::4, ::4])
        size = np.abs(change)
        limit = np.minimum(tuning.floor + tuning.usual * self._usual, tuning.ceiling)
        moving = np.greater(size, limit).view(np.uint8)
        # The background steps towards the picture instead of averaging, so that it settles on what is seen
        # most of the time, the road, and not on the mean of road and traffic.
        step = np.float32(tuning.follow_per_s * elapsed_s)
        background += np.clip(small - background, -step, step)
        self._usual += (size - self._usual) * np.float32(1.0 - math.exp(-elapsed_s / tuning.usual_s))
        agreed = moving
        if elapsed_s <= tuning.frames_s:
            agreed = moving & cv2.dilate(self._before, np.ones((3, 3), np.uint8))
        self._before = moving
        share = cv2.blur(agreed.astype(np.float32), (tuning.window_px, tuning.window_px))
        return bool(share.max() >= tuning.window_share - 1e-6)
