"""Where a turning camera stands, published retained at `…/{camera}/ptz/state` whenever that changes."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from edge.contract.read import Identifier, Message, PtzPosition


class PtzPhase(StrEnum):
    """What a guard tour is doing; UNKNOWN is any word that a later version says.

    GOTO, MOVING and SETTLE are on the way to a preset: nothing is read. WATCH reads as that preset. PAUSED: an operator
    has the camera, nothing is read. LOST: the device does not answer; reads go on while the picture stands still, and
    claim no preset.
    """

    GOTO = "goto"
    MOVING = "moving"
    SETTLE = "settle"
    WATCH = "watch"
    PAUSED = "paused"
    LOST = "lost"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "PtzPhase | None":
        return cls.UNKNOWN if isinstance(value, str) else None


class PtzState(Message):
    """One camera's guard tour since `at`."""

    edge_id: Identifier
    camera_id: Identifier
    at: AwareDatetime
    phase: PtzPhase
    preset: Annotated[str | None, Field(description="watched, or on the way to; null where nobody knows")] = (
        None
    )
    position: PtzPosition | None = None
    resumes_at: Annotated[
        AwareDatetime | None, Field(description="when the tour goes on, if the operator leaves it so")
    ] = None
    detail: Annotated[str, Field(max_length=300, description="why, where it is not as it should be")] = ""
