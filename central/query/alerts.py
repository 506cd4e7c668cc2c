"""What the database tells of alerts: their story, and how people have judged them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Engine, RowMapping, func, select

from central.alert.life import State
from central.alert.log import AlertEvent, events
from central.alert.precision import Judged, Precision, precisions
from central.alert.vehicle import is_confirmed
from central.archive.rules import Rules, shown
from central.db import alert, alert_trail, from_us, reading, to_us
from central.errors import QueryError
from central.query.lists import to_alert, with_last_sighting
from central.types import Alert, EventKind

By = Literal["list", "camera"]


@dataclass(frozen=True, slots=True)
class TrailRead:
    """One read of an alert's vehicle.

    Attributes:
        confirmed: it was there to be compared when somebody confirmed the alert; None: nobody has.
        refuted: a better look at it is not of the vehicle that is looked for.
    """

    captured_at: datetime
    camera_id: str
    edge_id: str
    epoch: int
    seq: int
    confirmed: bool | None
    refuted: bool


@dataclass(frozen=True, slots=True)
class Story:
    """An alert, where its vehicle was seen, and all that happened to it, each in order."""

    alert: Alert
    trail: tuple[TrailRead, ...]
    events: tuple[AlertEvent, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry whose alerts were rejected, as one thing.

    Attributes:
        entry: its number.
        rejected_as: misread, wrong-vehicle or stale-entry.
        alerts: how many.
        cameras: at how many cameras.
        last_at: when the last of them was raised.
    """

    entry: int
    list_name: str
    plate: str
    rejected_as: str
    alerts: int
    cameras: int
    last_at: datetime


def story(engine: Engine, alert_id: int, *, rules: Rules) -> Story:
    """The story of one alert.

    Raises:
        QueryError: there is none, or it may not be shown any more.
    """
    with reading(engine) as connection:
        query = with_last_sighting().where(
            alert.c.alert_id == alert_id, shown(alert, rules.in_force(connection))
        )
        row = connection.execute(query).mappings().first()
        if row is None:
            raise QueryError(f"no alert #{alert_id} is known")
        trail = select(alert_trail).where(alert_trail.c.alert_id == alert_id)
        reads = connection.execute(trail.order_by(alert_trail.c.captured_us, alert_trail.c.seq)).mappings()
        happened = tuple(events(connection, alert_id))
        confirmation = _confirmation(happened)
        return Story(to_alert(row), tuple(_read(read, confirmation) for read in reads), happened)


def last_sighting(told: Story) -> TrailRead:
    """Where an alert's vehicle was seen last: by no read that a better look refuted, if there is another.

    Raises:
        QueryError: none of its reads is its own: another alert has taken it in.
    """
    alert_id, into = told.alert.alert_id, told.alert.merged_into
    if into is not None:
        raise QueryError(f"alert #{alert_id} is one with alert #{into}: ask about that one")
    if not told.trail:
        raise QueryError(f"alert #{alert_id}: no sighting of it is kept")
    standing = [read for read in told.trail if not read.refuted]
    return (standing or told.trail)[-1]


def _confirmation(happened: Sequence[AlertEvent]) -> int | None:
    """The number of the event by which somebody confirmed an alert."""
    return max((event.number for event in happened if event.act.kind is EventKind.CONFIRMED), default=None)


def _read(row: RowMapping, confirmation: int | None) -> TrailRead:
    return TrailRead(
        captured_at=from_us(row["captured_us"]),
        camera_id=row["camera_id"],
        edge_id=row["edge_id"],
        epoch=row["epoch"],
        seq=row["seq"],
        confirmed=is_confirmed(row["number"], confirmation, refuted=row["refuted"]),
        refuted=row["refuted"],
    )


def measured(
    engine: Engine, *, rules: Rules, by: By, since: datetime | None, until: datetime | None
) -> list[Precision]:
    """How often alerts were right, by list or by the camera that saw the vehicle first.

    Args:
        engine: the database.
        rules: what may be shown.
        by: list or camera.
        since: raised at or after; None: without such a bound.
        until: raised before; None likewise.
    """
    of = alert.c.list_name if by == "list" else alert.c.camera_id
    query = select(of.label("of"), alert.c.state, alert.c.outcome, func.count().label("alerts"))
    query = query.where(alert.c.merged_into.is_(None), *_raised(since, until))
    query = query.group_by(of, alert.c.state, alert.c.outcome)
    with reading(engine) as connection:
        query = query.where(shown(alert, rules.in_force(connection)))
        return precisions(Judged(**row) for row in connection.execute(query).mappings())


def rejected(
    engine: Engine, *, rules: Rules, since: datetime | None, until: datetime | None, limit: int
) -> list[Rejected]:
    """The entries whose alerts people have rejected, most often first.

    Args:
        engine: the database.
        rules: what may be shown.
        since: raised at or after; None: without such a bound.
        until: raised before; None likewise.
        limit: rows at most.
    """
    row = alert.c
    of = (row.hotlist_entry_id, row.list_name, row.plate, row.outcome)
    alerts, last = func.count().label("alerts"), func.max(alert.c.raised_us).label("last_us")
    cameras = func.count(alert.c.camera_id.distinct()).label("cameras")
    query = select(*of, alerts, cameras, last).where(alert.c.state == State.REJECTED, *_raised(since, until))
    query = query.group_by(*of).order_by(alerts.desc(), last.desc()).limit(limit)
    with reading(engine) as connection:
        rows = connection.execute(query.where(shown(alert, rules.in_force(connection)))).all()
    return [
        Rejected(
            entry=each.hotlist_entry_id,
            list_name=each.list_name,
            plate=each.plate,
            rejected_as=each.outcome,
            alerts=each.alerts,
            cameras=each.cameras,
            last_at=from_us(each.last_us),
        )
        for each in rows
    ]


def _raised(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    terms = [] if since is None else [alert.c.raised_us >= to_us(since)]
    return terms if until is None else [*terms, alert.c.raised_us < to_us(until)]
