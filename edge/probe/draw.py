"""The picture that shows most, with its plates boxed and numbered, and each plate by itself; as JPEG."""

from typing import Final

import cv2
import numpy as np

from edge.evidence import jpeg
from edge.probe.facts import PlateFacts
from edge.probe.look import Best
from edge.types import Bgr, Box

_WIDTH_PX: Final = 1600
_PLATE_PX: Final = 240
_READ: Final = (60, 150, 30)  # BGR
_UNREAD: Final = (0, 120, 230)
_DOUBTFUL: Final = (110, 110, 110)
_WHITE: Final = (255, 255, 255)
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
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
        _frame(picture, place, colour=_READ if plate.is_read else unread, text=text)
    return jpeg(picture, level=_QUALITY)


def enlarged(crop: Bgr) -> bytes:
    """A JPEG of a plate, 240 px wide at least."""
    scale = max(1.0, _PLATE_PX / crop.shape[1])
    large = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    return jpeg(large, level=_QUALITY)


def _frame(bgr: Bgr, box: Box, *, colour: tuple[int, int, int], text: str) -> None:
    """Draw a box, and its text above it, or below it where there is no room above."""
    height, width = bgr.shape[:2]
    left, top = round(box.x) - 2, round(box.y) - 2
    right, bottom = round(box.x + box.width) + 2, round(box.y + box.height) + 2
    cv2.rectangle(bgr, (left, top), (right, bottom), colour, 2)
    (wide, high), below = cv2.getTextSize(text, _FONT, 0.7, 1)
    tall = high + below + 8
    x = min(max(0, left), max(0, width - wide - 8))
    y = top - tall if top >= tall else min(bottom, height - tall)
    cv2.rectangle(bgr, (x, y), (x + wide + 8, y + tall), colour, cv2.FILLED)
    cv2.putText(bgr, text, (x + 4, y + 4 + high), _FONT, 0.7, _WHITE, 1, cv2.LINE_AA)
