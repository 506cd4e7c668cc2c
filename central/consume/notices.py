"""What is neither a read nor a picture: dead letters, what edges had to drop, health, where cameras and units are."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from central.consume.put import put
from central.consume.units import UnitArrival, keep_unit
from central.db import dead_letter, edge_health, gone_range, ptz_state, to_us
from central.text import storable
from central.types import DeadLetter, GoneArrival, HealthArrival, PtzArrival

STRAY_ROOM_BYTES: Final = 16 * 1024 * 1024
"""What dead letters without a number may take in all; nothing else bounds how many there are."""

MOST_CAMERAS: Final = 64
"""Of an edge, whose stand is kept; a box that invents names would otherwise fill the table."""

_ROW_BYTES: Final = 100  # about what a letter takes beside its texts
_NO_ROOM: Final = (
    f"no room: past {STRAY_ROOM_BYTES // 1024**2} MiB, letters without a number are only counted"
)


def write_notices(
    connection: Connection,
    *,
    dead: Sequence[DeadLetter],
    stray: Sequence[DeadLetter],
    gone: Sequence[GoneArrival],
    states: Sequence[HealthArrival | PtzArrival | UnitArrival],
) -> None:
    """Write them, in the transaction of their batch.

    Args:
        connection: in that transaction.
        dead: letters with a number: each comes once.
        stray: letters without one: one is kept of each topic and reason, and counted.
        gone: what edges had to drop.
        states: in the order in which they came: of each box, and of each turning camera, the last one counts;
            of each unit the newest.
    """
    if dead:
        connection.execute(insert(dead_letter), [_letter_row(letter) for letter in dead])
    if stray:
        _keep_stray(connection, stray)
    if gone:
        connection.execute(insert(gone_range), [_gone_row(g) for g in gone])
    for arrival in states:
        if isinstance(arrival, PtzArrival):
            _keep_ptz(connection, arrival)
        elif isinstance(arrival, UnitArrival):
            keep_unit(connection, arrival)
        else:
            _keep_health(connection, arrival)


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "topic": storable(letter.topic),
        "payload": letter.payload,
        "reason": storable(letter.reason),
        "received_us": to_us(letter.received_at),
        "times": 1,
        "digest": None,
    }


def _keep_stray(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    room: int | None = None  # looked up only where a letter is new
    for letter in letters:
        row = _letter_row(letter)
        row["digest"] = sha256(f"{row['topic']}\0{row['reason']}".encode()).hexdigest()
        if _count_again(connection, row):
            continue
        room = STRAY_ROOM_BYTES - _taken(connection) if room is None else room
        size = len(row["payload"]) + len(row["topic"]) + len(row["reason"]) + _ROW_BYTES
        if size <= room:
            room -= size
        else:
            row |= {"topic": "", "payload": b"", "reason": _NO_ROOM}
            row["digest"] = sha256(_NO_ROOM.encode()).hexdigest()
            if _count_again(connection, row):
                continue
        connection.execute(insert(dead_letter).values(row))


def _count_again(connection: Connection, row: dict[str, Any]) -> bool:
    """Whether such a letter was there, to be counted."""
    again = update(dead_letter).where(dead_letter.c.digest == row["digest"])
    values = {"times": dead_letter.c.times + 1, "received_us": row["received_us"]}
    return connection.execute(again.values(values)).rowcount > 0


def _taken(connection: Connection) -> int:
    kept = dead_letter.c
    size = func.length(kept.payload) + func.length(kept.topic) + func.length(kept.reason) + _ROW_BYTES
    return int(connection.scalar(select(func.sum(size)).where(kept.digest.is_not(None))) or 0)


def _keep_health(connection: Connection, arrival: HealthArrival) -> None:
    """Keep what an edge said last; its last will says that it is gone, and nothing else of it."""
    health = arrival.health
    row = {
        "edge_id": health.edge_id,
        "online": health.online,
        "received_us": to_us(arrival.received_at),
        "message": health.model_dump_json(),
    }
    is_will = not health.online and health.at is None
    put(connection, edge_health, row, kept=("received_us", "message") if is_will else ())


def _keep_ptz(connection: Connection, arrival: PtzArrival) -> None:
    """Keep where a camera stands. The last to come counts: the broker keeps their order, and clocks are set back."""
    state = arrival.state
    row = {
        "edge_id": state.edge_id,
        "camera_id": state.camera_id,
        "received_us": to_us(arrival.received_at),
        "message": state.model_dump_json(),
    }
    put(connection, ptz_state, row)
    kept = ptz_state.c
    others = (kept.edge_id == state.edge_id, kept.camera_id != state.camera_id)
    newest = select(kept.camera_id).where(*others).order_by(kept.received_us.desc(), kept.camera_id)
    over = connection.scalars(newest.offset(MOST_CAMERAS - 1)).all()
    if over:
        connection.execute(delete(ptz_state).where(*others, kept.camera_id.in_(over)))


def _gone_row(arrival: GoneArrival) -> dict[str, Any]:
    gone = arrival.gone
    return {
        "edge_id": gone.edge_id,
        "epoch": gone.epoch,
        "stream": str(gone.stream),
        "first_seq": gone.dropped.first,
        "last_seq": gone.dropped.last,
        "reason": storable(gone.reason),
        "received_us": to_us(arrival.received_at),
    }
