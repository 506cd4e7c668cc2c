"""Clips as they are looked at: what was asked, and what came of it."""

from typing import Any

from sqlalchemy import Engine, RowMapping, select

from central.db import clip, clip_part, from_us, hot_read, reading
from central.errors import QueryError
from central.query.pictures import Picture, to_place
from central.types import AskedClip, ClipState
from edge.contract.read import ReadId


def newest_clips(engine: Engine, *, limit: int) -> list[AskedClip]:
    """Requests and what came of them, newest first."""
    query = select(clip).order_by(clip.c.asked_us.desc(), clip.c.request).limit(limit)
    with reading(engine) as connection:
        return [_asked(row) for row in connection.execute(query).mappings()]


def find_clip(engine: Engine, request: str) -> tuple[AskedClip, Picture]:
    """A clip that came, and where it lies.

    Raises:
        QueryError: nobody asked for it, or it has not come: says why.
    """
    query = select(clip).where(clip.c.request == request)
    parts = select(clip_part).where(clip_part.c.request == request).order_by(clip_part.c.part)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
        places = [to_place(part) for part in connection.execute(parts).mappings()]
    if row is None:
        raise QueryError(f"no clip {request[:40]!r} was ever asked for; `clips list` shows them")
    if row["state"] != ClipState.CAME:
        why = f": {row['reason']}" if row["reason"] else ""
        raise QueryError(f"clip {request} has not come, it is {row['state']}{why}")
    read = ReadId(row["edge_id"], row["epoch"], row["read_seq"])
    return _asked(row), Picture(read, "clip", tuple(places), str(row["sha256"]))


def locate(engine: Engine, read: ReadId) -> dict[str, Any]:
    """Where and when a read was made: site_id, camera_id, captured_us.

    Raises:
        QueryError: it is not among the reads that came lately, the only ones whose video an edge may still hold.
    """
    columns = (hot_read.c.site_id, hot_read.c.camera_id, hot_read.c.captured_us)
    query = select(*columns).where(
        hot_read.c.edge_id == read.edge_id, hot_read.c.epoch == read.epoch, hot_read.c.seq == read.seq
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise QueryError(
            f"read {read.edge_id}/{read.epoch}/{read.seq} is not known, or long archived: an edge holds the video "
            "of a few seconds"
        )
    return dict(row)


def _asked(row: RowMapping) -> AskedClip:
    same = (
        "request",
        "edge_id",
        "epoch",
        "camera_id",
        "before_s",
        "after_s",
        "asked_by",
        "reason",
        "size",
    )
    began_us, ended_us = row["began_us"], row["ended_us"]
    return AskedClip(
        seq=row["read_seq"],
        state=ClipState(row["state"]),
        at=from_us(row["at_us"]),
        asked_at=from_us(row["asked_us"]),
        began_at=None if began_us is None else from_us(began_us),
        ended_at=None if ended_us is None else from_us(ended_us),
        **{name: row[name] for name in same},
    )
