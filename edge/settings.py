"""The edge's configuration: one YAML file, every key bounded and described, unknown keys refused.

Relative paths in the file are relative to the file. Secrets are never in it: it names files that hold them.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, field_validator, model_validator

from edge.contract.clip import LONGEST_S
from edge.contract.config import BrokerSettings, Section, faults, together
from edge.contract.document import DocumentError, line_finder, read
from edge.contract.read import Identifier
from edge.errors import ConfigError
from edge.ground import GroundSettings

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class MqttSettings(BrokerSettings):
    """The broker, and how much it is handed."""

    in_flight: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=100, description="messages handed to the client at once; the rest waits in the spool"
    )
    resend_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=20.0,
        description="a message that the centre has not acknowledged is sent again after this time",
    )


class SpoolSettings(Section):
    """The durable queue of what the centre has not acknowledged yet."""

    path: Path = Field(default=Path("state/spool.sqlite"), description="database file")
    max_bytes: Annotated[int, Field(ge=1_000_000)] = Field(
        default=2_000_000_000,
        description="bound; past it the oldest pictures go first, reads last, all counted",
    )


class VoteSettings(Section):
    """When a track's reads count as one read."""

    certain: Share = Field(default=0.98, description="posterior at which a read is emitted at once")
    patience_s: Annotated[float, Field(ge=0.1, le=60)] = Field(
        default=2.0, description="emit at the latest this long after the plate first became legible"
    )
    legible: Share = Field(
        default=0.5,
        description="least posterior of a verdict that is emitted as a read; below it: seen, not legible",
    )
    min_length: Annotated[int, Field(ge=2, le=8)] = Field(
        default=4, description="shorter strings are never a plate"
    )

    @model_validator(mode="after")
    def _certain_is_legible(self) -> Self:
        if self.certain < self.legible:
            raise ValueError(
                f"certain ({self.certain:g}) is less than legible ({self.legible:g}): "
                "what is certain must be legible"
            )
        return self


_ADDRESS = re.compile(r"^rtsps?://[^@\s]+$")


def _of_a_side(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("corners are in shares of the picture's width and height, 0 to 1, not in px")
    return value


_OfASide = Annotated[
    float, AfterValidator(_of_a_side), WithJsonSchema({"type": "number", "minimum": 0.0, "maximum": 1.0})
]
Polygon = Annotated[tuple[tuple[_OfASide, _OfASide], ...], Field(max_length=64)]
"""Corners in shares of the picture's width and height; none: everywhere."""

Direction = Literal["approaching", "receding"]


class LaneSettings(Section):
    """A lane in the picture of a camera, or of one preset; drawn where the plates of its vehicles are seen."""

    name: Identifier = Field(description="as reads name it")
    polygon: Polygon = Field(description="corners in shares of width and height, at least three")
    direction: Direction | None = Field(
        default=None, description="which way its vehicles go; given to reads whose track does not tell"
    )


class PresetSettings(Section):
    """One station of a turning camera's guard tour."""

    name: Identifier = Field(description="as reads name it")
    token: str | None = Field(default=None, description="the preset's token at the device")
    named: str | None = Field(
        default=None, description="the preset's name at the device; null, without a token: as `name`"
    )
    dwell_s: Annotated[float, Field(ge=0.1, le=86_400)] = Field(
        default=20.0, description="how long to watch before turning to the next"
    )
    region: Polygon = Field(default=(), description="in which plates count here; empty: the camera's region")
    min_plate_px: Annotated[int, Field(ge=8, le=2000)] | None = Field(
        default=None, description="narrower plates are tracked but not read here; null: as the camera has it"
    )
    direction: Direction | None = Field(
        default=None, description="which way vehicles pass here; given to reads whose track does not tell"
    )
    lanes: Annotated[tuple[LaneSettings, ...], Field(max_length=16)] = Field(
        default=(), description="the lanes that the picture shows here"
    )
    ground: GroundSettings | None = Field(
        default=None, description="what was measured of the street as it looks from here, for speeds"
    )


class PtzSettings(Section):
    """A camera that turns, over ONVIF, and its guard tour."""

    host: str | None = Field(default=None, description="the device's name or address; null: that of `url`")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(default=80, description="its ONVIF port")
    username: str | None = Field(default=None, description="user at the device; null: the camera's")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    profile: str | None = Field(
        default=None, description="token or name of the media profile that turns; null: the first that does"
    )
    timeout_s: Annotated[float, Field(ge=0.1, le=10)] = Field(
        default=3.0,
        description="a device that does not answer for so long is lost; until then its last word holds",
    )
    settle_s: Annotated[float, Field(ge=0.0, le=60)] = Field(
        default=1.5, description="from coming to rest to the first frame read: focus and exposure follow"
    )
    travel_s: Annotated[float, Field(ge=0.1, le=300)] = Field(
        default=15.0,
        description="longest journey; waited for where the device tells neither motion nor position",
    )
    resume_after_s: Annotated[float, Field(ge=0.1, le=86_400)] = Field(
        default=60.0, description="the tour goes on so long after an operator's last move"
    )
    tolerance: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.005, description="by which two positions differ that are the same, in the device's unit"
    )
    presets: Annotated[tuple[PresetSettings, ...], Field(min_length=1, max_length=64)] = Field(
        description="the stations, in order"
    )

    @field_validator("presets", mode="after")
    @classmethod
    def _distinct(cls, presets: tuple[PresetSettings, ...]) -> tuple[PresetSettings, ...]:
        names = [p.name for p in presets]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"names of presets must be distinct; twice: {', '.join(twice)}")
        return presets

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> Self:
        together("username", self.username, "password_file", self.password_file)
        return self


