"""Records that pass between the centre's parts. Frozen; every time is UTC-aware, every number says its unit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from edge.contract.clip import ClipAnswer
from edge.contract.delivery import Gone
from edge.contract.health import EdgeHealth
from edge.contract.ptz import PtzState
from edge.contract.read import PlateRead
from edge.contract.topics import Address, Numbered

Wait = Callable[[float], bool]
"""Sleeps so many seconds; whether it is time to stop."""

NORMAL: Final = "normal"
"""The trust that nearly every read has; in the database and in the archive it is no word at all."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came from the broker.

    Attributes:
        mid: the broker's packet id, for the PUBACK that follows the commit.
    """

    topic: str
    payload: bytes
    received_at: datetime
    mid: int


@dataclass(frozen=True, slots=True)
class ReadArrival:
    """A read or an update of one, parsed and bound to its topic.

    Attributes:
        row: the columns of `hot_read` and `late_update`, but `late`.
    """

    topic: Numbered
    read: PlateRead
    row: dict[str, Any]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PictureArrival:
    """A picture of a read: JPEG bytes."""

    topic: Numbered
    jpeg: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ClipArrival:
    """An answer to a request for a clip.

    Attributes:
        data: of one part of the clip, an MP4 file; empty where there is none.
    """

    topic: Numbered
    answer: ClipAnswer
    data: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be understood: kept whole, with the reason, and acknowledged all the same."""

    topic: str
    payload: bytes
    received_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class GoneArrival:
    """What an edge had to drop."""

    address: Address
    gone: Gone
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HealthArrival:
    """An edge's health or last will."""

    health: EdgeHealth
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PtzArrival:
    """Where a turning camera stands, as its edge says."""

    state: PtzState
    received_at: datetime


class Reason(StrEnum):
    """Why a vehicle is looked for."""

    STOLEN = "stolen"
    WANTED = "wanted"
    MISSING = "missing"
    BOLO = "bolo"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class HotlistEntry:
    """One vehicle that is looked for. Expiry is compulsory.

    Attributes:
        list_name: the list that it belongs to; a plate stands once in a list.
        plate_class: None where the source does not say; a known one must be compatible with the read's.
        agency: whose entry it is; None where neither the file nor the list says.
        legal_basis: beside the case, in free words.
        confirmed_at: when its source last said that it still holds; None where nobody asked.
        stale_since: the same, of a hit for which that is too long ago.
        twins: of a hit: other listed plates that are taken for this one.
    """

    list_name: str
    plate: str
    country: str
    plate_class: str | None
    reason: Reason
    priority: int
    source: str
    case_number: str
    valid_from: datetime
    valid_until: datetime
    vehicle_type: str | None = None
    color: str | None = None
    brand: str | None = None
    note: str = ""
    agency: str | None = None
    legal_basis: str = ""
    confirmed_at: datetime | None = None
    stale_since: datetime | None = None
    twins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A read that may be of a listed plate.

    Attributes:
        entry_id: the entry's number in the database.
        likelihood: that the plate is the listed one, which may be another than was decoded.
        rival: the likeliest other string among those that the cameras know; None where there is none.
        has_stays: suppressions of its plates are on record, which do not hold for it: of another time, or elsewhere.
    """

    entry_id: int
    entry: HotlistEntry
    read: PlateRead
    likelihood: float
    rival: str | None = None
    has_stays: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the listed plate is what was decoded."""
        return self.entry.plate == self.read.plate


@dataclass(frozen=True, slots=True)
class Alert:
    """A listed vehicle that was seen.

    Attributes:
        edge_id, epoch, seq: the read that raised it.
        camera_id, captured_at: of its first sighting so far, which may have come after the one that raised it.
        explanation: in words, why this read matched this entry.
        late: the read was older than the limit when it arrived.
        last_at, last_camera_id: of its last sighting so far; None: the first.
        events: the number of its last event.
        escalation: how often it was escalated.
        merged_into: the alert that took this one in.
    """

    alert_id: int
    raised_at: datetime
    edge_id: str
    epoch: int
    seq: int
    camera_id: str
    captured_at: datetime
    plate: str
    likelihood: float
    list_name: str
    reason: Reason
    priority: int
    explanation: str
    late: bool
    last_at: datetime | None = None
    last_camera_id: str | None = None
    state: str = "raised"
    events: int = 1
    claimed_by: str | None = None
    station: str | None = None
    unit_id: str | None = None
    outcome: str | None = None
    escalation: int = 0
    merged_into: int | None = None


