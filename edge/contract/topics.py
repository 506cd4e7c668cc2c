"""MQTT topics.

A message's identity stands in its topic, so that even a payload that cannot be parsed can be put with the
dead letters AND acknowledged.

    lpr/v1/{p}/{site}/{edge}/{camera}/read/{epoch}/{seq}
    lpr/v1/{p}/{site}/{edge}/{camera}/update/{epoch}/{seq}/{read_seq}
    lpr/v1/{p}/{site}/{edge}/{camera}/crop/{epoch}/{seq}/{read_seq}
    lpr/v1/{p}/{site}/{edge}/{camera}/overview/{epoch}/{seq}/{read_seq}
    lpr/v1/{p}/{site}/{edge}/{camera}/clip/{epoch}/{seq}/{read_seq}      a part of a clip, or why there is none
    lpr/v1/{p}/{site}/{edge}/{camera}/ptz/state (retained)
    lpr/v1/{p}/{site}/{edge}/gone        lpr/v1/{p}/{site}/{edge}/status (retained, last will)
    lpr/v1/{p}/{site}/{edge}/ack         from the centre, retained
    lpr/v1/{p}/{site}/{edge}/cmd         from the centre, retained: the clips that it waits for
    lpr/v1/hotlist/head                  from the centre, retained, to every edge: the signed copy of the hotlists
    lpr/v1/hotlist/part/{n}              and its parts, 0 to 255

`p` = crc32(edge) % 64: a static partition, so that one consumer sees the whole of an edge. Updates,
crops, overviews and clips are numbered in streams of their own and name the read that they belong to.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

from edge.contract.delivery import BEYOND, Stream
from edge.contract.read import ReadId

PARTITIONS = 64
ROOT = "lpr/v1"
HOTLIST = f"{ROOT}/hotlist/"
HOTLIST_HEAD = f"{HOTLIST}head"
_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"
_EDGE = rf"lpr/v1/(?P<partition>0|[1-9][0-9]?)/(?P<site>{_NAME})/(?P<edge>{_NAME})"
_NUMBER = r"[1-9][0-9]{0,15}"
_NUMBERED = re.compile(
    rf"{_EDGE}/(?P<camera>{_NAME})/(?P<kind>read|update|crop|overview|clip)"
    rf"/(?P<epoch>{_NUMBER})/(?P<seq>{_NUMBER})(?:/(?P<read_seq>{_NUMBER}))?"
)
_PLAIN = re.compile(rf"{_EDGE}/(?P<kind>gone|status|ack|cmd)")
_PTZ = re.compile(rf"{_EDGE}/(?P<camera>{_NAME})/(?P<kind>ptz)/state")


class Kind(StrEnum):
    """The kinds of numbered message, as they stand in the topic."""

    READ = "read"
    UPDATE = "update"
    CROP = "crop"
    OVERVIEW = "overview"
    CLIP = "clip"

    @property
    def stream(self) -> Stream:
        """The stream in which messages of this kind are numbered."""
        return Stream(self)


@dataclass(frozen=True, slots=True)
class Address:
    """An edge's place in the topic tree."""

    site_id: str
    edge_id: str

    @property
    def prefix(self) -> str:
        """The edge's own branch of the tree."""
        return f"{ROOT}/{partition(self.edge_id)}/{self.site_id}/{self.edge_id}"

    @property
    def gone(self) -> str:
        """Where the edge announces what it had to drop."""
        return f"{self.prefix}/gone"

    @property
    def status(self) -> str:
        """Where the edge's health is retained, and its last will arrives."""
        return f"{self.prefix}/status"

    @property
    def ack(self) -> str:
        """Where the centre says what it has committed."""
        return f"{self.prefix}/ack"

    @property
    def cmd(self) -> str:
        """Where the centre says what it asks for."""
        return f"{self.prefix}/cmd"

    def ptz_state(self, camera_id: str) -> str:
        """Where the state of a turning camera is retained."""
        return f"{self.prefix}/{camera_id}/ptz/state"


@dataclass(frozen=True, slots=True)
class Numbered:
    """The topic of a message that must arrive: who, what kind, which number, and of which read."""

    address: Address
    camera_id: str
    kind: Kind
    epoch: int
    seq: int
    read_seq: int

    @property
    def read_id(self) -> ReadId:
        """The read that this message is, updates or pictures."""
        return ReadId(self.address.edge_id, self.epoch, self.read_seq)

    def __str__(self) -> str:
        tail = "" if self.kind is Kind.READ else f"/{self.read_seq}"
        return f"{self.address.prefix}/{self.camera_id}/{self.kind}/{self.epoch}/{self.seq}{tail}"


@dataclass(frozen=True, slots=True)
class Plain:
    """The topic of a message without a number; `camera_id` where it is of one camera."""

    address: Address
    kind: str
    camera_id: str | None = None


def partition(edge_id: str) -> int:
    """The static partition of an edge, 0 to 63."""
    return crc32(edge_id.encode()) % PARTITIONS


def hotlist_part(number: int) -> str:
    """Where a part of the hotlists' copy is retained."""
    return f"{ROOT}/hotlist/part/{number}"


def parse(topic: str) -> Numbered | Plain:
    """Read a topic of the tree above.

    Raises:
        ValueError: the topic is not of that tree, or its partition is not its edge's.
    """
    match = _NUMBERED.fullmatch(topic) or _PLAIN.fullmatch(topic) or _PTZ.fullmatch(topic)
    if match is None:
        raise ValueError(f"not a topic of {ROOT}: {topic[:200]!r}")
    fields = match.groupdict()
    address = Address(fields["site"], fields["edge"])
    if int(fields["partition"]) != partition(address.edge_id):
        raise ValueError(
            f"partition {fields['partition']} is not that of {address.edge_id!r}: {topic[:200]!r}"
        )
    if "seq" not in fields:
        return Plain(address, fields["kind"], fields.get("camera"))
    kind, seq, owner = Kind(fields["kind"]), int(fields["seq"]), fields["read_seq"]
    if (owner is None) is not (kind is Kind.READ):
        raise ValueError(
            f"a {kind} topic {'needs' if owner is None else 'takes no'} read number: {topic[:200]!r}"
        )
    read_seq, epoch = seq if owner is None else int(owner), int(fields["epoch"])
    if max(epoch, seq, read_seq) >= BEYOND:
        raise ValueError(f"a number beyond {BEYOND - 1}: {topic[:200]!r}")
    return Numbered(address, fields["camera"], kind, epoch, seq, read_seq)


def subscriptions(partitions: Collection[int] = range(PARTITIONS)) -> tuple[str, ...]:
    """The filters under which a consumer receives, once, everything that the edges of these partitions publish."""
    tails = (
        "+/read/#",
        "+/update/#",
        "+/crop/#",
        "+/overview/#",
        "+/clip/#",
        "+/ptz/state",
        "gone",
        "status",
    )
    chosen = sorted(set(partitions))
    levels = ["+"] if len(chosen) == PARTITIONS else [str(number) for number in chosen]
    return tuple(f"{ROOT}/{level}/+/+/{tail}" for level in levels for tail in tails)