class MotionEventSettings(Section):
    """The camera's own motion detection, heard over ONVIF (PullPoint)."""

    host: str | None = Field(default=None, description="the device's name or address; null: that of `url`")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(default=80, description="its ONVIF port")
    username: str | None = Field(default=None, description="user at the device; null: the camera's")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    source: str | None = Field(
        default=None,
        description="token of the video source whose events count, where the device has several; null: any",
    )
    timeout_s: Annotated[float, Field(ge=0.5, le=30)] = Field(
        default=5.0,
        description="a device that does not answer for so long is silent, and nothing rests on it",
    )

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> Self:
        together("username", self.username, "password_file", self.password_file)
        return self


class CameraSettings(Section):
    """One camera."""

    id: Identifier = Field(description="name; part of every topic and of the archive")
    url: str = Field(description="rtsp://host:port/path, without user or password", pattern=_ADDRESS.pattern)
    username: str | None = Field(default=None, description="user at the camera")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="how RTP travels")
    timeout_s: Annotated[float, Field(ge=1, le=60)] = Field(
        default=5.0, description="a stall of this length is a failure"
    )
    analyse_fps: Annotated[float, Field(gt=0, le=60)] = Field(
        default=8.0, description="frames a second that are analysed while something moves"
    )
    motion_gate: bool = Field(default=True, description="analyse only frames in which something moves")
    min_plate_px: Annotated[int, Field(ge=8, le=2000)] = Field(
        default=40, description="narrower plates are tracked but not read"
    )
    region: Polygon = Field(
        default=(),
        description="polygon (shares of width and height) in which plates count; empty: everywhere",
    )
    lanes: Annotated[tuple[LaneSettings, ...], Field(max_length=16)] = Field(
        default=(), description="the lanes that the picture shows; where two overlap, the first"
    )
    ground: GroundSettings | None = Field(
        default=None, description="what was measured of the street, for speeds; null: none are told"
    )
    device: Identifier | None = Field(
        default=None,
        description="a device of several lenses that this camera is one of; they stand in order around it, and "
        "a vehicle that goes from one to the next is one read",
    )
    countries: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default={},
        description="how common plates of each country are here (weights); others share a small rest",
    )
    ptz: PtzSettings | None = Field(default=None, description="a guard tour, where the camera turns")
    substream: str | None = Field(
        default=None,
        description="rtsp://host:port/path of a small second stream of the same picture: while nothing moves, "
        "only that is decoded; worth it where the first one's key frames are rare or vehicles pass fast",
        pattern=_ADDRESS.pattern,
    )
    motion_events: MotionEventSettings | None = Field(
        default=None, description="the camera's own motion detection, heard over ONVIF, to the same end"
    )
    trust: Literal["normal", "lower"] = Field(
        default="normal",
        description="lower: ordinary CCTV, not set up to read plates; its reads and their alerts say so",
    )
    travels: bool = Field(
        default=False,
        description="the camera itself moves (car, body, aircraft): which way vehicles go is not told, and one that "
        "is seen again within two minutes, wherever in the picture, is one read",
    )

    @field_validator("url", "substream", mode="before")
    @classmethod
    def _no_password_in_it(cls, url: object) -> object:
        if isinstance(url, str) and "@" in url:
            raise ValueError("put user and password into username and password_file, not into the address")
        if isinstance(url, str) and not _ADDRESS.match(url):
            raise ValueError("expected rtsp://host:port/path")
        return url

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> Self:
        together("username", self.username, "password_file", self.password_file)
        return self

    @model_validator(mode="after")
    def _what_turns_is_measured_at_its_presets(self) -> Self:
        if self.ptz is not None and (self.lanes or self.ground is not None):
            raise ValueError("the camera turns: lanes and ground stand at its presets")
        return self

    @model_validator(mode="after")
    def _what_turns_does_not_doze(self) -> Self:
        beside = self.substream is not None or self.motion_events is not None
        if beside and (self.ptz is not None or not self.motion_gate):
            why = "the camera turns" if self.ptz is not None else "motion_gate is off"
            raise ValueError(f"{why}, so it is decoded whole: substream and motion_events would save nothing")
        return self

    @model_validator(mode="after")
    def _what_travels_has_no_places(self) -> Self:
        if self.travels and (self.region or self.lanes or self.ground or self.ptz):
            raise ValueError(
                "travels: the camera itself moves, so region, lanes, ground and ptz name no place in its picture"
            )
        return self

    def region_at(self, preset: str | None) -> Polygon:
        """In which plates count while the camera rests at this preset; None: at none that is known."""
        presets = self.ptz.presets if self.ptz else ()
        return next((p.region for p in presets if p.name == preset and p.region), self.region)

    @property
    def shown_url(self) -> str:
        """The address for screens and logs: some cameras take user and password in it, as `name=value`."""
        end = next((n for n, letter in enumerate(self.url) if letter in "?#"), len(self.url))
        path, mark, rest = self.url[:end], self.url[end : end + 1], self.url[end + 1 :]
        words = (word.partition("=") for word in rest.split("&") if word)
        masked = "&".join(f"{name}=***" if equals else "***" for name, equals, _ in words)
        return re.sub(r"=[^/]*", "=***", path) + mark + masked


