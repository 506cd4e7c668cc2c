"""What the names of data files say (pure): how far a file goes, and so which of the derived tables' parts still hold.

    reads/captured_date=2026-03-04/seal-000000000123-<digits>.parquet   what seal 123 brought
    reads/captured_date=2026-03-04/day-000000000140-<digits>.parquet    the closed day, with everything up to seal 140
    plates/year=2026/month=3/bucket=7/2026-03-04-000000000140-<digits>.parquet
                                                    of that day, derived from the reads as of seal 140

A part of a derived table holds for a day where no file of the reads of that day goes beyond the part's seal: an
append, an improved read or a deletion raises the newest number of its day, a mere rewriting does not.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

UNKNOWN: Final = 2**63
"""How far a file goes whose name does not say: further than every part. Earlier versions wrote such."""

_READS: Final = re.compile(r"(seal|day)-(\d{12})-[0-9a-f]{32}\.parquet")
_DERIVED: Final = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?-(\d{12})-[0-9a-f]{32}\.parquet")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A day, or a month where `day` is 0; of UTC."""

    year: int
    month: int
    day: int = 0

    def __str__(self) -> str:
        """As file names have it."""
        return f"{self.year:04}-{self.month:02}" + (f"-{self.day:02}" if self.day else "")

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return (self.year, self.month) == (day.year, day.month) and self.day in (0, day.day)

    def is_within(self, first: date, last: date) -> bool:
        """Whether this day is one of those, both included."""
        return bool(self.day) and first <= date(self.year, self.month, self.day) <= last

    @property
    def whole_month(self) -> "Period":
        """The month that it lies in."""
        return Period(self.year, self.month)


@dataclass(frozen=True, slots=True)
class Part:
    """What a derived table holds of a period: the reads as they were after a seal."""

    period: Period
    through: int


def of_day(day: date) -> Period:
    """A day as a period."""
    return Period(day.year, day.month, day.day)


def reads_name(kind: Literal["seal", "day"], through: int) -> str:
    """A new name for a file of reads: what one seal brought, or a day in its final order."""
    return f"{kind}-{through:012}-{uuid.uuid4().hex}.parquet"


def part_name(part: Part) -> str:
    """A new name for a file of a derived table."""
    return f"{part.period}-{part.through:012}-{uuid.uuid4().hex}.parquet"


def goes_through(name: str) -> int:
    """The newest seal of which a file of reads holds anything."""
    found = _READS.fullmatch(name.rpartition("/")[2])
    return int(found[2]) if found else UNKNOWN


def is_closed(names: Iterable[str]) -> bool:
    """Whether the files of a day are one, in its final order."""
    found = [_READS.fullmatch(name.rpartition("/")[2]) for name in names]
    return len(found) == 1 and found[0] is not None and found[0][1] == "day"


def part_of(name: str) -> Part | None:
    """Which part a file of a derived table belongs to; None where its name does not say."""
    found = _DERIVED.fullmatch(name.rpartition("/")[2])
    if found is None:
        return None
    year, month, day, through = found.groups()
    return Part(Period(int(year), int(month), int(day or 0)), int(through))


def newest(files: Iterable[tuple[date, str]]) -> dict[date, int]:
    """How far each day of the reads goes, from the dates and names of its live files."""
    through: dict[date, int] = {}
    for day, name in files:
        through[day] = max(through.get(day, 0), goes_through(name))
    return through


def holders(parts: Iterable[Part], days: Mapping[date, int]) -> dict[date, Period]:
    """The days that a derived table can answer for, and the period of the part that does.

    A day's own part, where there is one, takes the place of what its month's part has of it.

    Args:
        parts: of the derived table.
        days: how far each day of the reads goes (`newest`).
    """
    derived: dict[Period, int] = {}
    for part in parts:
        derived[part.period] = max(part.through, derived.get(part.period, 0))
    held = {}
    for day, through in days.items():
        own = of_day(day)
        period = own if own in derived else own.whole_month
        if derived.get(period, -1) >= through:
            held[day] = period
    return held
