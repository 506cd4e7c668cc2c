"""Health of an edge box and its cameras, published retained; the last will says that the edge is gone."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from edge.contract.read import Identifier, Message

Count = Annotated[int, Field(ge=0)]


class CameraState(StrEnum):
    """What a camera is doing, as its edge sees it; UNKNOWN is any word that a later version says."""

    CONNECTING = "connecting"
    LIVE = "live"
    MOVING = "moving"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "CameraState | None":
        return cls.UNKNOWN if isinstance(value, str) else None


class TriggerState(StrEnum):
    """How far what says that something moves is heeded; UNKNOWN is any word that a later version says.

    LEARNING: not known well enough for anything to depend on it. TRUSTED: decoding may rest on its word. DISTRUSTED:
    it kept silent where something moved, or cried where nothing did. SILENT: it says nothing at all.
    """

    LEARNING = "learning"
    TRUSTED = "trusted"
    DISTRUSTED = "distrusted"
    SILENT = "silent"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "TriggerState | None":
        return cls.UNKNOWN if isinstance(value, str) else None


class TriggerHealth(Message):
    """What woke the decoder while nothing moved, and how often; since the worker's start.

    `key` (a key frame shows motion) and `swell` (packets grow) are the stream's own; `events` are the camera's, over
    ONVIF, `substream` is its small second stream.
    """

    name: Annotated[str, Field(max_length=32)]
    wakes: Count = 0
    false_alarms: Annotated[Count, Field(description="wakes after which nothing moved")] = 0
    missed: Annotated[Count, Field(description="motions seen in the pictures that it did not tell of")] = 0
    state: TriggerState = TriggerState.TRUSTED
    detail: Annotated[str, Field(max_length=300, description="why it is not heeded, or silent")] = ""


class Ailment(StrEnum):
    """What is wrong with a camera that works, against its own past; UNKNOWN is any word that a later version says.

    FEW_READS: far fewer reads than usual at this time. PLATE_SIZE: plates much narrower or wider than usual. DARK:
    too little light for any plate. BLURRED: far less sharp than usual. MOVED: the same scene, elsewhere in the picture.
    OTHER_VIEW: nothing of the scene is found.
    """

    FEW_READS = "few_reads"
    PLATE_SIZE = "plate_size"
    DARK = "dark"
    BLURRED = "blurred"
    MOVED = "moved"
    OTHER_VIEW = "other_view"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Ailment | None":
        return cls.UNKNOWN if isinstance(value, str) else None


class CameraHealth(Message):
    """One camera since the worker's start."""

    camera_id: Identifier
    state: CameraState
    detail: Annotated[
        str, Field(max_length=300, description="why, where the state is a fault; else what ails it, in words")
    ] = ""
    ailments: Annotated[
        tuple[Ailment, ...], Field(max_length=16, description="what `detail` says, as names")
    ] = ()
    last_frame_at: AwareDatetime | None = None
    frames_received: Count = 0
    frames_corrupt: Annotated[Count, Field(description="damaged in transit, skipped")] = 0
    frames_still: Annotated[Count, Field(description="kept back by the motion gate")] = 0
    frames_moving: Annotated[
        Count, Field(description="taken while the camera turned, or an operator had it; dropped")
    ] = 0
    frames_dropped: Annotated[Count, Field(description="replaced by a newer frame before they were used")] = 0
    frames_analysed: Count = 0
    reads: Count = 0
    reconnects: Count = 0
    reads_share: Annotated[
        float | None,
        Field(ge=0, description="reads lately as a share of what is usual now; null: not known yet"),
    ] = None
    plate_px: Annotated[float | None, Field(ge=0, description="median width of the plates read lately")] = (
        None
    )
    sharpness: Annotated[
        float | None,
        Field(ge=0, description="as a share of what is usual in such light; null: not known yet"),
    ] = None
    brightness: Annotated[float | None, Field(ge=0, le=1, description="mean of the picture")] = None
    view_shift: Annotated[
        float | None,
        Field(
            ge=0, description="how far the scene lies from its place, shares of the width; null: not found"
        ),
    ] = None
    triggers: Annotated[
        tuple[TriggerHealth, ...],
        Field(max_length=16, description="what woke the decoder, where the camera dozes"),
    ] = ()
    packets_dropped: Annotated[
        Count, Field(description="kept for clips, and gone for want of room before their seconds were over")
    ] = 0


class ClipHealth(Message):
    """What became of the centre's requests for clips since the worker's start."""

    made: Count = 0
    gone: Annotated[Count, Field(description="answered that what was asked is not held any more")] = 0
    refused: Annotated[Count, Field(description="answered that this box will not make it")] = 0
    unreadable: Annotated[Count, Field(description="messages on the cmd topic that were no commands")] = 0


class HotlistHealth(Message):
    """The copy of the hotlists by which a box knows what to send first; `number` null: it has none.

    What the centre has put in force with a head of this number, or of a lower one, is known at the box.
    """

    number: Annotated[int | None, Field(ge=1, description="of the head that is in force here")] = None
    issued_at: Annotated[AwareDatetime | None, Field(description="when the centre signed it")] = None
    entries: Count = 0
    hits: Annotated[
        Count,
        Field(description="reads and better looks at them, since the start, that may be of a listed vehicle"),
    ] = 0
    replayed: Annotated[Count, Field(description="heads that were older than the one in force; ignored")] = 0
    refused: Annotated[Count, Field(description="heads that were not the centre's, or not understood")] = 0
    dropped: Annotated[
        Count, Field(description="heads and parts that came faster than they were taken in; had again later")
    ] = 0
    fault: Annotated[
        str, Field(max_length=300, description="why it is not newer, or cannot be used; empty: nothing")
    ] = ""


class EdgeHealth(Message):
    """One edge box; `online` false comes from the broker (last will) or from a clean stop."""

    edge_id: Identifier
    site_id: Identifier
    online: bool
    at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    version: str = ""
    epoch: int | None = None
    clock_error_s: float | None = None
    fault: Annotated[str, Field(max_length=300, description="what ails the box itself; empty: nothing")] = ""
    spool_messages: Count = 0
    spool_bytes: Count = 0
    spool_dropped: Annotated[Count, Field(description="messages dropped because the spool was full")] = 0
    spool_oldest_at: Annotated[
        AwareDatetime | None, Field(description="when the oldest read that waits was made; null: none waits")
    ] = None
    certificate_days_left: Annotated[
        float | None, Field(description="until its certificate expires; negative: since; null: it has none")
    ] = None
    pipeline_ms: Annotated[float | None, Field(ge=0, description="median time of one analysed frame")] = None
    interval_s: Annotated[
        float | None, Field(gt=0, description="longest time between two such messages, seconds")
    ] = None
    clips: ClipHealth = ClipHealth()
    hotlist: HotlistHealth = HotlistHealth()
    cameras: tuple[CameraHealth, ...] = ()
