"""A read as a row, and whether it fits the columns (pure)."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Integer, SmallInteger, String

from central.db import hot_read, to_us
from central.text import is_printable
from central.types import NORMAL
from edge.contract.read import PlateRead, Scored
from edge.contract.topics import Kind, Numbered

_EARLIEST_US: Final = 0
_LATEST_US: Final = 7_258_118_400_000_000  # the year 2200

_WIDTHS: Final = {
    column.name: column.type.length
    for column in hot_read.c
    if isinstance(column.type, String) and column.type.length is not None
}
_NUMBERS: Final = {
    column.name: 2**15 if isinstance(column.type, SmallInteger) else 2**63
    for column in hot_read.c
    if isinstance(column.type, BigInteger | Integer | SmallInteger)
}


def to_row(topic: Numbered, read: PlateRead, *, message: str, received_at: datetime) -> dict[str, Any]:
    """The columns of `hot_read` and `late_update`, but `late`.

    Args:
        topic: of the read, or of its update.
        read: what it says.
        message: the payload as it came, fields of later versions included.
        received_at: when.
    """
    return {
        "edge_id": read.edge_id,
        "epoch": read.epoch,
        "seq": read.seq,
        "site_id": read.site_id,
        "camera_id": read.camera_id,
        "captured_us": to_us(read.best_at),
        "first_us": to_us(read.first_at),
        "last_us": to_us(read.last_at),
        "received_us": to_us(received_at),
        "plate": read.plate,
        "plate_raw": read.plate_raw,
        "country": _value(read.country),
        "plate_class": _value(read.plate_class),
        "likelihood": read.likelihood,
        "vehicle_type": _value(read.vehicle.type),
        "vehicle_color": _value(read.vehicle.color),
        "direction": read.direction,
        "lane": read.lane,
        "preset": read.preset,
        "speed_mps": read.speed_mps,
        "trust": None if read.trust == NORMAL else read.trust,
        "lat": read.location and read.location.lat,
        "lon": read.location and read.location.lon,
        "votes": read.votes,
        "frames": read.frames,
        "update_seq": topic.seq if topic.kind is Kind.UPDATE else 0,
        "message": message,
        "seal_id": None,
    }


def misfit(row: dict[str, Any]) -> str | None:
    """What of a row no column can hold; None where all fits.

    SQLite takes anything and PostgreSQL does not, and the archive's columns are typed too: what does not
    fit must stop at the door, or a batch, or a seal, would fail on it for ever. So must what would steer the
    terminal on which it is shown.
    """
    for name, width in _WIDTHS.items():
        value = row[name]
        if value is not None and (len(value) > width or not is_printable(value)):
            return f"{name}: longer than {width} characters, or holds what cannot be printed"
    for name, beyond in _NUMBERS.items():
        if row[name] is not None and not -beyond <= row[name] < beyond:
            return f"{name}: {row[name]} is beyond {beyond - 1}"
    for name in ("first_us", "captured_us", "last_us"):
        if not _EARLIEST_US <= row[name] < _LATEST_US:
            return f"{name.removesuffix('_us')} time is not between the years 1970 and 2200"
    return None


def _value(scored: Scored | None) -> str | None:
    return None if scored is None else scored.value
