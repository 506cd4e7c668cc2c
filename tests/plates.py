"""Plates drawn with OpenCV's own lettering, for tests that need something to read."""

import cv2
import numpy as np

from edge.types import Bgr

YELLOW, BLACK, WHITE = (40, 200, 240), (20, 20, 20), (240, 240, 240)


def line(text: str, *, height: int = 80, margin: int = 14, back: tuple[int, int, int] = YELLOW) -> Bgr:
    """One line of text, black, its characters filling `height` px but for the margin."""
    scale, thick = (height - 2 * margin) / 22, max((height - 2 * margin) // 10, 1)
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    strip = np.full((height, wide + 4 * margin, 3), back, dtype=np.uint8)
    cv2.putText(
        strip, text, (2 * margin, height - margin), cv2.FONT_HERSHEY_SIMPLEX, scale, BLACK, thick, cv2.LINE_AA
    )
    return strip


def stack(*strips: Bgr) -> Bgr:
    """Strips above one another, each in the middle of the widest."""
    wide = max(s.shape[1] for s in strips)
    rows = []
    for strip in strips:
        left = (wide - strip.shape[1]) // 2
        rows.append(
            cv2.copyMakeBorder(
                strip,
                0,
                0,
                left,
                wide - strip.shape[1] - left,
                cv2.BORDER_CONSTANT,
                value=strip[0, 0].tolist(),
            )
        )
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def framed(plate: Bgr, *, border: int = 8) -> Bgr:
    """A plate with a dark rim, as a crop with a margin shows it."""
    return np.asarray(
        cv2.copyMakeBorder(plate, border, border, border, border, cv2.BORDER_CONSTANT, value=(60, 60, 60)),
        dtype=np.uint8,
    )


def car(text: str, *, city: str = "") -> Bgr:
    """A plate of one line, and the municipality in small type below, where it is given."""
    number = line(text, height=80)
    if not city:
        return framed(number)
    return framed(stack(number, line(city, height=30, margin=6)))


def motorcycle(upper: str, lower: str) -> Bgr:
    """A plate of two lines."""
    return framed(stack(line(upper, height=80), line(lower, height=80)))


def turned(picture: Bgr, degrees: float) -> Bgr:
    """A picture turned about its middle, clockwise, on a dark ground large enough for it."""
    wide = picture.shape[1]
    slope = abs(np.tan(np.deg2rad(degrees)))
    pad = int(slope * wide / 2) + 2
    ground = cv2.copyMakeBorder(picture, pad, pad, 2, 2, cv2.BORDER_CONSTANT, value=(60, 60, 60))
    centre = ground.shape[1] / 2, ground.shape[0] / 2
    warp = cv2.getRotationMatrix2D(centre, -degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(ground, warp, ground.shape[1::-1], borderValue=(60, 60, 60)), dtype=np.uint8
    )
