"""The picture that shows most, with its plates boxed and numbered, and each plate by itself; as JPEG."""

from typing import Final

import cv2
import numpy as np

from edge.drawing import mark
from edge.evidence import jpeg
from edge.probe.facts import PlateFacts
from edge.probe.look import Best
from edge.types import Bgr, Box

_WIDTH_PX: Final = 1600
_PLATE_PX: Final = 240
_READ: Final = (60, 150, 30)  # BGR
_UNREAD: Final = (0, 120, 230)
_DOUBTFUL: Final = (110, 110, 110)
_QUALITY: Final = 85


def boxed(best: Best, plates: dict[int, PlateFacts]) -> bytes | None:
    """A JPEG of the frame, at most 1600 px wide: plates by number, and how high their characters are at best.

    Args:
        best: the frame.
        plates: what was measured, by number.
    """
    if best.bgr is None:
        return None
    scale = min(1.0, _WIDTH_PX / best.bgr.shape[1])
    picture = np.asarray(
        cv2.resize(best.bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    for seen, number in best.plates:
        plate = plates.get(number) if number is not None else None
        if plate is None:
            continue
        box = seen.box
        high = "" if plate.letter_height_px is None else f" {plate.letter_height_px:.0f} px"
        text = f"#{plate.number}{high}"
        place = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
        unread = _UNREAD if plate.is_likely else _DOUBTFUL
        mark(picture, place, colour=_READ if plate.is_read else unread, text=text)
    return jpeg(picture, level=_QUALITY)


def enlarged(crop: Bgr) -> bytes:
    """A JPEG of a plate, 240 px wide at least."""
    scale = max(1.0, _PLATE_PX / crop.shape[1])
    large = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    return jpeg(large, level=_QUALITY)
