"""Requests for clips and their answers, for tests of either side."""

import hashlib
from datetime import datetime, timedelta

from edge_reads import NOON

from edge.contract.clip import PART_BYTES, ClipAnswer, ClipRequest, packed

MP4_HEAD = b"\x00\x00\x00\x1cftypisom\x00\x00\x02\x00isomiso2mp41"


def clip_request(
    number: int = 1, *, seq: int = 7, epoch: int = 5, at: datetime = NOON, **more: object
) -> ClipRequest:
    """A request for the clip of a read of camera cam-1; another `number` is another request."""
    fields: dict[str, object] = {"camera_id": "cam-1", "before_s": 5.0, "after_s": 5.0, **more}
    return ClipRequest(request=f"{number:032x}", epoch=epoch, seq=seq, at=at, **fields)


def clip_parts(request: ClipRequest, data: bytes) -> list[bytes]:
    """An answer with this clip, as it travels."""
    chunks = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    return [
        packed(
            ClipAnswer(
                request=request.request,
                epoch=request.epoch,
                outcome="clip",
                part=number,
                parts=len(chunks),
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                began_at=request.at - timedelta(seconds=request.before_s),
                ended_at=request.at + timedelta(seconds=request.after_s),
            ),
            chunk,
        )
        for number, chunk in enumerate(chunks, start=1)
    ]


def no_clip(request: ClipRequest, *, outcome: str = "gone", reason: str = "no longer held") -> list[bytes]:
    """An answer that there is none."""
    answer = ClipAnswer.model_validate(
        {"request": request.request, "epoch": request.epoch, "outcome": outcome, "reason": reason}
    )
    return [packed(answer)]
