"""The read: one vehicle's plate at one camera at one time, as it travels and is kept.

Field names follow ONVIF's LicensePlateInfo and VehicleInfo in snake case. The message is tolerant
(unknown fields are ignored) and versioned: a consumer reads every `schema_version` up to its own.
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

SCHEMA_VERSION: Final = 1

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""A site, edge or camera name: fit for a topic level, a path and a column."""

PlateText = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,12}$")]
"""A plate without separators."""

Likelihood = Annotated[float, Field(ge=0.0, le=1.0)]


class ReadId(NamedTuple):
    """Identity of a read, made once at the edge: the spool's life (`epoch`) and a dense number in it."""

    edge_id: str
    epoch: int
    seq: int


class Message(BaseModel):
    """A message at the border: immutable, tolerant of fields that a later version adds.

    Its faults do not repeat what was wrong: they may end in a log, where no plate belongs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Box(Message):
    """A box in shares of the picture's width and height (0..1), from its top left corner."""

    x: Annotated[float, Field(ge=0.0, le=1.0)]
    y: Annotated[float, Field(ge=0.0, le=1.0)]
    width: Annotated[float, Field(gt=0.0, le=1.0)]
    height: Annotated[float, Field(gt=0.0, le=1.0)]


class Scored(Message):
    """A value with the likelihood that it is right."""

    value: Annotated[str, Field(min_length=1, max_length=32)]
    likelihood: Likelihood


class CharacterAlternative(Message):
    """One character that may stand at a position, and how likely."""

    char: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]$")]
    likelihood: Likelihood


class Character(Message):
    """One position of the plate: what was decoded there and the two best alternatives to it."""

    char: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]$")]
    likelihood: Likelihood
    alternatives: Annotated[tuple[CharacterAlternative, ...], Field(max_length=2)] = ()


class Vehicle(Message):
    """The vehicle that bore the plate, as far as it was recognised (ONVIF VehicleInfo)."""

    type: Scored | None = None
    color: Scored | None = None
    brand: Scored | None = None
    model: Scored | None = None


class PictureRef(Message):
    """Which pictures of this read were taken, with it or with an update; they travel apart, behind the reads."""

    crop: bool = False
    overview: bool = False
    clip: bool = False


FARTHEST: Final = 1e6
"""What a head's pan, tilt or zoom can mean at most, in whatever unit it tells them."""


class PtzPosition(Message):
    """Where a turning camera looked, as it said itself: in ONVIF's generic spaces pan and tilt -1..1, zoom 0..1."""

    pan: Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
    tilt: Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]
    zoom: Annotated[float | None, Field(ge=-FARTHEST, le=FARTHEST)] = None


class GeoPosition(Message):
    """Where the camera was (WGS 84), for those that travel: body cameras, patrol cars, helicopters."""

    lat: Annotated[float, Field(ge=-90.0, le=90.0, description="degrees north")]
    lon: Annotated[float, Field(ge=-180.0, le=180.0, description="degrees east")]


class ModelVersions(Message):
    """What read this plate: name@first 12 hex digits of the weights' SHA-256."""

    detector: str
    reader: str


class PlateRead(Message):
    """One read of one vehicle's passage."""

    schema_version: Literal[1] = SCHEMA_VERSION
    edge_id: Identifier
    epoch: Annotated[int, Field(ge=1, lt=2**53)]
    seq: Annotated[int, Field(ge=1, lt=2**53)]
    site_id: Identifier
    camera_id: Identifier
    first_at: Annotated[AwareDatetime, Field(description="capture time of the track's first frame, UTC")]
    best_at: Annotated[AwareDatetime, Field(description="capture time of the frame kept as evidence, UTC")]
    last_at: Annotated[AwareDatetime, Field(description="capture time of the newest frame voted on, UTC")]
    emitted_at: Annotated[AwareDatetime, Field(description="when the emission rule fired, UTC")]
    clock_error_s: Annotated[
        float | None,
        Field(ge=-1e9, le=1e9, description="edge clock minus central's, seconds; null where unknown"),
    ] = None
    plate_raw: Annotated[str, Field(max_length=24, description="as read, before any grammar; may be empty")]
    plate: PlateText
    likelihood: Annotated[Likelihood, Field(description="that `plate` is exactly right")]
    country: Annotated[Scored | None, Field(description="ISO 3166-1 alpha-2 and its likelihood")] = None
    plate_class: Scored | None = None
    characters: Annotated[tuple[Character, ...], Field(max_length=12)]
    votes: Annotated[
        int,
        Field(
            ge=0, description="frames whose own best string is `plate`; none, where only their sum says so"
        ),
    ]
    frames: Annotated[int, Field(ge=1, description="frames in which this plate was read at all")]
    box: Annotated[Box, Field(description="the plate in the frame kept as evidence")]
    vehicle: Vehicle = Vehicle()
    track_id: Annotated[int, Field(ge=0, description="the object's number at this camera (ONVIF ObjectId)")]
    lane: str | None = None
    direction: Literal["approaching", "receding"] | None = None
    speed_mps: Annotated[
        float | None,
        Field(ge=0.0, le=150.0, description="metres a second along the lane; null where not calibrated"),
    ] = None
    trust: Annotated[
        Literal["normal", "lower"],
        Field(
            description="lower: from ordinary CCTV or a recording, not from a camera set up to read plates"
        ),
    ] = "normal"
    location: Annotated[
        GeoPosition | None, Field(description="where a camera that travels was at `best_at`; null elsewhere")
    ] = None
    preset: Annotated[
        str | None,
        Field(description="where a turning camera rested; null where it does not turn, or nobody knows"),
    ] = None
    ptz: PtzPosition | None = None
    pictures: PictureRef = PictureRef()
    models: ModelVersions

    @property
    def id(self) -> ReadId:
        """The read's identity."""
        return ReadId(self.edge_id, self.epoch, self.seq)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.first_at <= self.best_at <= self.last_at:
            raise ValueError(f"times out of order: {self.first_at} <= {self.best_at} <= {self.last_at}")
        if self.votes > self.frames:
            raise ValueError(f"more votes ({self.votes}) than frames ({self.frames})")
        spelt = "".join(c.char for c in self.characters)
        if spelt != self.plate:  # which, is not said: see Message
            raise ValueError("characters spell something else than plate says")
        return self

    def is_late(self, *, now: datetime, limit: timedelta) -> bool:
        """Whether the read is older than `limit` at `now`, so that an alert on it must say so."""
        return now - self.best_at > limit
