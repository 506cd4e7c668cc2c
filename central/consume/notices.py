"""What is neither a read nor a picture: dead letters, what edges had to drop, health."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from central.consume.put import put
from central.db import dead_letter, edge_health, gone_range, to_us
from central.types import DeadLetter, GoneArrival, HealthArrival


def write_notices(
    connection: Connection,
    *,
    dead: Sequence[DeadLetter],
    gone: Sequence[GoneArrival],
    health: Sequence[HealthArrival],
) -> None:
    """Write them, in the transaction of their batch."""
    if dead:
        rows = [
            {
                "topic": _storable(d.topic),
                "payload": d.payload,
                "reason": _storable(d.reason),
                "received_us": to_us(d.received_at),
            }
            for d in dead
        ]
        connection.execute(insert(dead_letter), rows)
    if gone:
        connection.execute(insert(gone_range), [_gone_row(g) for g in gone])
    for edge_id, arrival in {h.health.edge_id: h for h in health}.items():
        row = {
            "edge_id": edge_id,
            "online": arrival.health.online,
            "received_us": to_us(arrival.received_at),
            "message": arrival.health.model_dump_json(),
        }
        put(connection, edge_health, row)


def _gone_row(arrival: GoneArrival) -> dict[str, Any]:
    gone = arrival.gone
    return {
        "edge_id": gone.edge_id,
        "epoch": gone.epoch,
        "stream": str(gone.stream),
        "first_seq": gone.dropped.first,
        "last_seq": gone.dropped.last,
        "reason": _storable(gone.reason),
        "received_us": to_us(arrival.received_at),
    }


def _storable(text: str) -> str:
    """PostgreSQL's text holds no NUL; a text column of ours, no half of a surrogate pair."""
    return text.replace("\x00", "�").encode(errors="replace").decode()
