"""What the consumer matches against: the listed plates in memory, their entries in the database."""

from collections.abc import Iterable, Iterator
from typing import Final

import structlog
from sqlalchemy import Connection, RowMapping, select

from central.db import from_us, hotlist_entry, table_version
from central.hotlist.match import Compatible, match
from central.hotlist.weigh import weigh
from central.types import Hit, HotlistEntry, Reason
from edge.contract.read import PlateRead

_log = structlog.get_logger(__name__)


class Hotlist:
    """The listed plates in memory, their entries in the database: a million take 0.1 GB instead of 0.8.

    Attributes:
        plates: of every list; read again in the transaction that finds the lists changed.
    """

    def __init__(self, *, compatible: Compatible) -> None:
        self.plates: frozenset[str] = frozenset()
        self._compatible: Final = compatible
        self._lists: tuple[str, ...] = ()
        self._version = -1

    def refresh(self, connection: Connection) -> None:
        """Take note of what has changed; in each transaction before it matches."""
        version = connection.execute(
            select(table_version.c.version).where(table_version.c.name == hotlist_entry.name)
        ).scalar_one()
        if version != self._version:
            self._lists = tuple(connection.scalars(select(hotlist_entry.c.list_name).distinct()))
            plates = select(hotlist_entry.c.plate).execution_options(yield_per=10_000)
            self.plates = frozenset(connection.scalars(plates))
            self._version = version

    def match(self, connection: Connection, read: PlateRead) -> list[Hit]:
        """The entries that a read may be, as the database has them in this transaction."""
        if read.plate not in self.plates:
            return []
        # With the list's name it is a look into the key's index.
        entries = select(hotlist_entry).where(
            hotlist_entry.c.list_name.in_(self._lists), hotlist_entry.c.plate == read.plate
        )
        rows = connection.execute(entries).mappings()
        return weigh(connection, match(read, _understood(rows), compatible=self._compatible))


def _understood(rows: Iterable[RowMapping]) -> Iterator[tuple[int, HotlistEntry]]:
    """One entry that a newer program wrote, or a hand, must not stop the others, nor the reads."""
    for row in rows:
        try:
            yield row["id"], to_entry(row)
        except (ValueError, OverflowError):
            _log.error(
                "hotlist entry cannot be understood, its vehicle is not looked for",
                entry=row["id"],
                list=row["list_name"],
            )


def to_entry(row: RowMapping) -> HotlistEntry:
    """An entry as its row says it; ValueError or OverflowError where nothing of ours wrote the row."""
    return HotlistEntry(
        list_name=row["list_name"],
        plate=row["plate"],
        country=row["country"],
        plate_class=row["plate_class"],
        reason=Reason(row["reason"]),
        priority=row["priority"],
        source=row["source"],
        case_number=row["case_number"],
        valid_from=from_us(row["valid_from_us"]),
        valid_until=from_us(row["valid_until_us"]),
        vehicle_type=row["vehicle_type"],
        color=row["color"],
        brand=row["brand"],
        note=row["note"],
        agency=row["agency"],
        legal_basis=row["legal_basis"],
        confirmed_at=from_us(row["confirmed_us"]),
    )
