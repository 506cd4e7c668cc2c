"""Draws the texts of plates from their patterns."""

from __future__ import annotations

import re
import string

from models.synth.arrays import Rng, pick
from models.synth.patterns import PlateClass
from models.synth.reserved import is_reserved

_ATOM = re.compile(r"\[([^\]]+)\]|\(([^)]+)\)|([A-Z0-9])")
_COUNT = re.compile(r"\{(\d+)(?:,(\d+))?\}")


def sample_pattern(pattern: str, rng: Rng) -> str:
    """Draws a text that matches a regular expression of classes, alternatives, literals and counts.

    Raises:
        ValueError: the expression holds something else.
    """
    text = ""
    position = 0
    while position < len(pattern):
        atom = _ATOM.match(pattern, position)
        if atom is None:
            raise ValueError(f"pattern {pattern!r}: cannot draw from {pattern[position:]!r}")
        position = atom.end()
        count = _COUNT.match(pattern, position)
        low = high = 1
        if count is not None:
            low, high = int(count[1]), int(count[2] or count[1])
            position = count.end()
        choices = _members(atom[1]) if atom[1] else atom[2].split("|") if atom[2] else [atom[3]]
        text += "".join(pick(rng, choices) for _ in range(int(rng.integers(low, high + 1))))
    return text


def _members(inside: str) -> list[str]:
    everything = string.ascii_uppercase + string.digits
    ranges = re.findall(r"(.)-(.)|(.)", inside)
    members = [
        c for first, last, single in ranges for c in everything if c == single or first <= c <= last != ""
    ]
    return sorted(set(members))


def sample_text(plate_class: PlateClass, rng: Rng, *, reserved: bool = False) -> str:
    """Draws the text of a plate.

    Args:
        plate_class: the class whose patterns are drawn from; the first one four times in five.
        rng: chance.
        reserved: draw from the plates kept for the sample clips instead of from all others.
    """
    while True:
        others = plate_class.patterns[1:]
        pattern = pick(rng, others) if others and rng.random() < 0.2 else plate_class.patterns[0]
        text = sample_pattern(pattern, rng)
        if is_reserved(text) == reserved:
            return text
