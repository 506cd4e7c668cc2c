"""Pictures and clips: their bytes go into packs, and the database says where they lie."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from central.archive.packing import PackWriter, Place
from central.clip.store import misfits, record
from central.consume.put import put
from central.db import picture
from central.types import ClipArrival, DeadLetter, PictureArrival
from edge.contract.clip import packed


def write_pictures(connection: Connection, packs: PackWriter, pictures: Sequence[PictureArrival]) -> None:
    """Write them; of several pictures of a read and kind the newest stays.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    if not pictures:
        return
    places = packs.write([p.jpeg for p in pictures], at=pictures[0].received_at)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for arrival, place in sorted(zip(pictures, places, strict=True), key=lambda pair: pair[0].topic.seq):
        read, kind = arrival.topic.read_id, str(arrival.topic.kind)
        rows[read, kind] = {
            "edge_id": read.edge_id,
            "epoch": read.epoch,
            "read_seq": read.seq,
            "kind": kind,
            "seq": arrival.topic.seq,
            "pack": place.pack,
            "offset": place.offset,
            "length": place.length,
            "sha256": place.sha256,
        }
    for row in rows.values():
        put(connection, picture, row, newer="seq")


def write_clips(connection: Connection, packs: PackWriter, clips: Sequence[ClipArrival]) -> list[DeadLetter]:
    """Write the answers that were asked for; the others, as dead letters, for the caller to keep.

    Of those only what their heads say: the video that nobody asked for would fill the database.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    if not clips:
        return []
    faults = misfits(connection, clips)
    fitting = [arrival for arrival in clips if id(arrival) not in faults]
    parts = [arrival for arrival in fitting if arrival.data]
    written = packs.write([arrival.data for arrival in parts], at=clips[0].received_at)
    places: dict[int, Place] = {id(a): place for a, place in zip(parts, written, strict=True)}
    record(connection, [(arrival, places.get(id(arrival))) for arrival in fitting])
    return [
        DeadLetter(
            str(a.topic), packed(a.answer), a.received_at, f"{faults[id(a)]} ({len(a.data)} bytes not kept)"
        )
        for a in clips
        if id(a) in faults
    ]
