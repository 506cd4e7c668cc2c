"""What people do with alerts, carried out: decided on the alert as it stands, written with its event and the audit."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, RowMapping, and_, exists, select, update

from central.alert.life import Change, Standing, State, Step, decide
from central.alert.log import events, note
from central.alert.wanted import against
from central.db import alert, alert_trail, picture
from central.errors import AlertError


def take_step(
    engine: Engine, alert_id: int, step: Step, *, log: Callable[[Connection, Change], object]
) -> int:
    """Do something with an alert; the number of the event that says so.

    Of two who decide at once the second finds what the first has made of it.

    Args:
        engine: the database.
        alert_id: of the alert.
        step: what is done.
        log: writes it into the audit log, in the same transaction.

    Raises:
        AlertError: there is no such alert, or this may not be done with it (`central.alert.life`).
    """
    with engine.begin() as connection:
        change = decide(_standing(connection, alert_id, step.at), step)
        values = {**change.values, "escalation": 0}  # who waits now waits for somebody else
        connection.execute(update(alert).where(alert.c.alert_id == alert_id).values(values))
        number = note(connection, alert_id, change.act)
        log(connection, change)
    return number


def _standing(connection: Connection, alert_id: int, at: datetime) -> Standing:
    # Locked on PostgreSQL; on SQLite the whole transaction is.
    query = select(alert).where(alert.c.alert_id == alert_id).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise AlertError(f"no alert #{alert_id} is known")
    return Standing(
        alert_id=alert_id,
        state=State(row["state"]),
        plate=row["plate"],
        claimed_by=row["claimed_by"],
        has_picture=_has_picture(connection, row),
        events=events(connection, alert_id),
        merged_into=row["merged_into"],
        against=against(connection, row, at),
    )


def _has_picture(connection: Connection, row: RowMapping) -> bool:
    """Whether a picture of one of its reads is kept; a clip is none, for nobody can be sure to have watched it."""
    trail, kept = alert_trail.c, picture.c
    same = and_(kept.edge_id == trail.edge_id, kept.epoch == trail.epoch, kept.read_seq == trail.seq)
    its = exists().where(trail.alert_id == row["alert_id"], same)
    return bool(connection.scalar(select(its)))
