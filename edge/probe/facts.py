"""What was measured of a camera, what follows from it, and the document that `--json` prints."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.capture.doze import Hindrance

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[float, Field(ge=0.0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamFacts(_Record):
    """The stream, as it came."""

    codec: str
    profile: str | None = Field(description="of the codec; null: it does not say")
    width_px: Count
    height_px: Count
    transport: Literal["tcp", "udp"]
    fps_told: Size | None = Field(description="pictures a second that it says to send; null: it does not say")
    fps: Size | None = Field(description="that came; null: too few to tell")
    key_frame_s: Size | None = Field(description="usual time between key frames; null: fewer than two came")
    b_frames: bool = Field(description="whether pictures come in another order than they are shown")
    kbit_s: Size | None = Field(description="bit rate, 1000 bits a second")
    pictures: Count = Field(description="that came, damaged ones included")
    damaged: Count = Field(description="of these, damaged on the way or drawn from damaged ones")
    missing: Count = Field(description="that the times of the others leave room for")
    jitter_ms: Size | None = Field(description="by which 1 in 20 pictures came later than the soonest ones")
    pause_s: Size = Field(description="longest time in which nothing came")
    idle: Share = Field(
        description="of the time, waiting for the camera; near 0: this machine could not keep up"
    )
    connect_s: Size
    time_rate: float | None = Field(
        description="at what share of true time the camera's timestamps run, where they lie; else null"
    )
    first_picture_s: Size = Field(description="from the beginning to the first whole picture")
    watched_s: Size = Field(description="from the first picture to the last one")
    broke: str = Field(description="why it ended before the time was over; empty: it did not")
    dozes_not: Hindrance | Literal["turns", "gate_off", "triggers", "unknown"] | None = Field(
        description="why a box does not decode on demand only here, which costs a fraction; null: it does"
    )
    analysed: Count = Field(description="pictures that the nets looked at")
    left_out: Count = Field(description="that this machine had no time for")


class ClockFacts(_Record):
    """The camera's clock less this machine's, seconds; null: the camera does not tell."""

    rtcp_s: float | None = Field(description="by the stream's sender report, less the delay on the way")
    onvif_s: float | None = Field(description="by ONVIF GetSystemDateAndTime, to a second")
    onvif_by_hand: bool | None = Field(description="whether its clock is set by hand and not by NTP")
    onvif_fault: str = Field(description="why ONVIF was asked in vain; empty: it answered, or was not asked")


class SceneFacts(_Record):
    """The whole picture, in the usual frame."""

    brightness: Size = Field(description="median grey level, 0 to 255")
    burnt: Share = Field(description="share of the picture that is white to the limit")
    is_grey: bool = Field(description="no colour: night mode or infrared light")
    motion_s: Size = Field(description="for how long something as large as a vehicle moved")


class PlateFacts(_Record):
    """One plate, at the best picture of it."""

    number: Count = Field(description="as the pictures number it")
    text: str | None = Field(description="masked (letters A, digits 9) unless asked for; null: not legible")
    likelihood: Share | None
    country: str | None
    is_read: bool = Field(description="whether a box would have sent it")
    is_whole: bool = Field(
        description="false: it was in view when the look began or ended, and proves nothing"
    )
    is_likely: bool = Field(
        description="whether it moved, or characters were read on it; else it may be scenery that looks like a plate"
    )
    pictures: Count = Field(description="in which it was seen")
    seen_s: Size
    width_px: Size = Field(description="of the plate")
    height_px: Size
    letter_height_px: Size | None = Field(description="null: no characters could be told apart")
    letter_width_px: Size | None
    rotation_deg: float | None
    lean_deg: float | None = Field(description="of upright strokes: seen from aside and above they lean")
    sharpness: Share = Field(description="as evidence pictures are chosen by: 0 smeared to 1")
    blur_across_px: Size = Field(description="from dark to light, across")
    blur_down_px: Size
    contrast: Size = Field(description="grey levels between dark and bright")
    brightness: Size = Field(description="median grey level")
    burnt: Share = Field(description="share of the plate that is white to the limit")
    is_cut: bool = Field(description="whether even its best picture touches the border")
    speed_px_s: Size | None = Field(
        description="how fast it moved in the picture, all but at its fastest; null: seen once"
    )


class Settings(_Record):
    """What the camera was judged by."""

    min_plate_px: Count
    analyse_fps: Size


class Facts(_Record):
    """All that was measured."""

    settings: Settings
    stream: StreamFacts
    clock: ClockFacts
    scene: SceneFacts
    plates: tuple[PlateFacts, ...]
    plates_not_kept: Count = Field(description="that came when there were too many, and were only counted")


class Severity(StrEnum):
    """How much an advice matters."""

    SHORT = "short"
    HINT = "hint"


class Code(StrEnum):
    """Each advice there is, the most important first."""

    BROKE = "broke"
    NO_VEHICLE = "no_vehicle"
    NO_PLATE_FOUND = "no_plate_found"
    UNREAD = "unread"
    PLATES_NARROW = "plates_narrow"
    LETTERS_SMALL = "letters_small"
    MOTION_BLUR = "motion_blur"
    UNSHARP = "unsharp"
    WASHED_OUT = "washed_out"
    TOO_DARK = "too_dark"
    LOW_CONTRAST = "low_contrast"
    ROTATED = "rotated"
    LEANS = "leans"
    CUT = "cut"
    FEW_VIEWS = "few_views"
    DAMAGED = "damaged"
    MISSING = "missing"
    PAUSES = "pauses"
    LOW_FPS = "low_fps"
    MACHINE_SLOW = "machine_slow"
    LETTERS_SPARE = "letters_spare"
    FPS_DIFFERS = "fps_differs"
    TIMES_LIE = "times_lie"
    JITTER = "jitter"
    B_FRAMES = "b_frames"
    KEY_FRAMES_FAR = "key_frames_far"
    STAYS_SHORT = "stays_short"
    CLOCK_UNSET = "clock_unset"
    CLOCK_OFF = "clock_off"
    CLOCK_BY_HAND = "clock_by_hand"


class Advice(_Record):
    """Something to better, and the numbers it comes from."""

    code: Code
    severity: Severity
    numbers: dict[str, float | str]
    text: str = ""


class Verdict(StrEnum):
    """What it comes to."""

    FIT = "fit"
    SHORT = "short"
    UNUSABLE = "unusable"
    UNKNOWN = "unknown"

    @property
    def exit_status(self) -> int:
        """Of the command."""
        return {Verdict.FIT: 0, Verdict.SHORT: 1, Verdict.UNUSABLE: 2, Verdict.UNKNOWN: 3}[self]


class Report(_Record):
    """The one document that `--json` prints; keys stay as they are within a format."""

    format: Literal[2] = 2
    camera: str
    address: str = Field(description="without user, password and query values")
    looked_at: AwareDatetime = Field(description="when the look began, UTC")
    verdict: Verdict
    fault: str = Field(default="", description="why it cannot be used")
    facts: Facts | None = Field(description="null where it cannot be used")
    advice: tuple[Advice, ...] = ()
