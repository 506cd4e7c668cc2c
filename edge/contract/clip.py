"""Clips: some seconds of a camera's own video around a read, asked for by the centre.

    centre --- cmd: ClipCommands, retained: every clip that it still waits for ----------> edge
    centre <-- clip/{epoch}/{seq}/{read_seq}: ClipAnswer, a line of JSON, then bytes ---- edge

A command is a state and no event: it comes again after every reconnect, late to a box that was away, and stands
until it is answered, so none is lost and none needs to be told apart from its repetition. The answer is numbered,
spooled and acknowledged like a picture, also where it is only that there is no clip.

A clip of ten seconds at 4 Mbit has 5 MB. It travels in parts of `PART_BYTES`: as much as an overview, so that a
read waits behind no more of it than behind a picture, a slow uplink is not silent for longer than the keep-alive,
and no broker's limit on a message (1 MB in some) matters.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from edge.contract.read import Identifier, Message, ReadId

PART_BYTES: Final = 128 * 1024
"""Bytes of the video in one part, at most."""

MOST_PARTS: Final = 512
MOST_REQUESTS: Final = 50
LONGEST_S: Final = 60.0
"""Seconds of video: no box holds more of a camera, nor does anybody ask for more on either side of a read."""

_END: Final = b"\n"
_HEAD_BYTES: Final = 4096

RequestId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""Made at random by the centre, once a request: no other database has the same."""

Span = Annotated[float, Field(ge=0.0, le=LONGEST_S)]


class ClipRequest(Message):
    """A clip that the centre asks for."""

    request: RequestId
    camera_id: Identifier
    epoch: Annotated[int, Field(ge=1, lt=2**53, description="of the read, as the centre knows it")]
    seq: Annotated[int, Field(ge=1, lt=2**53, description="of the read")]
    at: Annotated[AwareDatetime, Field(description="the read's best_at, by the edge's own clock")]
    before_s: Annotated[Span, Field(description="seconds before `at`")]
    after_s: Annotated[Span, Field(description="seconds after `at`")]


class ClipCommands(Message):
    """Every clip that the centre waits for from one edge; each one replaces the one before."""

    edge_id: Identifier
    clips: Annotated[tuple[ClipRequest, ...], Field(max_length=MOST_REQUESTS)] = ()


class ClipAnswer(Message):
    """What became of a request, and which part of the clip follows.

    `gone`: the packets are not held, or no longer; `refused`: the box will not make this clip. Neither has parts.
    """

    schema_version: Literal[1] = 1
    request: RequestId
    epoch: Annotated[
        int, Field(ge=1, lt=2**53, description="of the read; its number stands in the topic as read_seq")
    ]
    outcome: Literal["clip", "gone", "refused"]
    reason: Annotated[str, Field(max_length=200, description="why there is no clip, or a shorter one")] = ""
    part: Annotated[int, Field(ge=0, le=MOST_PARTS, description="from 1; 0 where there is no clip")] = 0
    parts: Annotated[int, Field(ge=0, le=MOST_PARTS)] = 0
    size: Annotated[int, Field(ge=0, description="bytes of the whole clip, an MP4 file")] = 0
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", description="of the whole clip")] = ""
    began_at: Annotated[AwareDatetime | None, Field(description="capture time of its first frame")] = None
    ended_at: Annotated[AwareDatetime | None, Field(description="capture time of its last frame")] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.outcome != "clip":
            if self.part or self.parts or self.size:
                raise ValueError(f"an answer {self.outcome!r} has no parts")
            return self
        if not 1 <= self.part <= self.parts:
            raise ValueError(f"part {self.part} of {self.parts}")
        if not 0 < self.size <= self.parts * PART_BYTES or not self.sha256:
            raise ValueError(f"{self.size} bytes in {self.parts} parts, sha256 {self.sha256!r}")
        if self.began_at is None or self.ended_at is None or self.began_at > self.ended_at:
            raise ValueError(f"a clip from {self.began_at} to {self.ended_at}")
        return self

    def of(self, edge_id: str, read_seq: int) -> ReadId:
        """The read, under the number by which the centre asked."""
        return ReadId(edge_id, self.epoch, read_seq)


def packed(answer: ClipAnswer, data: bytes = b"") -> bytes:
    """An answer as it travels."""
    return answer.model_dump_json().encode() + _END + data


def unpacked(payload: bytes) -> tuple[ClipAnswer, bytes]:
    """An answer and the bytes of its part.

    Raises:
        ValueError: it is none, has bytes where it should have none, or the reverse, or too many.
    """
    head, end, data = payload.partition(_END)
    if not end or len(head) > _HEAD_BYTES:
        raise ValueError("no line that says what follows")
    answer = ClipAnswer.model_validate_json(head)
    if bool(data) is not bool(answer.parts) or len(data) > PART_BYTES:
        raise ValueError(f"{len(data)} bytes in part {answer.part} of {answer.parts}")
    return answer, data
