"""What a line says of an entry, as columns of the database, and how it differs from what it said before (pure)."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import RowMapping

from central.db import from_us, to_us
from central.hotlist.row import Row
from central.hotlist.twins import alike

SAID: Final = (
    "plate_class",
    "reason",
    "priority",
    "source",
    "case_number",
    "valid_from_us",
    "valid_until_us",
    "agency",
    "legal_basis",
    "vehicle_type",
    "color",
    "brand",
    "note",
)
"""What a file says of an entry; where all of it is as before, the entry is unchanged."""


def values_of(row: Row, *, before: RowMapping | None, now_us: int) -> dict[str, Any]:
    """A line as the columns of its entry; one that does not say since when leaves that as it was."""
    if row.valid_from is not None:
        valid_from_us = to_us(row.valid_from)
    else:
        valid_from_us = before["valid_from_us"] if before is not None else now_us
    return {
        "plate": row.plate,
        "country": row.country,
        "alike": alike(row.plate),
        "plate_class": row.plate_class,
        "reason": str(row.reason),
        "priority": row.priority,
        "source": row.source,
        "case_number": row.case_number,
        "valid_from_us": valid_from_us,
        "valid_until_us": to_us(row.valid_until),
        "agency": row.agency,
        "legal_basis": row.legal_basis,
        "vehicle_type": row.vehicle_type,
        "color": row.color,
        "brand": row.brand,
        "note": row.note,
    }


def differing(
    before: RowMapping, values: Mapping[str, Any], zone: tzinfo
) -> tuple[tuple[str, str, str], ...]:
    """What a file changes of an entry: which column, what it said, what it says; empty where all is as before."""
    return tuple(
        (name.removesuffix("_us"), _spelt(name, before[name], zone), _spelt(name, values[name], zone))
        for name in SAID
        if before[name] != values[name]
    )


def _spelt(name: str, value: object, zone: tzinfo) -> str:
    if isinstance(value, int) and name.endswith("_us"):
        at = from_us(value)
        with suppress(OverflowError):  # the first and the last day of the calendar have no other zone
            at = at.astimezone(zone)
        return at.isoformat(timespec="seconds")
    return "" if value is None else str(value)
