"""Clips as they are looked at: what was asked and came, and a clip put together from its parts."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, RowMapping, select

from central.archive.pictures import Place, read_picture
from central.db import alert_trail, clip, clip_part, from_us, hot_read, reading
from central.errors import QueryError, StoreError
from central.query.lists import Evidence
from central.types import Alert, AskedClip, ClipState
from edge.contract.read import ReadId


def newest_clips(engine: Engine, *, limit: int) -> list[AskedClip]:
    """Requests and what came of them, newest first."""
    query = select(clip).order_by(clip.c.asked_us.desc(), clip.c.request).limit(limit)
    with reading(engine) as connection:
        return [_asked(row) for row in connection.execute(query).mappings()]


def find_clip(engine: Engine, request: str) -> tuple[AskedClip, tuple[Place, ...], str]:
    """A clip that came, where its parts lie, in order, and the hash of the whole.

    Raises:
        QueryError: nobody asked for it, or it has not come: says why.
    """
    query = select(clip).where(clip.c.request == request)
    parts = select(clip_part).where(clip_part.c.request == request).order_by(clip_part.c.part)
    with reading(engine) as connection:
        row = connection.execute(query).mappings().first()
        places = [_place(part) for part in connection.execute(parts).mappings()]
    if row is None:
        raise QueryError(f"no clip {request[:40]!r} was ever asked for; `clips list` shows them")
    if row["state"] != ClipState.CAME:
        why = f": {row['reason']}" if row["reason"] else ""
        raise QueryError(f"clip {request} has not come, it is {row['state']}{why}")
    return _asked(row), tuple(places), str(row["sha256"])


def clips_of(engine: Engine, alerts: Iterable[Alert]) -> list[Evidence]:
    """The clips of the reads in the trails of these alerts; of several of one read, the one asked for last."""
    trail = alert_trail.c
    same = (trail.edge_id == clip.c.edge_id) & (trail.epoch == clip.c.epoch) & (trail.seq == clip.c.read_seq)
    whole = clip.c.sha256.label("whole_sha256")
    query = select(trail.alert_id, clip.c.edge_id, clip.c.epoch, clip.c.read_seq, whole, clip_part)
    query = query.select_from(
        alert_trail.join(clip, same).join(clip_part, clip_part.c.request == clip.c.request)
    )
    query = query.where(trail.alert_id.in_([a.alert_id for a in alerts]), clip.c.state == ClipState.CAME)
    query = query.order_by(
        trail.alert_id, trail.captured_us, clip.c.asked_us, clip.c.request, clip_part.c.part
    )
    found: dict[tuple[int, ReadId], tuple[RowMapping, list[Place]]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query).mappings():
            key = row["alert_id"], ReadId(row["edge_id"], row["epoch"], row["read_seq"])
            before, places = found.get(key, (row, []))
            if before["request"] != row["request"]:
                places = []
            found[key] = row, [*places, _place(row)]
    return [
        Evidence(alert_id, read, "clip", places[0], tuple(places[1:]), str(row["whole_sha256"]))
        for (alert_id, read), (row, places) in found.items()
    ]


def read_clip(folder: Path, places: tuple[Place, ...], sha256: str) -> bytes:
    """The bytes of a clip, an MP4 file, checked against their hash.

    Raises:
        StoreError: a pack is missing or damaged, or the whole is not what the edge said that it sent.
    """
    data = b"".join(read_picture(folder, place) for place in places)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StoreError(f"{folder}: the clip of {len(places)} parts is not what its box said that it sent")
    return data


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


def _place(row: RowMapping) -> Place:
    return Place(row["pack"], row["offset"], row["length"], row["sha256"])
