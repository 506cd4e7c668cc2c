"""Whether a read may be of a listed vehicle, by the code that decides at the centre (`edge.contract.listed`).

In memory is a number for each plate, eight bytes; what else is known of an entry is read from its part where a read may
be its plate. A box's memory is small, and few reads are of a listed plate.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from edge.contract.hotlist import Head, entries_of, part_of, plates_in
from edge.contract.listed import Terms, may_be
from edge.contract.match import spellings, texts
from edge.contract.plate import Grammar
from edge.contract.read import PlateRead

_KNOWN: Final[frozenset[str]] = frozenset()  # a box knows none: see edge.contract.listed

Load = Callable[[bytes], bytes]
"""The part of a digest; raises HotlistError where it is not held."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One head and its plates, ready to be matched by.

    Attributes:
        digests: of each part.
        codes: of each part, a number for each of its plates, ascending.
    """

    head: Head
    digests: tuple[bytes, ...]
    codes: tuple["array[int]", ...]

    @classmethod
    def of(cls, head: Head, load: Load, *, before: "Copy | None" = None) -> Self:
        """Read a head's parts, each of which `unpack` has taken, but those that the copy of before has too.

        Raises:
            HotlistError: a part is not held.
        """
        digests = head.parts
        known = {} if before is None else dict(zip(before.digests, before.codes, strict=True))
        codes = tuple(known[name] if name in known else _codes(plates_in(load(name))) for name in digests)
        return cls(head, digests, codes)

    def __contains__(self, plate: str) -> bool:
        """Whether an entry has this very plate."""
        codes, code = self.codes[part_of(plate)], _code(plate)
        place = bisect_left(codes, code)
        return place < len(codes) and codes[place] == code

    def is_listed(self, read: PlateRead, *, grammar: Grammar, load: Load) -> bool:
        """Whether the read may be of an entry, as likely as its list asks for.

        Raises:
            HotlistError: a part is not held any more.
        """
        if not any(text in self for text in texts(read)):  # as of most reads
            return False
        spelt = spellings(read)
        terms = Terms(grammar, _KNOWN, self._least)
        return any(
            may_be(read, entry, spelt, terms) is not None
            for plate in [each.text for each in spelt if each.text in self]
            for entry in entries_of(plate, load(self.digests[part_of(plate)]))
        )

    def _least(self, list_name: str) -> float:
        # A list that the head does not name has no budget that is known here: the centre decides.
        return self.head.least.get(list_name, 0.0)


def _codes(plates: Sequence[str]) -> "array[int]":
    return array("Q", sorted({_code(plate) for plate in plates}))


def _code(plate: str) -> int:
    """A number for each string of up to twelve letters and digits; the leading one keeps `0A` and `A` apart."""
    return int(f"1{plate}", 36)
