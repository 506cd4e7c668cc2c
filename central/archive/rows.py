"""Rows of the database in the archive's shape: a read looks the same before it is sealed and after."""

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import structlog
from pydantic import ValidationError
from sqlalchemy import RowMapping

from central.archive.schema import (
    CORE,
    PARTITION,
    SCHEMA,
    likelihood_e4,
    pack_box,
    pack_characters,
    pack_ptz,
)
from edge.contract.read import Box, Character, Message, ModelVersions, PtzPosition

_US_PER_DAY: Final = 86_400_000_000
_LARGEST_CLOCK_ERROR_S: Final = 1e10
_SAME: Final = (
    "edge_id",
    "epoch",
    "seq",
    "site_id",
    "camera_id",
    "plate",
    "country",
    "plate_class",
    "vehicle_type",
    "vehicle_color",
    "direction",
    "votes",
    "frames",
    "late",
    "update_seq",
    "lane",
    "preset",
    "trust",
)

_log = structlog.get_logger(__name__)


class _Evidence(Message):
    """What the archive keeps of a message and the hot row has no column for."""

    characters: tuple[Character, ...]
    box: Box
    models: ModelVersions
    clock_error_s: float | None = None
    ptz: PtzPosition | None = None


def to_table(rows: Iterable[RowMapping]) -> pa.Table:
    """Rows of `hot_read` or `late_update` as a table of the archive's schema, in the order given."""
    return pa.Table.from_pylist([_columns(row) | _evidence(row) for row in rows], schema=SCHEMA)


def to_core_table(rows: Iterable[RowMapping]) -> pa.Table:
    """The same without evidence: the rows need no `message`, which is most of their size."""
    return pa.Table.from_pylist([_columns(row) for row in rows], schema=CORE)


def _columns(row: RowMapping) -> dict[str, Any]:
    captured_us = row["captured_us"]
    return {
        PARTITION: captured_us // _US_PER_DAY,
        "captured_at": captured_us,
        **{name: row[name] for name in _SAME},
        "likelihood_e4": likelihood_e4(row["likelihood"]),
        "first_offset_us": -_whole_ms(captured_us - row["first_us"]),
        "last_offset_us": _whole_ms(row["last_us"] - captured_us),
        "received_offset_us": _whole_ms(row["received_us"] - captured_us),
        "speed_cmps": _whole(row["speed_mps"], 100),
        "lat_e7": _whole(row["lat"], 10_000_000),
        "lon_e7": _whole(row["lon"], 10_000_000),
    }


def _evidence(row: RowMapping) -> dict[str, Any]:
    """A message that cannot be read again costs its evidence, never the row, nor the seal that it is in."""
    raw = {"plate_raw": None if row["plate_raw"] == row["plate"] else row["plate_raw"]}
    try:
        evidence = _Evidence.model_validate_json(row["message"])
    except ValidationError as error:
        _log.warning(
            "message of a read cannot be read again; archived without characters and box",
            read=f"{row['edge_id']}/{row['epoch']}/{row['seq']}",
            faults=error.error_count(),
        )
        return raw
    return raw | {
        "characters": pack_characters(evidence.characters),
        "box": pack_box(evidence.box),
        "clock_error_us": _microseconds(evidence.clock_error_s),
        "detector": evidence.models.detector,
        "reader": evidence.models.reader,
        "ptz": None if evidence.ptz is None else pack_ptz(evidence.ptz),
    }


def _whole_ms(us: int) -> int:
    """Rounded up: what is asked for since a moment of arrival must not slip before it."""
    return -(-us // 1000) * 1000


def _whole(value: float | None, parts: int) -> int | None:
    """A number in so many parts of its unit."""
    return None if value is None else round(value * parts)


def _microseconds(seconds: float | None) -> int | None:
    """Null too for what no clock can be wrong by; a message may say NaN or 1e300."""
    if seconds is None or not abs(seconds) < _LARGEST_CLOCK_ERROR_S:
        return None
    return round(seconds * 1_000_000)
