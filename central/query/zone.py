"""The site's clock over hours counted in UTC (pure).

Reads are counted in cells: hours of UTC, as a roll-up holds them. To say of a cell which local hour it is takes
no more than a shift that changes where summer time begins or ends. Where the zone's offset is no whole hour
(Asia/Kolkata: +05:30) an hour of UTC lies in two local ones; there the cells are quarters of an hour, of which
every offset in use is a multiple, so that the answer is exact too. A roll-up by hours cannot give that one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

HOUR_S: Final = 3600

_QUARTER_S: Final = 900
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
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
    found = list(_changes(zone, first, min(_LATEST, (until or _LATEST).astimezone(UTC))))
    offsets = [(0, _offset_s(zone, first)), *((_since_1970_s(at), _offset_s(zone, at)) for at in found)]
    is_whole = not any(number % HOUR_S for pair in offsets for number in pair)
    cell_s = HOUR_S if is_whole else _QUARTER_S
    return Shifts(cell_s, tuple(Shift(begins // cell_s, offset // cell_s) for begins, offset in offsets))


def _changes(zone: tzinfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The moments at which the offset changes; no zone changes it twice within a day."""
    days = [first + number * _DAY for number in range((last - first) // _DAY + 1)]
    for before, after in pairwise([*days, last] if days else []):
        if _offset_s(zone, before) != _offset_s(zone, after):
            yield _change(zone, before, after)


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if _offset_s(zone, middle) == _offset_s(zone, before):
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _offset_s(zone: tzinfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


def _since_1970_s(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND
