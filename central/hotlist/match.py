"""Which listed vehicles a read may be: by the likelihood of the listed plate, at the time of capture (pure).

O is not 0 and one character off is another plate: at a city's volume "nearly equal" would raise half a million false
alerts a day, and "exactly equal" lets those go whose plate was misread in one character that the read itself doubts. So
each listed string that a read may be is held against what else it may be (`edge.contract.match`), and raises an alert
from the likelihood on that its list's budget of false alerts allows (`central.hotlist.budget`). What decides is
`edge.contract.listed`, at the boxes too; who else it may be, and since when that is known, the centre alone can tell.
"""

from collections.abc import Container, Iterable, Sequence

from central.types import Hit, HotlistEntry
from edge.contract.listed import Terms, fits, may_be
from edge.contract.match import Spelling, likelihood_of
from edge.contract.read import PlateRead


def match(
    read: PlateRead, spelt: Sequence[Spelling], entries: Iterable[tuple[int, HotlistEntry]], terms: Terms
) -> list[Hit]:
    """One hit for each of these entries (number, entry) that the read may be, the most urgent first.

    Args:
        read: as it came.
        spelt: every string that it may be.
        entries: whose plates are among these strings.
        terms: by what they are held against each other.
    """
    strings = {each.text for each in spelt}
    hits = [
        Hit(entry_id, entry, read, likelihood, _rival(entry.plate, spelt, terms.known))
        for entry_id, entry in entries
        if entry.plate in strings and (likelihood := may_be(read, entry, spelt, terms)) is not None
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
        and fits(read, entry, terms.grammar)
    ]


def _rival(plate: str, spelt: Sequence[Spelling], known: Container[str]) -> str | None:
    rivals = [each for each in spelt if each.text != plate and each.text in known]
    return max(rivals, key=lambda each: each.likelihood).text if rivals else None
