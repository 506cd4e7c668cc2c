"""A plate's box in a picture, and what is said of it."""

from typing import Final

import cv2

from edge.types import Bgr, Box

_WHITE: Final = (255, 255, 255)
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX


def mark(bgr: Bgr, box: Box, *, colour: tuple[int, int, int], text: str = "") -> None:
    """Draw a box, and its text above it, or below it where there is no room above; as large as the picture asks for.

    Args:
        bgr: (height, width, 3) uint8, BGR; drawn into.
        box: px in it.
        colour: BGR, of the box and behind the text.
        text: what is said of it; empty: nothing.
    """
    height, width = bgr.shape[:2]
    scale = max(0.45, max(width, height) / 1920)
    thick = max(1, round(2.5 * scale))
    left, top = round(box.x) - thick, round(box.y) - thick
    right, bottom = round(box.x + box.width) + thick, round(box.y + box.height) + thick
    cv2.rectangle(bgr, (left, top), (right, bottom), colour, thick)
    if not text:
        return
    (wide, high), below = cv2.getTextSize(text, _FONT, 1.1 * scale, thick)
    pad = round(6 * scale) + 1
    tall = high + below + 2 * pad
    x = min(max(0, left), max(0, width - wide - 2 * pad))
    y = top - tall - thick if top - tall - thick >= 0 else min(bottom + thick, height - tall)
    cv2.rectangle(bgr, (x, y), (x + wide + 2 * pad, y + tall), colour, cv2.FILLED)
    cv2.putText(bgr, text, (x + pad, y + pad + high), _FONT, 1.1 * scale, _WHITE, thick, cv2.LINE_AA)