class EventKind(StrEnum):
    """What may happen to an alert; as `alert_event` has it."""

    RAISED = "raised"
    JOINED = "joined"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CLAIMED = "claimed"
    RELEASED = "released"
    ASSIGNED = "assigned"
    DISPATCHED = "dispatched"
    OUTCOME = "outcome"
    ESCALATED = "escalated"
    MERGED = "merged"
    NOTED = "noted"


class ClipState(StrEnum):
    """What came of a request for a clip; as the database has it."""

    ASKED = "asked"
    CAME = "came"
    GONE = "gone"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AskedClip:
    """A request for a clip, and what came of it.

    Attributes:
        at: when the read's evidence was taken; the clip is asked `before_s` before it to `after_s` after it.
        asked_by: who asked, or which alert.
        reason: why there is no clip, or a shorter one.
        size: in bytes; None where nothing has come.
        began_at, ended_at: capture times of the clip's first and last picture.
    """

    request: str
    edge_id: str
    epoch: int
    seq: int
    camera_id: str
    at: datetime
    before_s: float
    after_s: float
    asked_at: datetime
    asked_by: str
    state: ClipState
    reason: str
    size: int | None
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, why, and for which case: without it no read is shown."""

    actor: str
    purpose: str
    case_number: str


@dataclass(frozen=True, slots=True)
class ArchivedDay:
    """One day's partition after a seal: which date and how many rows went into it."""

    captured_date: date
    rows: int


@dataclass(frozen=True, slots=True)
class KeptRead:
    """A read as the centre keeps it, whether it is still hot or in the archive.

    Attributes:
        captured_at: of the frame kept as evidence.
        received_at: when the read first reached the centre; an update leaves it as it is.
        improved: an update has taken the first message's place; `captured_at` may be after `received_at` then, for
            the better frame came later.
        speed_mps: metres a second along the lane, right to a centimetre; None where its camera is not calibrated.
        trust: `normal`, or `lower`: from ordinary CCTV or a recording.
        lat, lon: where a camera that travels was, degrees north and east (WGS 84), right to a centimetre.
    """

    captured_at: datetime
    edge_id: str
    epoch: int
    seq: int
    site_id: str
    camera_id: str
    plate: str
    country: str | None
    plate_class: str | None
    likelihood: float
    first_at: datetime
    last_at: datetime
    received_at: datetime
    vehicle_type: str | None
    vehicle_color: str | None
    direction: str | None
    votes: int
    frames: int
    late: bool
    improved: bool
    lane: str | None
    preset: str | None
    speed_mps: float | None
    trust: str
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A character that may stand at a position instead, and how likely."""

    char: str
    likelihood: float


@dataclass(frozen=True, slots=True)
class Position:
    """One position of a plate; likelihoods are right to 1.1 per cent of themselves."""

    char: str
    likelihood: float
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class PlateBox:
    """Where the plate is in the picture, in shares of its width and height, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where a turning camera looked, as it said itself, in its own units; a ten-thousandth is the finest told."""

    pan: float
    tilt: float
    zoom: float | None


@dataclass(frozen=True, slots=True)
class DetailedRead(KeptRead):
    """A read with what an investigator weighs.

    Attributes:
        plate_raw: as read, before any grammar.
        characters: what else may stand at each position; None where the message cannot be read again.
        box: None where `characters` is.
        ptz: None where the camera does not turn, or did not say.
    """

    plate_raw: str
    characters: tuple[Position, ...] | None
    box: PlateBox | None
    ptz: Gaze | None
