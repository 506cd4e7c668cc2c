"""What happened to an alert, as it is told: a happening without the plate, and a notice with all of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Subject:
    """The alert that an event is about, without the plate.

    Attributes:
        edge_id, epoch, seq: the read that raised it; where it was seen since is asked for with the alert.
        priority: 1 is the most urgent of 9.
        station: where it is routed to; None: nowhere.
        late: the read was older than the limit when it arrived.
    """

    list_name: str
    reason: str
    priority: int
    edge_id: str
    epoch: int
    seq: int
    station: str | None
    raised_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """One row of an alert's log, as anybody who follows alerts may see it: no plate, and nothing that a person wrote.

    Attributes:
        event_id: in the order in which they are handed out; numbers are left out, and none is used again.
        number: within its alert, from 1.
        kind: such as `raised`, `confirmed`, `dispatched`.
        actor: a person's name, or `atalaya`.
        subject: None where the alert itself is gone: it was erased, or its time is over.
        is_sent: somebody had been sent by then, this event included.
    """

    event_id: int
    alert_id: int
    number: int
    at: datetime
    kind: str
    actor: str
    subject: Subject | None
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One sighting of an alert's vehicle: place and time of the same read.

    Attributes:
        at: when it was captured.
        is_confirmed: it was there to be compared when somebody confirmed the alert; None: nobody has.
    """

    edge_id: str
    camera_id: str
    at: datetime
    is_confirmed: bool | None


@dataclass(frozen=True, slots=True)
class Notice:
    """All that there is to tell of an event.

    Attributes:
        key: the same however often it is told to its subscriber; of no other event.
        seen: of a raised alert by the read that raised it, of any other event the last time so far; None: not known.
        plate: as listed.
        likelihood: of the read that raised the alert, 0 to 1.
        detail: what the log says, which may name plates.
    """

    key: str
    happening: Happening
    subject: Subject
    seen: Seen | None
    plate: str
    likelihood: float
    detail: dict[str, Any]

    @property
    def camera_id(self) -> str:
        """Where it was seen; empty where that is not known."""
        return "" if self.seen is None else self.seen.camera_id
