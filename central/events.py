"""Lists of events that are over: their entries are deleted; alerts that somebody is at stay, and say so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select

from central.access.audit import AuditLog
from central.access.key import open_key
from central.alert.life import OVER
from central.alert.log import ATALAYA, Act, note
from central.db import Clock, alert, hotlist, hotlist_entry, hunt_trace, reading, to_us
from central.hotlist.version import raise_version
from central.lock import exclusive, take_turns
from central.maintain import OnStep, Step
from central.settings import CentralSettings
from central.types import EventKind, Look

_WHO = Look(ATALAYA, purpose="the event is over", case_number="")


@dataclass(frozen=True, slots=True)
class Purged:
    """A list whose event is over.

    Attributes:
        entries: that were deleted.
        alerts: open ones, which stay.
    """

    list_name: str
    entries: int
    alerts: int


def purge_events(
    engine: Engine, settings: CentralSettings, *, clock: Clock, on_step: OnStep = lambda _: None
) -> list[Purged]:
    """Delete the entries of every event that is over, a list a transaction; the list's own row stays as its record.

    Raises:
        AccessError: the key of the log cannot be used.
        StoreError: somebody else is maintaining. What was done stands.
        sqlalchemy.exc.SQLAlchemyError: the database cannot be written. What was done stands.
    """
    now = clock()
    if not _over(engine, now):
        return []
    log = AuditLog(engine, open_key(settings.access.key_file), clock=clock)
    done = []
    with exclusive(engine, "maintaining", wait=False):
        lists = _over(engine, now)
        for number, name in enumerate(lists):
            on_step(Step("events that are over", number, len(lists)))
            with engine.begin() as connection:
                purged = _purge(connection, name, now)
                log.note(connection, _WHO, "hotlist.purge", told(purged))
            done.append(purged)
    return done


def told(purged: Purged) -> dict[str, object]:
    """A purge for the logs, in counts."""
    return {"list": purged.list_name, "entries": purged.entries, "open_alerts": purged.alerts}


def _over(engine: Engine, now: datetime) -> list[str]:
    """The events that are over and have entries still."""
    is_over = (hotlist.c.purge_us <= to_us(now), hotlist_entry.c.list_name == hotlist.c.name)
    with reading(engine) as connection:
        return list(
            connection.scalars(select(hotlist.c.name).where(*is_over).distinct().order_by(hotlist.c.name))
        )


def _purge(connection: Connection, name: str, now: datetime) -> Purged:
    raise_version(connection)
    mine = select(hotlist_entry.c.id).where(hotlist_entry.c.list_name == name)
    is_open = (alert.c.hotlist_entry_id.in_(mine), alert.c.state.not_in([str(state) for state in OVER]))
    # As whoever tells alerts does (`central.alert.wanted`): their entries' turns first, then one after another.
    take_turns(
        connection, "entry", connection.scalars(select(alert.c.hotlist_entry_id).where(*is_open)).all()
    )
    alerts = connection.scalars(select(alert.c.alert_id).where(*is_open).order_by(alert.c.alert_id)).all()
    for alert_id in alerts:
        detail = {"wanted": False, "note": f"list {name} was of an event that is over; the entry was deleted"}
        note(connection, alert_id, Act(EventKind.NOTED, now, detail=detail))
    connection.execute(delete(hunt_trace).where(hunt_trace.c.entry_id.in_(mine)))
    gone = connection.execute(delete(hotlist_entry).where(hotlist_entry.c.list_name == name))
    return Purged(name, gone.rowcount, len(alerts))
