"""Which copy of the hotlists each box holds, as its health said last: the one in force, or an older one.

A box tells the number of the head that it matches by; it holds what is in force from the number on with which that
became so, up to that of the last head: a higher one is of a history that a restored database does not know. A change of
the lists that no head names yet is held by none.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine

from central.db import Clock, reading
from central.hotlist.copies import Copy, last
from central.hotlist.version import version_of
from central.query.lists import EdgeState, edges

_LOOK_S: Final = 0.2


class Holds(StrEnum):
    """What a box holds; an older copy may name vehicles that nobody looks for any more."""

    NEWEST = "newest"
    OLDER = "older"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A box, and its copy.

    Attributes:
        state: online, silent or offline, as for its health.
        number: of the head that it matches by; None where it has none.
        issued_at: when the centre signed that.
        fault: why it has no newer one, by its own word.
    """

    edge_id: str
    site_id: str
    state: str
    holds: Holds
    number: int | None
    issued_at: datetime | None
    entries: int
    fault: str

    @property
    def is_behind(self) -> bool:
        """Whether it can hear us, and holds an older copy still."""
        return self.state == "online" and self.holds is Holds.OLDER


@dataclass(frozen=True, slots=True)
class Carried:
    """All boxes, and what is in force.

    Attributes:
        copy: that was given last; None where none ever was.
        is_issued: whether it is of the lists as they are now.
    """

    copy: Copy | None
    is_issued: bool
    boxes: tuple[Carrier, ...]

    @property
    def older(self) -> tuple[Carrier, ...]:
        """Boxes that hold an older copy still."""
        return tuple(box for box in self.boxes if box.holds is Holds.OLDER)

    @property
    def is_settled(self) -> bool:
        """Whether no box that can hear us holds an older copy."""
        return self.is_issued and not any(box.is_behind for box in self.boxes)


def carried(engine: Engine, *, at: datetime) -> Carried:
    """What each box that ever spoke holds, by name."""
    found = edges(engine)  # first: nobody has told a number by then that is above the one read now
    with reading(engine) as connection:
        copy, version = last(connection), version_of(connection)
    return judged(found, copy, version, at=at)


def judged(found: Iterable[EdgeState], copy: Copy | None, version: int, *, at: datetime) -> Carried:
    """The same, of what boxes and database said (pure)."""
    is_issued = copy is not None and copy.version == version
    boxes = tuple(_carrier(edge, copy if is_issued else None, at=at) for edge in found)
    return Carried(copy, is_issued, boxes)


def settled(
    engine: Engine, *, within_s: float, clock: Clock, sleep: Callable[[float], object] = time.sleep
) -> Carried:
    """What each box holds once all that can hear us hold what is in force, or the time is over."""
    until_s = time.monotonic() + within_s
    while not (found := carried(engine, at=clock())).is_settled and time.monotonic() < until_s:
        sleep(_LOOK_S)
    return found


def away(boxes: Sequence[Carrier]) -> list[str]:
    """The names of those that do not hear us."""
    return [box.edge_id for box in boxes if box.state != "online"]


def _carrier(edge: EdgeState, in_force: Copy | None, *, at: datetime) -> Carrier:
    told = edge.health.hotlist
    if told.number is None:
        holds = Holds.NONE
    else:
        is_newest = in_force is not None and in_force.changed <= told.number <= in_force.number
        holds = Holds.NEWEST if is_newest else Holds.OLDER
    return Carrier(
        edge_id=edge.health.edge_id,
        site_id=edge.health.site_id,
        state="offline" if not edge.online else "silent" if edge.is_silent(at) else "online",
        holds=holds,
        number=told.number,
        issued_at=told.issued_at,
        entries=told.entries,
        fault=told.fault,
    )
