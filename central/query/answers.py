"""What questions about reads are answered with; the length of an answer is how many rows it shows.

Every answer says in `missing` what it may lack: reads of damaged files, of the days that the question is about.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from central.archive.set_aside import Missing
from central.query.journey import Passage
from central.types import KeptRead

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Answer:
    """Reads, newest first.

    Attributes:
        cut: there are more than the limit let through.
    """

    reads: tuple[KeptRead, ...]
    cut: bool
    missing: tuple[Missing, ...] = ()

    def __len__(self) -> int:
        return len(self.reads)


@dataclass(frozen=True, slots=True)
class Rows(Generic[_Row]):
    """Rows of a sum; `cut` as in `Answer`."""

    rows: tuple[_Row, ...]
    cut: bool
    missing: tuple[Missing, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class HourCount:
    """Reads of one camera in one hour.

    Attributes:
        hour: its beginning, UTC.
    """

    camera_id: str
    hour: datetime
    reads: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Reads by camera and hour, newest hour first; `cut` as in `Answer`."""

    hours: tuple[HourCount, ...]
    cut: bool
    missing: tuple[Missing, ...] = ()

    def __len__(self) -> int:
        return len(self.hours)


@dataclass(frozen=True, slots=True)
class Seen:
    """A plate: how often it was seen, and when and where first and last.

    Attributes:
        cameras: how many saw it.
    """

    plate: str
    reads: int
    cameras: int
    first_at: datetime
    first_camera: str
    last_at: datetime
    last_camera: str


@dataclass(frozen=True, slots=True)
class Place:
    """A camera at which something was seen.

    Attributes:
        days: of the site's calendar on which it was.
    """

    camera_id: str
    reads: int
    days: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the week by the site's clock: reads in it, of all weeks.

    Attributes:
        weekday: 1 is Monday.
        hour: that begins then, 0 to 23.
    """

    weekday: int
    hour: int
    reads: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where and when something is seen: cameras, most reads first, and the hours of the week; `cut`: more cameras."""

    places: tuple[Place, ...]
    hours: tuple[Hour, ...]
    cut: bool
    missing: tuple[Missing, ...] = ()

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One camera in an hour of the week, as `Hour`."""

    camera_id: str
    weekday: int
    hour: int
    reads: int


@dataclass(frozen=True, slots=True)
class Volume:
    """One camera on one day.

    Attributes:
        day: of the site's calendar.
        reads: that it made.
        hits: alerts raised there, one for a passage and entry of a list, whatever became of them.
    """

    day: date
    camera_id: str
    reads: int
    hits: int


@dataclass(frozen=True, slots=True)
class Journey:
    """One vehicle's passages in the order of time; `cut`: there are earlier ones."""

    passages: tuple[Passage, ...]
    cut: bool
    missing: tuple[Missing, ...] = ()

    def __len__(self) -> int:
        return len(self.passages)
