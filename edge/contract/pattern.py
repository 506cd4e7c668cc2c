"""The language of plate patterns: capital letters, digits, [sets], {n} and {m,n}. Nothing else of regular expressions.

So every pattern is a finite set of strings whose size is known, and a string's place in it is checked by
position.
"""

import math
import re
from dataclasses import dataclass
from itertools import product
from typing import Final

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LONGEST: Final = 12
"""No pattern is longer; nor is any plate in the message contract."""

_MAX_SHAPES = 64
_SET = r"\[[A-Z0-9-]+\]"
_TOKEN = re.compile(rf"(?P<chars>{_SET}|[A-Z0-9])(?:\{{(?P<least>\d{{1,2}})(?:,(?P<most>\d{{1,2}}))?\}})?")


@dataclass(frozen=True, slots=True)
class Shape:
    """A pattern of one length: which characters may stand at each position."""

    positions: tuple[frozenset[str], ...]

    @property
    def size(self) -> int:
        """How many strings it has."""
        return math.prod(len(p) for p in self.positions)

    def __contains__(self, text: str) -> bool:
        return len(text) == len(self.positions) and all(
            c in p for c, p in zip(text, self.positions, strict=True)
        )

    def meets(self, other: "Shape") -> bool:
        """Whether some string belongs to both."""
        return len(self.positions) == len(other.positions) and all(
            a & b for a, b in zip(self.positions, other.positions, strict=True)
        )


def expand(pattern: str) -> tuple[Shape, ...]:
    """Expand a pattern of literals, [sets], {n} and {m,n} into shapes of fixed length, shortest first.

    Raises:
        ValueError: says where the pattern is not of that language.
    """
    parts: list[list[tuple[frozenset[str], ...]]] = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(
                f"pattern {pattern!r}, column {at + 1}: expected a capital letter, a digit or a [set], "
                f"then maybe {{n}} or {{m,n}}; found {pattern[at:][:12]!r}"
            )
        chars = _members(token["chars"], pattern)
        least = 1 if token["least"] is None else int(token["least"])
        most = least if token["most"] is None else int(token["most"])
        if not 0 <= least <= most <= LONGEST or most == 0:
            raise ValueError(f"pattern {pattern!r}: expected a count of 1 to {LONGEST} in {token.group()!r}")
        parts.append([(chars,) * n for n in range(least, most + 1)])
        at = token.end()
    if math.prod(len(p) for p in parts) > _MAX_SHAPES:
        raise ValueError(f"pattern {pattern!r}: expands to more than {_MAX_SHAPES} shapes")
    shapes = {sum(choice, ()) for choice in product(*parts)}
    if not all(1 <= len(s) <= LONGEST for s in shapes):
        raise ValueError(f"pattern {pattern!r}: expected 1 to {LONGEST} characters")
    return tuple(Shape(s) for s in sorted(shapes, key=lambda s: (len(s), [sorted(p) for p in s])))


def _members(token: str, pattern: str) -> frozenset[str]:
    if not token.startswith("["):
        return frozenset(token)
    inside = token[1:-1]
    chars: set[str] = set()
    at = 0
    while at < len(inside):
        first = inside[at]
        last = inside[at + 2] if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside) else first
        if "-" in (first, last) or first > last or first.isdigit() is not last.isdigit():
            raise ValueError(f"pattern {pattern!r}: not a set of letters and digits: {token!r}")
        chars.update(c for c in ALPHABET if first <= c <= last)
        at += 1 if last is first else 3
    return frozenset(chars)
