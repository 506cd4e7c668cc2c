"""Which units there are, and which free one is nearest; a person decides whom to send."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, select

from central.alert.life import State
from central.db import alert, from_us, reading, unit
from central.query.area import Position, distance_m

FREE = "free"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit, as it said last.

    Attributes:
        state: free, busy or off; `sent` where it was sent to an alert that is not closed.
        at: when it was there.
        metres: to the place that was asked about, as the crow flies; None where none was.
    """

    unit_id: str
    station: str | None
    state: str
    lat: float
    lon: float
    at: datetime
    metres: float | None = None


def units(engine: Engine) -> list[Unit]:
    """All units, by name."""
    with reading(engine) as connection:
        sent = _sent(connection)
        rows = connection.execute(select(unit).order_by(unit.c.unit_id)).mappings()
        return [_unit(row, sent) for row in rows]


def nearest(found: Iterable[Unit], place: Position, *, now: datetime, fresh: timedelta) -> list[Unit]:
    """The free units whose position is fresh, the nearest first (pure).

    Args:
        found: as `units` gives them.
        place: where somebody is needed.
        now: UTC-aware.
        fresh: a position older than this is not relied on, nor one so far ahead: our clock was set back since.
    """
    free = (each for each in found if each.state == FREE and abs(now - each.at) <= fresh)
    placed = (replace(each, metres=distance_m(place, Position(each.lat, each.lon))) for each in free)
    return sorted(placed, key=lambda each: (each.metres or 0.0, each.unit_id))


def _sent(connection: Connection) -> frozenset[str]:
    """Units under way to an alert, whatever they say themselves: a device may tell it later, or never."""
    query = select(alert.c.unit_id).where(alert.c.state == State.DISPATCHED, alert.c.unit_id.is_not(None))
    return frozenset(connection.scalars(query))


def _unit(row: RowMapping, sent: Collection[str]) -> Unit:
    state = "sent" if row["unit_id"] in sent else row["state"]
    at = from_us(row["at_us"])
    return Unit(row["unit_id"], row["station"], state, row["lat"], row["lon"], at)
