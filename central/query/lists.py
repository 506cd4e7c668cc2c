"""What the database lists: alerts, the hotlist, dead letters, edges and cameras, the audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, Select, select

from central.alert.life import OVER
from central.alert.trail import LAST_FIRST
from central.archive.rules import Rules, shown
from central.db import (
    alert,
    alert_trail,
    audit,
    dead_letter,
    edge_health,
    from_us,
    hotlist_entry,
    ptz_state,
    reading,
    to_us,
)
from central.errors import HotlistError
from central.hotlist.live import to_entry
from central.types import Alert, HotlistEntry, Reason
from edge.contract.health import EdgeHealth
from edge.contract.ptz import PtzState

_SILENT_AFTER: Final = timedelta(minutes=1)
_MISSED: Final = 3


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter, without its payload.

    Attributes:
        received_at: the latest time.
        times: how often it came; letters with a number come once.
    """

    letter_id: int
    received_at: datetime
    topic: str
    payload_bytes: int
    reason: str
    times: int


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """A row of the audit log.

    Attributes:
        detail: what was asked or changed; plates as keyed hashes.
        rows: how many rows were shown; None where the row tells of no showing.
    """

    number: int
    at: datetime
    actor: str
    purpose: str
    case_number: str
    action: str
    detail: dict[str, object]
    rows: int | None


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What an edge said last.

    Attributes:
        online: false too where its last will said so, which changes nothing else of its health.
        ptz: where its turning cameras stand, by camera; only cameras that it still has.
    """

    health: EdgeHealth
    online: bool
    ptz: Mapping[str, PtzState] = field(default_factory=dict)

    def age(self, now: datetime) -> timedelta | None:
        """How long ago the box itself said so, its clock set right; None where it never did.

        Not how long ago it reached us: the broker hands the same words out again when either side returns.
        """
        said_at = self.health.at
        return None if said_at is None else now - said_at + timedelta(seconds=self.health.clock_error_s or 0)

    def is_silent(self, now: datetime) -> bool:
        """Whether it has missed three messages, and said nothing for a minute."""
        age = self.age(now)
        every = timedelta(seconds=self.health.interval_s or 0)
        return age is not None and age > max(_SILENT_AFTER, _MISSED * every)


def newest_alerts(
    engine: Engine, *, rules: Rules, limit: int, open_only: bool = False, station: str | None = None
) -> list[Alert]:
    """Alerts of what may be shown, newest first: all of them, those of a station.

    Those that are not over (`open_only`) come by their last sighting: an old alert whose vehicle is seen now is the
    first that somebody must look at.
    """
    query = with_last_sighting().where(alert.c.merged_into.is_(None)).limit(limit)
    if open_only:
        query = query.where(alert.c.state.not_in(OVER)).order_by(alert.c.passage_last_us.desc())
    query = query.order_by(alert.c.alert_id.desc())
    if station is not None:
        query = query.where(alert.c.station == station)
    with reading(engine) as connection:
        query = query.where(shown(alert, rules.in_force(connection)))
        return [to_alert(row) for row in connection.execute(query).mappings()]


def hotlist(engine: Engine, *, list_name: str | None = None) -> list[tuple[int, HotlistEntry]]:
    """The entries of one list or of all, with their numbers, expired ones too.

    Raises:
        HotlistError: there is no such list.
    """
    query = select(hotlist_entry).order_by(hotlist_entry.c.list_name, hotlist_entry.c.plate)
    if list_name is not None:
        query = query.where(hotlist_entry.c.list_name == list_name)
    with reading(engine) as connection:
        found = [(row["id"], to_entry(row)) for row in connection.execute(query).mappings()]
        if list_name is not None and not found:
            known = connection.scalars(select(hotlist_entry.c.list_name).distinct()).all()
            raise HotlistError(
                f"no list {list_name!r} is known; known are {', '.join(sorted(known)) or 'none'}"
            )
        return found


def acts(
    engine: Engine, *, who: str | None, since: datetime | None, until: datetime | None, limit: int
) -> list[LoggedAct]:
    """Rows of the audit log, newest first: of one person or of all, within a time span."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if who is not None:
        query = query.where(audit.c.actor == who)
    if since is not None:
        query = query.where(audit.c.at_us >= to_us(since))
    if until is not None:
        query = query.where(audit.c.at_us < to_us(until))
    same = ("actor", "purpose", "case_number", "action", "rows")
    with reading(engine) as connection:
        return [
            LoggedAct(
                number=row["id"],
                at=from_us(row["at_us"]),
                detail=json.loads(row["detail"]),
                **{name: row[name] for name in same},
            )
            for row in connection.execute(query).mappings()
        ]


def dead_letters(engine: Engine, *, limit: int) -> list[KeptLetter]:
    """Dead letters, newest first."""
    query = select(dead_letter).order_by(dead_letter.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        return [
            KeptLetter(
                letter_id=row["id"],
                received_at=from_us(row["received_us"]),
                topic=row["topic"],
                payload_bytes=len(row["payload"]),
                reason=row["reason"],
                times=row["times"],
            )
            for row in connection.execute(query).mappings()
        ]


def edges(engine: Engine) -> list[EdgeState]:
    """Every edge that ever spoke, by name."""
    query = select(edge_health).order_by(edge_health.c.edge_id)
    turning: dict[str, dict[str, PtzState]] = {}
    with reading(engine) as connection:
        for message in connection.scalars(select(ptz_state.c.message)):
            state = PtzState.model_validate_json(message)
            turning.setdefault(state.edge_id, {})[state.camera_id] = state
        rows = connection.execute(query).mappings().all()
    return [_edge(row, turning.get(row["edge_id"], {})) for row in rows]


def _edge(row: RowMapping, turning: Mapping[str, PtzState]) -> EdgeState:
    health = EdgeHealth.model_validate_json(row["message"])
    names = {camera.camera_id for camera in health.cameras}
    return EdgeState(health, row["online"], {name: turning[name] for name in turning if name in names})


def with_last_sighting() -> Select[Any]:
    """Alerts as `to_alert` takes them: their last sighting is one that no better look refuted, if there is any."""
    trail = alert_trail.c
    last = (
        select(each)
        .where(trail.alert_id == alert.c.alert_id)
        .order_by(*LAST_FIRST)
        .limit(1)
        .scalar_subquery()
        .label(name)
        for each, name in ((trail.camera_id, "last_camera_id"), (trail.captured_us, "last_us"))
    )
    return select(alert, *last)


def to_alert(row: RowMapping) -> Alert:
    """An alert as its row of `with_last_sighting` says it."""
    taken = {"raised_at", "captured_at", "last_at", "reason"}
    same = (each.name for each in fields(Alert) if each.name not in taken)
    return Alert(
        raised_at=from_us(row["raised_us"]),
        captured_at=from_us(row["captured_us"]),
        last_at=from_us(row["passage_last_us"] if row["last_us"] is None else row["last_us"]),
        reason=Reason(row["reason"]),
        **{name: row[name] for name in same},
    )
