"""Where units are, as their own devices say: `lpr/v1/units/{unit}/position`, JSON, in no partition."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection, delete, func, select

from central.consume.put import put
from central.db import to_us, unit
from edge.contract.read import Identifier

UNITS: Final = "lpr/v1/units/+/position"
"""The filter under which they are received."""

MOST_UNITS: Final = 5_000
"""Of which positions are kept; whoever invents names would otherwise fill the table."""

_TOPIC: Final = re.compile(r"lpr/v1/units/(?P<unit>[^/]+)/position")

_log = structlog.get_logger(__name__)


class UnitPosition(BaseModel):
    """What a unit says of itself; keys that are not known are passed over.

    Attributes:
        at: when it was there, by its own clock; at most the time at which it reached us counts.
    """

    model_config = ConfigDict(frozen=True)

    unit_id: Identifier
    state: Literal["free", "busy", "off"]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    at: AwareDatetime
    station: Identifier | None = None


@dataclass(frozen=True, slots=True)
class UnitArrival:
    """A position as it came."""

    position: UnitPosition
    received_at: datetime


def unit_of(topic: str) -> str | None:
    """The unit of a topic; None where it is no topic of a unit's."""
    match = _TOPIC.fullmatch(topic)
    return None if match is None else match["unit"]


def keep_unit(connection: Connection, arrival: UnitArrival) -> None:
    """Keep a unit's position, unless a newer one is kept; in the transaction of its batch, or of whoever brings it.

    One that is kept of a time to come is of before our clock was set back, and gives way.
    """
    said, received_us = arrival.position, to_us(arrival.received_at)
    row = said.model_dump(exclude={"at"})
    row["at_us"] = min(to_us(said.at), received_us)
    if _has_room(connection, said.unit_id):
        of_before = (unit.c.unit_id == said.unit_id, unit.c.at_us > received_us)
        connection.execute(delete(unit).where(*of_before))
        put(connection, unit, row, newer="at_us")
    else:
        _log.warning("too many units, one is not kept", unit=said.unit_id, most=MOST_UNITS)


def _has_room(connection: Connection, unit_id: str) -> bool:
    known = connection.scalar(select(unit.c.unit_id).where(unit.c.unit_id == unit_id))
    return known is not None or (connection.scalar(select(func.count()).select_from(unit)) or 0) < MOST_UNITS