class PicturesSettings(Section):
    """Which pictures go with a read; its crop always does."""

    overview: Literal["always", "never"] = Field(
        default="always", description="the scene, some 100 KB a read: never, where the uplink is dear"
    )


class ClipSettings(Section):
    """The last seconds of each camera, as it sent them, from which the centre may ask for a clip."""

    seconds: Annotated[float, Field(ge=0, le=LONGEST_S)] = Field(
        default=10.0, description="kept of each camera; 0: nothing is kept, and every clip refused"
    )
    max_bytes: Annotated[int, Field(ge=1_000_000, le=100_000_000)] = Field(
        default=12_000_000, description="memory of one camera's packets; past it the oldest go, counted"
    )
    longest_s: Annotated[float, Field(ge=1, le=LONGEST_S)] = Field(
        default=20.0, description="a request for a longer clip is refused"
    )
    per_hour: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=60, description="clips made an hour; further requests are refused"
    )


class HotlistSettings(Section):
    """The centre's signed copy of the hotlists, by which reads of listed vehicles go first; only with mqtt.tls."""

    signer: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default="centre",
        description="common name of the certificate that may sign it: the consumer's that has partition 0",
    )
    old_h: Annotated[float, Field(ge=0.25, le=8760)] = Field(
        default=1.0, description="a copy that is older, hours, is a fault that the box's health says"
    )


class HealthSettings(Section):
    """Health messages and metrics."""

    interval_s: Annotated[float, Field(ge=0.5, le=3600)] = Field(
        default=10.0, description="seconds between messages"
    )
    memory: Path | None = Field(
        default=None,
        description="folder that remembers what each camera usually reads and shows; null: health, beside the spool",
    )
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Prometheus metrics at http://127.0.0.1:<port>/metrics; null: none"
    )


class EdgeSettings(Section):
    """The whole file."""

    edge_id: Identifier = Field(description="name of this box")
    site_id: Identifier = Field(description="name of the site it stands at")
    engine: Literal["openvino", "torch"] = Field(
        default="openvino", description="torch runs ultralytics directly on the same weights (extra [train])"
    )
    detector_score: Share | None = Field(
        default=None,
        description="least score of a detection; empty: the threshold that the weights were chosen at",
    )
    threads: Annotated[int, Field(ge=1, le=64)] = Field(default=1, description="threads of each net")
    cameras: Annotated[tuple[CameraSettings, ...], Field(min_length=1, max_length=64)] = Field(
        description="the cameras of this box"
    )
    mqtt: MqttSettings = MqttSettings()
    spool: SpoolSettings = SpoolSettings()
    vote: VoteSettings = VoteSettings()
    pictures: PicturesSettings = PicturesSettings()
    clips: ClipSettings = ClipSettings()
    hotlist: HotlistSettings = HotlistSettings()
    health: HealthSettings = HealthSettings()

    @field_validator("cameras", mode="after")
    @classmethod
    def _distinct(cls, cameras: tuple[CameraSettings, ...]) -> tuple[CameraSettings, ...]:
        ids = [c.id for c in cameras]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"camera ids must be distinct; twice: {', '.join(twice)}")
        devices = [c.device for c in cameras if c.device is not None]
        alone = sorted({d for d in devices if devices.count(d) == 1})
        if alone:
            raise ValueError(f"a device has two lenses or more; one camera only says device: {alone[0]}")
        return cameras


def load(path: Path) -> EdgeSettings:
    """Read and check a configuration file.

    Raises:
        ConfigError: names the file, and the line or the key, and what was expected.
    """
    try:
        root, content = read(path)
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(content).__name__}")
    try:
        return EdgeSettings.model_validate(content, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(
            f"{path}:\n{faults(error, model=EdgeSettings, line_of=line_finder(root))}"
        ) from error
