"""Pieces of text that a reader of printed text found on one plate, put together as the plate's text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.bench.baselines.port import Guess
from edge.contract.spelling import normalise
from edge.types import Box

_TALL: Final = 0.6
"""Lower pieces, in shares of the tallest's height, are small print: the municipality, the state."""
_SAME_LINE: Final = 0.5
"""Pieces whose middles are nearer than this share of the upper one's height stand on one line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text, where it is (px) and how sure the reader is of it, 0..1."""

    text: str
    likelihood: float
    box: Box


def joined(pieces: Sequence[Piece]) -> list[Guess]:
    """The tall pieces in the order of reading as one guess; likelihoods multiply. None where nothing is left."""
    known = [p for p in pieces if normalise(p.text)]
    if not known:
        return []
    tallest = max(p.box.height for p in known)
    kept = sorted((p for p in known if p.box.height >= _TALL * tallest), key=lambda p: p.box.centre[1])
    text, likelihood = "", 1.0
    for line in _lines(kept):
        for piece in sorted(line, key=lambda p: p.box.centre[0]):
            text += normalise(piece.text)
            likelihood *= piece.likelihood
    return [Guess(text, likelihood)]


def _lines(pieces: Sequence[Piece]) -> list[list[Piece]]:
    lines: list[list[Piece]] = []
    for piece in pieces:
        if lines and piece.box.centre[1] - lines[-1][0].box.centre[1] < _SAME_LINE * lines[-1][0].box.height:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return lines
