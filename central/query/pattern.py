"""Plates known in part: `AB?12*`, and characters that are taken for one another (pure).

    ?   one character, whichever
    *   any number of characters, none too
    O   the letter O; where look-alikes are asked for, whatever `ALIKE` holds it for: 0, D and Q too

A pattern becomes a regular expression, which says exactly which plates it means, and ranges of plates in the
order of their characters, outside of which there is none of them. In files that are sorted by plate the ranges
say which part of a file must be opened; a pattern that begins with `?` or `*` has none.
"""

import re
from dataclasses import dataclass
from itertools import product
from typing import Final

from central.errors import QueryError
from edge.contract.pattern import LONGEST
from edge.contract.spelling import unseparated

ALIKE: Final = ("0ODQ", "1IL", "2Z", "5S", "6G", "8B")
"""Characters that dirt, a bolt or a bad angle make alike; each stands in one group at most."""

MOST_RANGES: Final = 64

_WRITTEN: Final = re.compile(r"[A-Z0-9?*]+", re.IGNORECASE | re.ASCII)
_STARS: Final = re.compile(r"\*[*?]*\*")
_ALIKE: Final = {char: group for group in ALIKE for char in group}


@dataclass(frozen=True, slots=True)
class PlateRange:
    """Plates from `first` on and before `below`, in the order of their characters: digits before letters."""

    first: str
    below: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A plate known in part.

    Attributes:
        text: in capitals and without separators, as it goes into the audit log's hash.
        alike: its characters stand for their look-alikes too.
        regex: that each of its plates matches whole, and no other.
        ranges: that each of its plates is in one of, by their first plate; none: anywhere.
    """

    text: str
    alike: bool
    regex: str
    ranges: tuple[PlateRange, ...]

    @property
    def is_open(self) -> bool:
        """Whether it says no character at all."""
        return not self.text.strip("?*")

    @property
    def like(self) -> str | None:
        """As `regex`, for SQL's LIKE, which is nearly twice as fast; None where a character has look-alikes."""
        return None if "[" in self.regex else self.text.replace("?", "_").replace("*", "%")

    @property
    def backwards(self) -> "Pattern":
        """What means the same plates spelt from their last character to their first."""
        return _compiled(self.text[::-1], alike=self.alike)

    @property
    def ends_known(self) -> bool:
        """Whether it says more of a plate's end than of its beginning."""
        return len(self.backwards.known) > len(self.known)

    @property
    def known(self) -> str:
        """What its ranges have in common in length: the beginning of one of its plates."""
        return self.ranges[0].first if self.ranges else ""

    @property
    def is_whole(self) -> bool:
        """Whether it says every character."""
        return not set(self.text) & set("?*")


def is_pattern(typed: str) -> bool:
    """Whether somebody typed a plate known in part."""
    return bool(set(typed) & set("?*"))


def compile_pattern(typed: str, *, alike: bool = False) -> Pattern:
    """Understand a pattern; case and separators do not matter.

    Args:
        typed: such as `ab?-12*`.
        alike: its characters stand for their look-alikes too.

    Raises:
        QueryError: it is none, or longer than any plate.
    """
    text = unseparated(typed).upper()
    if _WRITTEN.fullmatch(text) is None:
        raise QueryError(
            f"not a plate or a pattern: {typed[:40]!r}; expected letters A-Z, digits, ? for one character and * for "
            "any number"
        )
    text = _STARS.sub(lambda run: "?" * run[0].count("?") + "*", text)
    if len(text.replace("*", "")) > LONGEST:
        raise QueryError(f"pattern {typed[:40]!r}: no plate has more than {LONGEST} characters")
    return _compiled(text, alike=alike)


def _compiled(text: str, *, alike: bool) -> Pattern:
    choices = [_choices(char, alike=alike) for char in text]
    return Pattern(text, alike, "".join(map(_regex, choices)), _ranges(choices))


def _choices(char: str, *, alike: bool) -> str:
    return _ALIKE.get(char, char) if alike else char


def _regex(choices: str) -> str:
    if choices in ("?", "*"):
        return "." if choices == "?" else ".*"
    return choices if len(choices) == 1 else f"[{choices}]"


def _ranges(choices: list[str]) -> tuple[PlateRange, ...]:
    """One for each way to spell the beginning, which is as long as there are not too many of them."""
    known: list[str] = []
    count = 1
    for each in choices:
        count *= len(each)
        if each in ("?", "*") or count > MOST_RANGES:
            break
        known.append(each)
    if not known:
        return ()
    prefixes = sorted("".join(spelt) for spelt in product(*known))
    return tuple(PlateRange(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)) for prefix in prefixes)
