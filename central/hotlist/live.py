"""What the consumer matches against: the listed plates in memory, their entries in the database."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.sql.functions import count

from central.db import Clock, at_a_time, erasure, from_us, hotlist_entry, table_version
from central.hotlist.budget import Limit
from central.hotlist.known import Known
from central.hotlist.limits import limits
from central.hotlist.match import borne, match
from central.hotlist.weigh import Gathered, gather, weigh
from central.sections import MatchSettings
from central.types import Hit, HotlistEntry, Reason
from edge.contract.listed import Terms
from edge.contract.match import spellings, texts
from edge.contract.plate import Grammar
from edge.contract.read import PlateRead

_log = structlog.get_logger(__name__)


class Hotlist:
    """The listed plates in memory, their entries in the database: a million take 0.1 GB instead of 0.8.

    Attributes:
        plates: of every list; read again in the transaction that finds the lists changed.
        limits: what each list is matched by.
    """

    def __init__(
        self,
        *,
        grammar: Grammar,
        known: Known | None = None,
        budget: MatchSettings | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Prepare; `refresh` reads the lists.

        Args:
            grammar: which plates each country and class can bear.
            known: plates that pass day after day; all are forgotten where one of them may have been erased by order.
            budget: false alerts a day, and reads a day; None: the settings' own.
            clock: now, UTC-aware.
        """
        self.plates: frozenset[str] = frozenset()
        self.limits: dict[str, Limit] = {}
        self._budget: Final = budget or MatchSettings()
        self._clock: Final = clock
        self._known: Final = Known() if known is None else known
        self._terms: Final = Terms(grammar, self._known, lambda name: self.limits[name].least)
        self._version = self._erasures = -1

    def refresh(self, connection: Connection) -> None:
        """Take note of what has changed; in each transaction before it matches."""
        version = connection.execute(
            select(table_version.c.version).where(table_version.c.name == hotlist_entry.name)
        ).scalar_one()
        if version != self._version:
            erasures = connection.execute(select(count(erasure.c.erasure_id))).scalar_one()
            if erasures != self._erasures:
                self._known.forget()
            self.limits = limits(connection, self._budget, at=self._clock())
            plates = select(hotlist_entry.c.plate).execution_options(yield_per=10_000)
            self.plates = frozenset(connection.scalars(plates))
            self._version, self._erasures = version, erasures

    def listed(self, read: PlateRead) -> list[str]:
        """Listed strings that a read may be, however unlikely they are."""
        return [text for text in texts(read) if text in self.plates]

    def gather(self, connection: Connection, reads: Sequence[PlateRead]) -> Gathered:
        """What the database has, in this transaction, of the entries that these reads may be."""
        entries: dict[str, list[tuple[int, HotlistEntry]]] = {}
        for some in at_a_time({plate for read in reads for plate in self.listed(read)}):
            # With the lists' names it is a look into the key's index.
            query = select(hotlist_entry).where(
                hotlist_entry.c.list_name.in_(list(self.limits)), hotlist_entry.c.plate.in_(some)
            )
            for number, entry in _understood(connection.execute(query).mappings()):
                entries.setdefault(entry.plate, []).append((number, entry))
        return gather(connection, entries, {read.plate for read in reads}) if entries else Gathered()

    def match(self, connection: Connection, read: PlateRead, gathered: Gathered) -> list[Hit]:
        """The entries that a read may be, of those that were gathered for it; suppressed ones are counted."""
        spelt = spellings(read)
        entries = [known for each in spelt for known in gathered.entries.get(each.text, ())]
        return weigh(connection, match(read, spelt, entries, self._terms), gathered) if entries else []

    def borne(self, read: PlateRead, gathered: Gathered) -> list[Hit]:
        """The entries whose very plate a read bears, of those that were gathered for it."""
        entries = gathered.entries.get(read.plate, ())
        return borne(read, spellings(read), entries, self._terms) if entries else []


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
