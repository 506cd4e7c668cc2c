"""What a replay keeps on disk (`edge.replay.state`), as records."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.contract.read import PlateRead


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said of a passage: its read, or an update of it.

    Attributes:
        key: the passage's, unique in its recording.
        origin: where in the recording, for people.
        read: as it travels, but for its number.
        crop, overview: JPEG; None where those that were said before still hold.
    """

    key: str
    origin: str
    read: PlateRead
    crop: bytes | None = None
    overview: bytes | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest that was said of a passage.

    Attributes:
        number: dense in this state, in order of the first word.
        read: numbered as the spool did, or where there is none by `number`.
        crop: JPEG of the plate.
    """

    number: int
    origin: str
    read: PlateRead
    crop: bytes | None


@dataclass(frozen=True, slots=True)
class Queued:
    """A read or an update on its way to the spool.

    Attributes:
        n: ascends; never given twice.
        given: (epoch, seq) that its read got in the spool; None where it has none yet.
    """

    n: int
    number: int
    read: PlateRead
    crop: bytes | None
    overview: bytes | None
    given: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one recording.

    Attributes:
        identity: what tells it from others; None once it was let go, to be begun anew.
        settings: those that it was begun with.
        snapshot: None before the first.
        figures: counts, as they were at the snapshot.
    """

    number: int
    identity: str | None
    name: str
    settings: Mapping[str, Any]
    is_done: bool
    snapshot: bytes | None
    figures: Mapping[str, Any]

    @property
    def is_broken_off(self) -> bool:
        """Whether there is something to go on with."""
        return not self.is_done and self.snapshot is not None
