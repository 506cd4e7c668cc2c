"""An entry that nobody has confirmed for too long: the vehicle may have been found since (pure).

Hofer was held at gunpoint in a rental that had been recovered and was listed still. A stale entry is hit all the
same, for it may hold; but it waits behind all others, and says that its source must be asked first.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from central.types import HotlistEntry

PRIORITY: Final = 9
"""Of a hit of a stale entry: behind every other."""


def as_of(entry: HotlistEntry, *, stale_after_h: int | None, at: datetime) -> HotlistEntry:
    """The entry as it counts at a moment: downgraded where it is stale.

    Args:
        entry: as listed.
        stale_after_h: hours without a confirmation that its list allows; None: any number.
        at: when the vehicle was seen.
    """
    confirmed_at = entry.confirmed_at
    if stale_after_h is None or confirmed_at is None or at - confirmed_at <= timedelta(hours=stale_after_h):
        return entry
    return replace(entry, priority=PRIORITY, stale_since=confirmed_at)
