"""The site's clock over hours counted in UTC (pure).

Reads are counted in cells: hours of UTC, as a roll-up holds them. To say of a cell which local hour it is takes
no more than a shift that changes where summer time begins or ends. Where the zone's offset is no whole hour
(Asia/Kolkata: +05:30) an hour of UTC lies in two local ones; there the cells are quarters of an hour, of which
every offset in use is a multiple, so that the answer is exact too. A roll-up by hours cannot give that one.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

HOUR_S: Final = 3600

_QUARTER_S: Final = 900
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_SECOND: Final = timedelta(seconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shift:
    """From the cell `begins` on (cells since 1970 UTC), local time is `cells` later."""

    begins: int
    cells: int


@dataclass(frozen=True, slots=True)
class Shifts:
    """A zone's shifts, first the one that holds from the beginning of time.

    Attributes:
        cell_s: length of a cell, seconds.
    """

    cell_s: int
    shifts: tuple[Shift, ...]


def shifts(zone: tzinfo, *, since: datetime | None = None, until: datetime | None = None) -> Shifts:
    """The shifts of a zone within a time span; without one, of this century."""
    first = max(_EARLIEST, (since or _EARLIEST).astimezone(UTC))
    last = min(_LATEST, (until or _LATEST).astimezone(UTC))
    first_s, last_s = _since_1970_s(first), _since_1970_s(last)
    found = [at for year in range(first.year, last.year + 1) for at in _changes(zone, year)]
    offsets = [(0, _offset_s(zone, first_s))]
    offsets += [(at, _offset_s(zone, at)) for at in found if first_s < at <= last_s]
    is_whole = not any(number % HOUR_S for pair in offsets for number in pair)
    cell_s = HOUR_S if is_whole else _QUARTER_S
    return Shifts(cell_s, tuple(Shift(begins // cell_s, offset // cell_s) for begins, offset in offsets))


@lru_cache(maxsize=1_000)
def _changes(zone: tzinfo, year: int) -> tuple[int, ...]:
    """When in a year (UTC) the offset changes, seconds since 1970; no zone changes it twice within a day."""
    begin, end = (_since_1970_s(datetime(each, 1, 1, tzinfo=UTC)) for each in (year, year + 1))
    found, before = [], _offset_s(zone, begin)
    for day in range(begin, end, _DAY_S):
        after = _offset_s(zone, day + _DAY_S)
        if after != before:
            seconds = range(day, day + _DAY_S)
            found.append(day + bisect_left(seconds, True, key=lambda at: _offset_s(zone, at) == after))
        before = after
    return tuple(found)


def _offset_s(zone: tzinfo, moment_s: int) -> int:
    offset = datetime.fromtimestamp(moment_s, zone).utcoffset()
    return 0 if offset is None else offset.days * _DAY_S + offset.seconds


def _since_1970_s(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND
