"""Rows of answers as records (pure)."""

from datetime import UTC, timedelta
from typing import Any

from central.archive.schema import PackedCharacter, unpack_box, unpack_characters, unpack_ptz
from central.types import NORMAL, Alternative, DetailedRead, Gaze, KeptRead, PlateBox, Position


def timed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a sum with its times in UTC."""
    return {name: value.astimezone(UTC) if name.endswith("_at") else value for name, value in row.items()}


def kept(row: dict[str, Any]) -> KeptRead:
    """A row of core columns as a read; changes the row."""
    return KeptRead(**_fields(row))


def detailed(row: dict[str, Any]) -> DetailedRead:
    """A row of all columns as a read with what an investigator weighs; changes the row."""
    raw, packed, box, ptz = (row.pop(name) for name in ("plate_raw", "characters", "box", "ptz"))
    return DetailedRead(
        **_fields(row),
        plate_raw=row["plate"] if raw is None else raw,
        characters=None if packed is None else _positions(row["plate"], packed),
        box=None if box is None else PlateBox(*(round(share, 4) for share in unpack_box(box))),
        ptz=None if ptz is None else Gaze(*unpack_ptz(ptz)),
    )


def _positions(plate: str, packed: bytes) -> tuple[Position, ...]:
    doubts = unpack_characters(packed)
    sure = PackedCharacter(1.0, ())
    return tuple(
        Position(
            char,
            round(doubt.likelihood, 4),
            tuple(Alternative(a.char, round(a.likelihood, 4)) for a in doubt.alternatives),
        )
        for char, doubt in ((char, doubts.get(at, sure)) for at, char in enumerate(plate))
    )


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of a read as fields; changes the row."""
    captured_at = row.pop("captured_at").astimezone(UTC)
    after = {
        f"{name}_at": captured_at + timedelta(microseconds=row.pop(f"{name}_offset_us"))
        for name in ("first", "last", "received")
    }
    likelihood = row.pop("likelihood_e4") / 10_000
    improved = row.pop("update_seq") > 0
    speed_cmps = row.pop("speed_cmps")
    told = {
        "speed_mps": None if speed_cmps is None else speed_cmps / 100,
        "trust": row.pop("trust") or NORMAL,
        **{name: _degrees(row.pop(f"{name}_e7")) for name in ("lat", "lon")},
    }
    return {
        "captured_at": captured_at,
        "likelihood": likelihood,
        "improved": improved,
        **after,
        **told,
        **row,
    }


def _degrees(e7: int | None) -> float | None:
    return None if e7 is None else e7 / 10_000_000
