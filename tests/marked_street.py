"""A street in which every vehicle bears another number, as clips that a simulated camera plays, and nets that read it.

A plate is a row of coloured blocks, one a bit, which every codec leaves as they are. So what was shown can be counted,
and what was read of it, at a thousandth of the work of real nets.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from clips import FPS
from fakes import FakeEngine, reading

from edge.assets import plate_files
from edge.grammar import load_grammar
from edge.types import Bgr, Box, Detection, Reading

WIDTH, HEIGHT = 320, 180
EVERY_S, SEEN_S = 1.0, 0.72
"""A vehicle comes so often, and is to be seen for so long."""
_BITS, _BLOCK, _GAP, _HIGH, _EDGE, _BAR = 6, 9, 4, 28, 4, 8
_WIDE = _BITS * (_BLOCK + _GAP) - _GAP + 2 * _EDGE
_ONE, _ZERO = (20, 120, 20), (120, 20, 20)  # green and blue
_PX_A_S = 240.0


def plate(number: int) -> str:
    """What vehicle 0 to 63 bears."""
    return f"KAB1{number:02d}"


def span_s(place: int) -> tuple[float, float]:
    """From when to when a clip shows its vehicle at this place, seconds."""
    return place * EVERY_S, place * EVERY_S + SEEN_S


def street(numbers: Sequence[int | None]) -> Callable[[int], Bgr]:
    """What a clip with these vehicles, None for none, shows as its picture of that index."""
    road = np.random.default_rng(7).integers(60, 120, (HEIGHT // 6, WIDTH // 5), dtype=np.uint8)
    empty = np.repeat(road.repeat(6, 0).repeat(5, 1)[:, :, None], 3, axis=2)

    def draw(index: int) -> Bgr:
        picture = empty.copy()
        place = min(int(index / FPS / EVERY_S), len(numbers) - 1)
        since_s = index / FPS - place * EVERY_S
        number = numbers[place]
        if number is not None and since_s < SEEN_S:
            _put(picture, number, left=10 + round(_PX_A_S * since_s), top=60 + 40 * (place % 2))
        return picture

    return draw


def _put(picture: Bgr, number: int, *, left: int, top: int) -> None:
    picture[top - 30 : top + _HIGH + 6, left - 8 : left + _WIDE + 8] = 30  # the vehicle
    picture[top : top + _HIGH, left : left + _WIDE] = 235
    for bit in range(_BITS):
        begin = left + _EDGE + bit * (_BLOCK + _GAP)
        block = picture[top + _EDGE : top + _HIGH - _EDGE, begin : begin + _BLOCK]
        block[:_BAR] = block[-_BAR:] = _ONE if number >> bit & 1 else _ZERO


def _coloured(bgr: Bgr) -> np.ndarray:
    """Where the blocks are."""
    wide = bgr.astype(np.int16)
    return np.asarray(wide.max(axis=2) - wide.min(axis=2) > 60)


class BlockDetector:
    """Finds the coloured blocks."""

    version = "fake@000000000000"

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
        found = _coloured(bgr)
        if found.sum() < 400:
            return []
        rows, columns = np.flatnonzero(found.sum(axis=1) > 20), np.flatnonzero(found.sum(axis=0) > 8)
        if not (len(rows) and len(columns)):
            return []
        left, top = float(columns[0]), float(rows[0])
        return [Detection(Box(left, top, columns[-1] + 1 - left, rows[-1] + 1 - top), 0.9)]


class BlockReader:
    """Reads them; a crop holds them with a margin."""

    version = "fake@111111111111"

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        return [reading(plate(self._number(crop))) for crop in crops]

    def _number(self, crop: Bgr) -> int:
        found = _coloured(crop)
        columns = np.flatnonzero(found.sum(axis=0) > crop.shape[0] // 4)
        edges = np.linspace(columns[0], columns[-1] + 1, _BITS + 1).round().astype(int)
        blocks = [crop[:, a:b][found[:, a:b]].mean(axis=0) for a, b in itertools.pairwise(edges)]
        return sum(1 << bit for bit, (blue, green, _) in enumerate(blocks) if green > blue)


def engine() -> FakeEngine:
    """Of one analysing thread."""
    return FakeEngine(BlockDetector(), BlockReader(), load_grammar(plate_files()))
