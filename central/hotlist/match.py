"""Which listed vehicles a read may be: by the likelihood of the listed plate, at the time of capture (pure).

O is not 0 and one character off is another plate: at a city's volume "nearly equal" would raise half a million false
alerts a day, and "exactly equal" lets those go whose plate was misread in one character that the read itself doubts. So
each listed string that a read may be is held against what else it may be (`edge.contract.match`), and raises an alert
from the likelihood on that its list's budget of false alerts allows (`central.hotlist.budget`).
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from central.types import Hit, HotlistEntry
from edge.contract.look import fit, weighed
from edge.contract.match import Spelling, likelihood_of
from edge.contract.plate import OPEN, Grammar
from edge.contract.read import PlateRead


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a read is held against entries.

    Attributes:
        grammar: which plates each country and class can bear.
        known: plates that pass day after day.
        least: of a list's name, the likelihood from which on a read raises an alert.
    """

    grammar: Grammar
    known: Container[str]
    least: Callable[[str], float]


def read_country(read: PlateRead) -> str | None:
    """The country that the plate was recognised as; None where no grammar has it."""
    if read.country is None or read.country.value == OPEN:
        return None
    return read.country.value


def match(
    read: PlateRead, spelt: Sequence[Spelling], entries: Iterable[tuple[int, HotlistEntry]], terms: Terms
) -> list[Hit]:
    """One hit for each of these entries (number, entry) that the read may be, the most urgent first.

    An unknown country or class contradicts nothing; a known one must fit. The entry must be valid at
    the time of capture, not at that of arrival.

    Args:
        read: as it came.
        spelt: every string that it may be.
        entries: whose plates are among these strings.
        terms: by what they are held against each other.
    """
    may_be = {each.text for each in spelt}
    hits = [
        Hit(entry_id, entry, read, likelihood, _rival(entry.plate, spelt, terms.known))
        for entry_id, entry in entries
        if entry.plate in may_be
        and (likelihood := _likelihood(read, entry, spelt, terms.known)) >= terms.least(entry.list_name)
        and entry.valid_from <= read.best_at < entry.valid_until
        and _fits(read, entry, terms.grammar)
    ]
    return sorted(hits, key=lambda hit: (hit.entry.priority, -hit.likelihood, hit.entry_id))


def borne(
    read: PlateRead, spelt: Sequence[Spelling], entries: Iterable[tuple[int, HotlistEntry]], terms: Terms
) -> list[Hit]:
    """The entries whose very plate the read bears, whatever its vehicle looks like and whoever looks for it now.

    Args:
        read: as it came.
        spelt: every string that it may be.
        entries: whose plates are among these strings.
        terms: by what they are held against each other.
    """
    likely = likelihood_of(read.plate, spelt, terms.known)
    return [
        Hit(entry_id, entry, read, likely)
        for entry_id, entry in entries
        if entry.plate == read.plate
        and likely >= terms.least(entry.list_name)
        and _fits(read, entry, terms.grammar)
    ]


def _likelihood(
    read: PlateRead, entry: HotlistEntry, spelt: Sequence[Spelling], known: Container[str]
) -> float:
    """That this is the listed vehicle's plate, by its characters and by the vehicle that bears it."""
    return weighed(likelihood_of(entry.plate, spelt, known), fit(entry, read.vehicle))


def _rival(plate: str, spelt: Sequence[Spelling], known: Container[str]) -> str | None:
    rivals = [each for each in spelt if each.text != plate and each.text in known]
    return max(rivals, key=lambda each: each.likelihood).text if rivals else None


def _fits(read: PlateRead, entry: HotlistEntry, grammar: Grammar) -> bool:
    """Whether country and class allow it: those of the read are of what was decoded, and of nothing else."""
    if entry.plate == read.plate:
        country = read_country(read)
        read_class = read.plate_class.value if read.plate_class is not None else None
        return country is None or (
            country == entry.country and grammar.compatible(entry.country, read_class, entry.plate_class)
        )
    return any(
        origin.country == entry.country
        and grammar.compatible(entry.country, origin.plate_class, entry.plate_class)
        for origin in grammar.classes_of(entry.plate)
    )
