"""Moments as people type them (pure)."""

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from central.errors import QueryError

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def moment(typed: str, *, zone: tzinfo, end: bool = False) -> datetime:
    """A date, or a date and time; without an offset it is meant in the site's zone.

    Args:
        typed: such as 2026-03-04, 2026-03-04T17:30 or 2026-03-04T17:30:05-05:00.
        zone: of the site.
        end: a date alone means the end of that day, not its beginning.

    Raises:
        QueryError: it is neither.
    """
    try:
        read = datetime.fromisoformat(typed.strip())
        if _DATE.fullmatch(typed.strip()) and end:
            read = datetime.combine(read.date() + timedelta(days=1), time.min)
        return read if read.tzinfo is not None else read.replace(tzinfo=zone)
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"not a time: {typed[:40]!r}; expected 2026-03-04, 2026-03-04T17:30 or 2026-03-04T17:30:05-05:00"
        ) from error
