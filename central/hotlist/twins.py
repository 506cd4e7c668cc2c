"""Plates of a list that are taken for one another: who stops a car for one of them must know of the other (pure).

Drivers were stopped again and again because a list bore a plate with O and theirs had 0 there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

GROUPS: Final = ("0DOQ", "1IL", "2Z", "38B", "5S", "6CG")
"""Of the groups of `edge.contract.match` what people confuse too, each character in one group: so whether two plates
are alike is whether one text is the same for both, which a database can look up."""

_FIRST: Final = str.maketrans({char: group[0] for group in GROUPS for char in group})


@dataclass(frozen=True, slots=True)
class Other:
    """A plate that is taken for another.

    Attributes:
        named: as people name it, with where it stands.
        list_name: None where it stands in the same file.
    """

    named: str
    list_name: str | None


@dataclass(frozen=True, slots=True)
class Twin:
    """A new entry, and the plates like it that are listed too."""

    line: int
    plate: str
    country: str
    others: tuple[Other, ...]


def alike(plate: str) -> str:
    """What is the same for a plate and its twins; the database keeps it, so another rule needs a migration."""
    return plate.translate(_FIRST)


class Taken:
    """The plates that a file has named so far, a million in some 0.1 GB, and in which line.

    Found by what is alike of them, so that one memory serves two questions: is it there twice, and is a twin there.
    """

    def __init__(self) -> None:
        self.count = 0
        self._lines: Final[dict[str, str]] = {}

    def add(self, plate: str, country: str, line: int) -> None:
        """Note a plate."""
        key, told = alike(plate), f"{country}{plate}:{line}"
        before = self._lines.get(key)
        self._lines[key] = told if before is None else f"{before},{told}"
        self.count += 1

    def line_of(self, plate: str, country: str) -> int | None:
        """Where this very plate stands; None where it does not."""
        return next((line for other, of, line in self._alike(plate) if (other, of) == (plate, country)), None)

    def twins(self, plate: str) -> list[tuple[str, str, int]]:
        """Plates that are taken for this one, with their countries and lines."""
        return [each for each in self._alike(plate) if each[0] != plate]

    def _alike(self, plate: str) -> Iterator[tuple[str, str, int]]:
        for told in filter(None, self._lines.get(alike(plate), "").split(",")):
            named, _, line = told.partition(":")
            yield named[2:], named[:2], int(line)
