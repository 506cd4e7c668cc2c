"""Pictures and clips as they are looked at: found by the reads they belong to, and read from their packs."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, Select, select

from central.archive.packing import Place
from central.archive.pictures import Packs
from central.db import alert_trail, clip, clip_part, picture, reading, received_range
from central.errors import DamagedError, MissingError, QueryError
from central.types import Alert, ClipState
from edge.contract.delivery import Stream
from edge.contract.read import ReadId


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a read, or its clip.

    Attributes:
        kind: crop, overview or clip.
        places: where its bytes lie, in order; of a clip more than one.
        sha256: of all of them together, 64 hexadecimal digits.
    """

    read: ReadId
    kind: str
    places: tuple[Place, ...]
    sha256: str

    @property
    def file_name(self) -> str:
        """A name for its file."""
        suffix = "mp4" if self.kind == "clip" else "jpg"
        return f"{self.read.edge_id}-{self.read.epoch}-{self.read.seq}-{self.kind}.{suffix}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A picture of a read in an alert's trail."""

    alert_id: int
    picture: Picture


def read_whole(packs: Packs, wanted: Picture) -> bytes:
    """The bytes of a picture, JPEG, or of a clip, MP4, checked against their hashes.

    Raises:
        MissingError: a pack is not there.
        DamagedError: a pack is damaged, or the whole is not what its box said that it sent.
        StoreError: a pack cannot be read now.
    """
    data = b"".join(packs.read(place) for place in wanted.places)
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise DamagedError(
            f"the {wanted.kind} of {len(wanted.places)} parts is not what its box said that it sent"
        )
    return data


def pictures_of(engine: Engine, read: ReadId) -> list[Picture]:
    """Every picture of a read; of several clips the one asked for last.

    Raises:
        QueryError: there is none: says why, as far as the centre knows.
    """
    shown, asked = picture.c, clip.c
    pictures = select(picture).where(
        shown.edge_id == read.edge_id, shown.epoch == read.epoch, shown.read_seq == read.seq
    )
    clips = select(asked.sha256.label("whole_sha256"), clip_part)
    clips = clips.join_from(clip, clip_part, clip_part.c.request == asked.request)
    clips = clips.where(
        asked.edge_id == read.edge_id, asked.epoch == read.epoch, asked.read_seq == read.seq
    ).where(asked.state == ClipState.CAME)
    clips = clips.order_by(asked.asked_us.desc(), asked.request, clip_part.c.part)
    with reading(engine) as connection:
        found = [_picture(row) for row in connection.execute(pictures.order_by(shown.kind)).mappings()]
        parts = connection.execute(clips).mappings().all()
        came = connection.execute(_received(read)).first() is not None
    if newest := [row for row in parts if row["request"] == parts[0]["request"]]:
        found.append(_clip(read, newest))
    if not found:
        raise QueryError(_none(read, came=came))
    return found


def hand_out(engine: Engine, packs: Packs, read: ReadId) -> list[tuple[Picture, bytes]]:
    """Every picture of a read with its bytes, also while retention brings them into another pack.

    Raises:
        QueryError: there is none.
        StoreError: a pack is missing, damaged or cannot be read now.
    """
    found = pictures_of(engine, read)
    while True:
        try:
            return [(each, read_whole(packs, each)) for each in found]
        except MissingError:
            again = pictures_of(engine, read)
            if again == found:
                raise
            found = again


def evidence(engine: Engine, alerts: Iterable[Alert]) -> list[Evidence]:
    """The pictures of every read in the trails of these alerts, then their clips."""
    chosen = [a.alert_id for a in alerts]
    return [*_pictures_in_trails(engine, chosen), *_clips_in_trails(engine, chosen)]


def _pictures_in_trails(engine: Engine, chosen: list[int]) -> list[Evidence]:
    trail, shown = alert_trail.c, picture.c
    same = (trail.edge_id == shown.edge_id) & (trail.epoch == shown.epoch) & (trail.seq == shown.read_seq)
    query = select(trail.alert_id, picture).select_from(alert_trail.join(picture, same))
    query = query.where(trail.alert_id.in_(chosen)).order_by(trail.alert_id, trail.captured_us, shown.kind)
    with reading(engine) as connection:
        return [Evidence(row["alert_id"], _picture(row)) for row in connection.execute(query).mappings()]


def _clips_in_trails(engine: Engine, chosen: list[int]) -> list[Evidence]:
    """Of several clips of one read, the one asked for last."""
    trail = alert_trail.c
    same = (trail.edge_id == clip.c.edge_id) & (trail.epoch == clip.c.epoch) & (trail.seq == clip.c.read_seq)
    whole = clip.c.sha256.label("whole_sha256")
    query = select(trail.alert_id, clip.c.edge_id, clip.c.epoch, clip.c.read_seq, whole, clip_part)
    query = query.select_from(
        alert_trail.join(clip, same).join(clip_part, clip_part.c.request == clip.c.request)
    )
    query = query.where(trail.alert_id.in_(chosen), clip.c.state == ClipState.CAME)
    query = query.order_by(
        trail.alert_id, trail.captured_us, clip.c.asked_us, clip.c.request, clip_part.c.part
    )
    found: dict[tuple[int, ReadId], list[RowMapping]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query).mappings():
            key = row["alert_id"], ReadId(row["edge_id"], row["epoch"], row["read_seq"])
            before = found.get(key, [])
            same_clip = bool(before) and before[0]["request"] == row["request"]
            found[key] = [*before, row] if same_clip else [row]
    return [Evidence(alert_id, _clip(read, parts)) for (alert_id, read), parts in found.items()]


def _received(read: ReadId) -> Select[tuple[int]]:
    held = received_range.c
    return select(held.first_seq).where(
        held.edge_id == read.edge_id,
        held.epoch == read.epoch,
        held.stream == str(Stream.READ),
        held.first_seq <= read.seq,
        held.last_seq >= read.seq,
    )


def _none(read: ReadId, *, came: bool) -> str:
    name = f"{read.edge_id}/{read.epoch}/{read.seq}"
    if not came:
        return f"no read {name} ever came, and no picture of it"
    return (
        f"no picture of read {name} is kept: it was removed when its time was over (pictures.keep_days; no alert "
        "and no hold needed it), or none has come"
    )


def _picture(row: RowMapping) -> Picture:
    read = ReadId(row["edge_id"], row["epoch"], row["read_seq"])
    return Picture(read, row["kind"], (to_place(row),), row["sha256"])


def _clip(read: ReadId, parts: Iterable[RowMapping]) -> Picture:
    rows = list(parts)
    return Picture(read, "clip", tuple(to_place(row) for row in rows), str(rows[0]["whole_sha256"]))


def to_place(row: RowMapping) -> Place:
    """Where the bytes of a row of `picture` or `clip_part` lie."""
    return Place(row["pack"], row["offset"], row["length"], row["sha256"])
