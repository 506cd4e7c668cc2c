"""Fit a frame of any size into a net's input, and take boxes back."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.types import Bgr, Box

GREY = 114  # the border that the net was trained with


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a frame lies in the net's input.

    Attributes:
        scale_x, scale_y: input px per frame px.
        left, top: px of border before the frame, in the input.
        frame_width, frame_height: size of the frame, px.
    """

    scale_x: float
    scale_y: float
    left: int
    top: int
    frame_width: int
    frame_height: int

    def to_frame(self, x1: float, y1: float, x2: float, y2: float) -> Box | None:
        """Take corners in input px back to the frame, clipped to it; None where nothing is left of the box."""
        left = min(max((x1 - self.left) / self.scale_x, 0.0), float(self.frame_width))
        right = min(max((x2 - self.left) / self.scale_x, 0.0), float(self.frame_width))
        top = min(max((y1 - self.top) / self.scale_y, 0.0), float(self.frame_height))
        bottom = min(max((y2 - self.top) / self.scale_y, 0.0), float(self.frame_height))
        if right <= left or bottom <= top:
            return None
        return Box(left, top, right - left, bottom - top)

    def to_input(self, box: Box) -> Box:
        """Take a box of the frame to px of the input."""
        return Box(
            box.x * self.scale_x + self.left,
            box.y * self.scale_y + self.top,
            box.width * self.scale_x,
            box.height * self.scale_y,
        )


def letterbox(bgr: Bgr, *, width: int, height: int) -> tuple[Bgr, Fit]:
    """Scale a frame into width x height px, its shape kept, centred on grey.

    Args:
        bgr: (h, w, 3) uint8, BGR; any size of at least one pixel.
        width: of the result, px.
        height: of the result, px.

    Returns:
        The picture, (height, width, 3) uint8 BGR, and where the frame lies in it.

    Raises:
        ValueError: the frame is empty or not a (h, w, 3) uint8 array.
    """
    if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8 or not bgr.size:
        raise ValueError(f"expected a frame (h, w, 3) of uint8, found {bgr.shape} of {bgr.dtype}")
    frame_height, frame_width = bgr.shape[:2]
    scale = min(width / frame_width, height / frame_height)
    inner_width = min(width, max(1, round(frame_width * scale)))
    inner_height = min(height, max(1, round(frame_height * scale)))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.full((height, width, 3), GREY, np.uint8)
    inner = canvas[top : top + inner_height, left : left + inner_width]
    inner[:] = cv2.resize(_halved(bgr, scale), (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
    fit = Fit(inner_width / frame_width, inner_height / frame_height, left, top, frame_width, frame_height)
    return canvas, fit


def _halved(bgr: Bgr, scale: float) -> Bgr:
    """Halve a frame as long as the wanted scale stays below one half.

    Linear interpolation over a larger step would skip pixels and alias the strokes of small plates; averaging in
    one step (INTER_AREA) costs three times as much at 1080p.
    """
    while scale <= 0.5 and min(bgr.shape[:2]) >= 2:
        bgr = np.asarray(
            cv2.resize(bgr, (bgr.shape[1] // 2, bgr.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8
        )
        scale *= 2
    return bgr
