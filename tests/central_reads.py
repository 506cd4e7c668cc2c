"""Reads and rows for the centre's tests."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Table, insert

from central.archive.rules import Rules
from central.archive.visible import Term
from central.db import hot_read, to_us
from central.types import KeptRead
from edge.contract.read import (
    Box,
    Character,
    CharacterAlternative,
    ModelVersions,
    PlateRead,
    Scored,
    Vehicle,
)

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)

LASTING = Rules(keep=timedelta(days=1826), clock=lambda: NOON)
"""Under which every read of these tests is young enough."""


def a_read(seq: int, *, plate: str = "ABC123", captured_at: datetime | None = None, **more: Any) -> PlateRead:
    """A read of a passage of one second, of which the second half is after the best frame."""
    best = captured_at or NOON + timedelta(seconds=seq)
    doubt = (
        CharacterAlternative(char="8", likelihood=0.2),
        CharacterAlternative(char="R", likelihood=0.0001),
    )
    fields: dict[str, Any] = {
        "edge_id": "edge-1",
        "epoch": 7,
        "seq": seq,
        "site_id": "site-1",
        "camera_id": "cam-1",
        "first_at": best - timedelta(seconds=0.5),
        "best_at": best,
        "last_at": best + timedelta(seconds=0.5),
        "emitted_at": best + timedelta(seconds=0.6),
        "clock_error_s": 0.004,
        "plate_raw": plate,
        "plate": plate,
        "likelihood": 0.7912345,
        "country": Scored(value="CO", likelihood=0.9),
        "plate_class": Scored(value="private", likelihood=0.8),
        "characters": tuple(
            Character(char=c, likelihood=0.79 if i == 1 else 1.0, alternatives=doubt if i == 1 else ())
            for i, c in enumerate(plate)
        ),
        "votes": 3,
        "frames": 4,
        "box": Box(x=0.25, y=0.5, width=0.1, height=0.05),
        "vehicle": Vehicle(type=Scored(value="Car", likelihood=0.9)),
        "track_id": seq,
        "direction": "approaching",
        "models": ModelVersions(detector="plates@0123456789ab", reader="ppocr@ba9876543210"),
    }
    return PlateRead.model_validate({**fields, **more})


def row_of(read: PlateRead, *, received_at: datetime | None = None, update_seq: int = 0) -> dict[str, Any]:
    """A read as a row of `hot_read` or `late_update`."""
    return {
        "edge_id": read.edge_id,
        "epoch": read.epoch,
        "seq": read.seq,
        "site_id": read.site_id,
        "camera_id": read.camera_id,
        "captured_us": to_us(read.best_at),
        "first_us": to_us(read.first_at),
        "last_us": to_us(read.last_at),
        "received_us": to_us(received_at or read.best_at + timedelta(seconds=1)),
        "plate": read.plate,
        "plate_raw": read.plate_raw,
        "country": read.country and read.country.value,
        "plate_class": read.plate_class and read.plate_class.value,
        "likelihood": read.likelihood,
        "vehicle_type": read.vehicle.type and read.vehicle.type.value,
        "vehicle_color": read.vehicle.color and read.vehicle.color.value,
        "direction": read.direction,
        "lane": read.lane,
        "preset": read.preset,
        "speed_mps": read.speed_mps,
        "trust": None if read.trust == "normal" else read.trust,
        "lat": read.location and read.location.lat,
        "lon": read.location and read.location.lon,
        "votes": read.votes,
        "frames": read.frames,
        "late": False,
        "update_seq": update_seq,
        "message": read.model_dump_json(),
        "seal_id": None,
    }


def hold_row(term: Term, **more: object) -> dict[str, Any]:
    """A hold that stands, as a row of `legal_hold`."""
    edge_id, epoch, seq = term.read or (None, None, None)
    return {
        "plate": term.plate,
        "camera_id": term.camera_id,
        "edge_id": edge_id,
        "epoch": epoch,
        "seq": seq,
        "since_us": None if term.since is None else to_us(term.since),
        "until_us": None if term.until is None else to_us(term.until),
        "case_number": "2025-7",
        "legal_basis": "order 12",
        "entered_by": "ana",
        "entered_us": 1,
        "lifted_us": None,
        **more,
    }


def put(engine: Engine, reads: Iterable[PlateRead], *, table: Table = hot_read, **more: Any) -> None:
    """Put reads into a table, as the consumer does."""
    rows: list[Mapping[str, Any]] = [row_of(read, **more) for read in reads]
    with engine.begin() as connection:
        connection.execute(insert(table), rows)


def kept(seq: int, **more: Any) -> KeptRead:
    """A read as the centre keeps it, of plate ABC001 and so on."""
    read = a_read(seq)
    fields: dict[str, Any] = {
        "captured_at": read.best_at,
        "edge_id": read.edge_id,
        "epoch": read.epoch,
        "seq": seq,
        "site_id": read.site_id,
        "camera_id": read.camera_id,
        "plate": f"ABC{seq:03d}",
        "country": "CO",
        "plate_class": "private",
        "likelihood": 0.91,
        "first_at": read.first_at,
        "last_at": read.last_at,
        "received_at": read.best_at + timedelta(seconds=1),
        "vehicle_type": "Car",
        "vehicle_color": None,
        "direction": "approaching",
        "votes": 3,
        "frames": 4,
        "late": False,
        "improved": False,
        "lane": None,
        "preset": None,
        "speed_mps": None,
        "trust": "normal",
        "lat": None,
        "lon": None,
    }
    return KeptRead(**{**fields, **more})
