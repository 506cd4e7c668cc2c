"""Delivery: what was received, exactly, so that the edge deletes nothing that the centre does not hold.

An edge numbers its messages densely (1, 2, 3 ...) in each stream of an epoch. The centre answers with the
very ranges that it has committed, never with a maximum, because urgent messages overtake the backlog.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from edge.contract.read import Identifier, Message

BEYOND = 2**53
"""The first number that JSON readers may round; epochs and sequence numbers stay below it."""

Sequence = Annotated[int, Field(ge=1, lt=BEYOND)]


class Stream(StrEnum):
    """The kinds of message that are numbered and acknowledged apart."""

    READ = "read"
    UPDATE = "update"
    CROP = "crop"
    OVERVIEW = "overview"
    CLIP = "clip"


class SeqRange(Message):
    """The sequence numbers from `first` to `last`, both included."""

    first: Sequence
    last: Sequence

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"range runs backwards: {self.first}..{self.last}")
        return self


class Received(Message):
    """What the centre has committed of one stream: sorted, disjoint, non-adjacent ranges."""

    ranges: tuple[SeqRange, ...] = ()

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        for left, right in zip(self.ranges, self.ranges[1:], strict=False):
            if right.first <= left.last + 1:
                raise ValueError(f"ranges overlap or touch: ..{left.last} and {right.first}..")
        return self

    def __contains__(self, seq: int) -> bool:
        return any(r.first <= seq <= r.last for r in self.ranges)

    def __iter__(self) -> Iterator[SeqRange]:  # type: ignore[override]  # pydantic iterates fields
        return iter(self.ranges)

    def adding(self, seqs: Iterable[SeqRange | int]) -> "Received":
        """These ranges with more numbers received, merged into canonical form."""
        spans = [(r.first, r.last) for r in self.ranges]
        spans += [(s.first, s.last) if isinstance(s, SeqRange) else (s, s) for s in seqs]
        merged: list[list[int]] = []
        for first, last in sorted(spans):
            if merged and first <= merged[-1][1] + 1:
                merged[-1][1] = max(merged[-1][1], last)
            else:
                merged.append([first, last])
        return Received(ranges=tuple(SeqRange(first=a, last=b) for a, b in merged))


class Ack(Message):
    """From the centre: everything it holds of an edge's epoch; each one replaces the one before."""

    edge_id: Identifier
    epoch: Sequence
    streams: dict[Stream, Received]
    at: Annotated[
        AwareDatetime | None, Field(description="centre's clock as it sent this; edges measure theirs by it")
    ] = None


class Gone(Message):
    """From the edge: messages dropped before they could be delivered; they count as received."""

    edge_id: Identifier
    epoch: Sequence
    stream: Stream
    dropped: SeqRange
    reason: Annotated[str, Field(max_length=200)]
