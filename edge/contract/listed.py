"""Whether a read may be of a list's entry: what box and centre decide alike, by this very code (pure).

The centre raises alerts by it. A box that holds a signed copy of the lists (`edge.contract.hotlist`) raises none: it
sends such reads first. It knows no plates that pass day after day and gives an empty container for them: a rival that
is known makes a listed plate less likely, so a box takes at least those for listed that the centre would alert on.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge.contract import look
from edge.contract.match import Spelling, likelihood_of
from edge.contract.plate import OPEN, Grammar
from edge.contract.read import PlateRead


class Listed(look.Listed, Protocol):
    """What is looked at of a list's entry."""

    @property
    def list_name(self) -> str:
        """The list that it belongs to."""
        ...

    @property
    def plate(self) -> str:
        """Without separators."""
        ...

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""
        ...

    @property
    def plate_class(self) -> str | None:
        """None where the source does not say."""
        ...

    @property
    def valid_from(self) -> datetime:
        """UTC-aware."""
        ...

    @property
    def valid_until(self) -> datetime:
        """The first moment at which it does not hold any more, UTC-aware."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a read is held against entries.

    Attributes:
        grammar: which plates each country and class can bear.
        known: plates that pass day after day; empty at a box.
        least: of a list's name, the likelihood from which on a read counts.
    """

    grammar: Grammar
    known: Container[str]
    least: Callable[[str], float]


def read_country(read: PlateRead) -> str | None:
    """The country that the plate was recognised as; None where no grammar has it."""
    if read.country is None or read.country.value == OPEN:
        return None
    return read.country.value


def may_be(read: PlateRead, listed: Listed, spelt: Sequence[Spelling], terms: Terms) -> float | None:
    """How likely the read is of the entry's vehicle; None where that is too little, or something contradicts.

    An unknown country or class contradicts nothing; a known one must fit. The entry must be valid at
    the time of capture, not at that of arrival.

    Args:
        read: as it came.
        listed: an entry whose plate is among `spelt`.
        spelt: every string that the read may be.
        terms: by what they are held against each other.
    """
    # By its characters, and by the vehicle that bears it.
    likely = look.weighed(likelihood_of(listed.plate, spelt, terms.known), look.fit(listed, read.vehicle))
    counts = (
        likely >= terms.least(listed.list_name)
        and listed.valid_from <= read.best_at < listed.valid_until
        and fits(read, listed, terms.grammar)
    )
    return likely if counts else None


def fits(read: PlateRead, listed: Listed, grammar: Grammar) -> bool:
    """Whether country and class allow it: those of the read are of what was decoded, and of nothing else."""
    if listed.plate == read.plate:
        country = read_country(read)
        read_class = read.plate_class.value if read.plate_class is not None else None
        return country is None or (
            country == listed.country and grammar.compatible(listed.country, read_class, listed.plate_class)
        )
    return any(
        origin.country == listed.country
        and grammar.compatible(listed.country, origin.plate_class, listed.plate_class)
        for origin in grammar.classes_of(listed.plate)
    )
