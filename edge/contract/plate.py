"""Plate grammars: which strings each country and class of plate can bear, and how common each is.

A string is keyed by (string, country, class), for the same one exists in several countries. The grammar
weighs alternatives and never invents: O is never folded to 0, and a plate outside every grammar keeps a
share of its own (the open pattern), so it is still a read. The YAML files of configs/plates/ are parsed by
the callers; this module takes the parsed mappings.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, ValidationError, field_validator

from edge.contract.config import Section, faults
from edge.contract.pattern import ALPHABET, Shape, expand
from edge.contract.seen import NOTHING, UNKNOWN, Seen

OPEN: Final = "ZZ"
"""Stands for 'no country that we have a grammar of' (CLDR's code for an unknown region)."""

OPEN_SHARE: Final = 0.05
"""Share of plates that follow no grammar at a site whose countries are named; half where none is named."""
REST_SHARE: Final = 0.03
"""Share that countries with a grammar, but not named for the site, have together."""
BEYOND: Final = 1e-4
"""Share, within the open pattern, of strings that even it does not have (too short or too long)."""

_CODE = re.compile(r"^[A-Z]{2}$")

Vehicle = Literal["car", "motorcycle", "tricycle", "bus", "truck", "trailer", "machinery"]
Colour = Literal["white", "yellow", "blue", "green", "red", "orange", "black", "grey"]


class GrammarError(ValueError):
    """A plate grammar is wrong: the message names the file, the key and what was expected."""


class ClassDocument(Section):
    """One class of plate as written in a country's file. A name may recur for a variant (an old series)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="the class, in the local term")]
    patterns: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=16, description="literals, [sets], {n} and {m,n}; nothing else"),
    ]
    lines: Literal[1, 2] = Field(description="lines of characters on the plate")
    vehicles: Annotated[tuple[Vehicle, ...], Field(min_length=1, description="what it can be mounted on")]
    background: Colour | None = Field(default=None, description="colour of the plate; empty where unknown")
    text: Colour | None = Field(default=None, description="colour of the characters; empty where unknown")
    prior: Annotated[float, Field(gt=0, le=1e6)] = Field(
        description="how common it is on the road, relative to the country's other classes"
    )
    confirmed: bool = Field(default=True, description="false: from memory; accepted, not relied on")
    note: str = Field(default="", max_length=300, description="source, doubt or history")

    @field_validator("patterns", mode="after")
    @classmethod
    def _readable(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            expand(pattern)
        return patterns


class CountryDocument(Section):
    """One file of configs/plates/."""

    country: str = Field(description=f"ISO 3166-1 alpha-2; {OPEN} for the open pattern")
    name: Annotated[str, Field(min_length=1, max_length=60, description="the country in English")]
    classes: Annotated[tuple[ClassDocument, ...], Field(min_length=1, max_length=64)]

    @field_validator("country", mode="after")
    @classmethod
    def _code(cls, code: str) -> str:
        if _CODE.match(code) is None:
            raise ValueError(
                f"expected two capital letters (quoted, for YAML reads NO as false), found {code!r}"
            )
        return code


@dataclass(frozen=True, slots=True)
class PlateClass:
    """One class of plate, ready for use.

    Attributes:
        shapes: its patterns expanded to fixed lengths; each is equally likely, and each string in it.
        prior: share of the country's plates, 0..1.
        lines: 1 or 2.
        confirmed: False for what is from memory.
    """

    country: str
    name: str
    shapes: tuple[Shape, ...]
    prior: float
    lines: int
    vehicles: tuple[Vehicle, ...]
    background: Colour | None
    text: Colour | None
    confirmed: bool

    def likelihood(self, text: str) -> float:
        """Probability that a random plate of this class bears exactly this string."""
        return sum(1.0 / s.size for s in self.shapes if text in s) / len(self.shapes)


class Origin(NamedTuple):
    """Where a string may come from.

    Attributes:
        likelihood: of a country's class as stated by the method that returns it.
    """

    country: str
    plate_class: str
    likelihood: float


class Grammar:
    """All classes of all countries."""

    def __init__(self, classes: Iterable[PlateClass]) -> None:
        self.classes: Final = tuple(classes)
        self.countries: Final = tuple(sorted({c.country for c in self.classes} - {OPEN}))
        self.longest: Final = max(len(s.positions) for c in self.classes for s in c.shapes)
        self._open = tuple(c for c in self.classes if c.country == OPEN)
        self._by_length: dict[int, list[tuple[PlateClass, Shape]]] = {}
        for plate_class in self.classes:
            for shape in plate_class.shapes:
                self._by_length.setdefault(len(shape.positions), []).append((plate_class, shape))
        if not self._open:
            raise GrammarError(f"no file gives the open pattern (country: {OPEN})")

    @classmethod
    def from_documents(cls, documents: Mapping[str, object]) -> Self:
        """Build a grammar from parsed files.

        Args:
            documents: what each file holds, by the file's name (which only errors use).

        Raises:
            GrammarError: names the file, the key and what was expected.
        """
        classes: list[PlateClass] = []
        origin: dict[str, str] = {}
        for name, content in documents.items():
            try:
                document = CountryDocument.model_validate(content)
            except ValidationError as error:
                raise GrammarError(f"{name}:\n{faults(error)}") from error
            if document.country in origin:
                raise GrammarError(
                    f"{name}: country: {document.country} is already given by {origin[document.country]}"
                )
            origin[document.country] = name
            classes += _classes(document)
        return cls(classes)

    def classes_of(self, text: str, *, seen: Seen = NOTHING) -> tuple[Origin, ...]:
        """Every (country, class) that has this string, the open pattern left out.

        The likelihood is the class's share of its country times the string's probability in the class, times
        how much better than an unknown plate it goes with what was seen. Variants of a class (old series) are
        added up.
        """
        found: dict[tuple[str, str], float] = {}
        for plate_class, share in self._matches(text):
            if plate_class.country != OPEN:
                key = (plate_class.country, plate_class.name)
                found[key] = found.get(key, 0.0) + share * seen.fits(plate_class) / UNKNOWN
        return tuple(Origin(country, name, p) for (country, name), p in sorted(found.items()))

    def prior(self, countries: Mapping[str, float]) -> "Prior":
        """What to expect at a site where plates of `countries` occur in these proportions."""
        return Prior(self, countries)

    def open_likelihood(self, text: str) -> float:
        """Probability of a string for one who knows no grammar: never zero."""
        inside = sum(c.prior * c.likelihood(text) for c in self._open)
        beyond = BEYOND * 0.5 ** (len(text) + 1) * float(len(ALPHABET)) ** -len(text)
        return (1 - BEYOND) * inside + beyond

    def compatible(self, country: str, first: str | None, second: str | None) -> bool:
        """Whether a plate read as class `first` may be one listed as class `second`.

        Classes that share strings (particular and publico) cannot be told apart by the string, so they are
        compatible; those that never share one (a car's and a motorcycle's) are not. An unknown class, or
        one that no grammar names, is compatible with all: a spelling must not hide a hit.
        """
        if first is None or second is None or first == second:
            return True
        mine = self._shapes(country, first)
        theirs = self._shapes(country, second)
        return not mine or not theirs or any(a.meets(b) for a in mine for b in theirs)

    def _shapes(self, country: str, name: str) -> list[Shape]:
        return [s for c in self.classes if c.country == country and c.name == name for s in c.shapes]

    def _matches(self, text: str) -> Iterator[tuple[PlateClass, float]]:
        for plate_class, shape in self._by_length.get(len(text), ()):
            if text in shape:
                yield plate_class, plate_class.prior / len(plate_class.shapes) / shape.size


class Prior:
    """A grammar seen from one site: how common each country's plates are there."""

    def __init__(self, grammar: Grammar, countries: Mapping[str, float]) -> None:
        self.grammar: Final = grammar
        self.shares: Final = _shares(grammar.countries, countries)

    def log_of(self, text: str, *, seen: Seen = NOTHING) -> float:
        """Natural logarithm of the string's probability at this site; finite for any string."""
        return math.log(sum(self._parts(text, seen).values()))

    def lift(self, text: str, *, seen: Seen = NOTHING) -> float:
        """How much likelier the string is here, with what was seen, than to one who knows no grammar, in nats."""
        return self.log_of(text, seen=seen) - math.log(self.grammar.open_likelihood(text))

    def origins(self, text: str, *, seen: Seen = NOTHING) -> tuple[Origin, ...]:
        """Where the string comes from, given that it is right: likeliest first, summing to one.

        The share of the open pattern stands under the country ZZ.

        Args:
            text: the plate.
            seen: what was seen of it beside the characters; weighs, never decides.
        """
        parts = self._parts(text, seen)
        total = sum(parts.values())
        found = [Origin(country, name, p / total) for (country, name), p in parts.items()]
        return tuple(sorted(found, key=lambda o: (-o.likelihood, o.country, o.plate_class)))

    def _parts(self, text: str, seen: Seen) -> dict[tuple[str, str], float]:
        parts = {(OPEN, "open"): self.shares[OPEN] * self.grammar.open_likelihood(text)}
        for country, name, likelihood in self.grammar.classes_of(text, seen=seen):
            parts[country, name] = self.shares[country] * likelihood
        return parts


def _classes(document: CountryDocument) -> list[PlateClass]:
    total = sum(c.prior for c in document.classes)
    return [
        PlateClass(
            country=document.country,
            name=c.name,
            shapes=tuple(s for p in c.patterns for s in expand(p)),
            prior=c.prior / total,
            lines=c.lines,
            vehicles=c.vehicles,
            background=c.background,
            text=c.text,
            confirmed=c.confirmed,
        )
        for c in document.classes
    ]


def _shares(known: tuple[str, ...], weights: Mapping[str, float]) -> dict[str, float]:
    """Each country's share of the plates at a site, the open pattern's under ZZ; they sum to one."""
    if not weights:
        shares = {country: 0.5 / len(known) for country in known}
        return {**shares, OPEN: 0.5 if known else 1.0}
    total = sum(weights.values())
    others = [c for c in known if c not in weights]
    named = 1.0 - OPEN_SHARE - (REST_SHARE if others else 0.0)
    shares = {c: REST_SHARE / len(others) for c in others}
    shares |= {c: named * w / total for c, w in weights.items() if c in known}
    shares[OPEN] = 1.0 - sum(shares.values())
    return shares
