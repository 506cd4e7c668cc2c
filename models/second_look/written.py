"""Lettering that is no plate, written over real pictures: words, telephone numbers, dates, notices of several lines.

A short string alone on a panel would be a plate to anybody, so panels bear long words or several lines only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edge.types import Bgr, Box
from models.synth import lettering

WORDS: Final = (
    "TAXI", "POLICE", "AMBULANCE", "DIAGNOSTIC", "SERVICE", "HOTEL", "BANCO", "CAFE", "PARKING", "EXIT", "STOP",
    "TRANSPORT", "EXPRESS", "turbo", "Diesel", "GARANTIA", "SEGURIDAD", "MERCADO", "Escuela", "FARMACIA", "LAVADO",
    "Servicio", "PELIGRO", "CARGA LARGA", "como conduzco?", "MUNICIPIO", "INFORMATION", "New York", "HELICOPTER",
)  # fmt: skip
_LONG: Final = 9

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Notice:
    """What is written.

    Attributes:
        lines: from top to bottom.
        panel: whether it stands on a panel of its own.
    """

    lines: tuple[str, ...]
    panel: bool


def notice(rng: Rng) -> Notice:
    """A word, a telephone number, a date, or several of them."""
    lines = tuple(_line(rng) for _ in range(int(rng.choice([1, 1, 1, 2, 3]))))
    long = len(lines) > 2 or max(len(line) for line in lines) >= _LONG
    return Notice(lines, long and bool(rng.random() < 0.5))


def _line(rng: Rng) -> str:
    chance = rng.random()
    digits = "".join(str(d) for d in rng.integers(0, 10, 14))
    if chance < 0.2:
        return f"{digits[:3]}-{digits[3:6]}-{digits[6:10]}"
    if chance < 0.35:
        return f"20{digits[:2]}-{digits[2:4]}-{digits[4:6]} {digits[6:8]}:{digits[8:10]}:{digits[10:12]}"
    if chance < 0.45:
        return digits[: int(rng.integers(1, 3))]
    word = WORDS[int(rng.integers(len(WORDS)))]
    return f"{word} {WORDS[int(rng.integers(len(WORDS)))]}" if rng.random() < 0.25 else word


def over(bgr: Bgr, taken: list[Box], rng: Rng, count: int) -> Iterator[tuple[Bgr, Box]]:
    """Write notices over copies of a picture, away from boxes that are taken.

    Yields:
        The picture with one notice, and a box around the notice or a part of it, as a detector might propose it.
    """
    height, width = bgr.shape[:2]
    for _ in range(count):
        what = notice(rng)
        letters = max(6, round(height * float(np.exp(rng.uniform(np.log(0.012), np.log(0.12))))))
        wide = min(width - 4, round(max(len(line) for line in what.lines) * letters * 0.72))
        high = round(len(what.lines) * letters * 1.6)
        if wide < 12 or high >= height - 4:
            continue
        x, y = int(rng.integers(2, width - wide - 1)), int(rng.integers(2, height - high - 1))
        area = Box(x, y, wide, high)
        if any(area.share_in(box) > 0 for box in taken):
            continue
        yield _written(bgr, area, what, letters, rng), proposed(area, rng)


def _written(bgr: Bgr, area: Box, what: Notice, letters: int, rng: Rng) -> Bgr:
    picture = bgr.copy()
    x, y, wide, high = (round(v) for v in (area.x, area.y, area.width, area.height))
    part = picture[y : y + high, x : x + wide]
    dark = part.mean() > 120 if not what.panel else bool(rng.random() < 0.6)
    if what.panel:
        part[:] = int(rng.integers(150, 245)) if dark else int(rng.integers(10, 110))
    ink = rng.integers(0, 70, 3) if dark else rng.integers(170, 256, 3)
    colour = (int(ink[0]), int(ink[1]), int(ink[2]))
    for number, line in enumerate(what.lines):
        centre = (wide // 2, round((number + 0.5) * high / len(what.lines)))
        lettering.write(part, line, centre, letters, colour, int(rng.integers(300, 800)))
    blurred = cv2.GaussianBlur(part, (0, 0), float(rng.uniform(0.3, 0.3 + letters / 14)))
    part[:] = np.asarray(blurred, np.uint8)
    return picture


def proposed(area: Box, rng: Rng) -> Box:
    """The whole notice, or a part of it shaped like a plate."""
    if rng.random() < 0.5:
        return area
    share = float(rng.uniform(0.25, 0.9))
    return Box(
        area.x + area.width * float(rng.uniform(0, 1 - share)), area.y, area.width * share, area.height
    )
