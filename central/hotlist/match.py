"""Which listed vehicles a read may be: exactly the plate, at the time of capture (pure).

O is not 0 and one character off is another plate: at a city's volume "nearly equal" would raise half a
million false alerts a day. Matching by likelihood comes later and goes through this same door.
"""

from collections.abc import Callable, Iterable

from central.types import Hit, HotlistEntry
from edge.contract.plate import OPEN
from edge.contract.read import PlateRead

Compatible = Callable[[str, str | None, str | None], bool]
"""Whether, in a country, a plate read as one class may be one listed as another (`Grammar.compatible`)."""


def read_country(read: PlateRead) -> str | None:
    """The country that the plate was recognised as; None where no grammar has it."""
    if read.country is None or read.country.value == OPEN:
        return None
    return read.country.value


def match(
    read: PlateRead, entries: Iterable[tuple[int, HotlistEntry]], *, compatible: Compatible
) -> list[Hit]:
    """One hit for each of these entries (number, entry) that the read may be, the most urgent first.

    An unknown country or class contradicts nothing; a known one must fit. The entry must be valid at
    the time of capture, not at that of arrival.
    """
    hits = [
        Hit(entry_id, entry, read)
        for entry_id, entry in entries
        if entry.plate == read.plate
        and entry.valid_from <= read.best_at < entry.valid_until
        and _fits(read, entry, compatible)
    ]
    return sorted(hits, key=lambda hit: (hit.entry.priority, hit.entry_id))


def _fits(read: PlateRead, entry: HotlistEntry, compatible: Compatible) -> bool:
    country = read_country(read)
    if country is not None and country != entry.country:
        return False
    read_class = read.plate_class.value if read.plate_class is not None else None
    return country is None or compatible(entry.country, read_class, entry.plate_class)
